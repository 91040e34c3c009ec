"""Rules from the literature do what their papers say."""

import numpy as np
import pytest

from bachlit import Chorale
from bachlit.corpus.splits import split_by_tune
from bachlit.music.chorale import REST
from bachlit.phrases.baselines import Grouper, LocalBoundaries
from bachlit.phrases.evaluating import Finder, boundaries, table
from bachlit.phrases.line import line_of


def beats(*pitches: int) -> Chorale:
    return Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in pitches for _ in range(4)])


def test_a_local_boundary_follows_a_long_note_and_a_leap() -> None:
    line = line_of(beats(60, 62, 64, 65, 65, 65, 72, 71, 69, 67))
    assert np.flatnonzero(LocalBoundaries().ends(line)).tolist() == [3, 7]


@pytest.mark.parametrize("finder", [LocalBoundaries(), Grouper()])
def test_a_rest_ends_a_phrase(finder: Finder) -> None:
    line = line_of(beats(60, 62, 64, 65, 67, 69, 71, 72, REST, REST, 60, 62, 64, 65, 67, 69, 71, 72))
    assert np.flatnonzero(finder.ends(line)).tolist() == [7, 15]


@pytest.mark.parametrize("finder", [LocalBoundaries(), Grouper()])
def test_the_shortest_tunes_have_one_phrase(finder: Finder) -> None:
    for length in (1, 2):
        assert finder.ends(line_of(beats(*range(60, 60 + length)))).tolist() == [False] * (length - 1) + [True]


def test_networks_find_more_than_rules(bach: list[Chorale]) -> None:
    from bachlit.phrases.finding import shipped  # noqa: PLC0415

    lines = [line_of(piece) for piece in split_by_tune(bach)["valid"]]
    best, *rules = (boundaries(finder, lines).f1 for finder in (shipped(), LocalBoundaries(), Grouper()))
    assert best > 0.88
    assert min(rules) > 0.4
    assert max(rules) < best


def test_the_table_has_a_row_per_finder() -> None:
    line = line_of(beats(60, 62, 64, 65))
    lines = table([("rules", Grouper())], [("none", [line])]).splitlines()
    assert lines[0] == "|  | none, 1 tunes |"
    assert lines[2].startswith("| rules | 0.000")
