"""The laws of losses and of callbacks: what a fit relies on."""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from bachlit.errors import CheckpointError
from bachlit.models.runs import LAST

if TYPE_CHECKING:  # Lightning takes seconds to import, and most laws do without
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import Callback

    from bachlit.training.data import ChoraleDataModule

_TOLERANCE = 1e-4


def check_loss(loss: nn.Module, *, vocabulary_size: int = 20, num_targets: int = 12) -> None:
    """Check that a loss is a finite mean over targets, in any order, with gradients, and repeats.

    Training adds up losses of windows with different numbers of targets, of several processes too, by their numbers of
    targets: only a mean makes that the loss of all.

    Args:
        loss: Of logits (M, V) and targets (M,), without padding.
        vocabulary_size: V.
        num_targets: M.

    >>> check_loss(nn.CrossEntropyLoss(label_smoothing=0.1))
    """
    loss = deepcopy(loss).train()
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(num_targets, vocabulary_size, generator=generator)
    targets = torch.randint(vocabulary_size, (num_targets,), generator=generator)
    before = logits.clone()
    whole = _loss(loss, logits, targets)
    assert torch.equal(logits, before), "the logits stay as they were"
    assert torch.equal(_loss(loss, logits, targets), whole), "the same logits and targets have the same loss again"
    order = torch.randperm(num_targets, generator=generator)
    _check_close(_loss(loss, logits[order], targets[order]), whole, "the order of the targets doesn't matter")
    part = num_targets // 3
    first, second = _loss(loss, logits[:part], targets[:part]), _loss(loss, logits[part:], targets[part:])
    parts = (part * first + (num_targets - part) * second) / num_targets
    _check_close(parts, whole, "the loss is a mean: of all targets, that of two parts by their numbers of targets")
    _loss(loss, logits[:1], targets[:1])  # a window may end with one target
    sure = 50 * nn.functional.one_hot(targets, vocabulary_size).float()
    for extreme in (sure, sure.roll(1, 1)):  # as sure as a network gets, and right or wrong
        _check_gradient(loss, extreme, targets)
    assert _check_gradient(loss, logits, targets).any(), "the loss has a gradient"
    assert _loss(loss, sure, targets) < _loss(loss, sure.roll(1, 1), targets), "right is better than wrong"


def _loss(loss: nn.Module, logits: Tensor, targets: Tensor) -> Tensor:
    value: Tensor = loss(logits, targets)
    assert value.shape == (), f"the loss is a number, not of shape {tuple(value.shape)}"
    assert value.isfinite(), "the loss is finite"
    return value.detach()


def _check_gradient(loss: nn.Module, logits: Tensor, targets: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    value: Tensor = loss(logits, targets)
    assert value.requires_grad, "the loss has a gradient"
    (gradient,) = torch.autograd.grad(value, logits, allow_unused=True)
    assert gradient is not None, "the loss has a gradient"
    assert gradient.isfinite().all(), "the gradient is finite"
    return gradient


def _check_close(found: Tensor, expected: Tensor, law: str) -> None:
    assert torch.allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE), law


def check_callback(make: Callable[[], "Callback"], data: "ChoraleDataModule") -> None:
    """Check by short fits that a callback's state is plain, and that a resumed fit ends as an uninterrupted one.

    What must be restored is what `state_dict` gives. Attributes without an underscore count as the callback's state,
    those with one as the fit's own, such as a clock or a folder.

    Args:
        make: Makes the callback, such as its class.
        data: A few pieces.
    """
    whole, interrupted, resumed = make(), make(), make()
    with tempfile.TemporaryDirectory() as folder, _silence():
        ended = _fit(whole, data, Path(folder, "whole"), epochs=2)
        _fit(interrupted, data, Path(folder, "parts"), epochs=1)
        again = _fit(resumed, data, Path(folder, "parts"), epochs=2)
    end = "of an uninterrupted one"
    _check_same(_figures(again), _figures(ended), f"a resumed fit logs the figures {end}")
    _check_same(_weights(again), _weights(ended), f"a resumed fit has the weights {end}")
    _check_same(resumed.state_dict(), whole.state_dict(), f"a resumed callback has the state {end}")
    _check_same(_public(resumed), _public(whole), f"a resumed callback has the attributes {end}")


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Lightning from advising on fits of a second."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _fit(callback: "Callback", data: "ChoraleDataModule", folder: Path, *, epochs: int) -> "pl.Trainer":
    """Fit a tiny model with a callback, from where the folder's last fit ended."""
    import pytorch_lightning as pl  # noqa: PLC0415

    from bachlit.callbacks import LastCheckpoint  # noqa: PLC0415
    from bachlit.networks import TokenLSTM  # noqa: PLC0415
    from bachlit.training.checkpoint_io import SafeCheckpoints  # noqa: PLC0415
    from bachlit.training.model import ChoraleModel  # noqa: PLC0415

    pl.seed_everything(0, verbose=False)
    data = deepcopy(data)
    model = ChoraleModel(partial(TokenLSTM, layers=1, hidden=8, embedding=4), encoding=data.encoding, keys=data.keys)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        limit_train_batches=2,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        callbacks=[callback, LastCheckpoint()],
        plugins=[SafeCheckpoints()],
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "checkpoints" / LAST
    try:
        trainer.fit(model, data, ckpt_path=last if last.exists() else None)
    except CheckpointError as error:
        raise AssertionError(f"a callback's state is plain data and tensors, as checkpoints hold: {error}") from error
    return trainer


def _figures(trainer: "pl.Trainer") -> dict[str, Any]:
    return dict(trainer.callback_metrics)


def _weights(trainer: "pl.Trainer") -> dict[str, Any]:
    assert trainer.lightning_module is not None
    return dict(trainer.lightning_module.state_dict())


def _public(callback: "Callback") -> dict[str, Any]:
    return {name: value for name, value in vars(callback).items() if not name.startswith("_")}


def _check_same(found: Any, expected: Any, law: str, place: str = "") -> None:
    """Compare plain data with tensors; other objects aren't compared."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), f"{law}{place}"
        assert found.keys() == expected.keys(), f"{law}{place}"
        for name, value in expected.items():
            _check_same(found[name], value, law, f"; {name} differs")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), f"{law}{place}"
        for one, other in zip(found, expected, strict=True):
            _check_same(one, other, law, place)
    elif isinstance(expected, Tensor):
        assert isinstance(found, Tensor), f"{law}{place}"
        assert torch.equal(found, expected), f"{law}{place}"
    elif expected is None or isinstance(expected, bool | int | float | str | bytes):
        assert found == expected, f"{law}{place}"
