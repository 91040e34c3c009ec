"""Pool: a bounded queue before worker processes, for an event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from threading import Thread
from typing import Any

from bachlit.processes import spawn
from bachlit.serving.refusals import RefusedError, fault
from bachlit.serving.settings import Settings
from bachlit.serving.worker import CANCEL, work

_PATIENCE = 0.4  # seconds in which a worker must break a job off, before it is ended and replaced
_PAUSE = 2.0  # seconds before a worker that could not start is replaced
_USUAL = 6.0  # seconds of a usual job, from which Retry-After is guessed


class Place:
    """Place of a request in the queue.

    Args:
        pool: The pool.
        progress: Called with `queued` and the place, or `progress` and the share that is done.
    """

    def __init__(self, pool: "Pool", progress: Callable[[str, float], None]) -> None:
        self._pool, self.progress = pool, progress

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in a worker, with `models` and `watch`, when it is this request's turn.

        When cancelled, it leaves the queue, or has the worker break off.

        Args:
            function: Of a module; pickled by its name.
            args: Pickled.

        Raises:
            RefusedError: If the function raises one, takes too long, or its worker dies.
        """
        worker = await self._pool.free_worker(self)
        worker.progress = lambda share: self.progress("progress", share)
        try:
            async with asyncio.timeout(self._pool.settings.timeout):
                return await worker.ask(function, *args)
        except TimeoutError as error:
            raise RefusedError(
                "timeout",
                f"It took more than {self._pool.settings.timeout:g} seconds and was stopped; expected less work; send "
                "a shorter tune, ask for fewer pieces, or start bachlit serve with a longer --timeout.",
            ) from error
        finally:
            self._pool.give_back(worker)


