"""Limits of what is asked for: the number of pieces, their bars, the seed."""

from bachlit.errors import OptionError
from bachlit.scores.reading.limits import MAX_FRAMES

MAX_BARS = MAX_FRAMES // 16
"""Bars of 4/4 of a composed piece: longer scores can't be read."""

_MAX_NUM = 10_000  # pieces of one command: nobody looks through more
_MAX_WRITTEN = 20_000_000  # sixteenths of all harmonisations, which are compared in memory: some 500 MB


def bars_between(bars: int | None, min_bars: int, max_bars: int) -> tuple[int, int]:
    """Return the fewest and the most bars of a composed piece.

    Args:
        bars: Its length, instead of the others.
        min_bars: Bars of 4/4 before which no piece ends, unless `max_bars` is less.
        max_bars: Bars of 4/4 after which every piece ends.

    Raises:
        OptionError: If the number of bars isn't from 1 to 1,250.

    >>> bars_between(None, 8, 4), bars_between(12, 8, 40)
    ((4, 4), (12, 12))
    """
    least, most = (min(min_bars, max_bars), max_bars) if bars is None else (bars, bars)
    if most < 1 or max(most, min_bars) > MAX_BARS:
        wrong = most if most < 1 else max(most, min_bars)
        raise OptionError(
            f"A piece of {wrong} bars can't be written; expected at least 1, and at most {MAX_BARS}, the longest that "
            "is read again; ask for fewer."
        )
    return least, most


def refuse_num(num: int, cant: str, num_frames: int = 1) -> None:
    """Refuse a number of pieces below one, or beyond what memory holds or anyone looks through.

    Args:
        num: Number of pieces.
        cant: What fails, for the message, such as "chorales can't be composed".
        num_frames: Sixteenths of each piece, if all are in memory at once.

    Raises:
        OptionError: If the number is outside the range.
    """
    most = min(_MAX_NUM, _MAX_WRITTEN // num_frames)
    if not 1 <= num <= most:
        long = f" of {num_frames} sixteenths" if most < _MAX_NUM else ""
        raise OptionError(f"{num} {cant}; expected at least 1, and at most {most}{long}; set --num to that.")


def refuse_seed(seed: int) -> None:
    """Refuse a seed that generators don't take, or take for another.

    Raises:
        OptionError: If it isn't from 0 to 2**63 - 1.
    """
    if not 0 <= seed < 2**63:
        raise OptionError(f"A seed of {seed} can't be used; expected 0 to {2**63 - 1}; set --seed to one of these.")
