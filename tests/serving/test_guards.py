"""Guards: foreign hosts, pages and clients, large bodies, and the head of every answer."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bachlit.serving.guards import POLICY, Guards, body_of, refused
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_BYTES, Settings

HERE = "http://127.0.0.1:8765"
SITE = "https://bach.example"


def client(**settings: Any) -> TestClient:
    async def count(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await body_of(request))))

    async def fail(request: Request) -> PlainTextResponse:
        raise ValueError("private words")

    async def refuse(request: Request, error: Any) -> Any:
        return refused(error)

    app = Starlette(
        routes=[
            Route("/api/v1/count", count, methods=["GET", "POST"]),
            Route("/challenge/api/session", count, methods=["POST"]),
            Route("/", count),
            Route("/api/v1/fail", fail),
        ],
        exception_handlers={RefusedError: refuse},
        middleware=[Middleware(Guards, settings=Settings(**settings))],
    )
    return TestClient(app, base_url=HERE)


def code(answer: Any) -> str:
    return str(answer.json()["code"])


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765", "LOCALHOST"])
def test_our_own_names_pass(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5", "", "localhost@evil", "[::1", "localhost:99999x"]
)
def test_other_hosts_are_refused(host: str) -> None:
    answer = client().get("/", headers={"host": host})
    assert (answer.status_code, code(answer)) == (400, "host")


def test_addresses_and_named_sites_pass_where_others_may_call() -> None:
    there = client(host="0.0.0.0", origins=(SITE,))
    hosts = {"192.168.1.5:8765": 200, "bach.example": 200, "evil.example": 400, "localhost": 200}
    assert {host: there.get("/", headers={"host": host}).status_code for host in hosts} == hosts


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://127.0.0.1:3000", f"{HERE}.evil", SITE, ""])
def test_pages_of_other_sites_are_refused(origin: str) -> None:
    answer = client().post("/api/v1/count", headers={"origin": origin})
    assert (answer.status_code, code(answer)) == (403, "origin")


def test_two_hosts_or_origins_are_none() -> None:
    for name, values, status in (("host", ["127.0.0.1:8765"] * 2, 400), ("origin", [HERE, HERE], 403)):
        assert client().get("/", headers=[(name, value) for value in values]).status_code == status


def test_programs_and_our_own_page_pass() -> None:
    assert client().post("/api/v1/count", content=b"abc").text == "3"
    answer = client().post("/api/v1/count", headers={"origin": HERE})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_a_named_site_may_call_and_no_other() -> None:
    there = client(origins=(SITE,))
    asked = {"origin": SITE, "access-control-request-method": "POST"}
    preflight = there.options("/api/v1/count", headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, SITE)
    answer = there.post("/api/v1/count", headers={"origin": SITE})
    assert answer.headers["access-control-allow-origin"] == SITE
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert there.get("/").headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["access-control-expose-headers"] == "retry-after"  # which the guide says to wait for
    assert there.options("/api/v1/count", headers=asked | {"origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("sent", [None, "Bearer wrong", "Bearer ", "secret-token", "Basic secret-token", "Bearer é"])
def test_a_token_is_asked_for(sent: str | None) -> None:
    headers = {} if sent is None else {"authorization": sent.encode()}
    answer = client(token="secret-token").post("/api/v1/count", headers=headers)
    assert (answer.status_code, code(answer)) == (401, "token")
    assert "secret-token" not in answer.text


def test_the_token_opens() -> None:
    headers = {"authorization": "Bearer secret-token"}
    assert client(token="secret-token").post("/api/v1/count", headers=headers).status_code == 200


@pytest.mark.parametrize("challenge", [False, True])
def test_pages_and_the_challenge_need_no_token(challenge: bool) -> None:
    """The printed address has the token behind a `#`, which browsers keep to themselves."""
    there = client(host="0.0.0.0", token="secret-token", challenge=challenge)
    paths = {"/challenge/api/session": 200, "/api/v1/count": 401, "/challenge-api": 401}
    assert {path: there.post(path).status_code for path in paths} == paths
    assert there.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/fail", "/nowhere"])
def test_every_answer_has_its_policy(path: str) -> None:
    answer = client().get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_a_fault_is_answered_without_its_words(capsys: Any) -> None:
    answer = client().get("/api/v1/fail")
    assert (answer.status_code, code(answer)) == (500, "internal")
    printed = capsys.readouterr().err
    assert "ValueError" in printed
    assert "private" not in printed + answer.text


def test_who_is_refused_may_send_the_body_to_its_end() -> None:
    """A client that still sends when the connection ends reads no answer."""
    parts = iter([True, True, True, False])
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a", "more_body": next(parts)}

    async def send(message: Any) -> None:
        assert not [*parts]
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"evil.example")]}
    asyncio.run(Guards(Starlette(), Settings())(scope, receive, send))
    assert sent[0]["status"] == 400


def test_a_body_is_counted_while_it_streams() -> None:
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": bytes(2**20), "more_body": True}

    with pytest.raises(RefusedError) as error:
        asyncio.run(body_of(Request({"type": "http", "headers": []}, endless)))
    assert error.value.code == "too_large"
    assert taken < 40
    assert client().post("/api/v1/count", content=bytes(MOST_BYTES)).text == str(MOST_BYTES)
