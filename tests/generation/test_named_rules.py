"""Rules by name and number, as they are typed and called."""

import dataclasses
from pathlib import Path

import pytest
from fits import TWINKLE

from bachlit import harmonize
from bachlit.__main__ import main
from bachlit.api import calibration_for
from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    BeamSearch,
    Decoder,
    Gibbs,
    Greedy,
    NoOverlap,
    NoParallels,
    Ranges,
    Rules,
    Sampling,
    Spacing,
)
from bachlit.errors import OptionError, RangeWarning
from bachlit.generation.harmonizing import write
from bachlit.generation.named_ranges import named_ranges
from bachlit.generation.named_rules import weighed_rules, with_ranges
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt
from bachlit.scores import read_chorale, read_melody, write_musicxml

EXAMPLES = Path(__file__).parents[2] / "examples"
OWN = weighed_rules({"Attack": -0.5, "InKey": "inf"}, Greedy(), calibration=calibration_for())  # the default model's
USUAL = [(Greedy(), LIVELY), (BeamSearch(), LIVELY), (Gibbs(), LIVELY), (Sampling(), PART_WRITING)]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize(("decoder", "usual"), USUAL, ids=lambda value: type(value).__name__)
def test_typed_numbers_weigh_the_usual_rules_and_leave_the_others(decoder: Decoder, usual: Rules) -> None:
    assert weighed_rules(None, decoder) == weighed_rules({}, decoder) == usual
    typed = weighed_rules({"NoOverlap": "inf", "NoHidden": 0, "Spacing": ".5", "LargestLeap": 2.5}, decoder)
    assert NoOverlap() in typed
    assert Spacing(0.5) in typed
    others = [rule for rule in usual if str(rule) not in ("NoOverlap", "NoHidden", "Spacing", "LargestLeap")]
    assert [rule for rule in typed if rule in others] == others  # in their order, too
    assert [str(rule) for rule in typed] == [str(rule) for rule in usual if str(rule) != "NoHidden"]


def test_rules_that_are_not_usual_come_last_and_one_number_is_for_all_of_a_class() -> None:
    assert [*weighed_rules({"InKey": "inf", "Spacing": 1}, Sampling())][-1].weight == float("inf")
    assert str([*weighed_rules({"InKey": "inf", "Spacing": 1}, Sampling())][-1]) == "InKey"
    motions = [rule for rule in weighed_rules({"Motion": -0.25}, Greedy()) if str(rule) == "Motion"]
    assert [rule.weight for rule in motions] == [-0.25, -0.25]
    assert [rule.voices for rule in motions] == [(0, 1, 2), (3,)]  # type: ignore[attr-defined]


def test_no_rules_are_none_but_those_typed_with_it() -> None:
    assert weighed_rules("none", Greedy()) == Rules()
    assert weighed_rules({"NoParallels": "inf", "all": 0}, Greedy()) == Rules((NoParallels(),))


