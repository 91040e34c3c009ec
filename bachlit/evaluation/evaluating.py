"""Evaluate models times harmonizers on held-out pieces, with Bach's own row on top."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import compress
from typing import Any

import torch

from bachlit.errors import OptionError
from bachlit.evaluation.figures import FIGURES, Column, Figure, Judge, columns_of
from bachlit.evaluation.harmonizers import Harmonizer, described
from bachlit.evaluation.held_out import HeldOut
from bachlit.evaluation.pooling import FEW, RESAMPLES, Estimate, pool
from bachlit.evaluation.rows import Row, bachs_row, letters_of, written_row
from bachlit.generation.choices import PhraseChoice
from bachlit.metrics import Likelihood
from bachlit.models.language_model import LanguageModel, evaluating
from bachlit.music.chorale import Chorale

DAGGER = "\N{DAGGER}"
"""Mark of an interval that can't be relied on."""

_HEARD = {"auto": "the fermatas, or found ones where a piece has none before its last note", "none": "none"}


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Result of an evaluation; a notebook shows its main figures as a table.

    `bachlit.evaluation.page` and the functions of `bachlit.evaluation.reports` show all of them.

    Attributes:
        rows: Bach's, then one per model, mask and harmonizer.
        estimates: Pooled figures of each row.
        models: Teacher-forced likelihoods of Bach's pieces, by model.
        about: Settings, as plain data.
        figures: What was measured.
        tunes: Whether the pieces are tunes without Bach: his row is then of other pieces.
    """

    rows: list[Row]
    estimates: list[dict[str, Estimate]]
    models: dict[str, dict[str, float]]
    about: dict[str, Any] = field(default_factory=dict)
    figures: Sequence[Figure] = FIGURES
    tunes: bool = False

    @property
    def columns(self) -> dict[str, Column]:
        """Columns of the figures, by name."""
        return columns_of(self.figures)

    def subject(self, thing: str = "piece") -> str:
        """Describe the pieces in a heading."""
        fold = self.about.get("fold")
        bach = counted(len(self.rows[0].pieces), thing) + (f" of the {fold} fold" if fold else "")
        return f"{counted(len(self.rows[1].pieces), 'tune')} without Bach, beside {bach}" if self.tunes else bach

    def names(self) -> list[str]:
        """Name of each row: the harmonizer, plus model and mask if there are several."""
        written = self.rows[1:]
        varies = len({row.model for row in written}) > 1, True, len({row.missing for row in written}) > 1
        return ["Bach", *(" ".join(compress((row.model, row.decoder, row.missing), varies)) for row in written)]

    def sections(self) -> Iterator[tuple[str, list[tuple[Column, list[Estimate | None]]]]]:
        """Yield the sections of columns that have known estimates, with these, one per row."""
        for section in dict.fromkeys(figure.section for figure in self.figures):
            columns = columns_of([figure for figure in self.figures if figure.section == section])
            lines = [(column, [row.get(name) for row in self.estimates]) for name, column in columns.items()]
            known = [(column, line) for column, line in lines if any(one is not None and one.known for one in line)]
            if known:
                yield section, known

    def summary(self) -> list[str]:
        """Describe what was evaluated, in sentences."""
        about, masks = self.about, sorted({row.missing for row in self.rows[1:]})
        sentences = [
            f"{self.subject()}, {about['frames']} sixteenths; "
            f"missing voices, composed anew: {', '.join(masks)}. Piece i has seed {about['seed']} + i. "
            f"Models: {', '.join(self.models)}."
        ]
        if about.get("strip_fermatas"):
            sentences.append("Fermatas were taken away before composing; phrases are judged where they stood.")
        if about["phrases"] in _HEARD:
            sentences.append(f"Phrase ends that were heard: {_HEARD[about['phrases']]}.")
        if about.get("left_out"):
            sentences.append(f"Left out, since they can't be written: {', '.join(about['left_out'])}.")
        return [*sentences, *about.get("doubts", ()), *self.cautions()]

    def few(self) -> list[bool]:
        """Tell of each row whether its intervals are of too few pieces to rely on."""
        return [1 < len(row.pieces) < FEW for row in self.rows]

    def cautions(self) -> list[str]:
        """Say which intervals can't be relied on, which reports mark with a dagger."""
        counts = sorted({len(row.pieces) for row in self.rows})
        few = [str(count) for count in counts if 1 < count < FEW]
        cautions = ["One piece has no interval."] if 1 in counts else []
        if few:
            cautions.append(
                f"{DAGGER} This interval is over {' or '.join(few)} pieces; "
                f"over fewer than {FEW} it is often too narrow."
            )
        return cautions

    def __repr__(self) -> str:
        from bachlit.evaluation.showing import brief  # noqa: PLC0415  # which knows evaluations

        return brief(self)

    def _repr_html_(self) -> str:
        """Show the main figures in a notebook."""
        from bachlit.evaluation.showing import html_table  # noqa: PLC0415  # likewise

        return html_table(self)


