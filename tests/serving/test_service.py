"""The whole service: routes and refusals, many requests at once, clients that leave, workers that die."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import until
from fits import TWINKLE
from service import Answer, Service, serving
from starlette.testclient import TestClient

from bachlit.__main__ import main
from bachlit.serving.app import Service as App
from bachlit.serving.settings import Settings

TUNE = {"notes": [[67, 480], [67, 480], [69, 480], [71, 480], [72, 960]], "metre": "3/4", "fifths": 0}
QUICK = {**TUNE, "decoder": "Greedy"}
LONG = {"notes": [[60 + step % 12, 240] for step in range(256)], "num": 2}


def harmonize(service: Service, body: Any, **headers: str) -> Answer:
    return service.ask("POST", "/api/v1/harmonize", body, **headers)


def test_a_melody_becomes_four_voices(service: Service) -> None:
    answer = harmonize(service, TUNE)
    [piece] = answer.json["pieces"]
    assert answer.status == 200
    assert piece["voices"]["soprano"] == TUNE["notes"]
    assert all(sum(ticks for _, ticks in notes) == piece["ticks"] for notes in piece["voices"].values())


def test_pages_and_figures_are_answered(service: Service) -> None:
    kinds = {
        path: service.ask("GET", path).headers["content-type"] for path in ("/", "/api/v1/options", "/openapi.json")
    }
    assert list(kinds.values()) == ["text/html; charset=utf-8", "application/json", "application/json"]
    assert service.health["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "headers", "code"),
    [
        ("GET", "/nowhere", {}, (404, "not_found")),
        ("GET", "/static/../settings.py", {}, (404, "not_found")),
        ("GET", "/static/%2e%2e/settings.py", {}, (404, "not_found")),
        ("GET", "/api/v1/harmonize", {}, (405, "method")),
        ("POST", "/api/v1/harmonize", {"host": "evil.example"}, (400, "host")),
        ("POST", "/api/v1/harmonize", {"origin": "null"}, (403, "origin")),
        ("POST", "/api/v1/harmonize", {"accept": "text/html"}, (406, "accept")),
        ("POST", "/api/v1/harmonize", {"content_type": "application/json"}, (422, "invalid")),
    ],
)
def test_refusals(service: Service, method: str, path: str, headers: dict[str, str], code: tuple[int, str]) -> None:
    answer = service.ask(method, path, b"" if method == "POST" else None, **headers)
    assert (answer.status, answer.json["code"]) == code


@pytest.mark.parametrize(("host", "code"), [("evil.example", "host"), ("127.0.0.1", "too_large")])
def test_who_sends_too_much_still_reads_why_it_is_refused(service: Service, host: str, code: str) -> None:
    answer = service.ask("POST", "/api/v1/harmonize", bytes(5 * 2**20), host=host)
    assert answer.json["code"] == code


def test_the_bytes_are_those_of_the_command(service: Service, tmp_path: Path) -> None:
    assert main(["harmonize", str(TWINKLE), "--seed=3", "--decoder=Sampling", "--output", str(tmp_path / "t")]) == 0
    query = "/api/v1/harmonize?seed=3&decoder=Sampling&name=twinkle.musicxml"
    for kind, ending in (("application/vnd.recordare.musicxml+xml", "musicxml"), ("audio/midi", "mid")):
        answer = service.ask("POST", query, TWINKLE.read_bytes(), accept=kind)
        assert answer.headers["content-type"] == kind
        assert answer.body == (tmp_path / f"t.{ending}").read_bytes()


def test_events_end_with_the_answer(service: Service) -> None:
    body = harmonize(service, TUNE, accept="text/event-stream").body.decode()
    words = [event.partition("\n")[0].removeprefix("event: ") for event in body.split("\n\n") if event]
    assert words[-1] == "answer"
    assert "progress" in words
    assert set(words[:-1]) <= {"queued", "progress"}


@contextmanager
def at_work(service: Service, **headers: str) -> Iterator[None]:
    """Send a request of half a minute's work, and leave at the end of the block."""
    place = urlsplit(service.address)
    content = json.dumps(LONG).encode()
    heads = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((place.hostname, place.port)) as connection:
        head = f"POST /api/v1/harmonize HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n{heads}"
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        assert until(lambda: service.health["busy"] == 1)
        yield


def test_eight_requests_have_a_place_and_more_are_refused(service: Service) -> None:
    with ThreadPoolExecutor(11) as threads:
        with at_work(service):
            asked = [threads.submit(harmonize, service, QUICK) for _ in range(11)]
            assert until(lambda: sum(one.done() for one in asked) == 4)
            assert (service.health["busy"], service.health["waiting"]) == (1, 7)
        answers = [one.result() for one in asked]
    assert sorted(answer.status for answer in answers) == [200] * 7 + [503] * 4
    refused = [answer for answer in answers if answer.status == 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_client_that_leaves_frees_the_worker(service: Service, accept: str) -> None:
    with at_work(service, Accept=accept):
        pass
    assert until(lambda: service.health["busy"] == 0, seconds=10)  # of thirty
    assert harmonize(service, QUICK).status == 200
    assert service.health["workers"] == 1


def worker_of(service: Service) -> int:
    """Its only child that works: another one tracks resources."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    [worker] = [one for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return int(worker)


def test_nothing_that_is_sent_is_printed(service: Service) -> None:
    harmonize(service, {**QUICK, "title": "private words"})
    harmonize(service, {**QUICK, "private": "words"})
    harmonize(service, b"private words")
    assert (service.folder / "errors.txt").read_text() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_a_killed_worker_is_replaced_and_its_request_alone_fails(tmp_path: Path) -> None:
    with serving(tmp_path, executable=sys.executable) as service:
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(harmonize(service, LONG)))
        asking.start()
        assert until(lambda: service.health["busy"] == 1)
        time.sleep(0.2)
        os.kill(worker_of(service), signal.SIGKILL)
        asking.join()
        assert (answers[0].status, answers[0].json["code"]) == (500, "worker_lost")
        assert harmonize(service, QUICK).status == 200


def test_on_other_hosts_only_the_challenge_is_open(tmp_path: Path) -> None:
    served = App(Settings(host="0.0.0.0", token="secret-token", challenge=True, answers=tmp_path / "answers.db"))
    there, here = (TestClient(served.app(), f"http://{host}:8765") for host in ("192.168.1.5", "127.0.0.1"))
    assert "Which is by Bach?" in there.get("/challenge").text
    assert str(there.get("/").url).endswith("/challenge")
    assert "a tune in four voices" in here.get("/").text
    assert {client.get("/api/v1/health").status_code for client in (there, here)} == {401}
    asyncio.run(served.parts[-1].stop())