class Pool:
    """Workers in processes, and a queue of bounded length before them.

    Args:
        settings: Of the service.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.failed: asyncio.Future[RefusedError] | None = None
        self._begun = False  # whether any worker could start
        self._places: list[Place] = []  # all requests, the first that came first
        self._waiting: list[tuple[Place, asyncio.Future[_Worker]]] = []
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> dict[str, Any]:
        """Figures for a health check."""
        ready = sum(worker.ready for worker in self._workers)
        waiting = len(self._waiting)
        return {"ready": ready > 0, "workers": len(self._workers), "busy": len(self._places) - waiting,
                "waiting": waiting}  # fmt: skip

    async def start(self) -> None:
        """Start the workers, which load their models by themselves."""
        self.failed = asyncio.get_running_loop().create_future()
        for _ in range(self.settings.workers):
            self._hire()

    async def stop(self) -> None:
        """End all workers."""
        for task in self._tasks:
            task.cancel()
        workers, self._workers = self._workers, set()
        for worker in workers:
            worker.kill()

    @asynccontextmanager
    async def enter(self, progress: Callable[[str, float], None] = lambda word, value: None) -> AsyncIterator[Place]:
        """Take a place in the queue.

        Args:
            progress: Called with `queued` and the place, or `progress` and the share that is done.

        Raises:
            RefusedError: If the queue is full.
        """
        if len(self._places) >= self.settings.queue:
            raise RefusedError(
                "busy",
                f"{len(self._places)} requests are worked on or wait, as many as the queue holds; expected a place in "
                "it; try again in a few seconds.",
            )
        place = Place(self, progress)
        self._places.append(place)
        try:
            yield place
        finally:
            self._places.remove(place)

    @property
    def retry_after(self) -> int:
        """Seconds after which a place may be free."""
        return round(max(1.0, _USUAL / max(1, self.settings.workers)))

    async def free_worker(self, place: Place) -> "_Worker":
        """Wait for a worker; requests come in their order."""
        if self._idle:  # then nobody waits whose turn hasn't come
            return self._idle.pop()
        turn: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, turn))
        place.progress("queued", len(self._waiting))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self.give_back(turn.result())
            raise
        finally:
            self._waiting = [one for one in self._waiting if one[1] is not turn]
            for number, (other, _) in enumerate(self._waiting, start=1):
                other.progress("queued", number)

    def give_back(self, worker: "_Worker") -> None:
        """Give a worker to the next request; one that is still at work must break off first."""
        worker.progress = _ignored
        if worker.gone:
            return
        if worker.answer is not None:
            self._keep(self._break_off(worker))
            return
        turn = next((turn for _, turn in self._waiting if not turn.done()), None)
        if turn is None:
            self._idle.append(worker)
        else:
            turn.set_result(worker)

    async def _break_off(self, worker: "_Worker") -> None:
        worker.cancel()
        if worker.answer is not None:
            await asyncio.wait({worker.answer}, timeout=_PATIENCE)
        if worker.answer is None:
            self.give_back(worker)
        else:
            worker.kill()  # and is replaced when its process is gone

    def _hire(self) -> None:
        worker = _Worker(self.settings, self._ready, self._lost)
        self._workers.add(worker)

    def _ready(self, worker: "_Worker") -> None:
        self._begun = True
        if worker in self._workers:
            self.give_back(worker)

    def _lost(self, worker: "_Worker") -> None:
        """Replace a worker whose process is gone."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._idle = [one for one in self._idle if one is not worker]
        if worker.ready:
            self._hire()
        elif self.failed is not None and not self.failed.done() and worker.error is not None and not self._begun:
            self.failed.set_result(worker.error)
        else:
            self._keep(self._hire_later())

    async def _hire_later(self) -> None:
        await asyncio.sleep(_PAUSE)
        self._hire()

    def _keep(self, coroutine: Any) -> None:
        """Run beside the rest; a task that nobody refers to may be collected."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ignored(share: float) -> None:
    """Ignore progress."""


class _Worker:
    """Process that does one job at a time, as the event loop sees it.

    Attributes:
        ready: Whether it has loaded its model.
        gone: Whether the process has ended.
        answer: Result of the job that it does; None if it is idle.
        error: Why it couldn't start, if it said so.
        progress: Called with the share of the job that is done.
    """

    def __init__(
        self, settings: Settings, on_ready: Callable[["_Worker"], None], on_lost: Callable[["_Worker"], None]
    ) -> None:
        self._loop, self._on_ready, self._on_lost = asyncio.get_running_loop(), on_ready, on_lost
        self.ready = self.gone = False
        self.answer: asyncio.Future[Any] | None = None
        self.error: RefusedError | None = None
        self.progress: Callable[[float], None] = _ignored
        self._process, self._connection = spawn(work, settings.checkpoint, settings.modules)
        Thread(target=self._listen, daemon=True).start()

    async def ask(self, function: Callable[..., Any], *args: Any) -> Any:
        """Do a job; waiting for it may be cancelled, which doesn't end it."""
        if self.gone:  # since it was chosen
            raise _lost()
        self.answer = self._loop.create_future()
        self.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())  # looked at
        with suppress(OSError):  # that it is gone is heard by its thread
            self._connection.send((function, *args))
        return await asyncio.shield(self.answer)

    def cancel(self) -> None:
        """Ask it to break its job off."""
        with suppress(OSError):
            self._connection.send((CANCEL,))

    def kill(self) -> None:
        """End its process at once."""
        self._process.kill()

    def _listen(self) -> None:
        """Hand on what the process sends, in a thread of its own."""
        with suppress(EOFError, OSError):
            while True:
                self._tell(self._heard, *self._connection.recv())
        self._process.join()
        self._connection.close()
        self._tell(self._ended)

    def _tell(self, function: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(function, *args)

    def _heard(self, word: str, value: Any) -> None:
        answer = self.answer
        if word == "progress":
            self.progress(value)
        elif word == "ready":
            self.ready = True
            self._on_ready(self)
        elif answer is None:
            self.error = value if word == "refused" else RefusedError("internal", f"A worker can't start: {value}.")
        else:
            self.answer = None
            if word == "done":
                answer.set_result(value)
            elif word == "cancelled":
                answer.cancel()
            else:
                answer.set_exception(value if word == "refused" else fault(value))

    def _ended(self) -> None:
        self.gone, answer, self.answer = True, self.answer, None
        if answer is not None and not answer.done():
            answer.set_exception(_lost())
        self._on_lost(self)


def _lost() -> RefusedError:
    """Make the error of a job whose process is gone."""
    return RefusedError(
        "worker_lost",
        "The process at work on this ended, as when memory runs out; expected an answer; send it again, or a shorter "
        "tune.",
    )
