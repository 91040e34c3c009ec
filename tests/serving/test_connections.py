"""Connections: clients that neither ask nor read are let go, and those that wait for work are not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response
from uvicorn.server import ServerState

from bachlit.serving import connections
from bachlit.serving.connections import Connection

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = 32 * 2**20  # bytes: more than the system takes for a client that doesn't read

Connect = Callable[[], Any]


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_PATIENCE", 0.2)


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[tuple[Connect, ServerState]]:
    """Serve an app: a function that connects to it, and the server's state."""
    config, state = uvicorn.Config(app, http=Connection, lifespan="off", log_config=None), ServerState()
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(30):
        yield lambda: asyncio.open_connection("127.0.0.1", port), state


@pytest.mark.parametrize("sent", [b"", b"GET / HT", ASK + b"GET / HT"])
def test_who_never_asks_is_let_go(sent: bytes) -> None:
    async def wait() -> bytes:
        async with listening(Response("x")) as (connect, _):
            reader, writer = await connect()
            writer.write(sent)
            answer: bytes = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(wait()).count(b"200 OK") == sent.count(ASK)


def test_who_never_reads_is_let_go() -> None:
    async def wait() -> None:
        async with listening(Response(bytes(LONG))) as (connect, state):
            reader, writer = await connect()
            writer.write(ASK)
            await reader.readexactly(1)
            while state.connections:
                await asyncio.sleep(0.05)
            writer.close()

    asyncio.run(wait())


def test_who_waits_for_work_is_not_let_go() -> None:
    async def work(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1)
        await Response("x")(scope, receive, send)

    async def wait() -> bytes:
        async with listening(work) as (connect, _):
            reader, writer = await connect()
            writer.write(ASK)
            answer: bytes = await reader.read()
            writer.close()
            return answer

    assert b"200 OK" in asyncio.run(wait())


def test_too_many_clients_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CLIENTS", 2)
    monkeypatch.setattr(connections, "_PATIENCE", 30.0)

    async def head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def crowd() -> list[bytes]:
        heads = []
        async with listening(Response("x")) as (connect, _), AsyncExitStack() as left:
            for _ in range(5):
                reader, writer = await connect()
                left.callback(writer.close)
                writer.write(ASK)
                heads.append(await head(reader))
        return heads

    *served, third, fourth, fifth = asyncio.run(crowd())
    assert [one.split()[1] for one in (*served, third, fourth)] == [b"200", b"200", b"503", b"503"]
    assert b"retry-after: 5" in third
    assert fifth == b""
