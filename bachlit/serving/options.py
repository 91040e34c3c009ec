"""Options of a request: what each may be, in one table that is read and documented."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from bachlit.errors import BachlitError
from bachlit.generation.choices import Style
from bachlit.generation.metre import BEATS
from bachlit.generation.named_places import named_bars, named_voices
from bachlit.generation.named_ranges import named_ranges
from bachlit.models.shipped import SHIPPED
from bachlit.music.chorale import VOICES
from bachlit.music.keys import key_named
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_PIECES

DECODERS: Mapping[str, bool] = {
    "BeamSearch": False,
    "Gibbs": True,
    "Greedy": False,
    "Particles": True,
    "Sampling": True,
}
"""The decoders that ship, and whether each has a temperature; named here, since their module loads PyTorch."""

WIDTH, NARROWEST, WIDEST = 900, 300, 2000
"""Width of a drawn score in pixels, and its limits."""

_QUOTED = 60  # characters of what was sent that a sentence quotes
_WORD, _LINE, _LONG = 100, 2_000, 20_000  # characters of a name, of places, of a harmony
_NICHE = ("harmonize", "render")
_READ = ("harmonize", "check", "render")
_WRITTEN = ("harmonize", "compose", "render")
_ALL = ("harmonize", "compose", "check", "render")

Reader = Callable[[Any], Any]
"""Checks a value as sent and gives it as it is used; raises ValueError if it can't be."""


class Option(NamedTuple):
    """Option of a request.

    Attributes:
        about: What it does, for the document.
        expected: What it may be, for a refusal.
        schema: The same, as JSON Schema.
        read: Checks a value.
        actions: The requests that have it.
        in_query: Whether a query string can hold it.
    """

    about: str
    expected: str
    schema: Mapping[str, Any]
    read: Reader
    actions: Sequence[str] = ("harmonize",)
    in_query: bool = True


def read_options(action: str, sent: Mapping[str, Any], *, typed: bool) -> dict[str, Any]:
    """Check the options of a request.

    Args:
        action: Which request.
        sent: Values by name.
        typed: Whether they are text from a query string, in which numbers are digits.

    Raises:
        RefusedError: If there is no such option, or a value can't be.

    >>> read_options("harmonize", {"num": "2", "strict": "true", "bars": "5-8"}, typed=True)
    {'num': 2, 'strict': True, 'bars': (5, 8)}
    """
    table = {**OPTIONS, **(COMPOSING if action == "compose" else {})}
    known = {name: option for name, option in table.items() if action in option.actions}
    values: dict[str, Any] = {}
    for name, value in _nested(sent).items() if typed else sent.items():
        if name not in known or (typed and not known[name].in_query):
            others = [one for one, option in known.items() if option.in_query or not typed]
            where = " in a query string" if typed and name in known else ""
            raise RefusedError(
                "invalid", f"There is no option {shown(name)}{where}; expected {', '.join(others)}; leave it out."
            )
        if value is None:
            continue
        values[name] = _read(name, known[name], value, typed=typed)
    _refuse_cold(action, values)
    return values


def _read(name: str, option: Option, value: Any, *, typed: bool) -> Any:
    try:
        try:
            return option.read(value)
        except ValueError:
            if not typed or not isinstance(value, str):
                raise
            return option.read(_number(value))
    except BachlitError as error:
        raise RefusedError("invalid", plain(str(error))) from error
    except (ValueError, OverflowError) as error:
        raise RefusedError(
            "invalid", f"{name} is {shown(value)}; expected {option.expected}; correct it, or leave it out."
        ) from error


def _nested(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Gather `rules.NAME` of a query string."""
    plain_ones = {name: value for name, value in sent.items() if not name.startswith("rules.")}
    rules = {name.removeprefix("rules."): _weight(value) for name, value in sent.items() if name.startswith("rules.")}
    if rules and "rules" in plain_ones:
        raise RefusedError("invalid", "rules stands beside rules of a name; expected one of the two; leave one out.")
    return plain_ones | ({"rules": rules} if rules else {})


def _weight(text: str) -> Any:
    try:
        return _number(text)
    except ValueError:
        return text


def _number(text: str) -> Any:
    """Read a number or a flag of a query string."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?[0-9]{1,25}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,25}\.[0-9]{1,25}", text):
        return float(text)
    raise ValueError("no number")


def _refuse_cold(action: str, values: Mapping[str, Any]) -> None:
    """Refuse a temperature without a decoder that has one."""
    decoder = values.get("decoder", "Sampling" if action == "compose" else None)
    if "temperature" in values and not DECODERS.get(decoder or "", False):
        warm = ", ".join(name for name, has in DECODERS.items() if has)
        raise RefusedError("invalid", f"A temperature needs a decoder that has one; expected decoder to be {warm}.")


