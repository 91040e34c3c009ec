"""DecodingEvaluation: during training, what the model writes from its own predictions, judged beside Bach."""

import base64
import io
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_info

from bachlit.chorale import Chorale
from bachlit.errors import OptionError
from bachlit.evaluation import (
    FIGURES,
    Estimate,
    Harmonizer,
    HeldOut,
    Judge,
    Judged,
    held_out,
    named,
    pool,
    written_row,
)
from bachlit.evaluation.rows import letters_of
from bachlit.model import ChoraleModel
from bachlit.rendering import MissingPackageError, png, wav
from bachlit.scores import to_musicxml, write_midi, write_musicxml
from bachlit.tracking import log_media
from bachlit.writing import writing_encoding

_TOLD = ("pitch_error", "nats_per_frame", "parallel_fifths", "parallel_octaves", "changing", "grade")
_PIECE = ("nats_per_frame", "pitch_error", "parallel_fifths", "parallel_octaves", "hidden_fifths", "hidden_octaves",
          "crossings", "grade", "copied")  # fmt: skip
_COLUMNS = ("epoch", "decoder", "which", "piece", "score", "audio", "download", "log-probability, nats")


class Shown(NamedTuple):
    """A piece worth showing.

    Attributes:
        decoder: Its harmonizer's name.
        why: best, worst, or its place among the first.
        piece: The piece.
    """

    decoder: str
    why: str
    piece: Judged


class DecodingEvaluation(Callback):
    """At the end of validation, has decoders write voices of held-out pieces anew, and logs what came of it.

    The model is fed its own predictions, as it will be in use. Every random number comes from this callback's own
    seed, so that switching it on changes nothing in the training. Figures are logged as `decoding/NAME/FIGURE`; some
    pieces, the best and the worst among them, land as scores in the run's folder, and in W&B as pictures, sound and
    files in a table. Several processes share the pieces.

    Args:
        decoders: Names with commas between, or a mapping from names to decoders with rules; see `bachlit evaluate`.
        every_n_epochs: How often in a fit, counted so that the last of so many is one; `validate` always evaluates.
        num_pieces: So many of the validation fold's first, 0 for all.
        num_shown: So many of them are shown, beside the best and the worst.
        missing: Letters of the voices to write.
        seed: The first piece's; the next has the next.
    """

    def __init__(
        self,
        decoders: dict[str, Harmonizer] | str = "beam,sampling",
        *,
        every_n_epochs: int = 5,
        num_pieces: int = 16,
        num_shown: int = 2,
        missing: str = "ATB",
        seed: int = 0,
    ) -> None:
        if every_n_epochs < 1 or num_pieces < 0 or num_shown < 0:
            raise OptionError(
                f"Evaluating {num_pieces} pieces every {every_n_epochs} epochs and showing {num_shown} can't be done; "
                "expected at least 1 epoch, and numbers of pieces not below 0."
            )
        self.harmonizers: Mapping[str, Harmonizer] = named(decoders)
        self.every_n_epochs, self.num_pieces, self.num_shown = every_n_epochs, num_pieces, num_shown
        self.missing, self.seed = letters_of(missing), seed
        self._held_out: HeldOut | None = None
        self._judge: Judge | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Refuse a model that can't write, before it is trained.

        Raises:
            CheckpointError: If its encoding doesn't tell the voices apart.
        """
        writing_encoding(_chorale_model(pl_module).language_model)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write, judge and log."""
        fitting = trainer.state.fn == "fit"
        if trainer.sanity_checking or (fitting and (trainer.current_epoch + 1) % self.every_n_epochs):
            return
        judge, pieces = self._prepare(trainer)
        model = _chorale_model(pl_module).language_model
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
            )
            judged = _gathered(dict(zip(mine, row.pieces, strict=True)), trainer.world_size)
            estimates = pool(
                [piece.figures for piece in judged],
                [piece.histograms for piece in judged],
                judge.reference,
                resamples=1,  # only the values are logged
            )
            self._log(trainer, pl_module, name, estimates)
            shown += self._chosen(name, judged)
        if trainer.is_global_zero:
            _write(trainer, shown)
        log_media(trainer, _media(shown, trainer.current_epoch))

    def _prepare(self, trainer: pl.Trainer) -> tuple[Judge, list[Chorale]]:
        """The judge and the pieces, got ready once."""
        if self._judge is None or self._held_out is None:
            folds = getattr(trainer, "datamodule", None) and trainer.datamodule.folds  # type: ignore[attr-defined]
            if not folds or not folds["valid"]:
                raise OptionError(
                    "DecodingEvaluation found no validation pieces; expected a ChoraleDataModule that has some."
                )
            self._held_out = held_out(folds, "valid", missing=[self.missing], limit=self.num_pieces)
            self._judge = Judge(self._held_out.training)
        return self._judge, self._held_out.pieces

    def _log(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, name: str, estimates: Mapping[str, Estimate]
    ) -> None:
        values = {figure: one.value for figure, one in estimates.items() if not math.isnan(one.value)}
        pl_module.log_dict(
            {f"decoding/{name}/{figure}": value for figure, value in values.items()}, sync_dist=trainer.world_size > 1
        )
        told = ", ".join(f"{FIGURES[one].label} {FIGURES[one].text(values[one])}" for one in _TOLD if one in values)
        rank_zero_info(f"Epoch {trainer.current_epoch}, {name}: {told}")

    def _chosen(self, name: str, judged: Sequence[Judged]) -> list[Shown]:
        """The best and the worst piece, by grade if there are grades, and the first ones."""
        by = "grade" if "grade" in judged[0].figures else "nats_per_frame"
        ranked = sorted(judged, key=lambda piece: piece.figures[by][0] / piece.figures[by][1])
        chosen = [Shown(name, "best", ranked[0]), Shown(name, "worst", ranked[-1])]
        return chosen + [Shown(name, f"piece {index}", piece) for index, piece in enumerate(judged[: self.num_shown])]


