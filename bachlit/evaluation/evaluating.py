"""Evaluating: models times harmonizers on held-out pieces, Bach's own row on top."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from bachlit.errors import OptionError
from bachlit.evaluation.figures import Judge
from bachlit.evaluation.harmonizers import Harmonizer
from bachlit.evaluation.held_out import HeldOut
from bachlit.evaluation.pooling import RESAMPLES, Estimate, pool
from bachlit.evaluation.rows import Row, bachs_row, letters_of, written_row
from bachlit.generation.harmonizing import writing_encoding
from bachlit.metrics import Likelihood
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale


@dataclass(frozen=True)
class Evaluation:
    """What came of an evaluation.

    Attributes:
        rows: Bach's, then one a model, mask and harmonizer.
        estimates: The figures of each row's pieces, pooled.
        models: Teacher-forced likelihoods of Bach's pieces by the model's name.
        about: What was evaluated, as plain data.
    """

    rows: list[Row]
    estimates: list[dict[str, Estimate]]
    models: dict[str, dict[str, float]]
    about: dict[str, Any] = field(default_factory=dict)

    def names(self) -> list[str]:
        """What to call each row: the harmonizer, with the model and the mask where there are several."""
        written = self.rows[1:]
        several_models = len({row.model for row in written}) > 1
        several_masks = len({row.missing for row in written}) > 1
        return ["Bach"] + [
            " ".join(
                part
                for part in (row.model if several_models else "", row.decoder, row.missing if several_masks else "")
                if part
            )
            for row in written
        ]

    def told(self) -> list[str]:
        """What was evaluated, in sentences."""
        about, masks = self.about, sorted({row.missing for row in self.rows[1:]})
        said = [
            f"{counted(about['pieces'], 'piece')} of the {about['fold']} fold, {about['frames']} sixteenths; "
            f"missing voices, written anew: {', '.join(masks)}. Piece i has seed {about['seed']} + i. "
            f"Models: {', '.join(self.models)}."
        ]
        if about.get("left_out"):
            said.append(f"Left out, since they can't be written: {', '.join(about['left_out'])}.")
        return [*said, *about.get("doubts", ())]


def evaluate(
    models: Mapping[str, LanguageModel],
    harmonizers: Mapping[str, Harmonizer],
    held_out: HeldOut,
    *,
    missing: Sequence[str] = ("ATB",),
    seed: int = 0,
    resamples: int = RESAMPLES,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Evaluation:
    """Have every harmonizer write with every model, and judge all.

    Args:
        models: By name.
        harmonizers: By name.
        held_out: The pieces, none of which a model was trained on.
        missing: Masks: letters of the voices that are written anew.
        seed: Piece i has `seed + i`.
        resamples: Of the bootstrap.
        about: What else to tell of the evaluation, as plain data.
        progress: Told how many more pieces are written.

    Raises:
        OptionError: If there is nothing to evaluate, or a mask names no voices.
        CheckpointError: If a model can't write.
    """
    if not (models and harmonizers and missing) or resamples < 1:
        raise OptionError(
            f"{len(models)} models, {len(harmonizers)} decoders, {len(missing)} masks and {resamples} resamples make "
            "no evaluation; expected at least one of each."
        )
    pieces = held_out.pieces
    masks = [letters_of(letters) for letters in missing]
    for model in models.values():
        writing_encoding(model)
    judge = Judge(held_out.training)
    alone = next(iter(models.values())) if len(models) == 1 else None
    rows = [bachs_row(pieces, judge, alone)]
    seeds = range(seed, seed + len(pieces))
    for name, model in models.items():
        for letters in masks:
            for decoder, harmonizer in harmonizers.items():
                names = (name, decoder)
                rows.append(
                    written_row(
                        model, harmonizer, pieces, seeds, judge, missing=letters, names=names, progress=progress
                    )
                )
    estimates = [
        pool(
            [piece.figures for piece in row.pieces],
            [piece.histograms for piece in row.pieces],
            judge.reference,
            resamples=resamples,
        )
        for row in rows
    ]
    known = {
        "pieces": len(pieces),
        "frames": sum(chorale.num_frames for chorale in pieces),
        "left_out": dict(held_out.left_out),
        "doubts": list(held_out.doubts),
        "training_pieces": len(held_out.training),
        "seed": seed,
        "resamples": resamples,
    }
    likelihoods = {name: likelihood(model, pieces) for name, model in models.items()}
    return Evaluation(rows, estimates, likelihoods, {**(about or {}), **known})


def likelihood(model: LanguageModel, pieces: Sequence[Chorale]) -> dict[str, float]:
    """How well a model predicts pieces, teacher-forced: the figures of `Likelihood`."""
    encoding = model.encoding
    metric = Likelihood(
        encoding.slot_names,
        completes_frame=torch.from_numpy(encoding.completes_frame()),
        kinds=torch.from_numpy(encoding.kinds()),
    ).to(model.device)
    training = model.network.training
    model.network.eval()
    try:
        with torch.inference_mode():
            for chorale in pieces:
                tokens = encoding.encode(model.at_home(chorale))
                slots = torch.from_numpy(encoding.slots(tokens[1:])).unsqueeze(0)
                stream = torch.from_numpy(tokens).unsqueeze(0).to(model.device)  # (1, 1 + N)
                logits, _ = model.network(stream[:, :-1], model.network.initial_memory(1))
                metric.update(logits, stream[:, 1:], slots.to(model.device))
    finally:
        model.network.train(training)
    return {name: float(value) for name, value in metric.compute().items()}


def counted(number: int, thing: str) -> str:
    """A number of things.

    >>> counted(1, "piece"), counted(2, "piece")
    ('1 piece', '2 pieces')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
