"""A listener's way through the test, and what mustn't be seen on it."""

import io
import json
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening import played, toys
from starlette.testclient import TestClient

from bachlit.serving.challenge import sessions
from bachlit.serving.challenge.routes import Challenge
from bachlit.serving.challenge.sessions import NUM_QUESTIONS
from bachlit.serving.challenge.store import AGES, EXPERIENCES, read_answers

LISTENER = {"age": "26 to 45", "experience": "player"}
NUM = sum(NUM_QUESTIONS.values())


def post(client: TestClient, path: str, **fields: Any) -> Any:
    answer = client.post(f"/challenge/api/{path}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def begun(client: TestClient, challenge: Challenge) -> str:
    """The session of a new listener, for whom toy pairs are ready."""
    for pair in toys():
        challenge.sessions.add(pair)
    session: str = post(client, "session", **LISTENER)["session"]
    return session


def heard(client: TestClient, question: dict[str, Any]) -> list[bytes]:
    return [client.get(f"/challenge/clip/{clip}").content for clip in question["clips"]]


def test_a_listener_hears_all_pairs_and_is_told_at_the_end(
    client: TestClient, challenge: Challenge, tmp_path: Path
) -> None:
    session = begun(client, challenge)
    by_sound = {pair.bach: pair for pair in toys()}
    right = 0
    for number in range(1, NUM + 1):
        question = post(client, "question", session=session)
        assert (question["number"], question["of"]) == (number, NUM)
        sounds = heard(client, question)
        bach = next(side for side, sound in enumerate(sounds) if sound in by_sound)
        choice = bach if number % 3 else 1 - bach
        right += choice == bach and by_sound[sounds[bach]].task != "catch"
        told = post(client, "answer", session=session, question=question["question"], choice=choice, known=number == 2)
        assert told == ({"thanks": True, "left": NUM - number} if number < NUM else {"done": True, **verdict(right)})
    assert post(client, "question", session=session) == {"done": True, **verdict(right)}
    kept = read_answers(tmp_path / "answers.db")
    assert len({answer.pair for answer in kept}) == NUM
    assert {answer.task for answer in kept} == set(NUM_QUESTIONS)
    assert [answer.right for answer in kept] == [number % 3 > 0 for number in range(1, NUM + 1)]
    assert [answer.known for answer in kept] == [number == 2 for number in range(1, NUM + 1)]
    assert {(answer.age, answer.experience, answer.session) for answer in kept} == {(*LISTENER.values(), session)}
    assert all((answer.model, answer.decoder) == ("toy", '{"class": "Greedy"}') for answer in kept)
    assert all(answer.pair == f"bwv{answer.seed}:0-8" and answer.asked <= answer.answered for answer in kept)


def verdict(right: int) -> dict[str, int]:
    return {"right": right, "num": NUM - NUM_QUESTIONS["catch"]}


def test_nothing_but_its_notes_tells_which_clip_is_bach(
    client: TestClient, challenge: Challenge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that differs between two clips is what the organ plays between equal silences, equally loud."""
    monkeypatch.setattr(sessions, "_SLACK", 60.0)  # nobody listens
    for pair in played():
        challenge.sessions.add(pair)
    session, tasks = post(client, "session", **LISTENER)["session"], set()
    for _ in range(NUM):
        question = post(client, "question", session=session)
        tasks.add(question["task"])
        assert set(question) == {"question", "task", "number", "of", "clips"}
        names = [question["question"], *question["clips"]]
        assert len(set(names)) == 3
        assert all(re.fullmatch(r"[\w-]{16}", name) for name in names)
        first, second = (client.get(f"/challenge/clip/{clip}") for clip in question["clips"])
        assert first.headers == second.headers
        assert not {"etag", "last-modified", "content-disposition", "date"} & set(first.headers)
        assert first.headers["content-type"] == "audio/wav"
        assert first.content[:44] == second.content[:44]
        assert first.content != second.content
        sounds = [samples(answer.content) for answer in (first, second)]
        silences = [(np.flatnonzero(sound)[0], np.flatnonzero(sound)[-1]) for sound in sounds]
        assert np.ptp(silences, axis=0).max() < 40  # a twentieth of a note's attack: as its wave begins
        loudness = [20 * np.log10(np.sqrt(np.mean(sound**2))) for sound in sounds]
        assert abs(loudness[0] - loudness[1]) < 0.01
        post(client, "answer", session=session, question=question["question"], choice=0, known=False)
    assert tasks == {"harmonisation", "composition"}  # the catch isn't told


def samples(content: bytes) -> Any:
    with wave.open(io.BytesIO(content)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
        assert len(content) == 44 + 2 * len(sound)  # nothing stands behind it
        return sound


def test_an_answer_counts_once_and_after_both_clips(client: TestClient, challenge: Challenge, tmp_path: Path) -> None:
    session = begun(client, challenge)
    question = post(client, "question", session=session)
    assert post(client, "question", session=session) == question  # a reload goes on
    answer = {"session": session, "question": question["question"], "choice": 1, "known": False}
    client.get(f"/challenge/clip/{question['clips'][0]}")
    assert client.head(f"/challenge/clip/{question['clips'][1]}").status_code == 405
    early = client.post("/challenge/api/answer", json=answer)
    assert (early.status_code, "hear them first" in early.json()["error"]) == (422, True)
    client.get(f"/challenge/clip/{question['clips'][1]}")
    # Sent again, as when the line broke, it is thanked for and kept once.
    assert [post(client, "answer", **answer) for _ in range(2)] == [{"thanks": True, "left": NUM - 1}] * 2
    assert client.post("/challenge/api/answer", json={**answer, "choice": 0}).status_code == 422
    assert client.get(f"/challenge/clip/{question['clips'][0]}").status_code == 404
    assert [kept.choice for kept in read_answers(tmp_path / "answers.db")] == [1]


def test_until_pairs_are_ready_listeners_are_told_to_wait(client: TestClient, challenge: Challenge) -> None:
    for pair in toys(more=0)[:-1]:  # the catch isn't ready
        challenge.sessions.add(pair)
    answer = client.post("/challenge/api/session", json=LISTENER)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert f"{NUM - 1} of {NUM} pairs" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("session", {}, (422, "invalid")),
        ("session", [], (422, "invalid")),
        ("session", {**LISTENER, "age": "12"}, (422, "invalid")),
        ("session", {**LISTENER, "experience": ["player"]}, (422, "invalid")),
        ("question", {"session": "../../etc"}, (404, "not_found")),
        ("answer", {"session": "", "question": "", "choice": True, "known": False}, (422, "invalid")),
        ("answer", {"session": "", "question": "", "choice": 2, "known": False}, (422, "invalid")),
        ("answer", {"session": "\ud800", "question": "", "choice": 1, "known": False}, (404, "not_found")),
        ("session", b"[" * 4000, (422, "invalid")),
        ("session", b"1" * 4097, (413, "too_large")),
        ("session", b"\xff", (422, "invalid")),
    ],
)
def test_strange_requests_are_refused(client: TestClient, path: str, body: Any, code: tuple[int, str]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post(f"/challenge/api/{path}", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == code
    assert answer.json()["error"].endswith(".")


def test_forms_of_other_sites_are_refused(client: TestClient) -> None:
    assert client.post("/challenge/api/session", content=json.dumps(LISTENER)).status_code == 415
    assert client.post("/challenge/api/session", json=LISTENER, headers={"origin": "null"}).status_code == 403


def test_the_page_offers_what_is_accepted_and_nothing_inline(client: TestClient) -> None:
    page = client.get("/challenge")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert tuple(re.findall(r'name="age" value="([^"]+)"', page.text)) == AGES
    assert tuple(re.findall(r'name="experience" value="([^"]+)"', page.text)) == EXPERIENCES
    files = [f"/static/{name}" for name in ("colours.css", "challenge.css", "challenge.js")]
    assert re.findall(r'(?:src|href)="(/[^"]+)"', page.text) == files
    assert ("eleven pairs" in page.text, NUM) == (True, 11)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", page.text)
