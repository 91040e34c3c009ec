"""Pictures and sounds as they are asked for: beside scores, and plots."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from fits import TWINKLE

from bachlit import Chorale, LanguageModel
from bachlit.__main__ import main
from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    BeamSearch,
    Gibbs,
    Greedy,
    Sampling,
)
from bachlit.errors import OptionError
from bachlit.models.inspecting import hidden_units
from bachlit.rendering import output as places
from bachlit.scores import write_musicxml

FAST = ["--decoder", "Greedy"]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own", "with_a_small_default")


@pytest.mark.parametrize(
    ("options", "endings"),
    [
        (["--png", "--wav"], {"musicxml", "mid", "png", "wav"}),
        (["--wav", "--output", "new.musicxml"], {"musicxml", "wav"}),
        (["--png", "--output", "new"], {"musicxml", "mid", "png"}),
        (["--png", "--output", "new.png"], {"png"}),
        (["--png=false", "--wav=true", "--output", "new.svg"], {"svg", "wav"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_a_score_is_drawn_and_played_beside_it(
    options: list[str], endings: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["harmonize", str(TWINKLE), *FAST, *options]) == 0
    stem = "new" if "--output" in options else "twinkle-harmonized"
    assert {path.name for path in tmp_path.iterdir()} == {f"{stem}.{ending}" for ending in endings}
    assert sorted(capsys.readouterr().out.split()) == sorted(f"{stem}.{ending}" for ending in endings)  # once each
    begins = {"png": b"\x89PNG", "wav": b"RIFF", "svg": b"<svg", "mid": b"MThd", "musicxml": b"<?xml"}
    for ending in endings:
        assert (tmp_path / f"{stem}.{ending}").read_bytes().startswith(begins[ending])


def test_each_of_several_pieces_is_drawn_and_played(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert main(["compose", "--num", "2", "--max-bars", "1", "--png", "--wav", "--output", "out"]) == 0
    assert main(["compose", "--num", "2", "--max-bars", "1", "--wav", "--output", "b.png"]) == 0
    four, two = ("musicxml", "mid", "png", "wav"), ("png", "wav")
    assert {path.name for path in tmp_path.iterdir()} == {"out", *(f"b-{seed}.{end}" for seed in (0, 1) for end in two)}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"chorale-{seed}.{ending}" for seed in (0, 1) for ending in four
    }
    assert (tmp_path / "b-0.png").read_bytes() == (tmp_path / "out" / "chorale-0.png").read_bytes()


PLOTTED = [
    ([], "four"),
    (["--output", "out"], "out/four"),
    (["--output", "x.png"], "x"),
    (["--output", "v1.2"], "v1.2"),
]


@pytest.mark.parametrize(("options", "stem"), PLOTTED, ids=[stem for _, stem in PLOTTED])
def test_a_plot_is_two_pictures(
    options: list[str], stem: str, four_parts: Chorale, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert four_parts.compass
    (tmp_path / "out").mkdir()
    before = {*tmp_path.rglob("*")}
    assert main(["plot", "four.musicxml", "--units", "3", *options]) == 0
    assert capsys.readouterr().out.split() == [f"{stem}-roll.png", f"{stem}-units.png"]
    assert {*tmp_path.rglob("*")} - before == {tmp_path / f"{stem}-{which}.png" for which in ("roll", "units")}


@pytest.fixture
def drawn_units(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Chorale, np.ndarray, list[str], str]]:
    """What `plot` hands over to be drawn: the chorale, the units (T, K), their labels and the caption."""
    drawn = []

    def keep(chorale: Chorale, units: np.ndarray, labels: list[str], *, caption: str) -> bytes:
        drawn.append((chorale, units, labels, caption))
        return b"a picture"

    monkeypatch.setattr("bachlit.commands.plot.activations", keep)
    return drawn


@pytest.mark.parametrize(
    ("fermatas", "called"),
    [
        ("some", "with the fermatas"),
        ("none", "with the onsets of the soprano, since there are no fermatas"),
        ("all", "with the onsets of the soprano, since all is under a fermata"),
    ],
)
def test_the_units_shown_are_those_that_go_most_with_the_fermatas_or_else_the_onsets(
    fermatas: str,
    called: str,
    four_parts: Chorale,
    drawn_units: list[tuple[Chorale, np.ndarray, list[str], str]],
    saved: Path,
) -> None:
    if fermatas != "some":
        same = np.full(four_parts.num_frames, fermatas == "all")
        write_musicxml(dataclasses.replace(four_parts, fermatas=same), "four.musicxml")
    assert main(["plot", "four.musicxml", "--units", "5"]) == 0
    ((chorale, units, labels, caption),) = drawn_units
    assert caption.endswith(called)
    assert chorale.fermatas.mean() == {"some": pytest.approx(0.2, abs=0.15), "none": 0, "all": 1}[fermatas]

    memory = hidden_units(LanguageModel.load(saved), chorale)
    signal = chorale.fermatas if fermatas == "some" else chorale.onsets[:, 0]
    expected = np.nan_to_num([np.corrcoef(unit, signal)[0, 1] for unit in memory.T])
    strongest = sorted(expected, key=abs, reverse=True)[:5]
    assert [float(label.split()[1]) for label in labels] == pytest.approx(strongest, abs=0.006)
    assert [np.corrcoef(unit, signal)[0, 1] for unit in units.T] == pytest.approx(strongest)


def test_a_plot_reads_the_score_before_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LanguageModel, "load", lambda _: pytest.fail("the work has begun"))
    assert main(["plot", "no.musicxml"]) == 2


BLOCKED = [
    (["harmonize", str(TWINKLE), "--output", "new", "--png"], "new.png"),
    (["harmonize", str(TWINKLE), "--num", "2", "--output", "new.mid"], "new-2.mid"),
    (["compose", "--output", "new.musicxml", "--wav"], "new.wav"),
    (["plot", "four.musicxml", "--output", "new"], "new-units.png"),
]


@pytest.mark.parametrize(("args", "blocked"), BLOCKED, ids=[blocked for _, blocked in BLOCKED])
@pytest.mark.parametrize("why", ["a folder", "no leave"])
def test_a_place_that_takes_no_file_is_refused_before_the_work(
    args: list[str],
    blocked: str,
    why: str,
    four_parts: Chorale,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert four_parts.compass
    if why == "a folder":
        (tmp_path / blocked).mkdir()
        said = f"{blocked} is a folder, which isn't replaced even with --overwrite; choose another --output"
    else:  # root may write anywhere
        monkeypatch.setattr("bachlit.rendering.output.os.access", lambda *_: False)
        said = f"{tmp_path} is no folder that can be written to; choose another --output"
    monkeypatch.setattr(LanguageModel, "load", lambda _: pytest.fail("the work has begun"))
    before = {*tmp_path.iterdir()}
    assert main(args) == 2
    assert said in capsys.readouterr().err
    assert {*tmp_path.iterdir()} == before


def test_a_picture_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the score was written before the picture was drawn."""

    def fail(music: str, title: str) -> bytes:
        raise OptionError(f"No ink for {title}, {len(music)} letters.")

    monkeypatch.setattr(places, "png_of", fail)
    assert main(["harmonize", str(TWINKLE), *FAST, "--png"]) == 2
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("args", "package"),
    [
        (["harmonize", "four.musicxml", "--png"], "verovio"),
        (["harmonize", "four.musicxml", "--num=2", "--output", "x.png"], "resvg_py"),
        (["harmonize", "four.musicxml", "--output", "x.svg"], "verovio"),
        (["compose", "--png"], "matplotlib"),
        (["plot", "four.musicxml"], "matplotlib"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_without_the_extra_pictures_are_refused_before_the_work(
    args: list[str],
    package: str,
    four_parts: Chorale,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert four_parts.compass
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(LanguageModel, "load", lambda _: pytest.fail("the work has begun"))
    before = {*tmp_path.iterdir()}
    assert main(args) == 2
    assert {*tmp_path.iterdir()} == before
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"needs {package}, which isn't installed; expected the extra bachlit[render]; install it: pip" in error


def test_sound_and_scores_need_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("verovio", "resvg_py", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    assert main(["compose", "--max-bars", "1", "--wav"]) == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".musicxml", ".mid", ".wav"}


USUAL = [(Greedy(), LIVELY), (BeamSearch(), LIVELY), (Gibbs(), LIVELY), (Sampling(), PART_WRITING)]
