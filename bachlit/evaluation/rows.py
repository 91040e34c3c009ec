"""Rows: what harmonizers make of held-out pieces with some voices left out, piece by piece, beside Bach himself."""

import math
import warnings
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch

from bachlit.errors import OptionError, RuleWarning
from bachlit.evaluation.figures import Histograms, Judge, Ratio, histograms
from bachlit.evaluation.harmonizers import Harmonizer
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, BoolArray, Chorale
from bachlit.music.prompt import Prompt

BATCH = 16
"""Pieces that are written at once."""


class Judged(NamedTuple):
    """A piece with its figures.

    Attributes:
        chorale: As it was written; its name is the original's.
        figures: See `Judge`.
        histograms: See `histograms`.
    """

    chorale: Chorale
    figures: dict[str, Ratio]
    histograms: Histograms

    def value(self, name: str) -> float:
        """A figure of this piece alone; NaN where it can't be told."""
        over, under = self.figures.get(name, (0, 0))
        return over / under if under else math.nan


class Row(NamedTuple):
    """All pieces by one hand.

    Attributes:
        model: The name of the model; empty for Bach.
        decoder: The harmonizer's name, or Bach.
        missing: Letters of the voices that were to be written; empty for Bach.
        pieces: In the order of the originals.
        seconds: They took.
    """

    model: str
    decoder: str
    missing: str
    pieces: list[Judged]
    seconds: float = 0.0


def letters_of(missing: str) -> str:
    """The voices that are missing, as letters in their order.

    Raises:
        OptionError: If a letter is no voice's, or there is none.

    >>> letters_of(" bat")
    'ATB'
    """
    letters = [voice[0].upper() for voice in VOICES]
    typed = missing.strip().upper()
    if not typed or not set(typed) <= set(letters):
        raise OptionError(
            f"{missing!r} doesn't name missing voices; expected letters of {''.join(letters)}, such as ATB for a "
            "soprano that is given, or SATB for nothing given; correct it."
        )
    return "".join(letter for letter in letters if letter in typed)


def free_cells(chorale: Chorale, missing: str) -> BoolArray:
    """(T, 4) true in the voices that are missing, named as for `letters_of`.

    >>> free_cells(Chorale.from_pitches([[67, 64, 60, 48]]), "AT").tolist()
    [[False, True, True, False]]
    """
    letters = letters_of(missing)
    return np.tile([voice[0].upper() in letters for voice in VOICES], (chorale.num_frames, 1))


def bachs_row(pieces: Sequence[Chorale], judge: Judge, model: LanguageModel | None = None) -> Row:
    """Bach himself.

    Args:
        pieces: His.
        judge: Tells their figures.
        model: Tells their log-probabilities; nobody if None.
    """
    rows = []
    for chorale in pieces:
        log_prob = log_probability(model, chorale) if model is not None else None
        rows.append(Judged(chorale, judge(chorale, log_prob=log_prob), histograms(chorale)))
    return Row("", "Bach", "", rows)


def log_probability(model: LanguageModel, chorale: Chorale) -> float:
    """The model's log-probability of a piece in nats, in the key in which the model is at home."""
    moved = model.at_home(chorale)
    start, *tokens = torch.from_numpy(model.encoding.encode(moved)).to(model.device).unsqueeze(1)  # (1,) each
    return float(model.score(torch.stack(tokens, 1), start))


def written_row(
    model: LanguageModel,
    harmonizer: Harmonizer,
    pieces: Sequence[Chorale],
    seeds: Sequence[int],
    judge: Judge,
    *,
    missing: str = "ATB",
    names: tuple[str, str] = ("", ""),
    progress: Callable[[int], object] = lambda _: None,
) -> Row:
    """Have voices of pieces written anew, and judge what comes.

    Args:
        model: Predicts the tokens.
        harmonizer: Chooses them.
        pieces: Bach's; their length, fermatas and metadata are given too.
        seeds: One a piece: a piece doesn't depend on what is written beside it.
        judge: Tells the figures.
        missing: Letters of the voices to write.
        names: Of the model and the harmonizer.
        progress: Told how many more pieces are done.

    Returns:
        The pieces in their order.
    """
    rules = harmonizer.weighed()
    judged: dict[int, Judged] = {}
    begun = perf_counter()
    # Pieces of a length side by side: a batch takes as long as its longest.
    order = sorted(range(len(pieces)), key=lambda index: pieces[index].num_frames)
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        free = [free_cells(pieces[index], missing) for index in batch]
        prompts = [Prompt(pieces[index], ~mask) for index, mask in zip(batch, free, strict=True)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuleWarning)  # they are counted
            written = write(
                model, prompts, decoder=harmonizer.decoder, seeds=[seeds[index] for index in batch], rules=rules
            )
        for index, piece, mask in zip(batch, written, free, strict=True):
            judged[index] = Judged(
                piece.chorale,
                judge(
                    piece.chorale,
                    original=pieces[index],
                    free=mask,
                    log_prob=piece.log_prob,
                    yielded=piece.yielded,
                ),
                histograms(piece.chorale),
            )
        progress(len(batch))
    return Row(*names, missing, [judged[index] for index in range(len(pieces))], perf_counter() - begun)


def extremes(pieces: Sequence[Judged]) -> tuple[int, int]:
    """The indices of the best and the worst piece: by grade, or by nats a frame where there are no grades."""
    values = [piece.value(ranked_by(pieces)) for piece in pieces]
    return values.index(min(values)), values.index(max(values))


def ranked_by(pieces: Sequence[Judged]) -> str:
    """The figure by which pieces are called best and worst."""
    return "grade" if "grade" in pieces[0].figures else "nats_per_frame"
