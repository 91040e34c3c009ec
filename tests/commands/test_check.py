"""`bachlit check`: tables, plain data, coloured scores and exit codes."""

import dataclasses
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bachlit.__main__ import main
from bachlit.checking import check_chorale
from bachlit.music.chorale import Chorale
from bachlit.music.keys import Key
from bachlit.scores import read_chorale, write_musicxml

FIFTHS = [[67, 64, 60, 48]] * 4 + [[69, 65, 62, 50]] * 4 + [[67, 62, 59, 43]] * 4 + [[67, 64, 60, 48]] * 4
CLEAN = [[72, 67, 64, 48]] * 4 + [[72, 69, 65, 53]] * 4 + [[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4


@pytest.fixture(autouse=True)
def scores(in_a_folder_of_its_own: Path) -> None:
    for name, pitches in (("fifths", FIFTHS), ("clean", CLEAN)):
        write_musicxml(dataclasses.replace(Chorale.from_pitches(pitches), key=Key()), f"{name}.musicxml")


def test_the_exit_code_says_whether_there_are_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "clean.musicxml", "--surprise", "0"]) == 0
    assert capsys.readouterr().out.endswith("\nNo faults.\n")
    assert main(["check", "fifths.musicxml", "--surprise", "0"]) == 1
    assert "parallel octaves  tenor, bass" in capsys.readouterr().out
    assert main(["check", "nowhere.musicxml"]) == 2
    assert main(["check", "clean.musicxml", "--surprise", "101"]) == 2


def test_the_model_says_what_bach_would_hardly_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "clean.musicxml", "--surprise", "50"]) == 0  # they are no faults
    assert "Bach would hardly write" in capsys.readouterr().out


def test_plain_data_are_the_whole_output(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["check", "fifths.musicxml", "clean.musicxml", "--surprise", "0", "--json", "--output", "out"]
    assert main(command) == 1
    fifths, clean = json.loads(capsys.readouterr().out)["scores"]
    assert fifths["file"] == "fifths.musicxml"
    assert fifths.items() >= json.loads(json.dumps(check_chorale(read_chorale("fifths.musicxml")).as_dict())).items()
    assert clean["faults"] == []
    assert sorted(path.name for path in Path("out").iterdir()) == ["clean-checked.musicxml", "fifths-checked.musicxml"]


def test_a_coloured_score_is_the_score_with_colours() -> None:
    assert main(["check", "fifths.musicxml", "--surprise", "0", "--output", "red.musicxml"]) == 1
    assert read_chorale("red.musicxml") == dataclasses.replace(read_chorale("fifths.musicxml"), name="red")
    report = check_chorale(read_chorale("fifths.musicxml"))
    coloured = ElementTree.parse("red.musicxml").findall(".//notehead[@color]")
    assert len(coloured) == len({(mark.frame, mark.voice) for mark in report.marks()})


def test_without_a_place_no_file_is_written() -> None:
    before = set(Path().iterdir())
    main(["check", "fifths.musicxml", "--surprise", "0"])
    assert set(Path().iterdir()) == before


def test_one_unreadable_score_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.mid").write_text("no music")
    assert main(["check", ".", "--surprise", "0"]) == 2
    out, told = capsys.readouterr()
    assert "No faults." in out
    assert "bachlit: broken.mid" in told
    assert "1 of 3 scores could not be checked" in told


def test_a_score_is_never_its_own_output() -> None:
    before = Path("fifths.musicxml").read_bytes()
    assert main(["check", "fifths.musicxml", "--surprise", "0", "--output", "fifths.musicxml", "--overwrite"]) == 2
    assert Path("fifths.musicxml").read_bytes() == before


def test_two_voices_are_checked_if_they_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """As where an exercise begins: soprano and bass."""
    write_musicxml(read_chorale("fifths.musicxml").only("soprano", "bass"), "frame.musicxml")
    assert main(["check", "frame.musicxml", "--surprise", "0", "--profile", "bach"]) == 1
    out = capsys.readouterr().out
    assert "parallel fifths  soprano, bass" in out
    assert "final" not in out  # which has its third in the alto


def test_scores_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("anna", "ben"):
        Path(folder).mkdir()
        write_musicxml(read_chorale("clean.musicxml"), f"{folder}/one.musicxml")
    Path("anna/two.mid").write_text("no music")
    assert main(["check", "anna", "ben", "--surprise", "0", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)["scores"]
    assert [one["file"] for one in found] == ["anna/one.musicxml", "anna/two.mid", "ben/one.musicxml"]
    assert ["error" in one for one in found] == [False, True, False]
    main(["check", "anna", "ben", "--surprise", "0"])
    assert re.findall(r"^\w+/one.musicxml$", capsys.readouterr().out, re.MULTILINE) == [
        "anna/one.musicxml",
        "ben/one.musicxml",
    ]


def test_who_stops_reading_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `| head` does: it was told as an option that is wrong."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        monkeypatch.setattr("sys.stdout", gone)
        assert main(["check", *["fifths.musicxml"] * 9, "--surprise", "0", "--json"]) == 141
        gone.write("more")  # and what is left goes nowhere


def test_a_pitch_beyond_the_models_leaves_the_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """A wild note of an exercise ended it, with the code of a score that can't be read."""
    write_musicxml(Chorale.from_pitches([[100, 67, 64, 48]] * 4 + [[72, 67, 64, 48]] * 4), "wild.musicxml")
    assert main(["check", "wild.musicxml"]) == 1
    out, told = capsys.readouterr()
    assert "E7 outside A3 to A5" in out
    assert "The model can't read the score" in told
