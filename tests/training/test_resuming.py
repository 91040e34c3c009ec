"""A fit that was stopped goes on as if it hadn't been: the laws of resuming."""

import copy
import errno
import functools
import os
import pickle
import shutil
import signal
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from few import Few
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.cli import ReduceLROnPlateau
from sizes import LARGE

from bachlit.callbacks import LastCheckpoint, WeightAverage
from bachlit.commands.recalled import recall
from bachlit.encoding import BachBotEncoding, Encoding
from bachlit.errors import CheckpointError, OptionError, StoppedError
from bachlit.models.checkpoints import keep_before, read_checkpoint, write_checkpoint
from bachlit.models.language_model import LanguageModel
from bachlit.models.runs import BEFORE, LAST
from bachlit.music.chorale import Chorale, cut
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.training.checkpoint_io import SafeCheckpoints
from bachlit.training.data import ChoraleDataModule
from bachlit.training.model import ChoraleModel
from bachlit.training.resumable import _draw_apart


@pytest.fixture(scope="module")
def pieces(bach: list[Chorale]) -> list[Chorale]:
    """The beginnings of a few chorales; they end in different windows."""
    return [cut(piece, 0, 40 + 8 * index) for index, piece in enumerate(bach[:8])]


class Kill(pl.Callback):
    """Ends a fit after so many steps, as a power cut does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise KilledError


class KilledError(Exception):
    pass


def token_lstm(encoding: Encoding) -> TokenLSTM:
    return TokenLSTM(encoding, layers=2, hidden=12, embedding=8, dropout=0.3)


def frame_lstm(encoding: Encoding) -> FrameLSTM:
    return FrameLSTM(encoding, layers=1, hidden=12, embedding=8, projection=8, head=8, weight_dropout=0.2)


def decaying(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.ExponentialLR:
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)


def plateau(optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau:
    """Halves the rate unless the figure falls by half: after every epoch."""
    return ReduceLROnPlateau(optimizer, monitor="val/nats_per_token", factor=0.5, patience=0, threshold=0.5)


def fit(
    pieces: list[Chorale], callbacks: list[pl.Callback], folder: Path, ckpt_path: Path | None = None, **options: Any
) -> tuple[pl.Trainer, dict[str, torch.Tensor]]:
    network = options.pop("network", token_lstm)
    data_options = {"lanes": 3, "window": 60, **options.pop("data", {})}
    model_options = {"lr_scheduler": decaying, **options.pop("model", {})}
    pl.seed_everything(0, verbose=False)
    data = ChoraleDataModule(Few(pieces), **data_options)
    model = ChoraleModel(
        network,
        encoding=data.encoding,
        **model_options,
    )
    defaults: dict[str, Any] = {"max_epochs": 3, "gradient_clip_val": 1.0}
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=copy.deepcopy(callbacks), default_root_dir=folder,
        plugins=[SafeCheckpoints()], **defaults | options,
    )  # fmt: skip
    trainer.fit(model, data, ckpt_path=ckpt_path)
    weights = {name: part.clone() for name, part in model.state_dict().items()}
    return trainer, weights


OPTIONS: dict[str, dict[str, Any]] = {
    "tokens": {},
    "frames": {"network": frame_lstm},
    "accumulated": {"accumulate_grad_batches": 2},
    "consistency": {"model": {"consistency": 0.5}},
    "steps": {"max_epochs": -1, "max_steps": 40},
    "validated within": {"val_check_interval": 5},
    "plateau": {"model": {"lr_scheduler": plateau}},
    "stream": {"data": {"encoding": BachBotEncoding(), "split_by": "position"}},
}
SHARES = [0.0, 0.3, 0.67, 1.0]
Whole = Callable[[str], tuple[pl.Trainer, dict[str, torch.Tensor]]]


@pytest.fixture(scope="module")
def whole(pieces: list[Chorale], tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A fit with some of the options that nothing interrupts, made once."""
    folder = tmp_path_factory.mktemp("whole")
    return functools.cache(lambda name: fit(pieces, [WeightAverage(0.9)], folder / name, **OPTIONS[name]))


