"""NetworkSummary: the size of the network that is trained, on one line."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelSummary
from pytorch_lightning.utilities import rank_zero_info
from pytorch_lightning.utilities.model_summary.model_summary import get_human_readable_count
from torch import nn


class NetworkSummary(ModelSummary):
    """Print how many parameters the network and its parts have.

    It stands in for Lightning's table, most of whose rows and columns are zeros here: modes, FLOPs, losses, metrics.

    Args:
        max_depth: Lightning's depth of its table; of no effect on a line.
    """

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the line, in the first process alone."""
        rank_zero_info(described(getattr(pl_module, "network", pl_module)))


def described(network: nn.Module) -> str:
    """Describe a network's size, with the parts that have parameters.

    >>> described(nn.Sequential(nn.Linear(9, 100), nn.ReLU(), nn.Linear(100, 5).requires_grad_(False)))
    'Sequential: 1.5 K parameters (0 1.0 K, 2 505), of which 1.0 K are trained'
    """
    parts = {name: _count(part) for name, part in network.named_children()}
    listed = ", ".join(f"{name} {_readable(count)}" for name, count in parts.items() if count)
    total, trained = _count(network), sum(one.numel() for one in network.parameters() if one.requires_grad)
    some = f", of which {_readable(trained)} are trained" if trained < total else ""
    return f"{type(network).__name__}: {_readable(total)} parameters{f' ({listed})' if listed else ''}{some}"


def _count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def _readable(count: int) -> str:
    return get_human_readable_count(count).strip()
