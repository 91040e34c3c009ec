"""A fit's curves: every figure once, in the run's folder, through resumes and without loggers or matplotlib."""

import csv
import struct
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.demos.boring_classes import BoringModel
from pytorch_lightning.loggers import CSVLogger
from torch import nn

from bachlit.callbacks import TrainingCurves
from bachlit.callbacks.training_curves import BEST_BY, _picture


class Falls(BoringModel):
    """Logs what ours does, by a rule that is known."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        done = super().training_step(batch, batch_idx)
        self.log("train/loss", 10.0 - self.current_epoch, on_step=True, on_epoch=True)
        return done

    def on_validation_epoch_end(self) -> None:
        self.log(BEST_BY, abs(2.0 - self.current_epoch))
        self.log("val/nats_per_token", 0.5)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


def fit(curves: TrainingCurves, *, epochs: int, resumed: Path | None = None, **options: Any) -> pl.Trainer:
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=epochs, limit_train_batches=4, limit_val_batches=1, enable_model_summary=False,
        enable_progress_bar=False, callbacks=[curves, ModelCheckpoint(save_last=True, monitor=BEST_BY)],
        **{"logger": False, **options},
    )  # fmt: skip
    trainer.fit(Falls(), ckpt_path=resumed)
    return trainer


def rows(folder: Path) -> list[dict[str, float | None]]:
    with (folder / "curves.csv").open() as file:
        return [{name: float(cell) if cell else None for name, cell in row.items()} for row in csv.DictReader(file)]


def expected(epoch: int) -> dict[str, float]:
    return {
        "epoch": epoch + 1,
        "step": 4 * (epoch + 1),
        "learning_rate": pytest.approx(0.1 * 0.5**epoch),
        BEST_BY: abs(2 - epoch),
        "val/nats_per_token": 0.5,
        "train/loss_epoch": 10 - epoch,
    }


def test_a_row_an_epoch_with_all_that_was_logged_for_it(tmp_path: Path) -> None:
    fit(TrainingCurves(), epochs=4, logger=CSVLogger(tmp_path))
    folder = tmp_path / "lightning_logs/version_0"
    assert rows(folder) == [expected(epoch) for epoch in range(4)]
    png = (folder / "curves.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == (840, 840)


def test_without_a_logger_they_land_in_the_trainers_folder(tmp_path: Path) -> None:
    fit(TrainingCurves(), epochs=1, default_root_dir=tmp_path)
    assert rows(tmp_path) == [expected(0)]


def test_a_resumed_fit_has_the_curves_of_an_uninterrupted_one(tmp_path: Path) -> None:
    """Though the checkpoint is written between an epoch's validation and its end."""
    fit(TrainingCurves(picture=False), epochs=2, default_root_dir=tmp_path / "first")
    last = tmp_path / "first/checkpoints/last.ckpt"
    fit(TrainingCurves(picture=False), epochs=4, resumed=last, default_root_dir=tmp_path / "second")
    assert rows(tmp_path / "second") == [expected(epoch) for epoch in range(4)]


def test_validations_within_an_epoch_have_rows_of_their_own(tmp_path: Path) -> None:
    fit(TrainingCurves(picture=False), epochs=2, default_root_dir=tmp_path, val_check_interval=2)
    written = rows(tmp_path)
    assert [row["epoch"] for row in written] == [0.5, 1, 1.5, 2]
    assert [row["train/loss_epoch"] for row in written] == [None, 10, None, 9]


def test_a_dry_run_leaves_nothing(tmp_path: Path) -> None:
    fit(TrainingCurves(), epochs=1, default_root_dir=tmp_path, fast_dev_run=True)
    assert list(tmp_path.rglob("curves*")) == []


def test_without_matplotlib_the_table_still_lands_and_one_sentence_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bachlit.extras.find_spec", lambda _: None)
    with pytest.warns(UserWarning, match=r"needs matplotlib.*pip install 'bachlit\[render\]'") as warned:
        fit(TrainingCurves(), epochs=2, default_root_dir=tmp_path)
    assert sum("matplotlib" in str(one.message) for one in warned) == 1
    assert len(rows(tmp_path)) == 2
    assert not (tmp_path / "curves.png").exists()


def test_a_fit_that_fails_draws_how_far_it_came_and_nothing_before_its_first_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that a checkpoint's rows were given to wrote them into the folder of a fit that never trained."""
    curves = TrainingCurves(picture=False)
    fit(curves, epochs=1, default_root_dir=tmp_path / "first")
    [last] = (tmp_path / "first").rglob("last.ckpt")

    def failing(at: int) -> None:
        def training_step(self: Falls, batch: Any, batch_idx: int) -> Any:
            if self.global_step >= at:
                raise RuntimeError("a bug")
            return BoringModel.training_step(self, batch, batch_idx)

        monkeypatch.setattr(Falls, "training_step", training_step)

    for at, files in ((0, set()), (8, {"curves.csv", "curves.png"})):
        failing(at)
        folder = tmp_path / f"at {at}"
        with pytest.raises(RuntimeError, match="a bug"):
            fit(TrainingCurves(), epochs=4, resumed=last, default_root_dir=folder)
        assert {path.name for path in folder.glob("curves.*")} == files


def test_the_picture_marks_the_best_epoch_and_names_its_units(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *_, **__: drawn.append(figure))
    _picture([expected(epoch) for epoch in range(4)])
    above, below = drawn[0].axes
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == (
        "nats per frame",
        "nats per token",
        "epochs",
    )
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["validation", "best: 0.000, epoch 3"]
    assert above.get_lines()[1].get_xydata().tolist() == [[3, 0]]


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (nn.CrossEntropyLoss(), []),
        (nn.CrossEntropyLoss(label_smoothing=0.1), ["training loss: CrossEntropyLoss"]),
        (nn.MSELoss(), ["training loss: MSELoss"]),
    ],
)
def test_a_loss_of_other_units_has_its_own_axis(
    loss: nn.Module, labels: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in the hundreds once made the nats beside it a flat line."""
    drawn: list[Any] = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *_, **__: drawn.append(figure))
    monkeypatch.setattr(Falls, "loss_function", loss, raising=False)
    fit(TrainingCurves(), epochs=2, default_root_dir=tmp_path)
    axes = drawn[-1].axes
    assert [one.get_ylabel() for one in axes] == ["nats per frame", "nats per token", *labels]
    assert axes[-1].get_lines()[0].get_ydata().tolist() == [10, 9]
    told = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert told == [f"training loss{' (right)' if len(axes) > 2 else ''}", "validation"]


@pytest.mark.parametrize("known", [[], [{"epoch": 1, "step": 4, "train/loss_epoch": 2.0}]], ids=["none", "no val"])
def test_a_picture_of_little_is_still_a_picture(known: list[dict[str, float]]) -> None:
    assert _picture(known).startswith(b"\x89PNG")
