"""The light commands, as a person types them."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fits import TWINKLE
from forking import python
from handwritten import line, note, score

import bachlit.api
from bachlit import Chorale, LanguageModel, compose, harmonize
from bachlit.__main__ import main
from bachlit.api import harmonize_several
from bachlit.commands.functions import run_typed
from bachlit.decoding import (
    BeamSearch,
    Greedy,
    Sampling,
)
from bachlit.errors import DeadEndError, OptionError, PromptError
from bachlit.generation.given import prompt_of
from bachlit.generation.named_rules import weighed_rules
from bachlit.generation.written import Written
from bachlit.metrics import rule_counts, texture
from bachlit.models.calibration import calibration_of
from bachlit.music.chorale import VOICES, Voice, cut
from bachlit.music.prompt import Prompt
from bachlit.scores import read_chorale, read_melody, write_musicxml

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own", "with_a_small_default")


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


@pytest.mark.parametrize(("bars", "span"), [("2-3", (16, 40)), ("0", (0, 4)), ("4", (40, 52)), ("0-4", (0, 52))])
@pytest.mark.parametrize("kept", [(), ("soprano",)], ids=["whole", "under the soprano"])
def test_bars_are_composed_anew_and_all_else_stays(
    four_parts: Chorale, bars: str, span: tuple[int, int], kept: tuple[Voice, ...]
) -> None:
    written = typed("--bars", bars, *(f"--voice={voice}" for voice in kept))
    changed = written.pitches != four_parts.pitches
    inside = np.zeros(52, bool)
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
        with pytest.raises(OptionError, match="leave out voice, part, tune, bars and rhythm"):
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


def test_a_name_that_the_terminal_can_not_show_is_written_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It once ended in a traceback, after all was written."""
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with monkeypatch.context() as narrow:
        narrow.setattr("sys.stdout", terminal)
        assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--output", "ő.mid"]) == 0
    terminal.seek(0)
    assert terminal.read() == "\\u0151.mid\n"
    assert Path("ő.mid").is_file()


def test_dots_in_a_tunes_name_are_no_ending(tmp_path: Path) -> None:
    (tmp_path / "01. Tune v1.2.musicxml").write_bytes(TWINKLE.read_bytes())
    assert main(["harmonize", "01. Tune v1.2.musicxml", "--decoder", "Greedy"]) == 0
    assert (tmp_path / "01. Tune v1.2-harmonized.musicxml").is_file()


@pytest.mark.parametrize("name", ["Nr.v2", "op.12", "St. John"])
@pytest.mark.parametrize("num", [1, 2])
def test_dots_in_an_outputs_name_are_no_ending(name: str, num: int, tmp_path: Path) -> None:
    assert main(["compose", "--bars=1", f"--num={num}", "--output", name]) == 0
    stems = [name] if num == 1 else [f"{name}-{seed}" for seed in range(num)]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{stem}{ending}" for stem in stems for ending in (".musicxml", ".mid")
    }


@pytest.mark.parametrize(
    ("typed", "last"),
    [
        ([], ["configured"]),
        (["--checkpoint", "a b"], ["a b"]),
        (["--checkpoint=a"], ["a"]),
        (["--checkpoint", "a", "--limit=3", "--checkpoint=b", "--checkpoint", "c"], ["a", "b", "c"]),
        (["--checkpoint=[a,b]", "--checkpoint", "c"], ["a", "b", "c"]),
    ],
)
def test_a_list_that_is_typed_takes_the_place_of_a_configs(typed: list[str], last: list[str], tmp_path: Path) -> None:
    (tmp_path / "some.yaml").write_text("checkpoint: [configured]\n")
    told: list[list[Path] | None] = []

    def tell(*, checkpoint: list[Path] | None = None, limit: int = 0) -> None:
        told.append(checkpoint)

    run_typed("tell", tell, ["--config", "some.yaml", *typed])
    assert told == [[Path(one) for one in last]]


def test_a_folder_as_output_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--output", "out"]) == 0
    assert main(["compose", "--num", "2", "--max-bars", "1", "--seed=9", "--output", "out"]) == 0
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {"twinkle-harmonized", "chorale-9", "chorale-10"}


