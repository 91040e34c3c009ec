"""The examples run as they say they do."""

import subprocess
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from forking import python

from bachlit import Chorale, harmonize
from bachlit.decoding import PART_WRITING, Rule, Sampling
from bachlit.encoding import SatbEncoding
from bachlit.files.marks import is_sealed
from bachlit.scores import read_chorale, read_melody
from bachlit.testing import ToyModel, check_decoder, check_rule, toy_prompt

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_a_decoder_of_ones_own_runs_as_a_script_and_by_its_path(tmp_path: Path) -> None:
    script, tune = EXAMPLES / "own_decoder.py", EXAMPLES / "twinkle.musicxml"
    assert len(script.read_text().splitlines()) < 40
    subprocess.run([python(), script, tune, tmp_path / "a.musicxml"], check=True, cwd=EXAMPLES)
    command = ["harmonize", tune, "--decoder", "own_decoder.Nucleus", "--decoder.share", "0.8"]
    subprocess.run([python(), "-m", "bachlit", *command, "--output", tmp_path / "b.musicxml"], check=True, cwd=EXAMPLES)
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()


def test_a_rule_of_ones_own_runs_as_a_script_and_by_its_path(tmp_path: Path) -> None:
    script, tune = EXAMPLES / "own_rule.py", EXAMPLES / "god_rest_ye_merry.musicxml"
    assert len(script.read_text().splitlines()) < 40
    subprocess.run([python(), script, tune, tmp_path / "a.musicxml"], check=True, cwd=EXAMPLES)
    command = ["harmonize", tune, "--rules.own_rule.NoTritone", "inf"]
    subprocess.run([python(), "-m", "bachlit", *command, "--output", tmp_path / "b.musicxml"], check=True, cwd=EXAMPLES)
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()


@pytest.fixture
def no_tritone(monkeypatch: pytest.MonkeyPatch) -> Rule:
    monkeypatch.syspath_prepend(EXAMPLES)
    rule = import_module("own_rule").NoTritone()
    assert isinstance(rule, Rule)
    return rule


def test_a_decoder_of_ones_own_keeps_the_laws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    decoder = import_module("own_decoder").Nucleus(0.8)
    for seed in range(5):
        prompt = toy_prompt(num_rows=4, num_tokens=4, vocabulary_size=6)
        check_decoder(decoder, ToyModel(6, seed=seed), prompt)


def test_a_rule_of_ones_own_keeps_the_laws(no_tritone: Rule, bach: list[Chorale]) -> None:
    check_rule(no_tritone, SatbEncoding(), bach[:2])


def test_no_voice_leaps_by_a_tritone_under_ones_own_rule(no_tritone: Rule) -> None:
    def tritones(chorale: Chorale) -> int:
        pitches = chorale.pitches.astype(int)
        leaps = np.abs(np.diff(pitches, axis=0)) == 6
        return int((leaps & (pitches[1:] > 0) & (pitches[:-1] > 0)).sum())

    tune, seeds = EXAMPLES / "god_rest_ye_merry.musicxml", range(6)
    without = [harmonize(tune, decoder=Sampling(), seed=seed) for seed in seeds]
    # The first rule is the last to give way.
    kept = [harmonize(tune, decoder=Sampling(), seed=seed, rules=no_tritone & PART_WRITING) for seed in seeds]
    assert sum(map(tritones, without)) > 0
    assert sum(map(tritones, kept)) == 0


def test_the_picture_in_readme_shows_what_the_default_writes() -> None:
    """A picture can't be read back, so the score that it was drawn from stands beside it.

    Another processor may round otherwise and so come to another note where two are as likely.
    """
    drawn, written = read_chorale(EXAMPLES / "twinkle-harmonized.musicxml"), harmonize(EXAMPLES / "twinkle.musicxml")
    assert drawn.num_frames == written.num_frames
    assert (drawn.pitches == written.pitches).mean() > 0.8
    assert is_sealed(EXAMPLES / "twinkle-harmonized.musicxml")  # the command in README may be run beside it


def test_every_example_melody_is_one_voice() -> None:
    for path in EXAMPLES.glob("*.musicxml"):
        if path.stem != "twinkle-harmonized":
            assert read_melody(path).only("soprano").compass
