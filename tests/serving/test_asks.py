"""Asks: whatever is sent ends in a checked ask, or in words."""

import base64
import json
import pickle
import random
from typing import Any

import pytest
from asking import JSON, TUNE, asked
from fits import TWINKLE
from sizes import size

from bachlit.serving.asks import ACTIONS, FORMS, Ask, read_ask
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_BYTES

NOTES = {"notes": TUNE["notes"]}


def test_a_score_is_read_with_options_of_the_query() -> None:
    ask = asked(
        "harmonize", b"X:1\nK:C\nCDEF|", num="2", bars="5-8", strict="true", name="t.abc", **{"rules.NoHidden": "0"}
    )
    assert (ask.score, ask.name, ask.form) == (b"X:1\nK:C\nCDEF|", "t.abc", "json")
    assert ask.options == {"num": 2, "bars": (5, 8), "strict": True, "rules": {"NoHidden": 0.0}}


def test_a_score_in_json_is_the_same_as_its_bytes() -> None:
    text = TWINKLE.read_bytes()
    plain = asked("harmonize", text, name="a.xml", num="2")
    packed = {"score_base64": base64.b64encode(text).decode(), "name": "a.xml", "num": 2}
    assert (
        plain == asked("harmonize", {"score": text.decode(), "name": "a.xml", "num": 2}) == asked("harmonize", packed)
    )


