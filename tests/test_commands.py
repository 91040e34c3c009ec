"""The light commands, as a person types them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from bachlit import Chorale, LanguageModel, compose, harmonize
from bachlit.__main__ import main
from bachlit.chorale import VOICES, Voice
from bachlit.decoding import Greedy, Sampling
from bachlit.errors import OptionError, PromptError
from bachlit.prompt import Prompt
from bachlit.scores import read_chorale, read_melody, write_musicxml

EXAMPLES = Path(__file__).parents[1] / "examples"
MELODIES = sorted(set(EXAMPLES.glob("*.musicxml")) - {EXAMPLES / "twinkle-harmonized.musicxml"})
TWINKLE = EXAMPLES / "twinkle.musicxml"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("melody", MELODIES, ids=lambda path: path.stem)
def test_every_example_melody_is_harmonised_in_four_parts_and_given_back(
    melody: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["harmonize", str(melody)]) == 0
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


@pytest.mark.parametrize(
    "options",
    [[], ["--decoder", "Sampling", "--decoder.temperature", "0.9"], ["--decoder=BeamSearch", "--decoder.width=3"]],
    ids=["default", "sampling", "beam"],
)
def test_the_same_seed_gives_the_same_bytes(options: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(["harmonize", str(TWINKLE), "--seed", "3", "--output", name, *options]) == 0
    for ending in ("musicxml", "mid"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_another_seed_samples_another_piece() -> None:
    first, other = (harmonize(TWINKLE, decoder=Sampling(), seed=seed) for seed in (0, 1))
    assert first != other


def test_the_command_and_the_function_do_the_same(tmp_path: Path) -> None:
    main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--output", "typed.musicxml"])
    write_musicxml(harmonize(TWINKLE, decoder=Greedy()), "called.musicxml")
    assert (tmp_path / "typed.musicxml").read_bytes() == (tmp_path / "called.musicxml").read_bytes()


def test_another_voice_can_be_given() -> None:
    bass = harmonize(TWINKLE, decoder=Greedy()).only("bass")
    again = harmonize(bass, voice="bass", decoder=Greedy())
    assert np.array_equal(again.pitches[:, 3], bass.pitches[:, 3])
    assert (again.pitches[:, :3] > 0).any(axis=0).all()


@pytest.fixture
def four_parts(bach: list[Chorale], tmp_path: Path) -> Chorale:
    """Bach's BWV 269, in 3/4 with a pickup of a quarter, cut after bar 6, in the file four.musicxml."""
    bwv269 = next(piece for piece in bach if piece.name == "bwv269")
    end = bwv269.pickup + 6 * bwv269.measure_length
    cut = {field: getattr(bwv269, field)[:end] for field in ("pitches", "onsets", "fermatas")}
    write_musicxml(dataclasses.replace(bwv269, **cut), tmp_path / "four.musicxml")
    return read_chorale(tmp_path / "four.musicxml")


def typed(*options: str) -> Chorale:
    """What a command with Greedy writes of four.musicxml, or of the file that is named first."""
    score, *rest = options if options[0].endswith(".musicxml") else ("four.musicxml", *options)
    assert main(["harmonize", score, "--decoder", "Greedy", "--output", "new.musicxml", *rest]) == 0
    return read_chorale("new.musicxml")


def unchanged(one: Chorale, other: Chorale) -> list[Voice]:
    """The voices that are the same in two chorales, note for note."""
    same = (one.pitches == other.pitches).all(axis=0) & (one.onsets == other.onsets).all(axis=0)
    return [voice for voice, equal in zip(VOICES, same, strict=True) if equal]


@pytest.mark.parametrize("voice", ["bass", "soprano,bass", "alto, Tenor"])
def test_the_voices_that_are_named_come_back_and_the_others_are_new(four_parts: Chorale, voice: str) -> None:
    assert unchanged(typed("--voice", voice), four_parts) == voice.lower().replace(" ", "").split(",")