def test_composing_writes_as_many_pieces_as_asked_no_longer_than_asked(tmp_path: Path) -> None:
    assert main(["compose", "--num", "3", "--max-bars", "4", "--output", "piece"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"piece-{index}.{ending}" for index in range(3) for ending in ("musicxml", "mid")
    }
    for index in range(3):
        assert read_chorale(tmp_path / f"piece-{index}.musicxml").num_frames <= 64


def test_composing_more_changes_none() -> None:
    assert compose(2, max_bars=3, seed=5) == compose(4, max_bars=3, seed=5)[:2]


def test_composed_pieces_are_written_as_they_come_and_none_is_left_of_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All were once in memory before the first was written."""
    write, seen = bachlit.api.write_freely, list[int]()

    def write_twice(*args: Any, **options: Any) -> list[Written]:
        seen.append(len([*tmp_path.iterdir()]))
        if len(seen) == 3:
            raise DeadEndError("There is no way on; take another seed.")
        return write(*args, **options)

    monkeypatch.setattr("bachlit.api.write_freely", write_twice)
    monkeypatch.setattr("bachlit.api._TOGETHER", 16)
    assert main(["compose", "--num", "4", "--bars", "1"]) == 2
    assert seen == [0, 2, 4]
    assert [*tmp_path.iterdir()] == []
    assert "take another seed" in capsys.readouterr().err


def test_a_long_tune_has_fewer_harmonisations() -> None:
    """They are compared in memory."""
    tune = Chorale.from_pitches([[67, 0, 0, 0]] * 16_000)
    with pytest.raises(OptionError, match="at most 1250 of 16000 sixteenths; set --num to that"):
        harmonize_several(prompt_of(tune), 1251)


def test_chords_after_which_the_harmony_is_open_may_end_before_or_with_the_piece(four_parts: Chorale) -> None:
    for chords in ("D", ". | D | . | . | . | . | . | . | . |", " | ".join(["."] * 7)):
        assert unchanged(typed("--chords", chords), four_parts) == ["soprano"]


def test_a_piece_of_so_many_bars_is_just_so_long() -> None:
    for bars in (3, 6):
        assert main(["compose", "--bars", str(bars), "--num", "2", "--output", "piece.musicxml"]) == 0
        for seed in (0, 1):
            assert read_chorale(f"piece-{seed}.musicxml").num_frames == 16 * bars


NARROW = ["--decoder", "BeamSearch", "--decoder.width", "12", "--decoder.groups", "3"]


def test_several_harmonisations_differ_are_ranked_and_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table, the description and the scores say the same."""
    write_musicxml(cut(read_melody(EXAMPLES / "twinkle.musicxml"), 0, 4 * 16), "twinkle.musicxml")
    before = {*tmp_path.iterdir()}
    options = ["--rules.NoOverlap", "inf", "--seed=4", "--checkpoint=bachlit"]
    assert main(["harmonize", "twinkle.musicxml", "--num", "3", *NARROW, *options]) == 0
    paths, table, caption = capsys.readouterr().out.rstrip().split("\n\n")
    scores = [f"twinkle-harmonized-{rank}.{ending}" for rank in (1, 2, 3) for ending in ("musicxml", "mid")]
    assert paths.split("\n") == [*scores, "twinkle-harmonized.json"]
    assert {path.name for path in {*tmp_path.iterdir()} - before} == {*scores, "twinkle-harmonized.json"}
    assert caption.count("\n") == 0

    described = json.loads((tmp_path / "twinkle-harmonized.json").read_text())
    options, pieces = described["options"], described["pieces"]
    assert options["decoder"] == {"class": "BeamSearch", "width": 12, "groups": 3, "diversity": BeamSearch().diversity}
    assert [(one["class"], float(one["weight"])) for one in options["rules"]] == [
        (str(rule), rule.weight)
        for rule in weighed_rules({"NoOverlap": "inf"}, Greedy(), calibration=calibration_of("bachlit"))
    ]
    assert (options["melody"], options["num"], options["seed"]) == ("twinkle.musicxml", 3, 4)
    assert [name for piece in pieces for name in piece["files"]] == scores

    heads, *rows = table.split("\n")
    assert len({len(line) for line in table.split("\n")}) == 1  # aligned
    assert heads.split()[:3] == ["rank", "file", "log-prob"]
    chorales = []
    for rank, (row, piece) in enumerate(zip(rows, pieces, strict=True), start=1):
        chorale = read_chorale(piece["files"][0])
        counts = rule_counts(chorale)
        assert piece["rule_counts"] == counts._asdict()
        assert piece["texture"]["attacks"] == [*texture(chorale).attacks]
        assert piece["merit"] == pytest.approx(piece["log_prob"] - piece["cost"])
        shown = row.split()
        assert shown[:2] == [str(rank), f"twinkle-harmonized-{rank}"]
        nats = [piece["log_prob"], piece["log_prob"] / chorale.num_frames, piece["merit"]]
        assert [float(value) for value in shown[2:5]] == pytest.approx(nats, abs=0.051)
        assert [int(value) for value in shown[5:]] == [
            counts.parallel_fifths, counts.parallel_octaves, counts.hidden_fifths + counts.hidden_octaves,
            counts.crossings, counts.overlaps, counts.wide_soprano_alto + counts.wide_alto_tenor,
            counts.out_of_range, counts.wide_leaps,
        ]  # fmt: skip
        chorales.append(chorale)
    assert len({chorale.pitches.tobytes() + chorale.onsets.tobytes() for chorale in chorales}) == 3
    assert all(unchanged(chorale, chorales[0])[0] == "soprano" for chorale in chorales)
    merits = [piece["merit"] for piece in pieces]
    assert merits == sorted(merits, reverse=True)


def test_one_harmonisation_is_written_and_told_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--num", "1"]):
        assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", *options]) == 0
        assert capsys.readouterr().out == "twinkle-harmonized.musicxml\ntwinkle-harmonized.mid\n"
    assert {path.suffix for path in tmp_path.iterdir()} == {".musicxml", ".mid"}


def test_where_fewer_differ_than_were_asked_for_a_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["harmonize", str(TWINKLE), "--num", "3", "--decoder", "Greedy", "--output", "a.mid"]) == 0
    assert capsys.readouterr().out.endswith("\nFound 1 of the 3 asked for.\n")
    assert {path.name for path in tmp_path.iterdir()} == {"a-1.mid", "a.json"}


