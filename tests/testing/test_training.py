"""Each law of a loss and of a callback finds the bug that it is there for."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from few import Few
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from bachlit.callbacks import WeightAverage
from bachlit.music.chorale import Chorale, cut
from bachlit.testing import check_callback, check_loss
from bachlit.training.data import ChoraleDataModule


class Loss(nn.Module):
    """Cross-entropy, of which subclasses make something else."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.of(nn.functional.cross_entropy(logits, targets, reduction="none"), logits)

    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return nats.mean()


class Vector(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return nats


class Sum(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return nats.sum()


class Infinite(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return (1 / nats).mean()


class Rough(Loss):
    """Its gradient has no bound where the network is sure."""

    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return nats.sqrt().mean()


class Flat(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return nats.detach().mean()


class Ordered(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return (nats * torch.linspace(0.5, 1.5, len(nats))).mean()


class Hasty(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        logits.mul_(0.9)
        return nats.mean()


class Moody(Loss):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        self.calls += 1
        return nats.mean() * self.calls


class Upside(Loss):
    def of(self, nats: Tensor, logits: Tensor) -> Tensor:
        return -nats.mean()


@pytest.mark.parametrize("loss", [Loss(), nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.2)])
def test_sound_losses_keep_the_laws(loss: nn.Module) -> None:
    check_loss(loss)


@pytest.mark.parametrize(
    ("loss", "law"),
    [
        (Vector(), "is a number"), (Sum(), "is a mean"), (Infinite(), "is finite"), (Rough(), "gradient is finite"),
        (Flat(), "has a gradient"), (Ordered(), "order of the targets"), (Hasty(), "stay as they were"),
        (Moody(), "same loss again"), (Upside(), "right is better"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_a_loss_that_training_cannot_add_up_is_found(loss: nn.Module, law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        check_loss(loss)


class Counting(Callback):
    """Counts epochs, and shrinks the weights of even ones."""

    def __init__(self) -> None:
        self.epochs = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs += 1

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = state_dict["epochs"]


class Forgetful(Counting):
    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


class Deaf(Counting):
    """Keeps its state, and doesn't take it back."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


class Secretive(Callback):
    """Changes the weights by a count that nobody keeps."""

    def __init__(self) -> None:
        self._epochs = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._epochs += 1
        with torch.no_grad():
            for weights in pl_module.parameters():
                weights.mul_(1 - 0.1 / self._epochs)


class Foreign(Counting):
    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "place": Path("here")}


@pytest.fixture(scope="module")
def data(bach: list[Chorale]) -> ChoraleDataModule:
    return ChoraleDataModule(Few([cut(bach[index], 0, 32) for index in range(6)]), lanes=2, window=40)


def test_a_sound_callback_keeps_the_laws(data: ChoraleDataModule) -> None:
    check_callback(WeightAverage, data)


@pytest.mark.parametrize(
    ("make", "law"),
    [
        (Forgetful, "has the attributes .*; epochs differs"),
        (Deaf, "has the state .*; epochs differs"),
        (Secretive, "logs the figures .*; train/loss_step differs"),
        (Foreign, "plain data and tensors"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_callback_that_a_resumed_fit_loses_is_found(make: Any, law: str, data: ChoraleDataModule) -> None:
    with pytest.raises(AssertionError, match=law):
        check_callback(make, data)
