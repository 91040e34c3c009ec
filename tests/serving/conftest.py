"""One service for all tests of this room that run in one process."""

from collections.abc import Iterator

import pytest
from service import Service, serving


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running