@pytest.mark.parametrize(
    ("output", "stem", "endings"),
    [
        ([], "01. Tune v1.2-harmonized", ("musicxml", "mid")),
        (["--output", "out"], "out/01. Tune v1.2-harmonized", ("musicxml", "mid")),
        (["--output", "out/b.xml"], "out/b", ("xml",)),
        (["--output", "c"], "c", ("musicxml", "mid")),
    ],
    ids=["none", "a folder", "a file", "a name"],
)
def test_several_harmonisations_go_where_one_would_numbered(
    output: list[str], stem: str, endings: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "01. Tune v1.2.musicxml").write_bytes(TWINKLE.read_bytes())
    before = {*tmp_path.rglob("*")}
    beam = ["--decoder", "BeamSearch", "--decoder.width", "2"]
    assert main(["harmonize", "01. Tune v1.2.musicxml", "--num", "2", *beam, *output]) == 0
    assert {*tmp_path.rglob("*")} - before == {
        tmp_path / f"{stem}{rest}" for rest in (".json", *(f"-{n}.{ending}" for n in (1, 2) for ending in endings))
    }


def test_a_checkpoint_can_be_a_folder_or_a_loaded_model(small_model: LanguageModel, tmp_path: Path) -> None:
    small_model.save(tmp_path / "model")
    from_folder = harmonize(TWINKLE, checkpoint=tmp_path / "model", decoder=Greedy())
    assert from_folder == harmonize(TWINKLE, checkpoint=small_model, decoder=Greedy())
    assert main(["harmonize", str(TWINKLE), "--checkpoint", "model", "--decoder", "Greedy"]) == 0


def test_a_melody_can_be_a_chorale() -> None:
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 69, 71, 72) for _ in "beat"])
    assert np.array_equal(harmonize(tune, decoder=Greedy()).pitches[:, 0], tune.pitches[:, 0])


