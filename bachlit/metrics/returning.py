"""Returning bars: whether the lower voices sing the same again when the tune does."""

from typing import NamedTuple

from bachlit.music.chorale import Chorale
from bachlit.music.measures import whole_bars


class ReturnCounts(NamedTuple):
    """Counts of the soprano's bars that return; add them over pieces with `total`.

    Attributes:
        returns: Full bars of the soprano that stood before, note for note.
        copies: Those in which alto, tenor and bass too sing, note for note, what they sang with it before.
    """

    returns: int = 0
    copies: int = 0


def return_counts(chorale: Chorale) -> ReturnCounts:
    """Count the bars of a chorale that return, as it is written: a repeat is one bar.

    >>> bar = [[72, 67, 64, 48]] * 16
    >>> other = [[72, 67, 64, 52]] * 16
    >>> from dataclasses import replace
    >>> barred = Chorale.from_pitches(bar + other + bar)
    >>> onsets = barred.onsets.copy()
    >>> onsets[[16, 32]] = True
    >>> return_counts(replace(barred, onsets=onsets))
    ReturnCounts(returns=2, copies=1)
    """
    heard: dict[bytes, set[bytes]] = {}
    returns = copies = 0
    for bar in whole_bars(chorale.measures):
        span = slice(bar.start, bar.end)
        pitches, onsets = chorale.pitches[span], chorale.onsets[span]
        if bar.length != bar.full or not pitches[:, 0].any():
            continue
        tune = pitches[:, 0].tobytes() + onsets[:, 0].tobytes()
        lower = pitches[:, 1:].tobytes() + onsets[:, 1:].tobytes()
        if tune in heard:
            returns += 1
            copies += lower in heard[tune]
        heard.setdefault(tune, set()).add(lower)
    return ReturnCounts(returns, copies)
