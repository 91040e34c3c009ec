"""Toy pairs of clips for the listening test, and an application of its routes."""

import io
import wave

import numpy as np
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from bachlit.music.chorale import Chorale
from bachlit.serving.challenge.clips import Pair, clips
from bachlit.serving.challenge.routes import Challenge
from bachlit.serving.challenge.sessions import NUM_QUESTIONS
from bachlit.serving.challenge.store import Task
from bachlit.serving.guards import Guards, refused
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import Settings


def short(level: int, num: int = 400) -> bytes:
    """A sound of a twentieth of a second, at a level of its own, so that it is told from others."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(np.full(num, level, "<i2").tobytes())
    return file.getvalue()


def toy(task: Task, tune: int, sounds: tuple[bytes, bytes]) -> Pair:
    return Pair(task, f"bwv{tune}:0-8", tune, "toy", '{"class": "Greedy"}', tune, *sounds)


def toys(more: int = 1) -> list[Pair]:
    """As many toy pairs as a session needs, and some more of each task."""
    tasks = [task for task, num in NUM_QUESTIONS.items() for _ in range(num + more)]
    return [toy(task, tune, (short(tune), short(-1 - tune))) for tune, task in enumerate(tasks)]


def played() -> list[Pair]:
    """Pairs that sound as real ones do, a few notes each."""
    random = np.random.default_rng(0)
    rows = [[67, 64, 60, 48]] + [[72, 67, 64, 55]] * 2 + [[71, 67, 62, 43]]
    moves = random.integers(-3, 4, size=(len(toys()), 2, 4))
    return [
        toy(pair.task, pair.tune, clips(*(Chorale.from_pitches(np.array(rows) + move) for move in both)))
        for pair, both in zip(toys(), moves, strict=True)
    ]


async def as_the_service(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return refused(error)


def app_of(challenge: Challenge, settings: Settings) -> Starlette:
    return Starlette(
        routes=challenge.routes,
        middleware=[Middleware(Guards, settings=settings)],
        exception_handlers={RefusedError: as_the_service},
    )