def test_four_parts_without_names_are_harmonised_under_their_soprano_anew(four_parts: Chorale) -> None:
    assert unchanged(typed("four.musicxml"), four_parts) == ["soprano"]
    assert harmonize(four_parts, decoder=Greedy()) == harmonize("four.musicxml", decoder=Greedy())


@pytest.mark.parametrize("sung", [("soprano", "bass"), ("alto",), ("soprano", "alto", "bass")], ids="-".join)
def test_what_is_missing_is_filled(four_parts: Chorale, sung: tuple[Voice, ...]) -> None:
    write_musicxml(four_parts.only(*sung), "some.musicxml")
    filled = typed("some.musicxml")
    assert unchanged(filled, four_parts) == [*sung]
    assert (filled.pitches > 0).any(axis=0).all()
    called = harmonize(four_parts.only(*sung), decoder=Greedy())
    assert np.array_equal(called.pitches, filled.pitches)


@pytest.mark.parametrize(("bars", "span"), [("2-3", (16, 40)), ("0", (0, 4)), ("6", (64, 76)), ("0-6", (0, 76))])
@pytest.mark.parametrize("kept", [(), ("soprano",)], ids=["whole", "under the soprano"])
def test_bars_are_composed_anew_and_all_else_stays(
    four_parts: Chorale, bars: str, span: tuple[int, int], kept: tuple[Voice, ...]
) -> None:
    written = typed("--bars", bars, *(f"--voice={voice}" for voice in kept))
    changed = written.pitches != four_parts.pitches
    inside = np.zeros(76, bool)
    inside[slice(*span)] = True
    assert not changed[~inside].any()
    assert changed[inside].any()
    assert not changed[:, : len(kept)].any()
    assert np.array_equal(written.onsets[~inside], four_parts.onsets[~inside])
    assert (written.pickup, written.key) == (four_parts.pickup, four_parts.key)
    assert np.array_equal(written.fermatas, four_parts.fermatas)


def test_voices_keep_their_rhythm_on_other_notes(four_parts: Chorale) -> None:
    under = typed("--rhythm", "alto,tenor")
    assert unchanged(under, four_parts) == ["soprano"]
    assert np.array_equal(under.onsets[:, 1:3], four_parts.onsets[:, 1:3])
    named = typed("--voice=bass", "--rhythm=soprano")
    assert unchanged(named, four_parts) == ["bass"]
    assert np.array_equal(named.onsets[:, 0], four_parts.onsets[:, 0])
    within = typed("--bars=2", "--rhythm=soprano,alto,tenor,bass")
    assert np.array_equal(within.onsets, four_parts.onsets)
    assert not np.array_equal(within.pitches, four_parts.pitches)


def test_a_tune_whose_rhythm_alone_is_wanted_becomes_another_tune() -> None:
    tune = read_melody(TWINKLE)
    for melody in (TWINKLE, tune):
        other = harmonize(melody, rhythm="soprano", decoder=Greedy())
        assert np.array_equal(other.onsets[:, 0], tune.onsets[:, 0])
        assert not np.array_equal(other.pitches[:, 0], tune.pitches[:, 0])


def test_a_prompt_says_itself_what_is_given(four_parts: Chorale) -> None:
    prompt = Prompt.bars(four_parts, 2, 2)
    assert harmonize(prompt, decoder=Greedy()) == harmonize(four_parts, bars=2, decoder=Greedy())
    assert harmonize(prompt, decoder=Greedy()) == harmonize("four.musicxml", bars=(2, 2), decoder=Greedy())
    for more in ({"voice": "soprano"}, {"bars": 2}, {"rhythm": ["alto"]}):
        with pytest.raises(OptionError, match="leave out voice, bars and rhythm"):
            harmonize(prompt, **more)  # type: ignore[arg-type]
    everything = np.ones(four_parts.pitches.shape, np.bool_)
    with pytest.raises(PromptError, match="All of four is given"):
        harmonize(Prompt(four_parts, everything))


