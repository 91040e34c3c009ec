"""Connections: few enough to be served, and each ends when its client neither asks nor reads."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from bachlit.serving.guards import refused
from bachlit.serving.refusals import RefusedError

MOST_CLIENTS = 256
"""Connections that are served; twice as many are told to come again, further ones end at once."""

_PATIENCE = 30.0  # seconds in which a client must ask, or read some of the answer


class Connection(H11Protocol):
    """Connection that doesn't wait for good: uvicorn's waits for a request's head, and for an answer to be read."""

    _watching: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a client, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > 2 * MOST_CLIENTS:
            transport.abort()
            return
        if len(self.connections) > MOST_CLIENTS:
            crowded: Any = refused(
                RefusedError(
                    "busy", f"{MOST_CLIENTS} clients are connected already; expected fewer; try again in a few seconds."
                )
            )
            self.app = crowded
        self._watch(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a client."""
        if self._watching is not None:
            self._watching.cancel()
        super().connection_lost(exc)

    def _watch(self, before: tuple[Any, int] | None) -> None:
        """End the connection if its client has done nothing since the last look."""
        now = self._rest()
        if now is not None and now == before:
            self.transport.abort()
        else:
            self._watching = self.loop.call_later(_PATIENCE, self._watch, now)

    def _rest(self) -> tuple[Any, int] | None:
        """Last request and the bytes of its answer that aren't read; None while there is work to do for it."""
        unread = self.transport.get_write_buffer_size()
        working = self.cycle is not None and not self.cycle.response_complete
        return None if working and not unread else (self.cycle, unread)
