"""Event stream: progress of a request, then its answer."""

import asyncio
import json
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bachlit.serving.answers import Answer, answer
from bachlit.serving.asks import Ask
from bachlit.serving.pool import Place, Pool
from bachlit.serving.refusals import RefusedError, fault, place_of

_HEARTBEAT = 15.0  # seconds between signs of life, without which proxies end a stream


class EventStream(Response):
    """Answer by server-sent events: queued, progress, then answer or error; ends when the client leaves.

    Args:
        pool: Does the work. A full queue is refused before the first event.
        ask: What is asked.
    """

    media_type = "text/event-stream"

    def __init__(self, pool: Pool, ask: Ask) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._pool, self._ask = pool, ask
        self._news: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come."""
        async with self._pool.enter(self._hear) as place:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            tasks = [asyncio.ensure_future(one) for one in (self._work(place), self._tell(send), left(receive))]
            try:
                await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    def _hear(self, word: str, value: float) -> None:
        """Note progress for the client."""
        self._news.put_nowait((word, {"place": value} if word == "queued" else {"done": round(value, 3)}))

    async def _work(self, place: Place) -> None:
        """Do the work; the last event is the answer or an error."""
        try:
            made: Answer = await place.run(answer, self._ask)
            self._news.put_nowait(("answer", made.content))
        except RefusedError as error:
            self._news.put_nowait(("error", error.described()))
        except Exception as error:
            self._news.put_nowait(("error", fault(place_of(error)).described()))

    async def _tell(self, send: Send) -> None:
        """Send events, and signs of life between them."""
        word = ""
        while word not in ("answer", "error"):
            try:
                async with asyncio.timeout(_HEARTBEAT):  # Python 3.11's `wait_for` may swallow being cancelled
                    word, value = await self._news.get()
                content = _event(word, value)
            except TimeoutError:
                content = b": waiting\n\n"
            await send({"type": "http.response.body", "body": content, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(word: str, value: Any) -> bytes:
    r"""Format an event of a stream: JSON on one line.

    >>> _event("progress", {"done": 0.5})
    b'event: progress\ndata: {"done": 0.5}\n\n'
    """
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"event: " + word.encode() + b"\ndata: " + content + b"\n\n"
