"""The page of the listening test in a browser: both clips are heard, each question is answered, a reload goes on."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from browsing import beside, needs_browser, resized, until
from listening import app_of, toys
from sizes import LARGE, size
from starlette.staticfiles import StaticFiles

from bachlit import serving
from bachlit.serving.challenge.routes import Challenge
from bachlit.serving.challenge.sessions import NUM_QUESTIONS
from bachlit.serving.challenge.store import read_answers
from bachlit.serving.settings import Settings

pytestmark = needs_browser
NUM = size(sum(NUM_QUESTIONS.values()), 3)


@contextmanager
def served(challenge: Challenge) -> Iterator[str]:
    """The challenge's page and routes on a port of this machine, under the service's guards."""
    app = app_of(challenge, Settings(challenge=True))
    app.mount("/static", StaticFiles(directory=Path(serving.__path__[0]) / "static"))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/challenge"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with beside(tmp_path) as opened:
        resized(opened, 320, 640)
        yield opened


class Listener:
    """What a listener sees and does."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.one(selector))
        self.one(selector).click()

    def begin(self) -> None:
        self.click("[value='18 to 25']")
        self.click("[value=student]")
        self.click("#listener button")

    def reached(self, number: int) -> bool:
        return until(lambda: self.one("#number").text == f"{number} of {NUM}")

    def hear_both(self) -> None:
        for side in (0, 1):
            self.click(f"#play-{side}")
            assert until(lambda side=side: self.one(f"#heard-{side}").text == "heard to the end")


def test_a_listener_goes_through_all_pairs(
    challenge: Challenge, browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in NUM_QUESTIONS if not LARGE else ():
        monkeypatch.setitem(NUM_QUESTIONS, task, 1)
    counted = NUM - NUM_QUESTIONS["catch"]
    listener = Listener(browser)
    with served(challenge) as address:
        browser.get(address)
        assert browser.execute_script("return document.documentElement.scrollWidth") == 320
        for pair in toys():
            challenge.sessions.add(pair)
        listener.begin()
        assert listener.reached(1)
        listener.click("#play-0")
        assert until(lambda: listener.one("#heard-0").text == "heard to the end")
        assert not listener.one("#choices button").is_enabled()
        browser.refresh()
        assert listener.reached(1)
        assert listener.one("#heard-0").text == "not heard to the end yet"  # it is heard again
        for number in range(1, NUM + 1):
            assert listener.reached(number)
            listener.hear_both()
            listener.click(f"[name=choice][value='{number % 2}']")
            if number == 2:
                listener.click("[name=known]")
            listener.click("#choices button")
        assert until(lambda: listener.one("#end").is_displayed())
        assert browser.get_log("browser") == []
    answers = read_answers(tmp_path / "answers.db")
    assert [answer.choice for answer in answers] == [number % 2 for number in range(1, NUM + 1)]
    assert [answer.known for answer in answers] == [number == 2 for number in range(1, NUM + 1)]
    right = sum(answer.right for answer in answers if answer.task != "catch")
    assert listener.one("#verdict").text == f"You found Bach in {right} of {counted} pairs."