def test_a_chorale_in_which_nothing_sounds_is_refused() -> None:
    with pytest.raises(PromptError, match="only rests"):
        harmonize(Chorale.from_pitches([[0, 0, 0, 0]] * 16))


def test_the_output_decides_the_format(tmp_path: Path) -> None:
    for output, files in (("a.mid", {"a.mid"}), ("b.musicxml", {"b.musicxml"}), ("c", {"c.musicxml", "c.mid"})):
        before = {path.name for path in tmp_path.iterdir()}
        assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--output", output]) == 0
        assert {path.name for path in tmp_path.iterdir()} - before == files


def test_dots_in_a_tunes_name_are_no_ending(tmp_path: Path) -> None:
    (tmp_path / "01. Tune v1.2.musicxml").write_bytes(TWINKLE.read_bytes())
    assert main(["harmonize", "01. Tune v1.2.musicxml", "--decoder", "Greedy"]) == 0
    assert (tmp_path / "01. Tune v1.2-harmonized.musicxml").is_file()


def test_a_folder_as_output_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--output", "out"]) == 0
    assert main(["compose", "--num", "2", "--max-bars", "1", "--seed=-1", "--output", "out"]) == 0
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {"twinkle-harmonized", "chorale--1", "chorale-0"}


def test_composing_writes_as_many_pieces_as_asked_no_longer_than_asked(tmp_path: Path) -> None:
    assert main(["compose", "--num", "3", "--max-bars", "4", "--output", "piece"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"piece-{index}.{ending}" for index in range(3) for ending in ("musicxml", "mid")
    }
    for index in range(3):
        assert read_chorale(tmp_path / f"piece-{index}.musicxml").num_frames <= 64


def test_composing_more_changes_none() -> None:
    assert compose(2, max_bars=3, seed=5) == compose(4, max_bars=3, seed=5)[:2]


def test_a_checkpoint_can_be_a_folder_or_a_loaded_model(small_model: LanguageModel, tmp_path: Path) -> None:
    small_model.save(tmp_path / "model")
    from_folder = harmonize(TWINKLE, checkpoint=tmp_path / "model", decoder=Greedy())
    assert from_folder == harmonize(TWINKLE, checkpoint=small_model, decoder=Greedy())
    assert main(["harmonize", str(TWINKLE), "--checkpoint", "model", "--decoder", "Greedy"]) == 0


def test_a_melody_can_be_a_chorale() -> None:
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 69, 71, 72) for _ in "beat"])
    assert np.array_equal(harmonize(tune, decoder=Greedy()).pitches[:, 0], tune.pitches[:, 0])


def test_finer_notes_are_refused_unless_rounding_is_asked_for(tmp_path: Path) -> None:
    text = TWINKLE.read_text().replace("<divisions>4</divisions>", "<divisions>3</divisions>")
    (tmp_path / "triplets.musicxml").write_text(text)
    assert main(["harmonize", "triplets.musicxml", "--decoder", "Greedy"]) == 2
    assert main(["harmonize", "triplets.musicxml", "--decoder", "Greedy", "--quantize"]) == 0


