"""The event stream: how it ends when its client leaves."""

import asyncio
from typing import Any

from bachlit.serving.asks import Ask
from bachlit.serving.events import EventStream
from bachlit.serving.pool import Pool
from bachlit.serving.settings import Settings


def test_who_leaves_while_news_come_frees_the_place() -> None:
    # On Python 3.11 the stream went on for good, and so did its place: eight such clients, and the service was busy.
    async def leave() -> dict[str, Any]:
        pool = Pool(Settings())  # without workers: everybody waits
        stream = EventStream(pool, Ask("compose"))

        async def receive() -> dict[str, str]:
            while not pool.state["waiting"]:
                await asyncio.sleep(0)
            for _ in range(10):  # until the stream waits for news
                await asyncio.sleep(0)
            stream._hear("queued", 1)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            pass

        await asyncio.wait_for(stream({}, receive, send), 5)
        return pool.state

    state = asyncio.run(leave())
    assert (state["busy"], state["waiting"]) == (0, 0)