# Each of the options at a moment of the fit, or at four where tests are large.
MOMENTS = [(name, share) for at, name in enumerate(OPTIONS) for share in (SHARES if LARGE else [SHARES[at % 4]])]


@pytest.mark.parametrize(("name", "share"), MOMENTS)
def test_a_fit_that_is_killed_within_an_epoch_ends_bit_for_bit_where_it_would_have(
    name: str, share: float, whole: Whole, pieces: list[Chorale], tmp_path: Path
) -> None:
    (uninterrupted, expected), options = whole(name), OPTIONS[name]
    step = 2 + round(share * (uninterrupted.global_step - 2))
    kept = [WeightAverage(0.9), LastCheckpoint(1e-9)]  # after every step
    with pytest.raises(KilledError):
        fit(pieces, [*kept, Kill(step)], tmp_path, **options)
    torch.manual_seed(99)
    last = tmp_path / "checkpoints" / "last.ckpt"
    resumed, weights = fit(pieces, kept, tmp_path, ckpt_path=last, **options)
    assert resumed.global_step == uninterrupted.global_step
    for part, value in expected.items():
        assert torch.equal(value, weights[part]), part
    assert "train/loss_epoch" in resumed.callback_metrics
    for figure, value in resumed.callback_metrics.items():
        assert value == uninterrupted.callback_metrics[figure], figure


@pytest.mark.parametrize("length", [{"max_epochs": 2}, {"max_epochs": -1, "max_steps": 21}], ids=str)
def test_a_fit_that_has_ended_can_be_made_longer(length: dict[str, int], pieces: list[Chorale], tmp_path: Path) -> None:
    kept = [WeightAverage(0.9), LastCheckpoint()]
    _, expected = fit(pieces, kept, tmp_path / "whole")
    fit(pieces, kept, tmp_path, **length)
    _, weights = fit(pieces, kept, tmp_path, ckpt_path=tmp_path / "checkpoints" / "last.ckpt")
    for name, part in expected.items():
        assert torch.equal(part, weights[name]), name


