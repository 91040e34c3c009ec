"""ModelCard: one page about a trained model."""

import html
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from bachlit.callbacks.training_curves import BEST_BY, TrainingCurves, best_of
from bachlit.files.writing import write_whole
from bachlit.models.cards import facts_of, listed, options_block, sizes_of, table
from bachlit.models.recorded import versions
from bachlit.rendering.escaping import in_markdown
from bachlit.training.model import ChoraleModel
from bachlit.training.wandb_logger import log_media, wandb_runs


class ModelCard(Callback):
    """Write `model_card.md` into the run's folder after a fit, and log it and the options to W&B.

    The best figures are those of `TrainingCurves`, if it is there.

    Args:
        options: Those of the run, as plain data.
    """

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}
        self._folder = Path()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Log the options."""
        # In every process: Lightning makes them agree on the folder here; one that didn't ask would hang the rest.
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)
        for logger in wandb_runs(trainer):
            logger.log_hyperparams(self.options)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the card."""
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set but not declared; it leaves no files
            return
        if not trainer.is_global_zero or not isinstance(pl_module, ChoraleModel):
            return
        card = self.card(trainer, pl_module)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._folder / "model_card.md", card.encode())
        log_media(trainer, lambda wandb: {"model_card": wandb.Html(f"<pre>{html.escape(card)}</pre>", inject=False)})

    def card(self, trainer: pl.Trainer, model: ChoraleModel) -> str:
        """Write the page, in Markdown."""
        facts = {
            **facts_of(model.language_model),
            **_data(trainer),
            "seed": str(self.options.get("seed_everything", "unknown")),
            "trained": f"{trainer.current_epoch} epochs, {trainer.global_step:,} steps",
            "processes": f"{trainer.world_size} on {_device(model)}",
            "made by": listed(versions()),
        }
        last = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val")}
        curves = (one for one in trainer.callbacks if isinstance(one, TrainingCurves))  # type: ignore[attr-defined]
        best = next((best_of(one.rows) for one in curves), {})
        head = ("", f"best, epoch {best.get('epoch', 0):g}", f"last, epoch {trainer.current_epoch}")
        figures = [(name, _number(best, name), _number(last, name)) for name in last]
        parts = [
            f"# Model card: {in_markdown(type(model.network).__name__)}",
            table(("", ""), *facts.items()),
            f"## Figures; the best is that by {BEST_BY}",
            table(head, *figures),
        ]
        if self.options:
            parts.append(f"## Options\n\n{options_block(self.options)}")
        return "\n\n".join(parts) + "\n"


def _data(trainer: pl.Trainer) -> dict[str, str]:
    """Describe the data, if the data module is like ours."""
    data: Any = getattr(trainer, "datamodule", None)
    if not getattr(data, "folds", None):
        return {}
    return {"corpus": type(data.corpus).__name__, "pieces": sizes_of(data.split()), "split": data.describe_split()}


def _device(model: ChoraleModel) -> str:
    return torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else model.device.type


def _number(figures: dict[str, float], name: str) -> str:
    return f"{figures[name]:.4f}" if name in figures else ""
