"""`bachlit serve`: the page, the HTTP service and the listening test."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bachlit.commands.functions import refuse_unimportable, run_typed
from bachlit.commands.options import Words, joined
from bachlit.errors import OptionError
from bachlit.extras import require
from bachlit.models.runs import find_model
from bachlit.serving.settings import Settings


def serve(
    *,
    port: int = 8765,
    host: str = "127.0.0.1",
    checkpoint: Path | None = None,
    workers: int = 1,
    queue: int = 8,
    timeout: float = 120.0,
    token: str | None = None,
    origin: list[str] = [],  # noqa: B006  # an option's default, never changed
    open: bool = False,  # noqa: A002  # the option's name
    challenge: bool = False,
    answers: Path | None = None,
    modules: Sequence[str] = (),
) -> None:
    """Serve a page that harmonises in the browser, and an HTTP service for apps.

    Args:
        port: Port to listen on; 0 for any that is free.
        host: Address to listen on. On others than 127.0.0.1 other machines may call, who need a token.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or one that ships: bachlit (if
            left out) or bachbot.
        workers: Number of processes that harmonise side by side, each on a core of its own.
        queue: How many requests may be worked on or wait; more are refused at once.
        timeout: Seconds after which a request's work is stopped.
        token: What clients must send; made at random if left out on a host other than 127.0.0.1.
        origin: Address of another site whose pages may call, such as https://bach.example, also that of a proxy before
            this service; may be repeated.
        open: Open the page in the browser.
        challenge: Offer the BachBot Challenge, too, a listening test: which of two is by Bach? Listeners need no token.
        answers: Database of the Challenge's answers, made if missing; challenge.db if left out.
        modules: Those of --import, which workers import.
    """
    from bachlit.serving.running import serve as run_service

    settings = Settings(
        host=host,
        port=port,
        checkpoint=checkpoint,
        workers=workers,
        queue=queue,
        timeout=timeout,
        token=token,
        origins=tuple(origin),
        challenge=challenge,
        answers=answers,
        modules=tuple(modules),
    )
    made = token is None and not settings.local
    if made:
        settings = replace(settings, token=secrets.token_urlsafe(18))
    with suppress(KeyboardInterrupt):
        run_service(settings, opening=open, made=made)
    print("bachlit serves no more.")


def check(
    *,
    port: int,
    host: str,
    checkpoint: Path | None,
    workers: int,
    queue: int,
    timeout: float,
    token: str | None,
    origin: list[str],
    challenge: bool,
    answers: Path | None,
) -> None:
    """Refuse what can be known before anything is listened on; arguments are those of `serve`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    for package in ("starlette", "uvicorn", "verovio"):
        require(package, "The service", extra="serve")
    for name, value, least in (("workers", workers, 1), ("queue", queue, 1), ("timeout", timeout, 1)):
        if not least <= value < 10**6:
            raise OptionError(f"--{name} is {value:g}; expected {least} or more; set it to that.")
    if not 0 <= port < 2**16:
        raise OptionError(f"There is no port {port}; expected 0 to {2**16 - 1}; correct --port.")
    if token is not None and not re.fullmatch(r"[\w.~-]{8,200}", token, re.ASCII):
        raise OptionError(
            "The token can't be sent as it is; expected 8 to 200 letters, digits, dots, hyphens, underscores or "
            "tildes; choose another --token, or leave it out for a random one."
        )
    for site in origin:
        _refuse_site(site)
    if answers is not None and not challenge:
        raise OptionError("--answers are those of the Challenge; expected --challenge true, too; add it.")
    if checkpoint is not None:
        find_model(checkpoint)


def _refuse_site(site: str) -> None:
    """Refuse what isn't the address of a site, as browsers send it."""
    parts = urlsplit(site)
    if parts.scheme not in ("http", "https") or not parts.hostname or site != f"{parts.scheme}://{parts.netloc}":
        raise OptionError(
            f"{site[:60]!r} is no site; expected its address without a path, such as https://bach.example; correct "
            "--origin."
        )


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of `serve` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    modules = Words.of(args).modules
    refuse_unimportable(modules)
    known = signature(serve)
    typed = known.replace(parameters=[one for name, one in known.parameters.items() if name != "modules"])

    @wraps(serve)
    def with_modules(**options: Any) -> None:
        serve(**options, modules=modules)

    vars(with_modules)["__signature__"] = typed
    run_typed(command, with_modules, [word for word in joined(args) if not word.startswith("--import=")], check=check)
