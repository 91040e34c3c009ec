"""Guards before the routes: hosts, origins, tokens, sizes of bodies, headers of answers."""

import asyncio
import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bachlit.serving.refusals import RefusedError, fault, place_of
from bachlit.serving.settings import MOST_BYTES, Settings

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""Content security policy of every answer: nothing is loaded from elsewhere, nothing inline runs."""

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_SLOW = 30.0  # seconds in which a body must have come
_DISCARDED = 16 * MOST_BYTES  # of what is refused: clients that still send when the connection ends read no answer
_OPEN = ("/", "/openapi.json", "/favicon.ico")  # paths that hold no one's data: a page asks for them without a token
_OWN = ("localhost", "127.0.0.1", "::1")  # names of this machine, for itself
_OPEN_FOLDERS = ("/static/", "/challenge/")  # listeners need no token


class Guards:
    """Middleware that refuses foreign hosts, pages and clients, and completes every answer's head.

    Args:
        app: What answers.
        settings: Of the service.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        named = [urlsplit(origin).hostname or "" for origin in settings.origins]
        self._hosts = {*_OWN, settings.host, *named}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        more = dict(_HEADERS)

        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                head = MutableHeaders(scope=message)
                for name, value in more.items():
                    head[name] = value
                head.setdefault("cache-control", "no-store")
            await send(message)

        try:
            self._refuse_host(headers)
            origin = self._refuse_origin(headers)
            if origin in self._settings.origins:
                more |= {"access-control-allow-origin": str(origin), "vary": "Origin"}
                more |= {"access-control-expose-headers": "retry-after"}  # else pages can't read it
                more |= {"cross-origin-resource-policy": "cross-origin"}
                if scope["method"] == "OPTIONS":
                    await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send_guarded)
                    return
            self._refuse_token(scope["path"], headers)
        except RefusedError as error:
            await _discard(receive)
            await refused(error)(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:
            if not started:
                await refused(fault(place_of(error)))(scope, receive, send_guarded)

    def _refuse_host(self, headers: Headers) -> None:
        """Refuse foreign host names: a page could point a name of its own at this machine.

        No page can point an address elsewhere: all pass if other machines may call.
        """
        host = _host_of(headers.get("host", "")) if len(headers.getlist("host")) == 1 else None
        if host is None or not (host in self._hosts or (not self._settings.local and _is_address(host))):
            raise RefusedError(
                "host",
                "The request names a host that isn't this service's; expected the address that bachlit serve prints; "
                "use that, or name the public one with --origin.",
            )

    def _refuse_origin(self, headers: Headers) -> str | None:
        """Refuse pages of other sites; programs send no origin."""
        origins = headers.getlist("origin")
        if not origins:
            return None
        host = headers.get("host", "")
        if len(origins) > 1 or (
            origins[0] not in self._settings.origins and origins[0] not in (f"http://{host}", f"https://{host}")
        ):
            raise RefusedError(
                "origin",
                "A page of another site may not call this service; expected its own page, or a program; to allow a "
                "site, start bachlit serve with --origin and its address.",
            )
        return origins[0]

    def _refuse_token(self, path: str, headers: Headers) -> None:
        """Refuse requests without the token, if the service has one."""
        token = self._settings.token
        if token is None or path in _OPEN or f"{path}/".startswith(_OPEN_FOLDERS):
            return
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(sent.encode(), token.encode()):
            raise RefusedError(
                "token",
                "The request has no token, or a wrong one; expected a header Authorization: Bearer and the token that "
                "bachlit serve prints; open the page by the printed address, which holds it.",
            )


_PREFLIGHT: Mapping[str, str] = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, accept",
    "access-control-allow-private-network": "true",
    "access-control-max-age": "600",
}


def from_here(headers: Headers) -> bool:
    """Check whether a request names its host as only this machine does."""
    return _host_of(headers.get("host", "")) in _OWN


def _host_of(header: str) -> str | None:
    """Parse the name or address of a Host header; None if it is malformed.

    >>> _host_of("localhost:8765"), _host_of("[::1]:8765"), _host_of("a.example@b"), _host_of("")
    ('localhost', '::1', None, None)
    """
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", header.lower())
    return (match[1] or match[2]) if match else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def refused(error: RefusedError, *, retry_after: int = 5) -> JSONResponse:
    """Make the answer of a refusal.

    Args:
        error: The refusal.
        retry_after: Seconds after which a busy service may be asked again.
    """
    headers = {"retry-after": str(retry_after)} if error.code == "busy" else {}
    if error.code == "token":
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(error.described(), error.status, headers)


async def body_of(request: Request) -> bytes:
    """Read a body within bounds of size and time.

    Raises:
        RefusedError: If it is larger than 2 MiB, or comes too slowly.
    """
    parts, size = list[bytes](), 0
    try:
        async with asyncio.timeout(_SLOW):
            async for part in request.stream():
                size += len(part)
                if size <= MOST_BYTES:
                    parts.append(part)
                else:
                    parts.clear()
                if size > _DISCARDED:
                    break
    except TimeoutError as error:
        raise RefusedError(
            "slow", f"The body did not come within {_SLOW:g} seconds; expected it at once; send it again."
        ) from error
    if size > MOST_BYTES:
        raise RefusedError(
            "too_large",
            f"The body has more than {MOST_BYTES // 2**20} MiB; expected a score within that; send a shorter one, or "
            "leave its pictures out.",
        )
    return b"".join(parts)


async def _discard(receive: Receive) -> None:
    """Read the body of a request that is refused, within bounds."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_SLOW):
            while size <= _DISCARDED:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    break
