"""Run the service: its socket, its server, its end."""

import asyncio
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from threading import Timer
from typing import Any

import uvicorn

from bachlit.errors import BachlitError, OptionError
from bachlit.serving.app import Service
from bachlit.serving.connections import Connection
from bachlit.serving.settings import Settings

_GRACE = 2  # seconds in which answers are finished when the service is stopped
_ALL = ("0.0.0.0", "::")  # not an address, but all of this machine


class ServingError(BachlitError):
    """Service that can't go on."""


def serve(settings: Settings, *, opening: bool = False, made: bool = False) -> None:
    """Serve until Ctrl-C.

    Args:
        settings: As typed.
        opening: Open the page in the browser.
        made: Whether the token was made here, and is printed; the user's own is not.

    Raises:
        OptionError: If the host or port can't be listened on.
        ServingError: If no worker can start.
    """
    service = Service(settings)  # first: it may refuse the database of answers
    with _listening(settings) as listener:
        port = listener.getsockname()[1]
        address, opened = (f"http://{host}:{port}/" for host in (_named(settings.host), _reached(settings.host)))
        token = "" if settings.token is None else f"#token={settings.token}"
        shown, yours = (token, "") if made or not token else ("", "add #token= and your token; ")

        def ready() -> None:
            """Print the address, once Ctrl-C ends it in good order."""
            print(f"bachlit serves at {address}{shown} ({yours}Ctrl-C ends it)", flush=True)
            if opening:
                Timer(0.1, webbrowser.open, [f"{opened}{token}"]).start()

        asyncio.run(_serve(service, listener, ready))


async def _serve(service: Service, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until stopped, or until no worker can start.

    Args:
        service: Answers.
        listener: Bound to the address.
        ready: Called when it listens.
    """
    config = uvicorn.Config(
        service.app(),
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        log_level="critical",  # nothing that people send is logged
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        ready()
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
        both = settings.host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((settings.host, settings.port), family=family, backlog=128, dualstack_ipv6=both)
    except OSError as error:
        raise OptionError(
            f"{settings.host}, port {settings.port}, can't be listened on ({error.strerror or error}); expected a free "
            "port of this machine; choose another with --port, such as --port 0 for any, or end what uses it."
        ) from error


def _named(host: str) -> str:
    """Name a host in an address; of all addresses of this machine, the one that others reach.

    >>> _named("::1"), _named("bach.example")
    ('[::1]', 'bach.example')
    """
    if host in _ALL:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect(("192.0.2.1", 9))  # sends nothing: it asks which address would be the sender's
            host = route.getsockname()[0]
    return f"[{host}]" if ":" in host else host


def _reached(host: str) -> str:
    """Name a host as this machine's browser reaches it."""
    return "127.0.0.1" if host in _ALL else _named(host)
