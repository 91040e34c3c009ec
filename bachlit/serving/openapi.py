"""OpenAPI document of the service, from the tables that requests are checked against."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from bachlit.music.chorale import VOICES
from bachlit.music.keys import MODES
from bachlit.serving.asks import forms_of
from bachlit.serving.melodies import DIVISION
from bachlit.serving.options import Option, options_of
from bachlit.serving.refusals import STATUS
from bachlit.serving.settings import MOST_BYTES, MOST_FRAMES

EXAMPLE = {
    "notes": [[67, 480], [67, 480], [69, 480], [71, 480], [72, 960], [72, 960]],
    "division": 480,
    "fifths": 0,
    "mode": "major",
    "metre": "4/4",
    "title": "Six notes",
    "num": 2,
    "seed": 1,
    "rules": {"NoHidden": 0},
}
"""A request to harmonise that is answered."""

_ABOUT = {
    "harmonize": "Harmonise a melody in four voices, or write around whatever else is given.",
    "compose": "Compose chorales from nothing.",
    "check": "Find the faults of two to four voices, and what a model finds unlikely in them.",
    "render": "Show one to four voices as they are.",
}
_NOTES = {
    "type": "array",
    "description": "MIDI pitches, null for a rest, with their lengths in ticks, multiples of a sixteenth.",
    "items": {
        "type": "array",
        "prefixItems": [{"type": ["integer", "null"], "minimum": 0, "maximum": 127}, {"type": "integer", "minimum": 1}],
        "minItems": 2,
        "maxItems": 2,
    },
}
_INPUT: Mapping[str, Any] = {
    "score": {"type": "string", "description": "Text of a score: MusicXML, ABC, kern or MEI."},
    "score_base64": {"type": "string", "description": "A score that is no text, such as MIDI or MXL."},
    "name": {"type": "string", "description": "Name of the score's file; its ending is a hint at the format."},
    "notes": _NOTES,
    "voices": {
        "type": "object",
        "description": "Other voices, all from the first tick.",
        "properties": dict.fromkeys(VOICES, _NOTES),
        "additionalProperties": False,
    },
    "division": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": DIVISION,
                 "description": "Ticks of a quarter."},
    "fifths": {"type": "integer", "minimum": -7, "maximum": 7,
               "description": "Sharps of the key signature, or flats if negative; heard if left out."},
    "mode": {"enum": [*MODES, None], "description": "Heard if null or left out; needs fifths."},
    "metre": {"type": "string", "pattern": "^[0-9]{1,3}/(1|2|4|8|16)$", "default": "4/4",
              "description": "Time signature."},
    "pickup": {"type": "integer", "minimum": 0, "default": 0, "description": "Ticks before the first full bar."},
    "title": {"type": "string", "maxLength": 200, "description": "Printed above."},
}  # fmt: skip


def openapi() -> dict[str, Any]:
    """Make the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bachlit",
            "version": version("bachlit"),
            "description": "Harmonises melodies as Bach's chorales. "
            f"At most {MOST_FRAMES} sixteenths and {MOST_BYTES} bytes a request.",
        },
        "paths": {
            **{f"/api/v1/{action}": {"post": _operation(action)} for action in _ABOUT},
            "/api/v1/health": {"get": _plain("Tell whether a worker is ready, and how many requests wait.")},
            "/api/v1/options": {"get": _plain("List decoders, rules, models, limits and the organ's sound.")},
        },
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error", "code"],
                    "properties": {"error": {"type": "string"}, "code": {"enum": list(STATUS)}},
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(action: str) -> dict[str, Any]:
    """Describe a request and its answers."""
    fields = {} if action == "compose" else dict(_INPUT)
    fields |= {name: _schema(option) for name, option in options_of(action).items()}
    sent: dict[str, Any] = {
        "application/json": {
            "schema": {"type": "object", "properties": fields, "additionalProperties": False},
            **({"example": EXAMPLE} if action == "harmonize" else {}),
        }
    }
    if action != "compose":
        sent["application/octet-stream"] = {"schema": {"description": "A score in any format that is read."}}
    return {
        "summary": _ABOUT[action],
        "operationId": action,
        "parameters": _parameters(action),
        "requestBody": {"content": sent, "required": action != "compose"},
        "responses": _responses(action),
    }


def _schema(option: Option) -> dict[str, Any]:
    return {**option.schema, "description": option.about}


def _parameters(action: str) -> list[dict[str, Any]]:
    """List the options of a query string, for scores that are sent as they are."""
    parameters = [
        {
            "name": name,
            "in": "query",
            "description": option.about,
            "schema": dict(option.schema),
        }
        for name, option in options_of(action).items()
        if option.in_query
    ]
    name = {"name": "name", "in": "query", "description": _INPUT["name"]["description"], "schema": {"type": "string"}}
    return parameters if action == "compose" else [name, *parameters]


def _responses(action: str) -> dict[str, Any]:
    """Describe the answers by status."""
    pieces = {"type": "object", "description": "Score, picture, notes by tick, merit and faults."}
    forms = {media: {"schema": pieces if form == "json" else {}} for media, form in forms_of(action).items()}
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    codes: dict[int, list[str]] = {}
    for code, status in STATUS.items():
        codes.setdefault(status, []).append(code)
    return {
        "200": {"description": "The music.", "content": forms},
        **{
            str(status): {"description": ", ".join(names), "content": refused}
            for status, names in sorted(codes.items())
            if status not in (404, 405)
        },
    }


def _plain(summary: str) -> dict[str, Any]:
    """Describe a GET request."""
    answer = {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}}
    return {"summary": summary, "responses": {"200": answer}}
