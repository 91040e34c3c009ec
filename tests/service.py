"""The real service in a process of its own, and a client without conveniences."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from browsing import until
from forking import python


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """A running service.

    Attributes:
        address: Such as http://127.0.0.1:8765.
        folder: Where it runs.
        process: It.
    """

    address: str
    folder: Path
    process: "subprocess.Popen[str]"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; a body that is no bytes goes as JSON."""
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {"content-type": "application/json", **headers}
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=120)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): one for name, one in headers.items()})
            answer = connection.getresponse()
            heads = {name.lower(): value for name, value in answer.getheaders()}
            try:
                return Answer(answer.status, heads, answer.read())
            except ConnectionResetError:
                assert "content-length" not in heads  # what isn't HTTP is answered and cut off
                return Answer(answer.status, heads, b"")
        finally:
            connection.close()

    @property
    def health(self) -> Any:
        return self.ask("GET", "/api/v1/health").json


@contextmanager
def serving(folder: Path, *options: str, executable: str = "") -> Iterator[Service]:
    """Run `bachlit serve` in a folder on a free port, until its model is loaded.

    By Python itself if `executable` says so: a forked process can't be told from others.
    """
    command = [executable or python(), "-m", "bachlit", "serve", "--port", "0", *options]
    errors = (folder / "errors.txt").open("w+")
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://\S+?(?=/)", line)
        assert found, (folder / "errors.txt").read_text()
        service = Service(found[0], folder, process)
        assert until(lambda: service.health["ready"], seconds=60)
        yield service
    finally:
        process.terminate()
        process.wait(20)
        errors.close()
