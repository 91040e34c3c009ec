"""What many tests share: Bach's chorales, and a model small enough to train and decode in no time."""

import gc
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from bachlit.corpus import BachCorpus
from bachlit.encoding import SatbEncoding
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.scores import read_chorale, write_musicxml

settings.register_profile("alike", derandomize=True, deadline=None)  # what fails here fails there, however busy
settings.load_profile("alike")
torch.set_num_threads(1)  # two threads on busy cores make one LSTM step a hundred times slower
gc.disable()  # until all is imported and collected


def pytest_collection_finish() -> None:
    """Leave what is imported and collected out of all later searches for garbage, which take a quarter of a second."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For tests of commands, which write where one is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def four_parts(bach: list[Chorale], tmp_path: Path) -> Chorale:
    """Bach's BWV 269, in 3/4 with a pickup of a quarter, cut after bar 4, in the file four.musicxml."""
    bwv269 = next(piece for piece in bach if piece.name == "bwv269")
    end = bwv269.pickup + 4 * bwv269.measure_length
    write_musicxml(cut(bwv269, 0, end), tmp_path / "four.musicxml")
    return read_chorale(tmp_path / "four.musicxml")


@pytest.fixture(scope="session")
def bach() -> list[Chorale]:
    return BachCorpus().chorales()


@pytest.fixture(scope="session")
def small_model() -> LanguageModel:
    torch.manual_seed(0)
    encoding = SatbEncoding()
    network = TokenLSTM(encoding, layers=2, hidden=24, embedding=8)
    return LanguageModel(network.eval(), encoding, "all")


@pytest.fixture(scope="session")
def framed_model() -> LanguageModel:
    """One that goes frame by frame and knows bars."""
    torch.manual_seed(0)
    encoding = SatbEncoding(bars=True)
    return LanguageModel(FrameLSTM(encoding, layers=2, hidden=24, embedding=8, head=16).eval(), encoding, "all")


@pytest.fixture(scope="session")
def saved(framed_model: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the framed model."""
    folder = tmp_path_factory.mktemp("saved")
    framed_model.save(folder)
    return folder


@pytest.fixture
def with_a_small_default(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is done with a model, whichever it is: the one that ships takes three times as long."""
    commands = (f"commands.{name}" for name in ("evaluate", "harmonize", "music", "plot", "resumed", "task", "train"))
    for user in ("api", *commands):
        monkeypatch.setattr(f"bachlit.{user}.PRETRAINED", saved)


@pytest.fixture(params=["small_model", "framed_model"])
def any_model(request: pytest.FixtureRequest) -> LanguageModel:
    model: LanguageModel = request.getfixturevalue(request.param)
    return model
