"""Voices and bars, as typed."""

import re
from typing import cast

from bachlit.errors import OptionError
from bachlit.music.chorale import VOICES, Voice


def named_voices(typed: str) -> list[Voice]:
    """Read the names of voices.

    Args:
        typed: One voice, or several with commas between.

    Raises:
        OptionError: If one isn't a voice.

    >>> named_voices("soprano, Bass")
    ['soprano', 'bass']
    """
    names = [name.strip().lower() for name in typed.split(",")]
    unknown = [name for name in names if name not in VOICES]
    if unknown:
        raise OptionError(
            f"There is no voice {unknown[0][:40]!r}; expected {', '.join(VOICES)}, or several of them with commas "
            "between, such as soprano,bass."
        )
    return cast(list[Voice], names)


def named_bars(typed: str) -> tuple[int, int]:
    """Read the first and the last of some bars.

    Args:
        typed: Such as `5-8`, or `5`.

    Raises:
        OptionError: If it is no such span.

    >>> named_bars("5-8"), named_bars("5")
    ((5, 8), (5, 5))
    """
    match = re.fullmatch(r"([0-9]{1,15})(?:-([0-9]{1,15}))?", typed.replace(" ", ""))
    if not match:
        raise OptionError(
            f"{typed[:60]!r} names no bars; expected one or a span of them, such as --bars 5 or --bars 5-8."
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise OptionError(
            f"Bar {last} comes before bar {first}; expected the first bar, then the last; type --bars {last}-{first}."
        )
    return first, last
