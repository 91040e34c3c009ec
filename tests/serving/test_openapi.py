"""The API's document says what is read: no more and no less."""

from typing import Any

import pytest
from asking import TUNE, answered, asked

from bachlit.models.language_model import LanguageModel
from bachlit.serving.asks import ACTIONS
from bachlit.serving.openapi import EXAMPLE, openapi
from bachlit.serving.refusals import RefusedError

GIVEN = {
    "part": "1",
    "tune": 1,
    "bars": 4,
    "rhythm": "alto",
    "phrases": "auto",
    "chords": "C | F",
    "figured_bass": "6",
    "key": "C major",
    "ranges": "bass:E2-C4",
    "rules": "none",
    "voice": "soprano",
    "score": "X:1",
    "score_base64": "WDox",
    "name": "a.abc",
    "notes": [[60, 480]],
    "voices": {"bass": [[48, 480]]},
    "metre": "3/4",
    "title": "A",
    "division": 480,
    "hold": [],
}


def fields_of(action: str) -> dict[str, Any]:
    """The documented fields of a request in JSON."""
    sent = openapi()["paths"][f"/api/v1/{action}"]["post"]["requestBody"]["content"]["application/json"]
    fields: dict[str, Any] = sent["schema"]["properties"]
    return fields


def value_of(name: str, schema: dict[str, Any]) -> Any:
    """A value that a schema allows."""
    if name in GIVEN:
        return GIVEN[name]
    kind = next(iter(schema.get("anyOf", [schema])))
    if "enum" in kind:
        return kind["enum"][0]
    return True if kind["type"] == "boolean" else kind["minimum"]


def body_of(action: str, name: str, value: Any) -> dict[str, Any]:
    """A request with a field, and what it needs beside it."""
    if action == "compose" or name in ("score", "score_base64"):
        needed: dict[str, Any] = {}
    elif name == "name":
        needed = {"score": "X:1"}
    else:
        needed = {"notes": TUNE["notes"], **({"fifths": 0} if name == "mode" else {})}
    warm = {"decoder": "Sampling"} if name == "temperature" and action in ("harmonize", "compose") else {}
    return {**needed, **warm, name: value}


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_documented_is_accepted_and_nothing_else(action: str) -> None:
    fields = fields_of(action)
    for name, schema in fields.items():
        asked(action, body_of(action, name, value_of(name, schema)))
    others = {name: value_of(name, schema) for one in ACTIONS for name, schema in fields_of(one).items()}
    for name in {*others, "profiles"} - set(fields):
        with pytest.raises(RefusedError, match=f"There is no option '{name}'"):
            asked(action, body_of(action, name, others.get(name, 1)))


@pytest.mark.parametrize("action", ACTIONS)
def test_the_query_string_has_what_it_can_hold(action: str) -> None:
    for parameter in openapi()["paths"][f"/api/v1/{action}"]["post"]["parameters"]:
        name, value = parameter["name"], value_of(parameter["name"], parameter["schema"])
        text = str(value).lower() if isinstance(value, bool) else str(value)
        warm = {"decoder": "Sampling"} if name == "temperature" else {}
        asked(action, b"" if action == "compose" else b"X:1", **{**warm, name: text})


def test_the_example_is_answered(framed_model: LanguageModel) -> None:
    body = openapi()["paths"]["/api/v1/harmonize"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == EXAMPLE
    answer = answered(framed_model, "harmonize", {**EXAMPLE, "decoder": "Greedy"})
    assert answer["pieces"][0]["voices"]["soprano"] == EXAMPLE["notes"]
