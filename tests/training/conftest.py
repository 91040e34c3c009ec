"""What tests of processes share: a small corpus, and the fits that nothing interrupts."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import QUIET, SHORT, few_pieces, run

from bachlit.music.chorale import Chorale


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale]) -> list[str]:
    """A small corpus, as it is typed."""
    return few_pieces(tmp_path_factory.mktemp("few"), bach)


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, few: list[str]) -> Callable[..., Path]:
    """Gives the folder of a short fit with some options, which is made once."""

    @functools.cache
    def fitted(*options: str) -> Path:
        folder = tmp_path_factory.mktemp("uninterrupted")
        run(folder, "fit", *QUIET, *few, *SHORT, *options)
        return folder

    return fitted
