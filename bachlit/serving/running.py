"""Run the service: its socket, its server, its end."""

import asyncio
import socket
import webbrowser
from threading import Timer
from typing import Any

import uvicorn

from bachlit.errors import BachlitError, OptionError
from bachlit.serving.app import Service
from bachlit.serving.connections import Connection
from bachlit.serving.settings import Settings

_GRACE = 2  # seconds in which answers are finished when the service is stopped


class ServingError(BachlitError):
    """Service that can't go on."""


def serve(settings: Settings, *, opening: bool = False) -> None:
    """Serve until Ctrl-C.

    Args:
        settings: As typed.
        opening: Open the page in the browser.

    Raises:
        OptionError: If the host or port can't be listened on.
        ServingError: If no worker can start.
    """
    service = Service(settings)  # first: it may refuse the database of answers
    with _listening(settings) as listener:
        address = _address(settings, listener.getsockname()[1])
        print(f"bachlit serves at {address} (Ctrl-C ends it)", flush=True)
        if opening:
            Timer(0.1, webbrowser.open, [address]).start()
        asyncio.run(_serve(service, listener))


async def _serve(service: Service, listener: socket.socket) -> None:
    """Serve, and stop where no worker can start."""
    config = uvicorn.Config(
        service.app(),
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        log_level="error",  # nothing that people send is logged
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    failed = service.pool.failed
    if failed is not None:
        ends: set[asyncio.Future[Any]] = {serving, failed}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    if failed is not None and failed.done():
        raise ServingError(str(failed.result()))


def _listening(settings: Settings) -> socket.socket:
    """Listen on the host and port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise OptionError(
            f"{settings.host}, port {settings.port}, can't be listened on ({error.strerror or error}); expected a free "
            "port of this machine; choose another with --port, such as --port 0 for any, or end what uses it."
        ) from error


def _address(settings: Settings, port: int) -> str:
    """Address of the page, with the token where one is asked for."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    token = "" if settings.token is None else f"#token={settings.token}"
    return f"http://{host}:{port}/{token}"