def _chorale_model(module: pl.LightningModule) -> ChoraleModel:
    if not isinstance(module, ChoraleModel):
        raise OptionError(
            f"DecodingEvaluation can't decode with a {type(module).__name__}; expected a ChoraleModel; leave it out."
        )
    return module


def _gathered(mine: dict[int, Judged], world_size: int) -> list[Judged]:
    """The pieces of all processes, in order."""
    parts: list[dict[int, Judged]] = [mine]
    if world_size > 1:
        parts = [{} for _ in range(world_size)]
        torch.distributed.all_gather_object(parts, mine)
    every = {index: piece for part in parts for index, piece in part.items()}
    return [every[index] for index in sorted(every)]


def _write(trainer: pl.Trainer, shown: Sequence[Shown]) -> None:
    """Leave the pieces as files in the run's folder."""
    run = Path((trainer.loggers and trainer.loggers[0].log_dir) or trainer.default_root_dir)
    for decoder, why, piece in shown:
        folder = run / "decoding" / f"epoch-{trainer.current_epoch:04}" / decoder
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{why} {piece.chorale.name}".replace(" ", "-").replace("/", "-")
        write_musicxml(piece.chorale, folder / f"{name}.musicxml")
        write_midi(piece.chorale, folder / f"{name}.mid")


def _media(shown: Sequence[Shown], epoch: int) -> Callable[[Any], dict[str, Any]]:
    """What W&B is given, made only if it is on: a table of pieces, and each decoder's best and worst."""

    def make(wandb: Any) -> dict[str, Any]:
        table = wandb.Table(columns=[*_COLUMNS, *(FIGURES[name].label for name in _PIECE)])
        media: dict[str, Any] = {"decoding/pieces": table}
        for decoder, why, piece in shown:
            chorale = piece.chorale
            picture = _picture(chorale)
            score = base64.b64encode(to_musicxml(chorale).encode()).decode()
            link = f'<a download="{chorale.name}.musicxml" href="data:application/xml;base64,{score}">MusicXML</a>'
            # Such a sound is enough to judge a piece by, and a tenth of what a CD would take.
            sound = base64.b64encode(wav(chorale, rate=11_025, stereo=False)).decode()
            player = f'<audio controls src="data:audio/wav;base64,{sound}"></audio>'
            if why in ("best", "worst"):
                page = f"<p>{escape(chorale.title or chorale.name)}</p>{player} {link}{_inline(picture)}"
                media[f"decoding/{decoder}/{why}"] = wandb.Html(page, inject=False)
            table.add_data(
                epoch,
                decoder,
                why,
                chorale.name,
                _image(wandb, picture),
                wandb.Html(player, inject=False),
                wandb.Html(link, inject=False),
                -piece.figures["nats_per_frame"][0],
                *(_quotient(piece, name) for name in _PIECE),
            )
        return media

    return make


def _picture(chorale: Chorale) -> bytes | None:
    """The score as PNG, if it can be drawn here."""
    try:
        return png(chorale, zoom=1.5)
    except MissingPackageError:
        return None


def _image(wandb: Any, picture: bytes | None) -> Any:
    """A PNG as W&B takes it."""
    if picture is None:
        return None
    from PIL import Image  # noqa: PLC0415  # it comes with matplotlib, by which the picture was drawn

    return wandb.Image(Image.open(io.BytesIO(picture)))


def _inline(picture: bytes | None) -> str:
    """A PNG as a page holds it."""
    if picture is None:
        return ""
    return f'<img style="max-width: 100%" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'


def _quotient(piece: Judged, name: str) -> float | None:
    over, under = piece.figures.get(name, (0, 0))
    return over / under if under else None