WRONG = {
    "a file that isn't there": (["harmonize", "missing.musicxml"], "no file missing.musicxml"),
    "a file that is no score": (["harmonize", "notes.txt"], "doesn't end like a score"),
    "a broken score": (["harmonize", "broken.musicxml"], "can't be read as a score"),
    "a tune too low for a soprano": (["harmonize", "low.musicxml"], "expected A3 to A5"),
    "a voice that is none": (
        ["harmonize", "tune.musicxml", "--voice", "soprano,baritone"],
        "no voice 'baritone'; expected soprano, alto, tenor, bass, or several",
    ),
    "a voice that isn't there": (
        ["harmonize", "tune.musicxml", "--voice", "soprano,bass"],
        "has 1 part, and which are the soprano and bass is unclear",
    ),
    "all voices": (["harmonize", "chords.musicxml", "--voice", "soprano,alto,tenor,bass"], "All of chords is given"),
    "no voice": (["harmonize", "tune.musicxml", "--voice", ""], "no voice ''"),
    "bars in words": (["harmonize", "chords.musicxml", "--bars", "two"], "'two' names no bars"),
    "bars without an end": (["harmonize", "chords.musicxml", "--bars", "1-"], "'1-' names no bars"),
    "bars backwards": (["harmonize", "chords.musicxml", "--bars", "2-1"], "Bar 1 comes before bar 2"),
    "a pickup that isn't there": (["harmonize", "chords.musicxml", "--bars", "0"], "no bar 0 in chords; expected 1 to"),
    "a bar that isn't there": (["harmonize", "chords.musicxml", "--bars", "1-99"], "no bar 99 in chords"),
    "bars of a tune": (["harmonize", "tune.musicxml", "--bars", "1"], "which are the four voices is unclear"),
    "all of some bars": (
        ["harmonize", "chords.musicxml", "--bars", "1", "--voice", "soprano,alto,tenor,bass"],
        "All of chords is given",
    ),
    "the rhythm of no voice": (["harmonize", "chords.musicxml", "--rhythm", "drums"], "no voice 'drums'"),
    "the rhythm of silence": (["harmonize", "tune.musicxml", "--rhythm", "alto"], "The alto of tune never sounds"),
    "the rhythm of what is given": (
        ["harmonize", "chords.musicxml", "--voice", "alto", "--rhythm", "alto"],
        "The alto of chords is given whole",
    ),
    "a decoder that is none": (
        ["harmonize", "low.musicxml", "--decoder", "Beam"],
        "expected BeamSearch, Greedy",
    ),
    "a decoder's bad option": (
        ["harmonize", "low.musicxml", "--decoder", "BeamSearch", "--decoder.width", "0"],
        "at least 1",
    ),
    "a temperature of nothing": (["compose", "--decoder", "Sampling", "--decoder.temperature", "0"], "above 0"),
    "an option that is none": (["harmonize", "low.musicxml", "--sead", "1"], "unrecognized arguments: --sead"),
    "an ending that is no format": (["harmonize", "low.musicxml", "--output", "x.pdf"], "written as .pdf"),
    "a folder that isn't there": (["harmonize", "low.musicxml", "--output", "no/x.mid"], "no folder"),
    "a checkpoint that isn't there": (["harmonize", "tune.musicxml", "--checkpoint", "no.ckpt"], "no model at no.ckpt"),
    "a checkpoint that is none": (["harmonize", "tune.musicxml", "--checkpoint", "notes.txt"], "isn't a checkpoint"),
    "a decoder's option alone": (["harmonize", "tune.musicxml", "--decoder.width", "16"], "name it first"),
    "no pieces": (["compose", "--num", "0"], "at least 1"),
    "no bars": (["compose", "--max-bars", "0"], "at least 1"),
    "a command that is none": (["harmonise"], "no command"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_ends_in_one_sentence_and_writes_nothing(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args, said = WRONG[case]
    (tmp_path / "notes.txt").write_text(json.dumps([1]))
    (tmp_path / "broken.musicxml").write_text("<score-partwise>")
    low = Chorale.from_pitches([[45, 0, 0, 0]] * 16)
    write_musicxml(low, tmp_path / "low.musicxml")
    write_musicxml(low.transpose(20), tmp_path / "tune.musicxml")
    write_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 32), tmp_path / "chords.musicxml")
    before = {path.name for path in tmp_path.iterdir()}
    assert main(args) == 2
    error = capsys.readouterr().err
    assert error.startswith("bachlit: ")
    assert error.count("\n") == 1
    assert said in error
    assert {path.name for path in tmp_path.iterdir()} == before


def test_help_and_version_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main(["--version"]) == 0
    said = capsys.readouterr().out
    for command in ("harmonize", "compose", "fit", "validate", "test", "predict"):
        assert command in said
