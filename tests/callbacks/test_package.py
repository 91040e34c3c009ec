"""The callbacks exist once, under one name."""

import subprocess
from pathlib import Path

from forking import python

from bachlit.callbacks import ScoreWriter

ROOT = Path(__file__).parents[2]


def test_callbacks_are_part_of_the_package() -> None:
    assert ScoreWriter.__module__ == "bachlit.callbacks.score_writer"


def test_the_folder_refuses_to_be_imported_by_another_name() -> None:
    done = subprocess.run([python(), "-c", "import callbacks"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Import bachlit.callbacks" in done.stderr
