"""Rows of an evaluation: held-out pieces composed by one harmonizer, and Bach's own."""

import math
import warnings
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch

from bachlit.errors import OptionError, RuleWarning
from bachlit.evaluation.figures import Histograms, Judge, Ratio
from bachlit.evaluation.harmonizers import Harmonizer
from bachlit.generation.choices import PhraseChoice
from bachlit.generation.harmonizing import write_several
from bachlit.generation.phrasing import phrased
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, BoolArray, Chorale
from bachlit.music.prompt import Prompt
from bachlit.scores import phrase_marks

BATCH = 16
"""Pieces composed at once."""


class Judged(NamedTuple):
    """Piece with its figures.

    Attributes:
        chorale: The piece; its name is the original's.
        figures: Ratios by name, from `Judge`.
        histograms: Its categories counted, for the distributions.
    """

    chorale: Chorale
    figures: dict[str, Ratio]
    histograms: Histograms

    def __repr__(self) -> str:
        return f"<Judged {self.chorale!r}, {len(self.figures)} figures>"

    def value(self, name: str) -> float:
        """Value of a figure for this piece; NaN if unknown."""
        over, under = self.figures.get(name, (0, 0))
        return over / under if under else math.nan


class Row(NamedTuple):
    """All pieces by one model and harmonizer, or by Bach.

    Attributes:
        model: Name of the model; empty for Bach.
        decoder: Name of the harmonizer, or Bach.
        missing: Letters of the composed voices; empty for Bach.
        pieces: In the order of the originals.
        seconds: Time taken.
    """

    model: str
    decoder: str
    missing: str
    pieces: list[Judged]
    seconds: float = 0.0

    def __repr__(self) -> str:
        by = " ".join(part for part in (self.model, self.decoder, self.missing) if part)
        return f"<Row of {len(self.pieces)} pieces by {by}>"


def letters_of(missing: str) -> str:
    """Normalise the letters of missing voices.

    Args:
        missing: Letters of voices, in any order and case.

    Raises:
        OptionError: If a letter isn't a voice's, or there is none.

    >>> letters_of(" bat")
    'ATB'
    """
    letters = [voice[0].upper() for voice in VOICES]
    typed = missing.strip().upper()
    if not typed or not set(typed) <= set(letters):
        raise OptionError(
            f"{missing!r} doesn't name missing voices; expected letters of {''.join(letters)}, such as ATB to "
            "harmonise a soprano, or SATB to compose freely."
        )
    return "".join(letter for letter in letters if letter in typed)


def free_cells(chorale: Chorale, missing: str) -> BoolArray:
    """Mask (T, 4) of the missing voices.

    >>> free_cells(Chorale.from_pitches([[67, 64, 60, 48]]), "AT").tolist()
    [[False, True, True, False]]
    """
    letters = letters_of(missing)
    return np.tile([voice[0].upper() in letters for voice in VOICES], (chorale.num_frames, 1))


def bachs_row(pieces: Sequence[Chorale], judge: Judge, model: LanguageModel | None = None) -> Row:
    """Judge Bach's own pieces.

    Args:
        pieces: Bach's pieces.
        judge: Computes the figures.
        model: Gives log-probabilities; None for none.
    """
    judged = []
    for chorale in pieces:
        log_prob = log_probability(model, chorale) if model is not None else None
        judged.append(Judged(chorale, judge(chorale, log_prob=log_prob), judge.histograms(chorale)))
    return Row("", "Bach", "", judged)


def log_probability(model: LanguageModel, chorale: Chorale) -> float:
    """Log-probability of a piece in nats, in the key in which the model reads it."""
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
    phrases: PhraseChoice = "given",
    ends: Sequence[Sequence[int]] = (),
    tunes: bool = False,
    progress: Callable[[int], object] = lambda _: None,
) -> Row:
    """Compose the missing voices of pieces, and judge the results.

    Args:
        model: Predicts the tokens.
        harmonizer: Chooses them.
        pieces: Bach's pieces; their length, fermatas and metadata are given too.
        seeds: One per piece: results don't depend on the batch.
        judge: Computes the figures.
        missing: Letters of the voices to compose.
        phrases: Phrase ends that the harmonizer hears: `given` for the pieces' fermatas, `none`, or `auto` for found
            ones where a piece has no fermata before its last note.
        ends: Frames in which the last notes of each piece's phrases begin, where it is judged; by default those under
            fermatas.
        tunes: Whether the pieces are tunes without Bach, so that nothing is compared with them.
        progress: Called with the number of pieces just done.

    Returns:
        A row without names, its pieces in the given order.
    """
    rules = harmonizer.weighed(model.calibration)
    judged: dict[int, Judged] = {}
    begun = perf_counter()
    # Sort by length: a batch takes as long as its longest piece.
    order = sorted(range(len(pieces)), key=lambda index: pieces[index].num_frames)
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        free = [free_cells(pieces[index], missing) for index in batch]
        prompts = [
            phrased(Prompt(pieces[index], ~mask), phrases, phrase_marks(pieces[index]))
            for index, mask in zip(batch, free, strict=True)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuleWarning)  # counted instead
            several = write_several(
                model,
                prompts,
                decoder=harmonizer.decoder,
                seeds=[seeds[index] for index in batch],
                num=harmonizer.candidates,
                rules=rules,
            )
            written = [ranked[0] for ranked in several]
        for index, piece, mask in zip(batch, written, free, strict=True):
            judged_at = ends[index] if ends else None
            figures = judge(
                piece.chorale,
                original=None if tunes else pieces[index],
                free=mask,
                log_prob=piece.log_prob,
                yielded=piece.yielded,
                ends=judged_at,
            )
            judged[index] = Judged(piece.chorale, figures, judge.histograms(piece.chorale, ends=judged_at))
        progress(len(batch))
    return Row("", "", missing, [judged[index] for index in range(len(pieces))], perf_counter() - begun)


def extremes(pieces: Sequence[Judged]) -> tuple[int, int]:
    """Indices of the best and the worst piece, by grade, else by nats per frame.

    Args:
        pieces: Of one row.
    """
    values = [piece.value(ranked_by(pieces)) for piece in pieces]
    return values.index(min(values)), values.index(max(values))


def ranked_by(pieces: Sequence[Judged]) -> str:
    """Figure by which `extremes` ranks: grade, else nats per frame."""
    return "grade" if "grade" in pieces[0].figures else "nats_per_frame"
