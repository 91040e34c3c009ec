"""Bar lines stand where they are written: pickups, split bars, extra and short ones, fine metres."""

from pathlib import Path

import pytest
from comparing import read, stubbed
from handwritten import line, note, score

from bachlit.errors import ScoreError
from bachlit.music.chorale import Chorale
from bachlit.scores import read_chorale, to_musicxml

FULL = line("C4 D4 E4 F4")
THREE = line("C4 D4 E4")
REPEATED = '<barline location="right"><repeat direction="backward"/></barline>'
OPENING = '<barline location="left"><repeat direction="forward"/></barline>'


def metre(beats: int, unit: int) -> str:
    return f"<attributes><time><beats>{beats}</beats><beat-type>{unit}</beat-type></time></attributes>"


def bars(chorale: Chorale) -> list[tuple[int, int, str]]:
    """Length, position and metre of each measure."""
    return [
        (one.length, one.position, "{}/{}".format(*one.time_signature))  # a pair
        for one in chorale.measures
    ]


CASES: dict[str, tuple[list[str], list[tuple[int, int, str]]]] = {
    "a pickup": ([note("G4"), FULL, THREE], [(4, 12, "4/4"), (16, 0, "4/4"), (12, 0, "4/4")]),
    "a pickup in its own metre": (
        [metre(1, 4) + note("G4"), metre(3, 4) + THREE, THREE],
        [(4, 8, "3/4"), (12, 0, "3/4"), (12, 0, "3/4")],
    ),
    "a first measure in another metre is none": (
        [metre(2, 4) + line("C4 D4"), metre(3, 4) + THREE, THREE],
        [(8, 0, "2/4"), (12, 0, "3/4"), (12, 0, "3/4")],
    ),
    "a bar split by a repeat": (
        [note("G4"), FULL, THREE + REPEATED, OPENING + note("G4"), FULL, THREE],
        [(4, 12, "4/4"), (16, 0, "4/4"), (12, 0, "4/4"), (4, 12, "4/4"), (16, 0, "4/4"), (12, 0, "4/4")],
    ),
    "a bar split in three": (
        [FULL, line("C4 D4"), note("E4"), note("F4"), FULL],
        [(16, 0, "4/4"), (8, 0, "4/4"), (4, 8, "4/4"), (4, 12, "4/4"), (16, 0, "4/4")],
    ),
    "a new part with a pickup": (
        [FULL, FULL + REPEATED, OPENING + note("G4"), FULL],
        [(16, 0, "4/4"), (16, 0, "4/4"), (4, 12, "4/4"), (16, 0, "4/4")],
    ),
    "a bar too long": ([FULL, line("C4 D4 E4 F4 G4"), FULL], [(16, 0, "4/4"), (20, 0, "4/4"), (16, 0, "4/4")]),
    "a metre that changes": (
        [FULL, metre(3, 4) + THREE, THREE, metre(4, 4) + FULL],
        [(16, 0, "4/4"), (12, 0, "3/4"), (12, 0, "3/4"), (16, 0, "4/4")],
    ),
    "a metre of thirty-seconds": (
        [metre(6, 32) + line("C4 D4 E4", 1), line("F4 G4 A4", 1)],
        [(3, 0, "3/16"), (3, 0, "3/16")],
    ),
    "a measure of three thirty-seconds": (
        [metre(3, 32) + line("C4 D4 E4", 0.5), line("F4 G4 A4", 0.5)],
        [(2, 0, "2/16"), (2, 0, "2/16")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_measures_are_as_long_as_they_are_written(tmp_path: Path, case: str) -> None:
    measures, expected = CASES[case]
    path = tmp_path / "a.musicxml"
    path.write_text(score(measures))
    chorale = read(path)
    assert bars(chorale) == expected
    path.write_text(to_musicxml(stubbed(chorale)))
    again = read_chorale(path)
    assert again.measures == chorale.measures
    assert (again.pitches[:, 0] == chorale.pitches[:, 0]).all()


def test_a_measure_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.musicxml"
    path.write_text(score([metre(100, 4) + FULL]))
    with pytest.raises(ScoreError, match="is in 100/4, and a measure may be 16 semibreves long"):
        read(path)
