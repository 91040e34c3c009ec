"""Asks: requests of the service, checked as far as that needs no model."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, cast

from bachlit.models.shipped import PRETRAINED
from bachlit.music.chorale import VOICES, Voice
from bachlit.serving.melodies import FIELDS, Melody, frames_of_hold, read_melody, ticks_of_quarter
from bachlit.serving.options import read_options
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_BYTES
from bachlit.serving.values import shown

FORMS = {
    "application/json": "json",
    "application/vnd.recordare.musicxml+xml": "musicxml",
    "audio/midi": "mid",
    "image/svg+xml": "svg",
    "application/pdf": "pdf",
    "audio/wav": "wav",
    "text/event-stream": "events",
}
"""Forms of an answer by media type, the default first; a file's form is its ending."""

ACTIONS = ("harmonize", "compose", "check", "render")
"""Requests that have a body, as their paths name them."""

NAMELESS = "the score"
"""Name of a score that was sent without one."""

_SCORES = ("score", "score_base64", "name")
_LONGEST = 60  # characters of a name: sentences quote it


@dataclass(frozen=True)
class Ask:
    """Request, checked.

    Attributes:
        action: One of `ACTIONS`.
        form: One of those of `FORMS`.
        name: Of the score's file.
        score: The file, if one was sent.
        melody: The notes, if they were sent.
        hold: Stretches that are given beside the melody: voice, first frame, end.
        options: Checked values of `bachlit.serving.options`, those that were sent.
        model: Name of the model that answers where none is named.
    """

    action: str
    form: str = "json"
    name: str = NAMELESS
    score: bytes | None = field(default=None, repr=False)
    melody: Melody | None = field(default=None, repr=False)
    hold: Sequence[tuple[Voice, int, int]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str = PRETRAINED.name


def forms_of(action: str) -> dict[str, str]:
    """List the forms of a request's answers by media type."""
    return {media: form for media, form in FORMS.items() if action != "check" or form in ("json", "events")}


def read_ask(action: str, *, body: bytes, content_type: str, query: Sequence[tuple[str, str]], accept: str) -> Ask:
    """Check a request.

    Args:
        action: One of `ACTIONS`.
        body: Its body.
        content_type: The header, empty if there is none.
        query: Names and values of its query string, decoded.
        accept: The header, empty if there is none.

    Raises:
        RefusedError: If it can't be answered, whatever was sent.

    >>> tune = b'{"notes": [[67, 480], [69, 480], [67, 960]], "num": 2}'
    >>> ask = read_ask("harmonize", body=tune, content_type="application/json", query=[], accept="")
    >>> ask.form, ask.options, ask.melody.lead
    ('json', {'num': 2}, 'soprano')
    """
    form = _form(accept, action)
    if len(body) > MOST_BYTES:
        raise RefusedError(
            "too_large", f"The body has {len(body)} bytes; expected at most {MOST_BYTES}; send a shorter score."
        )
    if not body and action != "compose":
        raise RefusedError("invalid", "The body is empty; expected a score file, or a melody as JSON; send one.")
    media = content_type.partition(";")[0].strip().lower()
    typed = _unique(query)
    if media == "application/json" or media.endswith("+json"):
        if typed:
            raise RefusedError("invalid", "A JSON body comes with a query string; expected all options in the body.")
        return _of_json(action, form, _object(body or b"{}"))
    if media.startswith("multipart/"):
        raise RefusedError("media_type", "The body is a form; expected a score file itself, or JSON; send that.")
    if body.lstrip()[:1] == b"{":
        raise RefusedError("media_type", "The body looks like JSON; expected Content-Type: application/json; add it.")
    if action == "compose":
        if body.strip():
            raise RefusedError("media_type", "Composing takes no score; expected options as JSON; leave the body out.")
        return Ask(action, form, options=read_options(action, typed, typed=True))
    name = _name(typed.pop("name", NAMELESS))
    return Ask(action, form, name, body, options=read_options(action, typed, typed=True))


def _of_json(action: str, form: str, sent: dict[str, Any]) -> Ask:
    """Check a request in JSON."""
    options = read_options(
        action,
        {name: value for name, value in sent.items() if action == "compose" or name not in (*_SCORES, *FIELDS)},
        typed=False,
    )
    if action == "compose":
        return Ask(action, form, options=options)
    hold = frames_of_hold(options.pop("hold", ()), ticks_of_quarter(sent))
    scores = [name for name in ("score", "score_base64") if sent.get(name) is not None]
    notes = [name for name in FIELDS if name != "division" and sent.get(name) is not None]
    if len(scores) > 1 or (scores and notes):
        raise RefusedError(
            "invalid", f"{scores[0]} comes with {[*scores[1:], *notes][0]}; expected one of the two; leave one out."
        )
    if scores:
        name = _name(sent["name"] if sent.get("name") is not None else NAMELESS)
        return Ask(action, form, name, _score(scores[0], sent[scores[0]]), None, hold, options)
    if sent.get("name") is not None:
        raise RefusedError("invalid", "A name comes without a score; expected a title of a melody as title; send that.")
    lead = cast(list[Voice], options.get("voice") or [])
    melody = read_melody(sent, lead[0] if lead else _lead(sent))
    return Ask(action, form, melody=melody, hold=hold, options=options)


def _lead(sent: Mapping[str, Any]) -> Voice:
    """Choose the voice of a melody if none is named: the soprano, or the highest of `voices` sent alone."""
    voices = sent.get("voices")
    if sent.get("notes") is None and isinstance(voices, dict):
        for voice in VOICES:
            if voices.get(voice) is not None:
                return voice
    return "soprano"


def _form(accept: str, action: str) -> str:
    """Choose the form of an answer: the most liked, of equals the first."""
    liked: list[tuple[float, str]] = []
    forms = forms_of(action)
    for part in accept.split(",")[:100] if accept.strip() else ["*/*"]:
        media, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        quality = float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 1.0
        if media.endswith("/*"):
            media = next((known for known in forms if media == "*/*" or known.startswith(media[:-1])), media)
        if media in forms and quality > 0:
            liked.append((quality, forms[media]))
    if not liked:
        raise RefusedError(
            "accept", f"There is no answer of the kind {shown(accept)}; expected one of {', '.join(forms)}."
        )
    return max(liked, key=lambda one: one[0])[1]


def _unique(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Refuse names that come twice, and text that no file could hold."""
    values: dict[str, Any] = {}
    for name, value in query:
        if name in values:
            raise RefusedError("invalid", f"{shown(name)} comes twice; expected each option once; leave one out.")
        _refuse_surrogates(name)
        _refuse_surrogates(value)
        values[name] = value
    return values


def _object(body: bytes) -> dict[str, Any]:
    """Parse a body of JSON: an object without doubled names, or numbers that aren't."""
    try:
        sent = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        raise RefusedError("bad_request", "The body isn't UTF-8; expected JSON in UTF-8; encode it so.") from error
    except RecursionError as error:
        raise RefusedError("bad_request", "The JSON is nested too deep; expected a flat object; send less.") from error
    except RefusedError:
        raise
    except ValueError as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RefusedError("bad_request", f"The body isn't JSON{place}; expected an object; correct it.") from error
    if not isinstance(sent, dict):
        raise RefusedError("bad_request", f"The body is {shown(sent)}; expected an object of options; send one.")
    return sent


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise RefusedError("bad_request", f"{shown(name)} comes twice; expected each name once; leave one out.")
        _refuse_surrogates(name)
        if isinstance(value, str):
            _refuse_surrogates(value)
        values[name] = value
    return values


def _refuse_surrogates(text: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise RefusedError("bad_request", "A text has half a character; expected valid Unicode; correct it.")


def _constant(name: str) -> Any:
    raise RefusedError("bad_request", f"The JSON has the number {name}; expected finite numbers; correct it.")


def _integer(digits: str) -> int:
    if len(digits) > 30:
        raise RefusedError("bad_request", "The JSON has a number of very many digits; expected fewer; correct it.")
    return int(digits)


def _name(sent: Any) -> str:
    """Check the name of a file, and shorten it before its ending."""
    if not isinstance(sent, str) or not sent.strip() or len(sent) > 1000 or re.search(r"[/\\\x00-\x1f\x7f-\x9f]", sent):
        raise RefusedError(
            "invalid",
            f"name is {shown(sent)}; expected the name of a file, without folders; correct it, or leave it out.",
        )
    if len(sent) <= _LONGEST:
        return sent
    ending = PurePosixPath(sent).suffix[:12]
    return sent[: _LONGEST - len(ending)] + ending


def _score(name: str, sent: Any) -> bytes:
    """Decode a score in JSON."""
    try:
        if not isinstance(sent, str) or not sent:
            raise ValueError("no text")
        return sent.encode() if name == "score" else base64.b64decode(sent, validate=True)
    except (ValueError, binascii.Error) as error:
        expected = "the text of a score" if name == "score" else "a score in base64"
        raise RefusedError("invalid", f"{name} is {shown(sent)}; expected {expected}; correct it.") from error
