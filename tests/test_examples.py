"""The examples run as they say they do."""

import subprocess
import sys
from pathlib import Path

from bachlit import harmonize
from bachlit.scores import read_chorale, read_melody

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_a_decoder_of_ones_own_runs_as_a_script_and_by_its_path(tmp_path: Path) -> None:
    script, tune = EXAMPLES / "own_decoder.py", EXAMPLES / "twinkle.musicxml"
    assert len(script.read_text().splitlines()) < 40
    subprocess.run([sys.executable, script, tune, tmp_path / "a.musicxml"], check=True, cwd=EXAMPLES)
    command = ["harmonize", tune, "--decoder", "own_decoder.Nucleus", "--decoder.share", "0.8"]
    subprocess.run(
        [sys.executable, "-m", "bachlit", *command, "--output", tmp_path / "b.musicxml"], check=True, cwd=EXAMPLES
    )
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()


def test_the_picture_in_readme_shows_what_the_default_writes() -> None:
    """A picture can't be read back, so the score that it was drawn from stands beside it.

    Another processor may round otherwise and so come to another note where two are as likely.
    """
    drawn, written = read_chorale(EXAMPLES / "twinkle-harmonized.musicxml"), harmonize(EXAMPLES / "twinkle.musicxml")
    assert drawn.num_frames == written.num_frames
    assert (drawn.pitches == written.pitches).mean() > 0.8


def test_every_example_melody_is_one_voice() -> None:
    for path in EXAMPLES.glob("*.musicxml"):
        if path.stem != "twinkle-harmonized":
            assert read_melody(path).only("soprano").compass