def test_an_ask_can_be_sent_to_a_worker() -> None:
    ask = asked("harmonize", {**TUNE, "hold": [["soprano", 0, 480]], "rules": {"NoHidden": "inf"}})
    assert pickle.loads(pickle.dumps(ask)) == ask


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html, */*;q=0.8", "json"),
        ("audio/midi", "mid"),
        ("audio/wav;q=0.5, application/pdf", "pdf"),
        ("AUDIO/WAV", "wav"),
        ("audio/*", "mid"),
        ("image/*", "svg"),
        ("text/event-stream", "events"),
        ("application/json;q=0, image/svg+xml", "svg"),
    ],
)
def test_the_answer_has_the_form_that_is_liked_most(accept: str, form: str) -> None:
    assert asked("harmonize", NOTES, accept=accept).form == form


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("accept", {"accept": "text/html"}),
        ("media_type", {"content_type": "multipart/form-data; boundary=x"}),
        ("media_type", {"content_type": "text/plain"}),
        ("too_large", {"body": b" " * (MOST_BYTES + 1)}),
        ("bad_request", {"body": b"\xff{}"}),
        ("bad_request", {"body": b'{"notes": [[67, NaN]]}'}),
        ("bad_request", {"body": b'{"num": 1, "num": 2}'}),
        ("bad_request", {"body": b'{"title": "\\ud800"}'}),
        ("bad_request", {"body": b"[" * 100_000}),
        ("bad_request", {"body": b'{"seed": ' + b"9" * 5000 + b"}"}),
        ("invalid", {"body": b""}),
        ("invalid", {"query": [("num", "1")]}),
        ("invalid", {"body": b"X:1", "content_type": "", "query": [("num", "1"), ("num", "1")]}),
        ("invalid", {"body": b"X:1", "content_type": "", "query": [("rules", "none"), ("rules.NoHidden", "0")]}),
    ],
)
def test_what_cannot_be_read_is_refused(code: str, wrong: dict[str, Any]) -> None:
    sent: dict[str, Any] = {"body": json.dumps(NOTES).encode(), "content_type": JSON, "query": [], "accept": ""}
    with pytest.raises(RefusedError) as refused:
        read_ask("harmonize", **{**sent, **wrong})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"nume": 1}, "'nume'"),
        ({"num": 6}, "1 to 5"),
        ({"num": True}, "num is true"),
        ({"num": "2"}, "num is '2'"),
        ({"seed": -1}, "9223372036854775807"),
        ({"bars": "8-5"}, "5-8"),
        ({"bars": [1, 2, 3]}, "bars is a list of 3"),
        ({"voice": "oboe"}, "'oboe'"),
        ({"key": "H major"}, "'H major'"),
        ({"ranges": "oboe:C3-C4"}, "oboe"),
        ({"rules": {"os.system": 1}}, "'os.system'"),
        ({"rules": {"NoHidden": "nan"}}, "rules is an object of 1"),
        ({"decoder": "bachlit.decoding.Greedy"}, "BeamSearch"),
        ({"temperature": 0.5}, "Sampling"),
        ({"checkpoint": "../model"}, "bachbot"),
        ({"hold": [["alto", 0]]}, "hold is a list of 1"),
        ({"name": "../a.mid"}, "without a score"),
        ({"score": "X:1"}, "one of the two"),
        ({"title": ["a"]}, "title is a list of 1"),
        ({"fifths": 8}, "fifths is 8"),
        ({"mode": "blue"}, "mode is 'blue'"),
        ({"metre": "3/7"}, "3/7"),
        ({"pickup": 1920}, "16 sixteenths"),
        ({"voices": {"oboe": []}}, "voices is an object of 1"),
        ({"voices": {"soprano": [[60, 480]]}}, "The soprano stands in notes and"),
        ({"notes": []}, "a list of notes"),
        ({"notes": [[128, 480]]}, "Note 1 of the soprano"),
        ({"notes": [[60, 0]]}, "at least one"),
        ({"notes": [[60, 100]]}, "as MusicXML or MIDI"),
        ({"notes": [[60, 480]] * 513}, "2048"),
        ({"notes": [[None, 480]]}, "rests"),
        ({"division": 0}, "division is 0"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_expected(option: dict[str, Any], named: str) -> None:
    with pytest.raises(RefusedError) as refused:
        asked("harmonize", {**NOTES, **option})
    assert refused.value.code == "invalid"
    assert named in str(refused.value)


def test_no_sentence_quotes_more_than_sixty_characters() -> None:
    for name, value in (("num", "a" * 500), ("a" * 500, 1), ("voice", "a" * 90), ("metre", "a" * 500)):
        with pytest.raises(RefusedError) as refused:
            asked("harmonize", {**NOTES, name: value})
        assert "a" * 60 not in str(refused.value)


def test_a_long_name_keeps_its_ending() -> None:
    ask = asked("harmonize", b"x", name="a" * 500 + ".musicxml")
    assert len(ask.name) == 60
    assert ask.name.endswith("a.musicxml")


ODD: list[Any] = [
    *(None, True, 0, -1, 2**70, 1e400, 0.5, [], [[]], {}, {"a": 1}),
    *("", "\0", "\ud800", "a" * 300, "1-2", "inf", "9" * 400),
]
WHOLE = {
    **TUNE,
    "voices": {"bass": [[48, 3840]]},
    "hold": [["bass", 0, 480]],
    "rules": {"NoHidden": 0},
    "bars": [1, 2],
    "phrases": [1, 2],
    "division": 480,
    "num": 2,
    "metre": "4/4",
}


def spoilt(value: Any, draw: random.Random) -> Any:
    """Replace something in plain data by something odd."""
    if not value or not isinstance(value, list | dict) or draw.random() < 0.15:
        return draw.choice(ODD)
    if isinstance(value, list):
        place = draw.randrange(len(value))
        return [spoilt(one, draw) if at == place else one for at, one in enumerate(value)]
    name = draw.choice([*value, "odd"])
    return {**value, name: spoilt(value.get(name), draw)}


def test_anything_ends_in_an_ask_or_in_words() -> None:
    draw = random.Random(0)
    ends = {Ask: 0, RefusedError: 0}
    for _ in range(size(50_000, 5_000)):
        body = json.dumps(spoilt(WHOLE, draw)).encode()
        if draw.random() < 0.5:
            data = bytearray(body)
            for _ in range(draw.randrange(1, 4)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            body = bytes(data)
        query = [(draw.choice(["num", "rules.X", "name", "hold", "\ud800"]), str(draw.choice(ODD)))] * draw.randrange(3)
        try:
            end: Any = read_ask(
                draw.choice(ACTIONS),
                body=body,
                content_type=draw.choice([JSON, "", "text/plain", "\0;", "application/ld+json; charset=x"]),
                query=query if draw.random() < 0.3 else [],
                accept=draw.choice(["", *FORMS, "*/*;q=9, ;,", "\ud800"]),
            )
        except RefusedError as error:
            end = error
        assert isinstance(end, Ask) or (end.status < 500 and 20 < len(str(end).encode()) < 600)
        ends[type(end)] += 1
    assert min(ends.values()) > 50