def test_when_time_is_up_the_fit_goes_on_later_as_if_it_had_not_been(pieces: list[Chorale], tmp_path: Path) -> None:
    class TimeIsUp(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= 7

    _, expected = fit(pieces, [], tmp_path / "whole")
    stopped, _ = fit(pieces, [TimeIsUp(), LastCheckpoint()], tmp_path)
    assert stopped.global_step == 7
    _, weights = fit(pieces, [], tmp_path, ckpt_path=tmp_path / "checkpoints" / "last.ckpt")
    for name, part in expected.items():
        assert torch.equal(part, weights[name]), name


@pytest.mark.parametrize("batch", [2, 5, 6, 13], ids="at batch {}".format)
@pytest.mark.parametrize(
    "options",
    [
        {"val_check_interval": 5},
        {"val_check_interval": 5, "accumulate_grad_batches": 3},
        {"val_check_interval": 5, "check_val_every_n_epoch": 2},
    ],
    ids=["each epoch", "accumulated", "every other epoch"],
)
def test_a_fit_may_end_at_any_batch_and_go_on_later(
    options: dict[str, int], batch: int, pieces: list[Chorale], tmp_path: Path
) -> None:
    """One that a validation follows, and one after which gradients were gathered but no step taken, lost the rest."""

    class TimeIsUp(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.should_stop or trainer.fit_loop.total_batch_idx + 1 >= batch

    options = {"max_epochs": 2, "limit_train_batches": 8, **options}
    whole, expected = fit(pieces, [], tmp_path / "whole", **options)
    stopped, _ = fit(pieces, [TimeIsUp(), LastCheckpoint()], tmp_path, **options)
    assert 0 < stopped.global_step < whole.global_step
    resumed, weights = fit(pieces, [], tmp_path, ckpt_path=tmp_path / "checkpoints" / LAST, **options)
    assert resumed.global_step == whole.global_step
    for name, part in expected.items():
        assert torch.equal(part, weights[name]), name


def test_steps_that_end_where_a_validation_follows_can_be_made_more(pieces: list[Chorale], tmp_path: Path) -> None:
    options: dict[str, Any] = {"val_check_interval": 5, "limit_train_batches": 8}
    _, expected = fit(pieces, [], tmp_path / "whole", **options)
    fit(pieces, [LastCheckpoint()], tmp_path, max_epochs=-1, max_steps=13, **options)
    _, weights = fit(pieces, [], tmp_path, ckpt_path=tmp_path / "checkpoints" / LAST, **options)
    for name, part in expected.items():
        assert torch.equal(part, weights[name]), name


def test_a_schedule_hears_of_a_validation_earlier_in_the_epoch_in_which_the_fit_went_on(
    pieces: list[Chorale], tmp_path: Path
) -> None:
    """It was left out, as Lightning keeps no figures."""
    options: dict[str, Any] = {
        "val_check_interval": 5,
        "limit_train_batches": 8,
        "model": {"lr_scheduler": plateau},
    }
    kept = [EarlyStopping("val/nats_per_token", check_on_train_epoch_end=True), LastCheckpoint(1e-9)]
    _, expected = fit(pieces, kept, tmp_path / "whole", **options)
    with pytest.raises(KilledError):
        fit(pieces, [*kept, Kill(16)], tmp_path, **options)
    last = tmp_path / "checkpoints" / LAST
    assert read_checkpoint(last)["global_step"] == 15  # the validation was after step 13
    _, weights = fit(pieces, kept, tmp_path, ckpt_path=last, **options)
    for name, part in expected.items():
        assert torch.equal(part, weights[name]), name


@pytest.mark.parametrize("sanity_steps", [2, 0], ids=["in the sanity check", "just before the first step"])
def test_signals_are_heard_before_the_first_step_and_then_left_as_they_were(
    sanity_steps: int, pieces: list[Chorale], tmp_path: Path
) -> None:
    """Before training, SIGTERM ended a fit as if it were done; after it, nobody listened any more."""

    class Tell(pl.Callback):
        def on_validation_batch_start(self, *_: Any) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        def on_train_start(self, *_: Any) -> None:
            if not sanity_steps:
                os.kill(os.getpid(), signal.SIGTERM)

    before = [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(StoppedError, match="SIGTERM") as caught:
        fit(pieces, [Tell(), LastCheckpoint()], tmp_path, num_sanity_val_steps=sanity_steps)
    assert caught.value.code == 128 + signal.SIGTERM
    assert read_checkpoint(tmp_path / "checkpoints" / LAST)["global_step"] == 1
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)] == before
    fit(pieces, [LastCheckpoint()], tmp_path, max_epochs=1)
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_fit_that_has_to_go_on_is_not_stopped(pieces: list[Chorale], tmp_path: Path) -> None:
    """As with early stopping before the fewest epochs that were asked for."""

    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= 7

    stopped, _ = fit(pieces, [Stop(), LastCheckpoint()], tmp_path, min_epochs=2)
    assert stopped.current_epoch == 2
    assert stopped.global_step > 7


@pytest.fixture(scope="module")
def kept(pieces: list[Chorale], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two checkpoints."""
    folder = tmp_path_factory.mktemp("kept")
    fit(pieces, [LastCheckpoint(1e-9)], folder, max_epochs=1)
    return folder / "checkpoints"


@pytest.mark.parametrize("damage", ["cut", "byte", "empty", "text", "pickle"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_offered(
    damage: str, kept: Path, pieces: list[Chorale], tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(kept, folder)
    last = folder / LAST
    content = bytearray(last.read_bytes())
    with zipfile.ZipFile(last) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
        content[content.index(archive.read(largest)) + largest.file_size // 2] ^= 1
    changed = {
        "cut": content[: len(content) // 2],
        "byte": content,
        "empty": b"",
        "text": b"state_dict: {}",
        "pickle": pickle.dumps({"bachlit": Foreign()}),
    }
    last.write_bytes(changed[damage])
    with pytest.raises(CheckpointError, match=r"damaged .*last-before.ckpt, is whole and can be named instead"):
        fit(pieces, [], tmp_path, ckpt_path=last)
    fit(pieces, [], tmp_path, ckpt_path=folder / BEFORE)
    (folder / BEFORE).write_bytes(b"")
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(last)
    assert "before it" not in str(caught.value)


class Foreign:
    """What it is made by must not be called."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a checkpoint was run",)


def test_a_checkpoint_in_which_a_foreign_class_hides_is_refused_before_it_runs(kept: Path, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(kept / LAST)
    torch.save({**checkpoint, "extra": Foreign()}, tmp_path / "foreign.ckpt")
    for read in (read_checkpoint, LanguageModel.load, recall):
        with pytest.raises(CheckpointError, match="isn't a checkpoint"):
            read(tmp_path / "foreign.ckpt")


def test_a_checkpoint_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    """What PyTorch writes is stored as it is."""
    with zipfile.ZipFile(tmp_path / "swelling.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(CheckpointError, match=r"damaged \(compressed\)"):
        read_checkpoint(tmp_path / "swelling.ckpt")


def test_processes_draw_apart_and_each_the_same_again() -> None:
    def drawn(rank: int) -> float:
        torch.manual_seed(5)
        _draw_apart(SimpleNamespace(global_rank=rank))  # type: ignore[arg-type]
        return torch.rand(()).item()

    torch.manual_seed(5)
    alone = torch.rand(()).item()
    assert drawn(0) == alone
    assert len({drawn(rank) for rank in range(4)}) == 4
    assert [drawn(rank) for rank in range(4)] == [drawn(rank) for rank in range(4)]


def test_a_full_disk_stops_training_with_the_last_checkpoint_whole(
    pieces: list[Chorale], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def fsync(descriptor: int) -> None:
        nonlocal written
        written += stat.S_ISREG(os.fstat(descriptor).st_mode)  # and no folder
        if written == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(CheckpointError, match=r"can't be written \(No space left on device\).*is whole"):
        fit(pieces, [LastCheckpoint(1e-9)], tmp_path)
    files = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert files == {LAST, BEFORE}
    for name in files:
        read_checkpoint(tmp_path / "checkpoints" / name)


@pytest.mark.parametrize("room", [True, False])
def test_the_one_before_is_kept_where_files_have_no_links(
    room: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_checkpoint(tmp_path / BEFORE, {"step": 1})
    write_checkpoint(tmp_path / LAST, {"step": 2})
    monkeypatch.setattr(os, "link", no_link)
    if room:
        keep_before(tmp_path / LAST)
    else:
        monkeypatch.setattr(os, "fsync", no_room)
        with pytest.raises(CheckpointError, match=r"before.ckpt can't be written .*is whole"):
            keep_before(tmp_path / LAST)
    assert read_checkpoint(tmp_path / BEFORE) == {"step": 2 if room else 1}
    assert read_checkpoint(tmp_path / LAST) == {"step": 2}
    assert {path.name for path in tmp_path.iterdir()} == {LAST, BEFORE}


def test_what_a_killed_process_left_of_a_checkpoint_is_removed_by_the_next(tmp_path: Path) -> None:
    """A fit that is killed again and again while it writes would fill the disk."""
    left, young = tmp_path / f".{LAST}.0123abcd.part", tmp_path / f".{LAST}.4567abcd.part"
    other = tmp_path / ".other.ckpt.0123abcd.part"
    for part in (left, young, other):
        part.touch()
    for part in (left, other):
        os.utime(part, (0, 0))
    write_checkpoint(tmp_path / LAST, {})
    assert {path.name for path in tmp_path.iterdir()} == {LAST, young.name, other.name}


def test_more_lanes_than_the_checkpoint_knows_are_refused_within_an_epoch(
    pieces: list[Chorale], tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        fit(pieces, [LastCheckpoint(1e-9), Kill(4)], tmp_path)
    with pytest.raises(CheckpointError, match="windows of 60 steps in 3 lanes; here are"):
        fit(pieces, [], tmp_path, ckpt_path=tmp_path / "checkpoints" / LAST, data={"lanes": 2})


@pytest.mark.parametrize("minutes", [-1.0, float("nan")])
def test_minutes_that_are_none_are_refused(minutes: float) -> None:
    with pytest.raises(OptionError, match="minutes apart"):
        LastCheckpoint(minutes)
