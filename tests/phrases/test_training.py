"""Training: a network learns; one command makes weights and a table."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from bachlit import Chorale
from bachlit.phrases.__main__ import main
from bachlit.phrases.evaluating import boundaries
from bachlit.phrases.finding import PhraseFinder
from bachlit.phrases.line import Line, line_of
from bachlit.phrases.training import train


@pytest.fixture(scope="module")
def lines(bach: list[Chorale]) -> list[Line]:
    return [line_of(piece) for piece in bach[:8]]


def test_a_network_learns_the_phrases_of_its_tunes(lines: list[Line]) -> None:
    tunes = [with_long_ends(seed) for seed in range(16)]
    network = train(tunes, epochs=50, batch=8, varying=0)
    assert boundaries(PhraseFinder([network]), tunes).f1 > 0.85


def with_long_ends(seed: int) -> Line:
    """Three phrases of a few quarters and a half note."""
    random = np.random.default_rng(seed)
    pitches: list[list[int]] = []
    fermatas: list[bool] = []
    for _ in range(3):
        quarters = 60 + random.permutation(12)[: random.integers(3, 6)]
        pitches += [[pitch, 0, 0, 0] for pitch in quarters for _ in range(4)] + [[60, 0, 0, 0]] * 8
        fermatas += [False] * 4 * len(quarters) + [True] * 8
    tune = Chorale.from_pitches(pitches)
    return line_of(dataclasses.replace(tune, fermatas=np.array(fermatas)))


def test_the_same_seed_gives_the_same_weights(lines: list[Line]) -> None:
    one, same, other = (train(lines[:4], epochs=1, batch=4, seed=seed) for seed in (0, 0, 1))
    assert all(map(torch.equal, one.parameters(), same.parameters()))
    assert not all(map(torch.equal, one.parameters(), other.parameters()))


def test_the_command_makes_weights_and_a_table(
    tmp_path: Path, bach: list[Chorale], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bachlit.corpus.scores.BachCorpus.chorales", lambda self: bach[:12])
    folds = {"train": bach[12:14], "valid": bach[14:15], "test": bach[15:16]}
    monkeypatch.setattr("bachlit.phrases.__main__.essen_folds", lambda chorales: folds)
    assert main(["--essen", "--output", str(tmp_path), "--networks", "2", "--epochs", "1"]) == 0
    assert len(PhraseFinder.load(tmp_path).networks) == 2
    table = capsys.readouterr().out
    assert main(["--weights", str(tmp_path)]) == 0
    assert capsys.readouterr().out == table
    assert np.char.startswith(table.splitlines(), "|").all()


def test_the_command_ends_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--weights", str(tmp_path)]) == 2
    assert "holds no weights" in capsys.readouterr().err
