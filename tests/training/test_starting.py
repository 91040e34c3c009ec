"""Starting: a fit begins with another model's weights, once."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.optim import SGD

from bachlit.encoding import SatbEncoding
from bachlit.errors import BachlitError, OptionError
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, Chorale
from bachlit.networks import FrameLSTM, TokenLSTM
from tests.training.test_model import fit

SMALL = partial(TokenLSTM, layers=1, hidden=16, embedding=8)


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A model whose weights are all 0.25."""
    model = LanguageModel(SMALL(SatbEncoding()), SatbEncoding())
    with torch.no_grad():
        for weights in model.network.parameters():
            weights.fill_(0.25)
    model.save(tmp_path / "start")
    return tmp_path / "start"


def test_a_fit_that_learns_nothing_ends_with_the_weights_it_began_with(
    start: Path, bach: list[Chorale], tmp_path: Path
) -> None:
    still = partial(SGD, lr=0.0)
    forgetful = partial(SMALL, dropout=0.3)  # what it drops may be other
    _, model, _ = fit(bach[:8], tmp_path, epochs=1, network=forgetful, start=str(start), optimizer=still)
    assert all(bool((weights == 0.25).all()) for weights in model.network.parameters())
    _, drawn, _ = fit(bach[:8], tmp_path, epochs=1, network=forgetful, optimizer=still)
    assert not any(bool((weights == 0.25).all()) for weights in drawn.network.parameters())


def test_a_resumed_fit_does_not_begin_again(start: Path, bach: list[Chorale], tmp_path: Path) -> None:
    _, whole, _ = fit(bach[:8], tmp_path, epochs=2, network=SMALL, start=str(start))
    trainer, _, _ = fit(bach[:8], tmp_path, epochs=1, network=SMALL, start=str(start))
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    shutil.rmtree(start)  # nor does it need it
    _, resumed, _ = fit(bach[:8], tmp_path, epochs=2, network=SMALL, start=str(start), ckpt_path=tmp_path / "one.ckpt")
    for one, other in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_model_that_is_built_otherwise_can_not_start_another(
    start: Path, bach: list[Chorale], tmp_path: Path
) -> None:
    begin = partial(fit, bach[:8], tmp_path, start=str(start))
    for network, encoding in (
        (partial(SMALL, hidden=8), None),
        (partial(SMALL, layers=2), None),
        (partial(FrameLSTM, hidden=16), None),
        (SMALL, SatbEncoding(bars=True)),
        (SMALL, SatbEncoding(order=VOICES)),  # the shapes are the same
    ):
        with pytest.raises(OptionError, match="expected the same"):
            begin(network=network, encoding=encoding)
    with pytest.raises(BachlitError, match="There is no model at"):
        fit(bach[:8], tmp_path, network=SMALL, start="nowhere")
