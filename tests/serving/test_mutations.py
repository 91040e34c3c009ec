"""Thousands of spoilt requests: each is answered or refused, in words, and nothing else happens."""

import json
import os
import random
import re
from pathlib import Path
from typing import Any

from fits import TWINKLE
from service import Service
from sizes import size

NUMBER = int(os.environ.get("BACHLIT_MUTATIONS", size(1_000, 200)))
ACTIONS = ("harmonize", "compose", "check", "render")
NOTES = [[67, 480], [67, 480], [69, 480], [None, 480], [72, 960]]
MELODY = {"notes": NOTES, "division": 480, "fifths": 0, "mode": "major", "metre": "3/4", "decoder": "Greedy", "seed": 1}
FOUR = {
    "voices": {
        voice: [[pitch, 480], [pitch + 2, 480]]
        for voice, pitch in zip(("soprano", "alto", "tenor", "bass"), (67, 64, 60, 48), strict=True)
    },
    "hold": [["alto", 0, 480]],
    "bars": "1",
    "notes": [[67, 480], [69, 480]],
    "decoder": "Greedy",
}
COMPOSED = {"bars": 4, "num": 1, "seed": 3, "decoder": "Greedy", "temperature": None}
FILES = [
    TWINKLE.read_bytes()[:6000],
    TWINKLE.read_bytes(),
    b"X:1\nT:A\nM:4/4\nL:1/4\nK:G\nGABc|d2d2|\n",
    b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0",
]
ODD = [
    None,
    True,
    -1,
    0,
    1,
    5,
    2**63,
    10**400,
    1e308,
    float("nan"),
    "",
    "a" * 5000,
    "../../etc/passwd",
    "os.system",
    "bachlit.decoding.Greedy",
    "\ud800",
    "\0",
    [],
    [[]],
    {},
    {"a": {}},
    "9-1",
    "1-99999999999999",
    "inf",
    "<x/>",
]
HEADERS = {
    "content_type": [
        "application/json",
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data",
        "",
        "x" * 3000,
    ],
    "accept": [
        "*/*",
        "application/pdf",
        "text/event-stream",
        "audio/wav;q=0",
        "image/svg+xml, */*;q=0.1",
        ",,;;",
        "é",
        "",
    ],
    "host": ["127.0.0.1", "evil", "a" * 300, "[::1]:1"],
    "origin": ["null", "http://127.0.0.1", "é"],
    "authorization": ["Bearer x", "Basic eA==", "\x7f"],
    "range": ["bytes=0-1"],
    "transfer_encoding": ["gzip"],
    "expect": ["100-continue"],
}
EXPECTED = {200, 400, 403, 404, 405, 406, 408, 413, 415, 422, 501, 503, 504}
LEAKS = re.compile(r"Traceback|\.py\b|/tmp|/root|/home|site-packages|File \"")


def mutated(body: bytes, draw: random.Random) -> bytes:
    """Bytes that are changed, cut, doubled or moved."""
    content = bytearray(body)
    for _ in range(draw.randint(1, 5)):
        at = draw.randrange(len(content) + 1)
        match draw.randrange(4):
            case 0:
                content[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del content[at : at + draw.randint(1, 50)]
            case 2:
                content[at:at] = content[at : at + draw.randint(1, 50)]
            case _:
                content[at:at] = draw.randbytes(3)
    return bytes(content)


def changed(value: Any, draw: random.Random) -> Any:
    """JSON in which a part is replaced, dropped or doubled."""
    if isinstance(value, dict) and value and draw.random() < 0.8:
        name = draw.choice(list(value))
        match draw.randrange(4):
            case 0:
                return {other: one for other, one in value.items() if other != name}
            case 1:
                return {**value, draw.choice(["num", "rules", "checkpoint", "phrases", "width", "x"]): draw.choice(ODD)}
            case _:
                return {**value, name: changed(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        at = draw.randrange(len(value))
        return [*value[:at], changed(value[at], draw), *value[at + draw.randrange(2) :]]
    return draw.choice(ODD)


def request(draw: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    action = draw.choice(ACTIONS)
    path, headers, body = f"/api/v1/{action}", {}, b""
    if draw.random() < 0.6:
        value: Any = draw.choice([MELODY, FOUR, COMPOSED])
        for _ in range(draw.randint(0, 3)):
            value = changed(value, draw)
        body, headers = json.dumps(value).encode(), {"content_type": "application/json"}
        body = mutated(body, draw) if draw.random() < 0.2 else body
    else:
        body = mutated(draw.choice(FILES), draw)
        path += (
            f"?decoder=Greedy&{draw.choice(['num=1', 'bars=1', 'name=..%2Fx', 'seed=-1', 'voice=bass', 'x=%00', ''])}"
        )
    if draw.random() < 0.3:
        name = draw.choice(list(HEADERS))
        headers[name] = draw.choice(HEADERS[name])
    return draw.choice(["POST"] * 9 + ["PUT"]), path, body, headers


def listing(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def test_spoilt_requests_are_refused_in_words_and_do_nothing(service: Service) -> None:
    """Each by a seed of its own, which the failure names."""
    before = listing(service.folder)
    for seed in range(NUMBER):
        method, path, body, headers = request(random.Random(seed))
        sent = {name: one.encode("latin-1", "replace").decode("latin-1") for name, one in headers.items()}
        answer = service.ask(method, path, body, **sent)
        assert answer.status in EXPECTED, (seed, answer.status, answer.body[:300])
        if answer.status != 200 and answer.headers.get("content-type") == "application/json":
            assert set(answer.json) == {"error", "code"}, seed
            assert not LEAKS.search(answer.json["error"]), (seed, answer.json)
            assert answer.json["error"].count("\n") == 0, seed
    assert (service.folder / "errors.txt").read_text() == ""
    assert listing(service.folder) == before
    assert service.health["workers"] == 1
