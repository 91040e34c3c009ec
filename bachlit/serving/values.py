"""Values of options: readers that check them, and quotes for refusals.

A reader gives a value as it is used, and raises ValueError, or a BachlitError with words of its own, if it can't be.
"""

import math
import re
from collections.abc import Callable
from typing import Any

from bachlit.generation.named_places import named_bars, named_voices
from bachlit.generation.named_ranges import named_ranges
from bachlit.music.chorale import VOICES
from bachlit.music.keys import key_named
from bachlit.serving.refusals import RefusedError

Reader = Callable[[Any], Any]

LONG = 20_000
"""Most characters of a harmony."""

_QUOTED = 60  # characters of what was sent that a sentence quotes
_WORD, _LINE = 100, 2_000  # characters of a name, and of places


def shown(value: Any) -> str:
    """Quote a value, shortened.

    >>> print(shown("tune"), len(shown("a" * 100)), shown({"a": [1]}))
    'tune' 60 an object of 1
    """
    if isinstance(value, str):
        return repr(value if len(value) <= _QUOTED - 2 else f"{value[: _QUOTED - 3]}…")
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "a number of very many digits"
    if isinstance(value, float):
        return f"{value:g}"
    return f"a list of {len(value)}" if isinstance(value, list) else f"an object of {len(value)}"


def plain(sentence: str) -> str:
    """Name options in a sentence as requests do, and shorten what it quotes.

    >>> plain("expected 1 to 5; set --num to that")
    'expected 1 to 5; set num to that'
    >>> plain(f"There is no figure {'9' * 100!r}; leave it out.")[70:]
    "9999999999…'; leave it out."
    """
    named = re.sub(r"(?<![\w-])--([a-z_]+)", r"\1", sentence)
    return re.sub(rf"((?<!\w)'[^']{{{_QUOTED}}})[^']+'(?!\w)", r"\1…'", named)


def text_up_to(most: int) -> Reader:
    """Make a reader of text on one line, of bounded length."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > most or not all(map(_printable, value)):
            raise ValueError("no text")
        return value

    return read


def _printable(letter: str) -> bool:
    return letter >= " " and letter != "\x7f" and not "\ud800" <= letter <= "\udfff"


def whole(least: int, most: int) -> Reader:
    """Make a reader of whole numbers."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError("no such number")
        return value

    return read


def real(least: float, most: float) -> Reader:
    """Make a reader of numbers."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError("no such number")
        return float(value)

    return read


def choice(*words: str) -> Reader:
    """Make a reader of a few known words."""

    def read(value: Any) -> str:
        if value not in words or not isinstance(value, str):
            raise ValueError("no such word")
        return value

    return read


def flag(value: Any) -> bool:
    """Read a flag."""
    if not isinstance(value, bool):
        raise ValueError("no flag")
    return value


def voices(value: Any) -> list[str]:
    """Read one voice or several, each once."""
    names = ",".join(map(text_up_to(_WORD), value)) if isinstance(value, list) else value
    return [*dict.fromkeys(named_voices(text_up_to(_WORD)(names)))]


def part(value: Any) -> str:
    """Read a name or a number."""
    return str(whole(0, 10**6)(value)) if isinstance(value, int) else text_up_to(_WORD)(value)


def bars(value: Any) -> tuple[int, int]:
    """Read the first and the last of some bars.

    >>> bars(5), bars("5-8"), bars([5, 8])
    ((5, 5), (5, 8), (5, 8))
    """
    number = whole(0, 10**6)
    if isinstance(value, list):
        first, last = value
        return named_bars(f"{number(first)}-{number(last)}")
    return named_bars(text_up_to(_WORD)(value) if isinstance(value, str) else str(number(value)))


def phrases(value: Any) -> str:
    """Read phrase ends, or their places.

    >>> phrases([4, 8.3, "12"]), phrases("auto")
    ('4,8.3,12', 'auto')
    """
    if isinstance(value, list):
        places = [f"{real(0, 10**6)(one):g}" if isinstance(one, int | float) else one for one in value]
        return text_up_to(_LINE)(",".join(map(text_up_to(_WORD), places))) or "none"
    return text_up_to(_LINE)(value) or "none"


def transpose(value: Any) -> int | str:
    """Read semitones, or the word auto."""
    return value if value == "auto" and isinstance(value, str) else whole(-60, 60)(value)


def key(value: Any) -> str:
    """Read the name of a key."""
    key_named(text_up_to(_WORD)(value))
    return str(value)


def ranges(value: Any) -> str:
    """Read the ranges of voices."""
    named_ranges(text_up_to(_LINE)(value))
    return str(value)


def rules(value: Any) -> str | dict[str, float]:
    """Read numbers by rule, or the word none.

    >>> rules({"NoHidden": "inf"})
    {'NoHidden': inf}
    """
    if value == "none" and isinstance(value, str):
        return value
    if not isinstance(value, dict) or len(value) > 100:
        raise ValueError("no rules")
    return {_rule(name): _nats(weight) for name, weight in value.items()}


def _rule(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{1,40}", name):  # a dotted path would be a class to import
        raise RefusedError(
            "invalid", f"There is no rule {shown(name)}; expected one of GET /api/v1/options; correct it."
        )
    return name


def _nats(weight: Any) -> float:
    return math.inf if weight == "inf" and isinstance(weight, str) else real(-1000, 1000)(weight)


def hold(value: Any) -> list[tuple[str, float, float]]:
    """Read stretches of voices: voice, from tick, to tick."""
    if not isinstance(value, list) or len(value) > 10_000:
        raise ValueError("no stretches")
    ticks = real(0, 10**9)
    return [(choice(*VOICES)(voice), ticks(first), ticks(last)) for voice, first, last in map(_three, value)]


def _three(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError("no stretch")
    return value