@pytest.mark.parametrize("words", [["harmonize", str(TWINKLE), "--quantize"], ["predict", "--data.quantize", "true"]])
def test_rounding_is_no_option_any_more(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("bachlit: --quantize is gone: notes finer than a sixteenth stay as they")


def test_what_is_chosen_or_left_out_is_told_a_line_each(
    tmp_path: Path, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chord = note("C3", 8) + note("E2", 8, before="<chord/>") + line("D3 E3")
    harmony = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    grace = note("B2", before="<grace/>")
    (tmp_path / "song.musicxml").write_text(
        score([harmony + grace + chord], [line("C2 C2 C2 C2")], names=["Song", "Piano"])
    )
    assert main(["harmonize", "song.musicxml", "--decoder", "Greedy"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "bachlit: song.musicxml: the tune is taken from part 1 (Song); left out: part 2 (Piano).",
        "bachlit: The soprano of song.musicxml: where several notes sound at once, the tune is the top one; left out 1 "
        "note.",
        "bachlit: The soprano of song: 1 octave below where voices sing, and so are the parts around it; --transpose "
        "12 moves all.",
        f"bachlit: with {saved}",
        "Phrase ends: bar 1.",
    ]
    written = read_chorale("song-harmonized.musicxml")
    assert written.pitches[:, 0].tolist() == [48] * 8 + [50] * 4 + [52] * 4
    assert (written.pitches[:, 1] < 50).all()
    text = Path("song-harmonized.musicxml").read_text()
    assert (text.count("<harmony>"), text.count("<grace"), text.count("<chord")) == (1, 1, 0)


def test_beat_home_and_height_of_a_tune_are_told(
    tmp_path: Path, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jig.abc").write_text("X:1\nT:Jig\nM:6/8\nL:1/8\nK:none\nA,|A,2C E2E|D2C B,2^G,|A,3 z2|]\n")
    assert main(["harmonize", "jig.abc", "--decoder", "Greedy", "--transpose", "auto"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "bachlit: jig.abc: no mode of its key is written; heard as A minor; --key says otherwise.",
        "bachlit: jig is moved up by 12 semitones, to A minor, where a choir sings well.",
        "bachlit: jig is heard with an eighth as its beat; --beat says otherwise.",
        f"bachlit: with {saved}",
        "Phrase ends: bar 3.",
    ]
    written = read_chorale("jig-harmonized.musicxml")
    assert written.time_signature == (6, 8)
    assert written.pitches[::2, 0].tolist()[:6] == [69, 69, 69, 72, 76, 76]
    said = ["--key", "E phrygian", "--beat", "quarter", "--transpose", "12"]
    assert main(["harmonize", "jig.abc", "--decoder", "Greedy", "--output", "other", *said]) == 0
    assert "is heard with" not in capsys.readouterr().err
    assert read_chorale("other.musicxml").pitches[0, 0] == 69


def test_a_key_that_is_named_decides_where_the_piece_ends(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc B A G|F G A B|c2 c2|]\n")
    ends = {}
    for key in ("C major", "F lydian", "A minor"):
        main(["harmonize", "tune.abc", "--decoder", "Greedy", "--key", key, "--output", f"{key[0]}.musicxml"])
        ends[key[0]] = read_chorale(f"{key[0]}.musicxml").pitches[-1, 3] % 12
    assert ends == {"C": 0, "F": 5, "A": 9}


def test_help_and_version_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main(["--version"]) == 0
    said = capsys.readouterr().out
    for command in ("harmonize", "compose", "plot", "fit", "validate", "test", "predict"):
        assert command in said


@pytest.mark.parametrize("words", [["--output", "a b/new/"], ["--output=a b/new/"]])
def test_a_slash_asks_for_a_folder(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", *words]) == 0
    assert len(list(Path("a b/new").iterdir())) == 2


def test_a_network_of_ones_own_harmonises_once_its_module_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("own_harmoniser.py").write_text(
        "from bachlit.networks import TokenLSTM\n"
        "class Own(TokenLSTM):\n"
        "    def __init__(self, encoding, *, width):\n"
        "        super().__init__(encoding, layers=1, hidden=width, embedding=4)\n"
        "        self.config = {'width': width}\n"
    )
    # In a process of its own: here, the class would be known.
    model = "LanguageModel(Own(SatbEncoding(), width=8), SatbEncoding(), 'all').save(Path('own'))"
    code = "from pathlib import Path; from bachlit.encoding import SatbEncoding; from own_harmoniser import Own; "
    code += f"from bachlit.models.language_model import LanguageModel; {model}"
    subprocess.run([python(), "-c", code], check=True)
    typed = ["harmonize", str(TWINKLE), "--checkpoint=own", "--decoder=Greedy", "--output=out.musicxml"]
    assert main(typed) == 2
    assert "if you trust it, import its module first: --import own_harmoniser" in capsys.readouterr().err
    assert main([*typed, "--import=own_harmoniserr"]) == 2
    assert "There is no module 'own_harmoniserr'" in capsys.readouterr().err
    assert main([*typed, "--import", "own_harmoniser"]) == 0
    assert Path("out.musicxml").is_file()


def test_found_phrase_ends_are_printed_and_not_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tune = str(EXAMPLES / "twinkle.musicxml")
    assert main(["harmonize", tune, "--decoder", "Greedy", "--output", "found.musicxml"]) == 0
    assert "Phrase ends: bars 2, 4, 6, 8, 10 and 12.\n" in capsys.readouterr().err
    assert "fermata" not in (tmp_path / "found.musicxml").read_text()


@pytest.mark.parametrize("phrases", ["none", "given"])
def test_without_phrase_ends_none_are_printed(phrases: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--phrases", phrases]) == 0
    assert "Phrase" not in capsys.readouterr().out


def test_typed_places_are_heard_and_wrong_ones_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["harmonize", str(TWINKLE), "--decoder", "Greedy", "--phrases", "1.1, 2"]) == 0
    assert "Phrase ends: bars 1.1 and 2.\n" in capsys.readouterr().err
    assert main(["harmonize", str(TWINKLE), "--phrases", "1-2"]) == 2
    assert "expected auto, given, none, or bars such as 4,8" in capsys.readouterr().err
