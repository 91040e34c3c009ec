"""Harmony that is given with a score: chords and figures, typed or its own."""

from bachlit.decoding import ChordTones, Rules
from bachlit.errors import OptionError
from bachlit.generation.figured_bass import figured_bass
from bachlit.music.chorale import Chorale
from bachlit.music.measures import whole_bars
from bachlit.music.prompt import Prompt
from bachlit.scores import given_chords, given_figures


def given_harmony(prompt: Prompt, chords: str | None, figures: str | None) -> Rules:
    """Make rules of the chords and the figures that a harmonisation keeps to.

    Args:
        prompt: What is given; its chorale may have chord symbols and figures from its score.
        chords: As typed: chords between bar lines, or `given` for the score's own. Each lasts until the next; where
            they stop before the last two bars, the last one ends with its bar.
        figures: As typed: figures between bar lines, or `none` for none. If None, the score's own hold over a bass
            that is given.

    Raises:
        OptionError: If they can't be read, don't fit the piece, or the score has none.
    """
    rules = Rules()
    chorale = prompt.chorale
    bass = bool(prompt.given[:, -1].any())
    own = given_figures(chorale) if bass and figures is None else []
    if own or figures not in (None, "none"):
        rules &= figured_bass(chorale, figures or own)
    if chords is not None:
        rules &= _own_chords(chorale) if chords.strip().lower() == "given" else _typed_chords(chorale, chords)
    return rules


def _typed_chords(chorale: Chorale, chords: str) -> ChordTones:
    tones = ChordTones(chords=chords)
    tones.refuse_misfit([bar.length for bar in whole_bars(chorale.measures)])
    return tones


def _own_chords(chorale: Chorale) -> ChordTones:
    chords = [(frame, symbol if ChordTones.knows(symbol) else ".") for frame, symbol in given_chords(chorale)]
    if not chords:
        raise OptionError(
            f"{chorale.name or 'The score'} has no chord symbols; expected some for --chords given; type the chords "
            "instead."
        )
    last = next(index for index, measure in enumerate(chorale.measures) if chords[-1][0] < measure.end)
    if last + 2 < len(chorale.measures):  # the symbols stop; their last harmony doesn't last
        chords.append((chorale.measures[last].end, "."))
    return ChordTones(at=tuple(chords))
