"""Routes of the listening test: its page, sessions, questions, clips and answers."""

import asyncio
import json
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bachlit.processes import spawn
from bachlit.serving.challenge.pairs import NUM_CATCHES, NUM_COMPOSED, NUM_HARMONISED, prepare
from bachlit.serving.challenge.sessions import NUM_QUESTIONS, Session, Sessions, verdict
from bachlit.serving.challenge.store import Answer, AnswersError, Store
from bachlit.serving.guards import body_of
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import Settings

ANSWERS = Path("challenge.db")
"""Database of the answers, if no other is named."""

_PAGE = Path(__file__).parents[1] / "static" / "challenge.html"
_MOST_BYTES = 4096  # of a request: all fields are short
_PATIENCE = 5.0  # seconds in which a process ends by itself
_NOT_KEPT = {"Cache-Control": "no-store"}


class Challenge:
    """The listening test.

    Args:
        settings: Names the model and the database of answers.

    Raises:
        AnswersError: If answers can't be kept there.
    """

    def __init__(self, settings: Settings) -> None:
        self.sessions = Sessions()
        self.place = settings.answers or ANSWERS
        self._store = Store(self.place)
        self._one_answer = asyncio.Lock()
        self._html = _PAGE.read_text(encoding="utf-8")
        self._checkpoint, self._modules = settings.checkpoint, settings.modules
        self._process: BaseProcess | None = None
        self._receiving: asyncio.Task[None] | None = None
        self._failed = False
        self.routes: list[Route] = [
            Route("/challenge", self._page, methods=["GET"]),
            Route("/challenge/api/session", self._begin, methods=["POST"]),
            Route("/challenge/api/question", self._ask, methods=["POST"]),
            Route("/challenge/api/answer", self._answer, methods=["POST"]),
            Route("/challenge/clip/{name}", self._clip, methods=["GET"]),
        ]

    def announcement(self) -> str:
        """Describe the clips and the place of the answers, for the terminal."""
        num = NUM_HARMONISED + NUM_COMPOSED + NUM_CATCHES
        return (
            f"The challenge prepares up to {num} pairs of clips, and opens when {sum(NUM_QUESTIONS.values())} are "
            "ready. It plays Bach's chorales as encoded in music21, some of them for non-commercial use only. Answers "
            f"go to {self.place}, without names or addresses; `bachlit challenge report {self.place}` counts them."
        )

    async def start(self) -> None:
        """Start preparing clips, in a process of its own."""
        print(self.announcement(), flush=True)
        self._process, connection = await asyncio.to_thread(spawn, prepare, self._checkpoint, self._modules)
        self._receiving = asyncio.create_task(self._receive(connection))

    async def stop(self) -> None:
        """End the process that prepares clips, and close the database."""
        if self._process is not None and self._receiving is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.join, _PATIENCE)
            self._process.kill()
            await self._receiving
        self._store.close()

    async def _receive(self, connection: Connection) -> None:
        """Add pairs as they come; the process closes the pipe at its end."""
        with connection, suppress(EOFError, OSError):
            while True:
                received = await asyncio.to_thread(connection.recv)
                if isinstance(received, str):
                    print(f"bachlit: the challenge prepares no clips: {received}", file=sys.stderr, flush=True)
                else:
                    self.sessions.add(received)
        self._failed = self.sessions.num_ready < sum(NUM_QUESTIONS.values())

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(self._html)

    async def _begin(self, request: Request) -> Response:
        sent = await _fields(request, age=str, experience=str)
        if self._failed:
            raise RefusedError(
                "busy", "Clips couldn't be prepared; expected Bach's chorales and a model; ask whoever runs this."
            )
        session = self.sessions.begin(sent["age"], sent["experience"])
        return _answer({"session": session.name, "questions": len(session.questions)})

    async def _ask(self, request: Request) -> Response:
        sent = await _fields(request, session=str)
        session = self.sessions.find(sent["session"])
        question = self.sessions.ask(session)
        if question is None:
            return _answer(_done(session))
        return _answer(
            {
                "question": question.name,
                "task": question.shown,
                "number": session.answered + 1,
                "of": len(session.questions),
                "clips": list(question.clips),
            }
        )

    async def _clip(self, request: Request) -> Response:
        if request.method == "HEAD":
            raise RefusedError("method", "A clip is heard whole; expected GET; ask for it so.")
        sound = self.sessions.clip(request.path_params["name"])
        return Response(sound, media_type="audio/wav", headers=_NOT_KEPT)

    async def _answer(self, request: Request) -> Response:
        sent = await _fields(request, session=str, question=str, choice=int, known=bool)
        if sent["choice"] not in (0, 1):
            raise RefusedError("invalid", "The choice is unknown; expected 0 for the first clip or 1 for the second.")
        async with self._one_answer:  # of two at once, the second finds the first settled
            session = self.sessions.find(sent["session"])
            answer = self.sessions.answering(session, sent["question"], sent["choice"], sent["known"])
            if answer is not None:
                await self._keep(answer)
                self.sessions.settle(session, answer)
        if session.current is None:
            return _answer(_done(session))
        return _answer({"thanks": True, "left": len(session.questions) - session.answered})

    async def _keep(self, answer: Answer) -> None:
        try:
            await run_in_threadpool(self._store.add, answer)
        except AnswersError as error:
            raise RefusedError(
                "internal", "The answer couldn't be kept; expected room on the disk; send it again."
            ) from error


def _done(session: Session) -> dict[str, Any]:
    return {"done": True, **verdict(session)._asdict()}


def _answer(content: dict[str, Any]) -> Response:
    return JSONResponse(content, headers=_NOT_KEPT)


async def _fields(request: Request, **kinds: type) -> dict[str, Any]:
    """Read the fields of a request's JSON, each of its type; others are left out.

    Raises:
        RefusedError: If it is no JSON object, or lacks a field.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError("media_type", "The body's type is unknown; expected application/json; set Content-Type.")
    body = await body_of(request)
    if len(body) > _MOST_BYTES:
        raise RefusedError("too_large", f"The body is too long; expected at most {_MOST_BYTES} bytes; shorten it.")
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    expected = {str: "text", int: "a whole number", bool: "true or false"}
    for name, kind in kinds.items():
        if not isinstance(sent, dict) or type(sent.get(name)) is not kind:
            raise RefusedError("invalid", f"The field {name} is missing or wrong; expected {expected[kind]}; add it.")
    return {name: sent[name] for name in kinds}