def evaluate(
    models: Mapping[str, LanguageModel],
    harmonizers: Mapping[str, Harmonizer],
    held_out: HeldOut,
    *,
    missing: Sequence[str] = ("ATB",),
    phrases: PhraseChoice = "given",
    seed: int = 0,
    resamples: int = RESAMPLES,
    figures: Sequence[Figure] = FIGURES,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Evaluation:
    """Compose with every harmonizer and model, and judge the results.

    Args:
        models: By name.
        harmonizers: By name.
        held_out: Pieces that no model was trained on.
        missing: Masks: letters of the voices to compose.
        phrases: Phrase ends that harmonizers hear: `given` for the pieces' fermatas, `none`, or `auto` for found ones
            where a piece has no fermata before its last note. Pieces are judged at their own.
        seed: Piece i has `seed + i`.
        resamples: Bootstrap resamples.
        figures: What is measured, as from `figures_with`.
        about: More settings to report, as plain data.
        progress: Called with the number of pieces just composed.

    Raises:
        OptionError: If there is nothing to evaluate, or a mask names no voices.
        CheckpointError: If a model can't compose.
    """
    if not (models and harmonizers and missing) or resamples < 1:
        raise OptionError(
            f"There are {len(models)} models, {len(harmonizers)} decoders, {len(missing)} masks and {resamples} "
            "resamples; expected at least one of each."
        )
    pieces, bach = held_out.pieces, held_out.bach or held_out.pieces
    masks = [letters_of(letters) for letters in missing]
    for model in models.values():
        _ = model.voiced_encoding
    judge = Judge(held_out.training, figures)
    alone = next(iter(models.values())) if len(models) == 1 else None
    rows = [bachs_row(bach, judge, alone)]
    compose = partial(
        written_row,
        pieces=pieces,
        seeds=range(seed, seed + len(pieces)),
        judge=judge,
        phrases=phrases,
        ends=held_out.ends,
        tunes=held_out.tunes,
        progress=progress,
    )
    for name, model in models.items():
        for letters in masks:
            for decoder, harmonizer in harmonizers.items():
                row = compose(model, harmonizer, missing=letters)
                rows.append(row._replace(model=name, decoder=decoder))
    columns = columns_of(figures)
    estimates = []
    for row in rows:
        values, histograms = [piece.figures for piece in row.pieces], [piece.histograms for piece in row.pieces]
        estimates.append(pool(values, histograms, judge.reference, resamples=resamples, columns=columns))
    known = {
        "pieces": len(pieces),
        "frames": sum(chorale.num_frames for chorale in pieces),
        "left_out": dict(held_out.left_out),
        "doubts": list(held_out.doubts),
        "training_pieces": len(held_out.training),
        "phrases": phrases,
        "seed": seed,
        "resamples": resamples,
        "decoders": described(harmonizers, {name: model.calibration for name, model in models.items()}),
    }
    likelihoods = {name: likelihood(model, bach) for name, model in models.items()}
    about = {"bachlit": version("bachlit"), "fold": held_out.fold, **(about or {}), **known}
    return Evaluation(rows, estimates, likelihoods, about, figures, held_out.tunes)


def likelihood(model: LanguageModel, pieces: Sequence[Chorale]) -> dict[str, float]:
    """Teacher-forced likelihood of pieces: the figures of `Likelihood`.

    Args:
        model: Reads the pieces, each in a key that it knows.
        pieces: Whole pieces.
    """
    encoding = model.encoding
    metric = Likelihood(encoding.slot_names, completes_frame=encoding.completes_frame(), kinds=encoding.kinds())
    metric = metric.to(model.device)
    with torch.inference_mode(), evaluating(model.network) as network:
        for chorale in pieces:
            tokens = encoding.encode(model.at_home(chorale))
            slots = torch.from_numpy(encoding.slots(tokens[1:])).unsqueeze(0)
            stream = torch.from_numpy(tokens).unsqueeze(0).to(model.device)  # (1, 1 + N)
            logits, _ = network(stream[:, :-1], network.initial_memory(1))
            metric.update(logits, stream[:, 1:], slots.to(model.device))
    return {name: float(value) for name, value in metric.compute().items()}


def counted(number: int, thing: str) -> str:
    """Format a count: singular or plural.

    >>> counted(1, "piece"), counted(2, "piece")
    ('1 piece', '2 pieces')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
