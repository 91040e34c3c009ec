"""Options of a request: one table for checking and for documentation."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

from bachlit.errors import BachlitError
from bachlit.generation.choices import Style
from bachlit.generation.metre import BEATS
from bachlit.models.shipped import SHIPPED
from bachlit.music.chorale import VOICES
from bachlit.serving import values
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_PIECES
from bachlit.serving.values import Reader, plain, shown

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
    known = options_of(action)
    checked: dict[str, Any] = {}
    for name, value in _nested(sent).items() if typed else sent.items():
        if name not in known or (typed and not known[name].in_query):
            others = [one for one, option in known.items() if option.in_query or not typed]
            where = " in a query string" if typed and name in known else ""
            raise RefusedError(
                "invalid", f"There is no option {shown(name)}{where}; expected {', '.join(others)}; leave it out."
            )
        if value is None:
            continue
        checked[name] = _read(name, known[name], value, typed=typed)
    _refuse_cold(action, checked)
    return checked


def options_of(action: str) -> dict[str, Option]:
    """List the options that a request may have."""
    table = {**OPTIONS, **(COMPOSING if action == "compose" else {})}
    return {name: option for name, option in table.items() if action in option.actions}


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
    """Parse a number or a flag of a query string."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?[0-9]{1,25}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,25}\.[0-9]{1,25}", text):
        return float(text)
    raise ValueError("no number")


def _refuse_cold(action: str, checked: Mapping[str, Any]) -> None:
    """Refuse a temperature without a decoder that has one."""
    decoder = checked.get("decoder", "Sampling" if action == "compose" else None)
    if "temperature" in checked and not DECODERS.get(decoder or "", False):
        warm = ", ".join(name for name, has in DECODERS.items() if has)
        raise RefusedError("invalid", f"A temperature needs a decoder that has one; expected decoder to be {warm}.")


def _one_of(about: str, words: Sequence[str], *actions: str) -> Option:
    expected = f"{', '.join(words[:-1])} or {words[-1]}"
    return Option(about, expected, {"enum": list(words)}, values.choice(*words), actions)


def _whole(about: str, least: int, most: int, *actions: str) -> Option:
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Option(about, f"{least} to {most}", schema, values.whole(least, most), actions)


def _real(about: str, least: float, most: float, *actions: str) -> Option:
    schema = {"type": "number", "minimum": least, "maximum": most}
    return Option(about, f"{least:g} to {most:g}", schema, values.real(least, most), actions)


def _flag(about: str, *actions: str) -> Option:
    return Option(about, "true or false", {"type": "boolean"}, values.flag, actions)


def _text(about: str, expected: str, read: Reader, *actions: str) -> Option:
    return Option(about, expected, {"type": "string"}, read, actions)


def _text_or(about: str, expected: str, other: Mapping[str, Any], read: Reader, *actions: str) -> Option:
    return Option(about, expected, {"anyOf": [{"type": "string"}, other]}, read, actions)


_H, _C, _K, _R = "harmonize", "compose", "check", "render"
_INTEGER, _HARMONY = {"type": "integer"}, values.text_up_to(values.LONG)
_VOICES = {"type": "array", "items": {"enum": list(VOICES)}}
_SOME_VOICES = f"one of {', '.join(VOICES)}, or several with commas between"
_STRETCH = {"type": "array", "minItems": 3, "maxItems": 3,
            "prefixItems": [{"enum": list(VOICES)}, {"type": "number"}, {"type": "number"}]}  # fmt: skip

