"""The pool of workers: order, limits, cancelling, and processes that die."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from threading import Thread
from types import SimpleNamespace
from typing import Any

import jobs
import pytest
from browsing import until

from bachlit.serving.pool import Pool
from bachlit.serving.refusals import RefusedError
from bachlit.serving.running import ServingError, serve
from bachlit.serving.settings import Settings

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)


@pytest.fixture(scope="module")
def run(loop: asyncio.AbstractEventLoop) -> Run:
    return lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)


@pytest.fixture(scope="module")
def pool(run: Run) -> Iterator[Pool]:
    pool = Pool(Settings(queue=3, timeout=2.0))
    run(pool.start())
    assert until(lambda: pool.state["ready"])
    yield pool
    run(pool.stop())


async def do(pool: Pool, function: Callable[..., Any], *args: Any, hear: Any = lambda word, value: None) -> Any:
    async with pool.enter(hear) as place:
        return await place.run(function, *args)


async def results(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*work, return_exceptions=True)


def idle(pool: Pool) -> bool:
    return pool.state == {"ready": True, "workers": 1, "busy": 0, "waiting": 0}


def test_requests_wait_in_order_and_a_full_queue_refuses(pool: Pool, run: Run) -> None:
    heard: list[tuple[str, float]] = []
    work = [do(pool, jobs.steps, 5) for _ in range(2)]
    work.append(do(pool, jobs.echo, "last", hear=lambda word, value: heard.append((word, value))))
    *_, third, fourth = run(results(*work, do(pool, jobs.echo, "too many")))
    assert third == "last by LanguageModel"
    assert isinstance(fourth, RefusedError)
    assert fourth.code == "busy"
    assert heard[:2] == [("queued", 2), ("queued", 1)]
    assert idle(pool)


def test_progress_is_heard(pool: Pool, run: Run) -> None:
    heard: list[tuple[str, float]] = []
    run(do(pool, jobs.steps, 20, hear=lambda word, value: heard.append((word, value))))
    assert {word for word, _ in heard} == {"progress"}
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1


def test_who_leaves_frees_the_worker_at_once(pool: Pool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bachlit.serving.pool._PATIENCE", 20)  # a busy machine may take longer

    async def leave() -> None:
        before = await do(pool, jobs.steps, 1)
        work = asyncio.ensure_future(do(pool, jobs.steps, 3000))
        waiting = asyncio.ensure_future(do(pool, jobs.steps, 3000))
        await asyncio.sleep(0.2)
        waiting.cancel()
        work.cancel()
        assert await do(pool, jobs.steps, 1) == before  # it broke off, and wasn't replaced

    run(leave())
    assert idle(pool)


def test_a_fault_is_told_without_the_words_of_the_user(pool: Pool, run: Run, capfd: Any) -> None:
    [error] = run(results(do(pool, jobs.fail, "private words")))
    assert (error.code, "private" in str(error)) == ("internal", False)
    printed = capfd.readouterr().err
    assert "jobs.py" in printed
    assert "private" not in printed


def test_work_that_is_stuck_ends_with_its_worker(pool: Pool, run: Run) -> None:
    before = run(do(pool, jobs.steps, 1))
    [error] = run(results(do(pool, jobs.stuck, 60)))
    assert error.code == "timeout"
    assert run(do(pool, jobs.steps, 1)) != before
    assert until(lambda: idle(pool))


def test_a_worker_that_dies_loses_its_request_alone(pool: Pool, run: Run) -> None:
    lost, served = run(results(do(pool, jobs.die), do(pool, jobs.echo, "next")))
    assert lost.code == "worker_lost"
    assert served == "next by LanguageModel"


def test_a_worker_that_ends_as_it_is_chosen_is_not_waited_for(pool: Pool, run: Run) -> None:
    # Its end had been heard before it was asked, so nothing ended the wait but the timeout.
    async def choose() -> Any:
        async with pool.enter() as place:
            worker = await pool.free_worker(place)
            worker.kill()
            while not worker.gone:
                await asyncio.sleep(0.01)
            async with asyncio.timeout(30):
                return await worker.ask(jobs.echo, "late")

    [error] = run(results(choose()))
    assert getattr(error, "code", error) == "worker_lost"


def test_no_request_waits_beside_an_idle_worker() -> None:
    async def choose() -> Any:
        pool = Pool(Settings())
        one, other = (SimpleNamespace(gone=False, answer=None) for _ in range(2))
        async with pool.enter() as first, pool.enter() as second:
            waiting = asyncio.ensure_future(pool.free_worker(first))
            await asyncio.sleep(0)
            for worker in (one, other):  # at the same moment: the first goes to who waits, who hasn't woken yet
                pool.give_back(worker)  # type: ignore[arg-type]  # what a pool knows of an idle one
            async with asyncio.timeout(5):
                chosen = await pool.free_worker(second)
            return chosen is other and await waiting is one

    assert asyncio.run(choose())


def test_a_service_whose_workers_cannot_start_ends_in_a_sentence() -> None:
    with pytest.raises(ServingError, match="missing_module"):
        serve(Settings(port=0, modules=("missing_module",)))
