"""What many tests share: Bach's chorales, and a model small enough to train and decode in no time."""

import os

import pytest
import torch

from bachlit.chorale import Chorale
from bachlit.corpus import BachCorpus
from bachlit.encoding import SatbEncoding
from bachlit.language_model import LanguageModel
from bachlit.networks import TokenLSTM

os.environ["WANDB_MODE"] = "disabled"  # a run of W&B takes seconds; the tests of it say when they want one
torch.set_num_threads(1)  # two threads on busy cores make one LSTM step a hundred times slower


@pytest.fixture(scope="session")
def bach() -> list[Chorale]:
    return BachCorpus().chorales()


@pytest.fixture(scope="session")
def small_model() -> LanguageModel:
    torch.manual_seed(0)
    encoding = SatbEncoding()
    network = TokenLSTM(encoding.vocabulary_size, layers=2, hidden=24, embedding=8)
    return LanguageModel(network.eval(), encoding, "all")
