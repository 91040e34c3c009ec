"""The application: routes, and a pool of workers behind them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bachlit.serving.answers import Answer, answer
from bachlit.serving.asks import ACTIONS, Ask, read_ask
from bachlit.serving.catalogue import catalogue
from bachlit.serving.events import EventStream, left
from bachlit.serving.guards import Guards, body_of, from_here, refused
from bachlit.serving.openapi import openapi
from bachlit.serving.pool import Pool
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import Settings

_STATIC = Path(__file__).parent / "static"


class Service:
    """Routes of the service.

    Args:
        settings: As typed.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.pool = settings, Pool(settings)
        self._options: dict[str, Any] | None = None
        self.parts: list[Any] = [self.pool]
        routes = [Route(f"/api/v1/{action}", self._post(action), methods=["POST"]) for action in ACTIONS]
        if settings.challenge:
            from bachlit.serving.challenge.routes import Challenge

            challenge = Challenge(settings)
            self.parts.append(challenge)
            routes += challenge.routes
        self._routes = [
            Route("/", self._page),
            Route("/api/v1/health", self._health),
            Route("/api/v1/options", self._catalogue),
            Route("/openapi.json", self._openapi),
            *routes,
            Mount("/static", _Static(directory=_STATIC)),
        ]

    def app(self) -> Starlette:
        """Make the application."""
        return Starlette(
            routes=self._routes,
            middleware=[Middleware(Guards, settings=self.settings)],
            exception_handlers={
                RefusedError: self._refused,
                HTTPException: _not_there,
                ClientDisconnect: _nobody,
            },
            lifespan=self._living,
        )

    @asynccontextmanager
    async def _living(self, app: Starlette) -> AsyncIterator[None]:
        """Start the workers and the challenge; stop them at the end."""
        for part in self.parts:
            await part.start()
        try:
            yield
        finally:
            for part in self.parts:
                await part.stop()

    async def _page(self, request: Request) -> Response:
        """Answer with the page; others than this machine are led to the Challenge, where it is offered to them."""
        if self.settings.challenge and not self.settings.local and not from_here(request.headers):
            return RedirectResponse("/challenge")
        return FileResponse(_STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def _health(self, request: Request) -> Response:
        """Report readiness and load, at once."""
        return JSONResponse({"status": "ok", **self.pool.state, "bachlit": version("bachlit")})

    async def _catalogue(self, request: Request) -> Response:
        """List decoders, rules and limits: made by a worker once, since the list needs PyTorch."""
        if self._options is None:
            async with self.pool.enter() as place:
                self._options = {**await place.run(catalogue), "challenge": self.settings.challenge}
        return JSONResponse(self._options)

    async def _openapi(self, request: Request) -> Response:
        """Describe the service."""
        return JSONResponse(openapi())

    def _post(self, action: str) -> Callable[[Request], Awaitable[Response]]:
        """Make the handler of a POST."""

        async def post(request: Request) -> Response:
            body = await body_of(request)
            read = partial(
                read_ask,
                action,
                body=body,
                content_type=request.headers.get("content-type", ""),
                query=request.query_params.multi_items(),
                accept=request.headers.get("accept", ""),
            )
            ask = replace(await asyncio.to_thread(read), model=self.settings.model)
            return EventStream(self.pool, ask) if ask.form == "events" else await self._answer(request, ask)

        return post

    async def _answer(self, request: Request, ask: Ask) -> Response:
        """Answer when the work is done; cancel it if the client leaves."""
        async with self.pool.enter() as place:
            work = asyncio.ensure_future(place.run(answer, ask))
            gone = asyncio.ensure_future(left(request.receive))
            try:
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                if not work.done():
                    work.cancel()
                    await asyncio.wait({work})
        if work.cancelled():
            raise ClientDisconnect
        made: Answer = work.result()
        return Response(made.content, media_type=made.media_type)

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return refused(error, retry_after=self.pool.retry_after)


class _Static(StaticFiles):
    """Files of the page, which browsers ask for anew after an update."""

    async def get_response(self, path: str, scope: Any) -> Response:
        """Answer with a file that browsers check for a newer one at each use."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "no-cache"
        return answer


async def _not_there(request: Request, error: Exception) -> Response:
    """Refuse unknown paths and methods."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return refused(RefusedError("method", "This path takes another method; expected one of /openapi.json; use it."))
    return refused(RefusedError("not_found", "There is nothing at this path; expected one of /openapi.json; use it."))


async def _nobody(request: Request, error: Exception) -> Response:
    """Answer nobody: the client has left."""
    return Response(status_code=499)
