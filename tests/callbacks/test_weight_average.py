"""WeightAverage judges and keeps an average, and leaves the training alone."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytorch_lightning as pl
import torch
from few import Few
from torch import Tensor

from bachlit.callbacks import WeightAverage
from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import OptionError
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.training.data import ChoraleDataModule
from bachlit.training.model import ChoraleModel

DECAY = 0.5
NAME = "network.norms.0.running_mean"


class Watch(pl.Callback):
    """Remembers the weights after each step, and those that stand in the model when validation ends."""

    def __init__(self) -> None:
        self.stepped: list[Tensor] = []
        self.judged: list[Tensor] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.stepped.append(weights(pl_module))

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.judged.append(weights(pl_module))


def small_network(encoding: Encoding) -> FrameLSTM:
    return FrameLSTM(encoding, layers=1, hidden=8, embedding=4, head=4, weight_dropout=0.2)


def weights(model: pl.LightningModule) -> Tensor:
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def fit(
    bach: list[Chorale], folder: Path, *callbacks: pl.Callback, epochs: int = 3, **options: Any
) -> tuple[pl.Trainer, ChoraleModel]:
    resumed = options.pop("ckpt_path", None)
    network = options.pop("network", small_network)
    pl.seed_everything(0, verbose=False)
    encoding = SatbEncoding(bars=True)
    data = ChoraleDataModule(Few([cut(piece, 0, 24) for piece in bach[:8]]), lanes=2, window=60, encoding=encoding)
    model = ChoraleModel(network, encoding=encoding)
    trainer = pl.Trainer(
        max_epochs=epochs, default_root_dir=folder, accelerator="cpu", logger=False, callbacks=list(callbacks),
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, **options,
    )  # fmt: skip
    trainer.fit(model, data, ckpt_path=resumed)
    return trainer, model


def test_the_average_is_judged_and_kept_and_training_goes_on_as_without(bach: list[Chorale], tmp_path: Path) -> None:
    plain, watch = Watch(), Watch()
    fit(bach, tmp_path / "plain", plain, enable_checkpointing=False)
    # The one that watches comes later, as evaluation callbacks may.
    trainer, model = fit(bach, tmp_path / "averaged", WeightAverage(DECAY), watch)
    assert len(plain.stepped) == len(watch.stepped) > 6
    for ours, its in zip(watch.stepped, plain.stepped, strict=True):
        assert torch.equal(ours, its)
    average = watch.stepped[0]
    each_epoch = len(watch.stepped) // 3
    for step, stepped in enumerate(watch.stepped):
        kept = min(DECAY, (1 + step) / (10 + step))  # less at the beginning
        average = kept * average + (1 - kept) * stepped if step else stepped
        if (step + 1) % each_epoch == 0:
            assert torch.allclose(watch.judged[step // each_epoch], average, atol=1e-6)
    assert torch.allclose(weights(model), average, atol=1e-6)
    checkpoint = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    kept = LanguageModel.load(checkpoint).network
    assert torch.allclose(torch.nn.utils.parameters_to_vector(kept.parameters()), average, atol=1e-6)


def test_tables_stay_whole_numbers_as_they_were(bach: list[Chorale], tmp_path: Path) -> None:
    """An average of equal whole numbers may be a hair less, and would be rounded down."""
    _, model = fit(bach, tmp_path, WeightAverage(0.9), enable_checkpointing=False)
    fresh = ChoraleModel(FrameLSTM, encoding=SatbEncoding(bars=True))
    for name, buffer in fresh.named_buffers():
        if buffer.dtype in (torch.long, torch.bool):
            assert torch.equal(dict(model.named_buffers())[name], buffer), name


def test_statistics_of_batch_normalisation_are_averaged_like_weights(bach: list[Chorale], tmp_path: Path) -> None:
    class Statistics(pl.Callback):
        stepped: ClassVar[list[Tensor]] = []

        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            self.stepped.append(pl_module.get_buffer(NAME).clone())

    def network(encoding: Encoding) -> TokenLSTM:
        return TokenLSTM(encoding, layers=1, hidden=8, embedding=4)

    _, model = fit(bach, tmp_path, WeightAverage(DECAY), Statistics(), network=network, enable_checkpointing=False)
    average = Statistics.stepped[0]
    for step, stepped in enumerate(Statistics.stepped[1:], 1):
        average = average.lerp(stepped, 1 - min(DECAY, (1 + step) / (10 + step)))
    assert torch.allclose(model.get_buffer(NAME), average, atol=1e-6)
    assert not torch.allclose(average, Statistics.stepped[-1], atol=1e-3)


def test_a_resumed_fit_equals_the_uninterrupted_one(bach: list[Chorale], tmp_path: Path) -> None:
    _, whole = fit(bach, tmp_path / "whole", WeightAverage(DECAY), epochs=4)
    trainer, _ = fit(bach, tmp_path / "half", WeightAverage(DECAY), epochs=2)
    path = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    _, resumed = fit(bach, tmp_path / "resumed", WeightAverage(DECAY), epochs=4, ckpt_path=path)
    assert torch.equal(weights(resumed), weights(whole))


def test_what_a_checkpoint_holds_is_judged_after_a_fit_in_the_same_process_too(
    bach: list[Chorale], tmp_path: Path
) -> None:
    trainer, model = fit(bach, tmp_path, WeightAverage(0.9))
    averaged = weights(model)
    data = trainer.datamodule  # type: ignore[attr-defined]
    [kept] = trainer.test(model, data, verbose=False)
    [loaded] = trainer.test(model, data, ckpt_path="best", verbose=False)
    assert loaded == kept
    assert torch.equal(weights(model), averaged)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_that_is_no_share_is_refused(decay: float) -> None:
    with pytest.raises(OptionError, match="expected 0 to below 1"):
        WeightAverage(decay)