def shown(value: Any) -> str:
    """Quote what was sent, shortened.

    >>> shown("a" * 100)[-4:], shown({"a": [1]})
    ("aaa…'", 'an object of 1')
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
    """Name options in a sentence as requests do.

    >>> plain("expected 1 to 5; set --num to that")
    'expected 1 to 5; set num to that'
    """
    return re.sub(r"(?<![\w-])--([a-z_]+)", r"\1", sentence)


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


def _real(least: float, most: float) -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError("no such number")
        return float(value)

    return read


def _choice(*words: str) -> Reader:
    def read(value: Any) -> str:
        if value not in words or not isinstance(value, str):
            raise ValueError("no such word")
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("no flag")
    return value


def _voices(value: Any) -> list[str]:
    names = ",".join(map(text_up_to(_WORD), value)) if isinstance(value, list) else value
    return [*dict.fromkeys(named_voices(text_up_to(_WORD)(names)))]


def _part(value: Any) -> str:
    return str(whole(0, 10**6)(value)) if isinstance(value, int) else text_up_to(_WORD)(value)


def _bars(value: Any) -> tuple[int, int]:
    number = whole(0, 10**6)
    if isinstance(value, list):
        first, last = value
        return named_bars(f"{number(first)}-{number(last)}")
    return named_bars(text_up_to(_WORD)(value) if isinstance(value, str) else str(number(value)))


def _phrases(value: Any) -> str:
    if isinstance(value, list):
        places = [f"{_real(0, 10**6)(one):g}" if isinstance(one, int | float) else one for one in value]
        return text_up_to(_LINE)(",".join(map(text_up_to(_WORD), places))) or "none"
    return text_up_to(_LINE)(value) or "none"


def _transpose(value: Any) -> int | str:
    return value if value == "auto" and isinstance(value, str) else whole(-60, 60)(value)


def _key(value: Any) -> str:
    key_named(text_up_to(_WORD)(value))
    return str(value)


def _ranges(value: Any) -> str:
    named_ranges(text_up_to(_LINE)(value))
    return str(value)


def _rules(value: Any) -> str | dict[str, float]:
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
    return math.inf if weight == "inf" and isinstance(weight, str) else _real(-1000, 1000)(weight)


def _hold(value: Any) -> list[tuple[str, float, float]]:
    if not isinstance(value, list) or len(value) > 10_000:
        raise ValueError("no stretches")
    ticks = _real(0, 10**9)
    return [(_choice(*VOICES)(voice), ticks(first), ticks(last)) for voice, first, last in map(_three, value)]


def _three(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError("no stretch")
    return value


_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
_VOICES = ", ".join(VOICES)
_SOME_VOICES = f"one of {_VOICES}, or several with commas between"
_ANY_VOICES = {"anyOf": [_TEXT, {"type": "array", "items": {"enum": list(VOICES)}}]}


def _words(*names: str) -> dict[str, Any]:
    return {"enum": list(names)}


def _numbers(least: float, most: float, kind: str = "integer") -> dict[str, Any]:
    return {"type": kind, "minimum": least, "maximum": most}


OPTIONS: Mapping[str, Option] = {
    "voice": Option("The voice or voices that are given; the soprano if left out.", _SOME_VOICES, _ANY_VOICES, _voices,
                    _NICHE),
    "part": Option("The part with the given voice: its name, or its number from the top.", "a name or a number",
                   {"type": ["string", "integer"]}, _part, _NICHE),
    "tune": Option("The tune of a book of tunes, by its number or title.", "a number or a title",
                   {"type": ["string", "integer"]}, _part, _READ),
    "bars": Option("Bars of four voices to compose anew, keeping all else; a pickup is bar 0.",
                   'such as 5, "5-8" or [5, 8]',
                   {"anyOf": [_TEXT, {"type": "integer"}, {"type": "array", "items": {"type": "integer"},
                                                           "minItems": 2, "maxItems": 2}]}, _bars),
    "rhythm": Option("The voice or voices of which only the rhythm is given.", _SOME_VOICES, _ANY_VOICES, _voices),
    "phrases": Option("Phrase ends: auto, given, none, or places, such as \"4,8\" for the last notes of bars 4 and 8.",
                      "auto, given, none, or places such as 4,8",
                      {"anyOf": [_TEXT, {"type": "array", "items": {"type": ["string", "number"]}}]}, _phrases, _READ),
    "chords": Option("The harmony to keep to, bars between |; given for the score's own chord symbols.",
                     "chords between bar lines, such as C | F G7/B", _TEXT, text_up_to(_LONG)),
    "figured_bass": Option("Figures over a given bass, such as \"6 | 5 6\"; none for no figures.",
                           "figures between bar lines, such as 6 | 5 6", _TEXT, text_up_to(_LONG)),
    "transpose": Option("Semitones by which the music is moved first; auto moves it to where a choir sings.",
                        "auto, or -60 to 60", {"anyOf": [_words("auto"), _numbers(-60, 60)]}, _transpose, _NICHE),
    "key": Option("The key, instead of the written one or what is heard.", 'a key, such as "D dorian"', _TEXT, _key,
                  _READ),
    "beat": Option("The note value that counts as a beat.", f"one of {', '.join(BEATS)}", _words(*BEATS),
                   _choice(*BEATS)),
    "ranges": Option("Ranges of a choir's voices.", 'such as "tenor:C3-G4, bass:E2-C4"', _TEXT, _ranges,
                     ("harmonize", "check")),
    "num": Option("How many pieces at most.", f"1 to {MOST_PIECES}", _numbers(1, MOST_PIECES), whole(1, MOST_PIECES),
                  ("harmonize", "compose")),
    "seed": Option("The same seed gives the same music.", "0 to 9223372036854775807", _numbers(0, 2**63 - 1),
                   whole(0, 2**63 - 1), ("harmonize", "compose")),
    "decoder": Option("Chooses the notes.", f"one of {', '.join(DECODERS)}", _words(*DECODERS), _choice(*DECODERS),
                      ("harmonize", "compose")),
    "temperature": Option("Of a decoder that has one: below 1 likelier notes, above 1 stranger ones.", "0 to 10",
                          _numbers(0, 10, "number"), _real(0, 10), ("harmonize", "compose")),
    "style": Option("Parts that move like Bach's (chorale), or note against note (plain).", "chorale or plain",
                    _words(*get_args(Style)), _choice(*get_args(Style))),
    "rules": Option("Nats that a breach of each rule costs, 0 to switch it off, inf to forbid it; none for no rules.",
                    'none, or numbers by rule, such as {"NoHidden": 0}',
                    {"anyOf": [_words("none"), {"type": "object",
                                                "additionalProperties": {"type": ["number", "string"]}}]},
                    _rules, ("harmonize", "compose")),
    "strict": Option("Refuse where a rule can't be kept; otherwise the last gives way, with a warning.",
                     "true or false", _FLAG, _flag, ("harmonize", "compose")),
    "checkpoint": Option("The model, by name; the one that the service was started with if left out.",
                         f"one of {', '.join(SHIPPED)}", _words(*SHIPPED), _choice(*SHIPPED),
                         ("harmonize", "compose", "check")),
    "keep_parts": Option("Write parts that are no voice below the voices.", "true or false", _FLAG, _flag, _NICHE),
    "layout": Option("Four staves (open), or two as in hymnals (closed).", "open or closed", _words("open", "closed"),
                     _choice("open", "closed"), _WRITTEN),
    "label": Option("Write the harmony under the score: chord symbols, or Roman numerals.", "chords or roman",
                    _words("chords", "roman"), _choice("chords", "roman"), _WRITTEN),
    "paper": Option("Paper of a PDF.", "a4 or letter", _words("a4", "letter"), _choice("a4", "letter"), _WRITTEN),
    "width": Option(f"Width of the drawn score in pixels, {WIDTH} in JSON if left out.", f"{NARROWEST} to {WIDEST}",
                    _numbers(NARROWEST, WIDEST), whole(NARROWEST, WIDEST), _ALL),
    "profile": Option("Whose faults: textbooks' (school), or what Bach hardly ever does (bach).", "school or bach",
                      _words("school", "bach"), _choice("school", "bach"), ("harmonize", "compose", "check")),
    "surprise": Option("Percentage under which the model's odds make a note unlikely; 0 leaves the model out.",
                       "0 to 100", _numbers(0, 100, "number"), _real(0, 100), ("check",)),
    "tempo": Option("Quarters a minute of a sound.", "10 to 1000", _numbers(10, 1000, "number"), _real(10, 1000),
                    ("render",)),
    "hold": Option("Stretches of voices that are given beside the melody: voice, from tick, to tick. A note is held if "
                   "it begins in one.", 'a list such as [["alto", 0, 960]]',
                   {"type": "array", "items": {"type": "array", "minItems": 3, "maxItems": 3,
                                               "prefixItems": [_words(*VOICES), {"type": "number"},
                                                               {"type": "number"}]}}, _hold, in_query=False),
}  # fmt: skip
"""Options by name."""

COMPOSING: Mapping[str, Option] = {
    "bars": Option("Length of every piece in bars of 4/4.", "4 to 40", _numbers(4, 40), whole(4, 40), ("compose",)),
}
"""Options that composing has in another sense."""
