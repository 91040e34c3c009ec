"""DecodingEvaluation: judge decoded pieces beside Bach's during training."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_info, rank_zero_warn

from bachlit.callbacks.showing import Shown, media, write_shown
from bachlit.decoding import Decoder
from bachlit.errors import OptionError, ScoreError
from bachlit.evaluation import (
    COLUMNS,
    Estimate,
    Figure,
    Harmonizer,
    Judge,
    Judged,
    Source,
    extremes,
    figures_with,
    held_out,
    letters_of,
    named,
    pool,
    written_row,
)
from bachlit.evaluation.figures import columns_of
from bachlit.generation.choices import PhraseChoice
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.training.model import ChoraleModel
from bachlit.training.wandb_logger import log_media

_PRINTED = ("pitch_error", "nats_per_frame", "parallel_fifths", "parallel_octaves", "changing", "grade")


class DecodingEvaluation(Callback):
    """Decode voices of held-out pieces after validation, and log their figures.

    The model is fed its own predictions, as in use. All random numbers come from this callback's own seed, so that
    training is the same with and without it. Figures are logged as `decoding/NAME/FIGURE`; some pieces, the best and
    the worst among them, are kept as scores in the run's folder, and in W&B as pictures, sound and files in a table.
    Several processes share the pieces.

    Args:
        decoders: Names with commas between, or a mapping from names to decoders with rules; see `bachlit evaluate`.
        every_n_epochs: Epochs between two evaluations in a fit; `validate` always evaluates.
        num_pieces: How many of the validation fold's first pieces to decode, 0 for all.
        num_shown: How many of them to show, beside the best and the worst.
        missing: Letters of the voices to write.
        seed: The first piece's; the next has the next.
        phrases: Phrase ends that the harmonizers hear: given, auto or none; see `bachlit evaluate --phrases`.
        metrics: Figures of your own, or dotted paths of their classes; see `bachlit evaluate --metrics`.
    """

    def __init__(
        self,
        decoders: dict[str, Harmonizer | Decoder] | str = "beam,sampling",
        *,
        every_n_epochs: int = 5,
        num_pieces: int = 16,
        num_shown: int = 2,
        missing: str = "ATB",
        seed: int = 0,
        phrases: PhraseChoice = "given",
        metrics: list[Figure | str] | None = None,
    ) -> None:
        if every_n_epochs < 1 or num_pieces < 0 or num_shown < 0:
            raise OptionError(
                f"Evaluating {num_pieces} pieces every {every_n_epochs} epochs and showing {num_shown} can't be done; "
                "expected at least 1 epoch, and numbers of pieces not below 0."
            )
        self.harmonizers: Mapping[str, Harmonizer] = named(decoders)
        self.every_n_epochs, self.num_pieces, self.num_shown = every_n_epochs, num_pieces, num_shown
        self.missing, self.seed, self.phrases = letters_of(missing), seed, phrases
        self.figures = figures_with(metrics or ())
        self._ready: tuple[Judge, list[Chorale]] | None = None
        self._folder = Path()
        self._last = 0

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Refuse a model that can't write, before it is trained; find the run's folder.

        Raises:
            CheckpointError: If its encoding doesn't tell the voices apart.
            OptionError: If it is no `ChoraleModel`.
        """
        _ = _language_model(pl_module).voiced_encoding
        self._ready = None  # another fit or validation may have other pieces
        self._last = 0
        # In every process: Lightning makes them agree on the folder here; one that didn't ask would hang the rest.
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Refuse data without validation pieces, before hours of training.

        Raises:
            OptionError: If so.
        """
        self._prepare(trainer, _language_model(pl_module))
        if trainer.limit_val_batches == 0:
            rank_zero_warn("DecodingEvaluation evaluates nothing, since there is no validation.")

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write, judge and log."""
        done = trainer.current_epoch + 1  # the one at hand among them
        fitting = trainer.state.fn == "fit"
        if fitting and not _ends_epoch(trainer):
            return
        rehearsing = bool(trainer.fast_dev_run)  # type: ignore[attr-defined]  # set but not declared
        if trainer.sanity_checking or (fitting and not rehearsing and done - self._last < self.every_n_epochs):
            return
        self._last = done if fitting else self._last
        model = _language_model(pl_module)
        judge, pieces = self._prepare(trainer, model)
        if rehearsing:
            pieces = pieces[: trainer.world_size]
        mine = range(trainer.global_rank, len(pieces), trainer.world_size)
        shown: list[Shown] = []
        for name, harmonizer in self.harmonizers.items():
            row = written_row(
                model,
                harmonizer,
                [pieces[index] for index in mine],
                [self.seed + index for index in mine],
                judge,
                missing=self.missing,
                phrases=self.phrases,
            )
            judged = _gathered(dict(zip(mine, row.pieces, strict=True)), trainer.world_size)
            estimates = pool(
                [piece.figures for piece in judged],
                [piece.histograms for piece in judged],
                judge.reference,
                resamples=1,  # only the values are logged
                columns=columns_of(self.figures),
            )
            self._log(pl_module, name, estimates, f"Epoch {done}" if fitting else "Validation")
            shown += self._chosen(name, judged)
        if rehearsing:
            return
        if trainer.is_global_zero:
            try:
                write_shown(self._folder / "decoding" / (f"epoch-{done:04}" if fitting else "validation"), shown)
            except (OSError, ScoreError) as error:  # figures are worth more than what illustrates them
                rank_zero_warn(f"The written pieces aren't kept: {error}")
        log_media(trainer, media(shown, done))

    def _prepare(self, trainer: pl.Trainer, model: LanguageModel) -> tuple[Judge, list[Chorale]]:
        """Prepare the judge and the pieces, once."""
        if self._ready is None:
            folds = getattr(getattr(trainer, "datamodule", None), "folds", None)
            if not folds or not folds["valid"]:
                raise OptionError(
                    "DecodingEvaluation found no validation pieces; expected a ChoraleDataModule that has some; leave "
                    "the callback out, or give it some."
                )
            held = held_out(folds, "valid", models=[(model, Source())], missing=[self.missing], limit=self.num_pieces)
            self._ready = Judge(folds["train"], self.figures), held.pieces
        return self._ready

    def _log(self, module: pl.LightningModule, name: str, estimates: Mapping[str, Estimate], when: str) -> None:
        values = {figure: one.value for figure, one in estimates.items() if not math.isnan(one.value)}
        module.log_dict(
            {f"decoding/{name}/{figure}": value for figure, value in values.items()},
            sync_dist=module.trainer.world_size > 1,  # the same everywhere, but Lightning warns without
        )
        printed = ", ".join(
            f"{COLUMNS[one].label} {COLUMNS[one].text(values[one])}" for one in _PRINTED if one in values
        )
        rank_zero_info(f"{when}, {name}: {printed}")

    def _chosen(self, name: str, judged: Sequence[Judged]) -> list[Shown]:
        """Choose the best and the worst piece, and the first ones."""
        best, worst = (judged[index] for index in extremes(judged))
        firsts = [Shown(name, f"piece {number}", piece) for number, piece in enumerate(judged[: self.num_shown], 1)]
        return [Shown(name, "best", best), Shown(name, "worst", worst), *firsts]

    def state_dict(self) -> dict[str, Any]:
        """Keep the epoch of the last evaluation in checkpoints."""
        return {"last": self._last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the epoch of the last evaluation."""
        self._last = state_dict["last"]


def _language_model(module: pl.LightningModule) -> LanguageModel:
    if not isinstance(module, ChoraleModel):
        raise OptionError(
            f"DecodingEvaluation can't decode with a {type(module).__name__}; expected a ChoraleModel; leave it out."
        )
    return module.language_model


def _ends_epoch(trainer: pl.Trainer) -> bool:
    """Tell whether this is the epoch's last validation."""
    batches, every = trainer.num_training_batches, trainer.val_check_batch
    if every is None or batches == float("inf"):  # validation by the clock: nobody knows
        return True
    return trainer.fit_loop.batch_idx + 1 + min(every, batches) > batches


def _gathered(mine: dict[int, Judged], world_size: int) -> list[Judged]:
    """Gather the pieces of all processes, in order."""
    parts: list[dict[int, Judged]] = [mine]
    if world_size > 1:
        parts = [{} for _ in range(world_size)]
        torch.distributed.all_gather_object(parts, mine)
    every = {index: piece for part in parts for index, piece in part.items()}
    return [every[index] for index in sorted(every)]
