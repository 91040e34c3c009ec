"""The mean of several models' weights."""

from functools import partial

import pytest
import torch

from bachlit.encoding import SatbEncoding
from bachlit.errors import OptionError
from bachlit.models.averaging import averaged
from bachlit.models.calibration import Calibration
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES
from bachlit.networks import FrameLSTM, TokenLSTM

SMALL = partial(TokenLSTM, layers=1, hidden=4, embedding=4)


def drawn(seed: int, encoding: SatbEncoding | None = None, **options: float) -> LanguageModel:
    torch.manual_seed(seed)
    encoding = encoding or SatbEncoding()
    return LanguageModel(SMALL(encoding, **options).eval(), encoding)


def test_weights_and_running_statistics_are_averaged() -> None:
    models = [drawn(seed) for seed in range(3)]
    for model in models:  # its normalisation has seen something
        model.network.train()(torch.randint(5, (2, 9)), model.network.initial_memory(2))
    mean = averaged(models, "abc").network.state_dict()
    assert any("running" in name for name in mean)
    for name, part in mean.items():
        own = torch.stack([model.network.state_dict()[name] for model in models])
        torch.testing.assert_close(part, own.mean(0) if part.is_floating_point() else own[0])


def test_a_model_is_the_mean_of_itself_and_keeps_its_weights() -> None:
    model = drawn(0)
    model.calibration = Calibration({"Motion": (1.0,)})
    before = {name: part.clone() for name, part in model.network.state_dict().items()}
    mean = averaged([model, model, model], "abc")
    for name, part in before.items():
        assert torch.equal(model.network.state_dict()[name], part)
        torch.testing.assert_close(mean.network.state_dict()[name], part, rtol=0, atol=1e-7)
    assert mean.calibration == Calibration()  # it is of other weights


def test_dropouts_may_differ() -> None:
    assert averaged([drawn(0), drawn(1, dropout=0.25)], ["one", "two"]).network.config["dropout"] != 0.25
    with pytest.raises(OptionError) as error:
        averaged([drawn(0), drawn(1, dropout=0.25, hidden=8)], ["one", "two"])
    assert "dropout" not in str(error.value)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (partial(drawn, 1, hidden=8), "hidden is 8 there, 4 here"),
        (partial(drawn, 1, SatbEncoding(order=VOICES)), "order"),  # the shapes are the same
        (lambda: LanguageModel(FrameLSTM(SatbEncoding(), hidden=8), SatbEncoding()), "FrameLSTM there, TokenLSTM here"),
        (lambda: LanguageModel(SMALL(SatbEncoding()), SatbEncoding(), "home"), "keys is home there, all here"),
    ],
)
def test_models_that_are_built_otherwise_have_no_mean(other: partial[LanguageModel], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        averaged([drawn(0), drawn(1), other()], ["one", "two", "three"])
