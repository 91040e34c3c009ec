"""What the command prints when it begins to serve, and how it ends."""

import re
import signal
import subprocess
from pathlib import Path

import pytest
from forking import python


def first_line(folder: Path, *options: str) -> str:
    """Serve until the first line is printed, then press Ctrl-C."""
    command = [python(), "-m", "bachlit", "serve", "--port", "0", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "bachlit serves no more.\n"
    assert process.returncode == 0
    return line


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ([], r"http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)"),
        (["--host", "0.0.0.0"], r"http://[\d.]+:\d+/#token=[\w-]{20,} \(Ctrl-C ends it\)"),
        (["--token", "my-own-token"], r"http://127\.0\.0\.1:\d+/ \(add #token= and your token; Ctrl-C ends it\)"),
    ],
)
def test_a_token_is_printed_only_if_it_was_made_here(tmp_path: Path, options: list[str], printed: str) -> None:
    assert re.fullmatch(f"bachlit serves at {printed}\n", first_line(tmp_path, *options))