OPTIONS: Mapping[str, Option] = {
    "voice": _text_or(
        "The voice or voices that are given; the soprano if left out.", _SOME_VOICES, _VOICES, values.voices, _H, _R
    ),
    "part": _text_or(
        "The part with the given voice: its name, or its number from the top.",
        "a name or a number", _INTEGER, values.part, _H, _R,
    ),
    "tune": _text_or(
        "The tune of a book of tunes, by its number or title.", "a number or a title", _INTEGER, values.part, _H, _K, _R
    ),
    "bars": Option(
        "Bars of four voices to compose anew, keeping all else; a pickup is bar 0.",
        'such as 5, "5-8" or [5, 8]',
        {"anyOf": [{"type": "string"}, _INTEGER, {"type": "array", "items": _INTEGER, "minItems": 2, "maxItems": 2}]},
        values.bars,
    ),
    "rhythm": _text_or(
        "The voice or voices of which only the rhythm is given.", _SOME_VOICES, _VOICES, values.voices, _H
    ),
    "phrases": _text_or(
        "Phrase ends: auto, given, none, or places, such as 4,8 for the last notes of bars 4 and 8.",
        "auto, given, none, or places such as 4,8",
        {"type": "array", "items": {"type": ["string", "number"]}}, values.phrases, _H, _K, _R,
    ),
    "chords": _text(
        "The harmony to keep to, bars between |; given for the score's own chord symbols.",
        "chords between bar lines, such as C | F G7/B", _HARMONY, _H,
    ),
    "figured_bass": _text(
        "Figures over a given bass, such as 6 | 5 6; none for no figures.",
        "figures between bar lines, such as 6 | 5 6", _HARMONY, _H,
    ),
    "transpose": Option(
        "Semitones by which the music is moved first; auto moves it to where a choir sings.",
        "auto, or -60 to 60",
        {"anyOf": [{"enum": ["auto"]}, {"type": "integer", "minimum": -60, "maximum": 60}]},
        values.transpose, (_H, _R),
    ),
    "key": _text(
        "The key, instead of the written one or what is heard.", "a key, such as D dorian", values.key, _H, _K, _R
    ),
    "beat": _one_of("The note value that counts as a beat.", BEATS, _H),
    "ranges": _text("Ranges of a choir's voices.", "such as tenor:C3-G4, bass:E2-C4", values.ranges, _H, _K),
    "num": _whole("How many pieces at most.", 1, MOST_PIECES, _H, _C),
    "seed": _whole("The same seed gives the same music.", 0, 2**63 - 1, _H, _C),
    "decoder": _one_of("Chooses the notes.", list(DECODERS), _H, _C),
    "temperature": _real("Of a decoder that has one: the higher, the stranger the notes.", 0, 10, _H, _C),
    "style": _one_of("Parts that move like Bach's (chorale), or note against note (plain).", get_args(Style), _H),
    "rules": Option(
        "Nats that a breach of each rule costs, 0 to switch it off, inf to forbid it; none for no rules.",
        "none, or numbers by rule",
        {"anyOf": [{"enum": ["none"]}, {"type": "object", "additionalProperties": {"type": ["number", "string"]}}]},
        values.rules, (_H, _C),
    ),
    "strict": _flag("Refuse where a rule can't be kept; otherwise the last gives way, with a warning.", _H, _C),
    "checkpoint": _one_of(
        "The model, by name; the one that the service was started with if left out.", list(SHIPPED), _H, _C, _K
    ),
    "keep_parts": _flag("Write parts that are no voice below the voices.", _H, _R),
    "layout": _one_of("Four staves (open), or two as in hymnals (closed).", ("open", "closed"), _H, _C, _R),
    "label": _one_of(
        "Write the harmony under the score: chord symbols, or Roman numerals.", ("chords", "roman"), _H, _C, _R
    ),
    "paper": _one_of("Paper of a PDF.", ("a4", "letter"), _H, _C, _R),
    "width": _whole(f"Width of the score in pixels, {WIDTH} if left out.", NARROWEST, WIDEST, _H, _C, _K, _R),
    "profile": _one_of(
        "Whose faults: textbooks' (school), or what Bach hardly ever does (bach).", ("school", "bach"), _H, _C, _K
    ),
    "surprise": _real(
        "Percentage under which the model's odds make a note unlikely; 0 leaves the model out.", 0, 100, _K
    ),
    "tempo": _real("Quarters a minute of a sound.", 10, 1000, _R),
    "hold": Option(
        "Stretches of voices given beside the melody: voice, from tick, to tick. A note that begins in one is held.",
        "a list such as [[alto, 0, 960]]", {"type": "array", "items": _STRETCH}, values.hold, in_query=False,
    ),
}  # fmt: skip
"""Options by name."""

COMPOSING: Mapping[str, Option] = {"bars": _whole("Length of every piece in bars of 4/4.", 4, 40, _C)}
"""Options that composing has in another sense."""
