"""The examples run as they say they do."""

import re
import socket
import subprocess
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from forking import python
from shortened import shortened

from bachlit import Chorale, harmonize
from bachlit.__main__ import main
from bachlit.api import harmonize_several
from bachlit.decoding import PART_WRITING, Rule, Rules, Sampling
from bachlit.encoding import SatbEncoding
from bachlit.files.marks import is_sealed
from bachlit.generation.given import prompt_of
from bachlit.music.chorale import cut
from bachlit.scores import read_chorale, read_melody, write_musicxml
from bachlit.testing import ToyModel, check_decoder, check_rule, toy_prompt

EXAMPLES = Path(__file__).parents[1] / "examples"
MELODIES = sorted(set(EXAMPLES.glob("*.musicxml")) - {EXAMPLES / "twinkle-harmonized.musicxml"})


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """The beginning of a melody, which is quickly harmonised."""
    whole = read_melody(EXAMPLES / "god_rest_ye_merry.musicxml")
    write_musicxml(cut(whole, 0, 64), tmp_path / "tune.musicxml")
    return tmp_path / "tune.musicxml"


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("own_decoder.py", ["--decoder", "own_decoder.Nucleus", "--decoder.share", "0.8"]),
        ("own_rule.py", ["--rules.own_rule.NoTritone", "inf"]),
    ],
    ids=["decoder", "rule"],
)
def test_a_part_of_ones_own_runs_as_a_script_and_by_its_path(script: str, options: list[str], tune: Path) -> None:
    assert len((EXAMPLES / script).read_text(encoding="utf-8").splitlines()) < 40
    one, other = tune.with_name("a.musicxml"), tune.with_name("b.musicxml")
    subprocess.run([python(), script, tune, one], check=True, cwd=EXAMPLES)
    command = [python(), "-m", "bachlit", "harmonize", tune, *options, "--output", other]
    subprocess.run(command, check=True, cwd=EXAMPLES)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.usefixtures("in_a_folder_of_its_own", "with_a_small_default")
@pytest.mark.filterwarnings("ignore")
def test_every_cell_of_the_tour_shows_something_offline(
    bach: list[Chorale], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On short pieces, with one batch of training, one piece to compare decoders on, and a tune of a bar."""
    text = (EXAMPLES / "tour.py").read_text(encoding="utf-8")
    setup, *cells = re.findall(r"^# %%\n(.*?)(?=^# %%|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(cells) == text.count("# %% [markdown]") - 1 == 9
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the tour needs a network"))
    names = {"__name__": "__main__"}
    pieces = [*bach[:20], next(piece for piece in bach if piece.name == "bwv269")]
    with shortened([cut(piece, 0, 24) for piece in pieces]):
        exec(compile(setup, "tour.py", "exec"), names)
        names |= {"PIECES": 1}
        for cell in cells:
            capsys.readouterr()
            exec(compile(cell.replace("eed2|ccBB|AAG2|", ""), "tour.py", "exec"), names)
            assert capsys.readouterr().out or "fit(" in cell
    pictures = {path.stem for path in Path("tour").glob("*.png")}
    assert pictures == {"bach", "curves", "expected", "units", "mine", "theirs"}


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


def test_no_voice_leaps_by_a_tritone_under_ones_own_rule(no_tritone: Rule, tune: Path) -> None:
    def tritones(rules: Rules | None) -> int:
        several = harmonize_several(prompt_of(tune), 12, decoder=Sampling(), rules=rules)
        pitches = np.stack([written.chorale.pitches.astype(int) for written in several])
        leaps = np.abs(np.diff(pitches, axis=1)) == 6
        return int((leaps & (pitches[:, 1:] > 0) & (pitches[:, :-1] > 0)).sum())

    assert tritones(None) > 0
    assert tritones(no_tritone & PART_WRITING) == 0  # the first rule is the last to give way


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


@pytest.mark.usefixtures("in_a_folder_of_its_own")
@pytest.mark.parametrize("melody", MELODIES, ids=lambda path: path.stem)
def test_every_example_melody_is_harmonised_in_four_parts_and_given_back(
    melody: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["harmonize", str(melody), "--decoder=Greedy", f"--checkpoint={saved}"]) == 0
    assert capsys.readouterr().out.split() == [f"{melody.stem}-harmonized.musicxml", f"{melody.stem}-harmonized.mid"]
    chorale, tune = read_chorale(tmp_path / f"{melody.stem}-harmonized.musicxml"), read_melody(melody)
    assert np.array_equal(chorale.pitches[:, 0], tune.pitches[:, 0])
    assert np.array_equal(chorale.onsets[:, 0], tune.onsets[:, 0])
    assert np.array_equal(chorale.fermatas, tune.fermatas)
    for field in ("time_signature", "pickup", "key", "title"):
        assert getattr(chorale, field) == getattr(tune, field)
    assert (chorale.pitches > 0).mean() > 0.95
    midi = read_chorale(tmp_path / f"{melody.stem}-harmonized.mid")
    assert np.array_equal(midi.pitches, chorale.pitches)