@pytest.mark.parametrize("decoder", [Greedy(), Sampling()], ids=lambda value: type(value).__name__)
def test_without_a_number_the_rules_are_those_that_the_function_takes(decoder: Decoder) -> None:
    rules = weighed_rules(None, decoder, calibration=calibration_for())
    assert harmonize(TWINKLE, decoder=decoder, rules=rules) == harmonize(TWINKLE, decoder=decoder)


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (["--rules", "none"], Rules()),
        (["--rules=none"], Rules()),
        (["--rules", "none", "--rules.NoParallels", "inf"], NoParallels()),
        (["--rules.Attack", "-.5", "--rules.InKey=.inf"], OWN),
        (["--rules.all=0", "--rules.Spacing=1e1"], Spacing(10.0)),
        (["--config", "rules.yaml", "--rules.InKey", "0"], NoOverlap(2.0)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_typed_rules_and_called_ones_do_the_same(options: list[str], rules: Rules, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: {all: 0, NoOverlap: 2, InKey: .inf}\n")
    tune = read_melody(EXAMPLES / "god_rest_ye_merry.musicxml")
    cut = {name: getattr(tune, name)[:96] for name in ("pitches", "onsets", "fermatas")}
    god_rest = tmp_path / "god_rest.musicxml"
    write_musicxml(dataclasses.replace(tune, **cut), god_rest)
    assert main(["harmonize", str(god_rest), "--decoder", "Greedy", "--output", "a.musicxml", *options]) == 0
    called = harmonize(god_rest, decoder=Greedy(), rules=rules)
    write_musicxml(called, "b.musicxml")
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()
    assert called != harmonize(god_rest, decoder=Greedy())


def test_composing_keeps_the_rules_that_are_typed() -> None:
    composed = {}
    for number in ("0", "inf"):
        options = ["--rules", "none", "--rules.InKey", number, "--bars", "8", "--output", "piece.musicxml"]
        assert main(["compose", *options]) == 0
        chorale = read_chorale("piece.musicxml")
        minor = chorale.key.mode == "minor"
        scale = {0, 2, 3, 5, 7, 8, 9, 10, 11} if minor else {0, 2, 4, 5, 7, 9, 11}
        sounding = chorale.pitches[chorale.pitches > 0].astype(int)
        composed[number] = {(pitch - chorale.key.tonic) % 12 for pitch in sounding.tolist()} <= scale
    assert composed == {"0": False, "inf": True}


@pytest.mark.parametrize("command", [["harmonize", str(TWINKLE), "--decoder", "Greedy"], ["compose", "--bars=1"]])
def test_a_rule_that_cannot_be_kept_gives_way_or_is_an_error_if_strict(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_silence.py").write_text(
        "from bachlit.decoding import Rule\n"
        "class Never(Rule):\n"
        "    def breaches(self, position):\n"
        "        return position.pitch[None, None] == position.pitch\n"
    )
    args = [*command, "--output=x.mid", "--rules.own_silence.Never", "inf"]
    assert main([*args, "--strict"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "has no note that all rules" in error
    assert not (tmp_path / "x.mid").exists()
    assert main([*args, "--strict", "false"]) == 0
    assert "has no note that keeps Never" in capsys.readouterr().err
    assert (tmp_path / "x.mid").exists()


@pytest.mark.parametrize("command", ["harmonize", "compose"])
def test_help_tells_the_rules_and_their_numbers(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = [line.split() for line in capsys.readouterr().out.split("\n")]
    for name in {str(rule) for rule in LIVELY}:
        numbers = ["/".join(f"{one.weight:g}" for one in rules if str(one) == name) for rules in (LIVELY, PART_WRITING)]
        assert [name, *(number or "0" for number in numbers)] in [words[:3] for words in told]


@pytest.mark.parametrize(
    ("typed", "ranges"),
    [
        ("tenor:C3-G4", {"tenor": (48, 67)}),
        (" Bass : E2-Bb3 ,soprano:c4-f#5", {"bass": (40, 58), "soprano": (60, 78)}),
    ],
)
def test_ranges_are_typed_by_the_names_of_notes(typed: str, ranges: dict[str, tuple[int, int]]) -> None:
    assert named_ranges(typed) == ranges


@pytest.mark.parametrize(
    "typed",
    [
        *("", "tenor", "tenor:", "tenor:C3", "tenor:G4-C3", "tenor:C3-G4-B4", "cello:C2-G3", "bass:H2-C4"),
        *("bass:E2-C99", "tenor:C3-G4,tenor:C3-A4", "tenor:C3-G4;bass:E2-C4", "tenor:C3-G4,"),
    ],
)
def test_what_is_no_range_is_refused(typed: str) -> None:
    with pytest.raises(OptionError, match=r"The range .* isn't possible; expected each voice"):
        named_ranges(typed)


def test_ranges_replace_those_of_the_rule_and_keep_its_place() -> None:
    for usual in (LIVELY, PART_WRITING):
        rules = with_ranges(usual, {"tenor": (48, 67)})
        assert [str(rule) for rule in rules] == [str(rule) for rule in usual]
        assert [rule for rule in rules if rule not in usual] == [Ranges(tenor=(48, 67))]
    assert list(with_ranges(Rules() & Ranges(2.0), {"bass": (40, 60)})) == [Ranges(2.0, bass=(40, 60))]
    assert list(with_ranges(Rules() & Spacing(), {"bass": (40, 60)})) == [Spacing(), Ranges(bass=(40, 60))]


def test_a_choirs_ranges_hold_for_all_and_move_the_given_voice(small_model: LanguageModel) -> None:
    """A tune that Bach's sopranos could sing is two semitones too high for these, so the model hears it lower."""
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (74, 76, 79) for _ in range(4)])
    rules = with_ranges(PART_WRITING, named_ranges("soprano:C4-F5, tenor:C3-E4, bass:F2-C4"))
    [written] = write(small_model, [Prompt.voices(tune, "soprano")], decoder=Greedy(), seeds=[0], rules=rules)
    assert written.chorale.pitches[:, 0].tolist() == tune.pitches[:, 0].tolist()
    for column, (low, high) in ((2, (48, 64)), (3, (41, 60))):
        # All ranges move along with the given voice, by the least that brings it in.
        assert low + 2 <= written.chorale.pitches[:, column].min()
        assert written.chorale.pitches[:, column].max() <= high + 2
    with pytest.warns(RangeWarning, match="goes from D5 to G5, which is wider than a voice's range, C4 to E4"):
        write(
            small_model, [Prompt.voices(tune, "soprano")], decoder=Greedy(), seeds=[0],
            rules=with_ranges(PART_WRITING, named_ranges("soprano:C4-E4")),
        )  # fmt: skip
