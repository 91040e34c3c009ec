"""What tests of the listening test share: a challenge, and a client of its routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from listening import app_of
from starlette.testclient import TestClient

from bachlit.serving.challenge.routes import Challenge
from bachlit.serving.settings import Settings


@pytest.fixture
def challenge(tmp_path: Path) -> Iterator[Challenge]:
    """A challenge without pairs, whose answers go to answers.db."""
    yield (made := Challenge(Settings(challenge=True, answers=tmp_path / "answers.db")))
    made._store.close()


@pytest.fixture
def client(challenge: Challenge) -> Iterator[TestClient]:
    with TestClient(app_of(challenge, Settings(challenge=True)), "http://127.0.0.1:8765") as one:
        yield one
