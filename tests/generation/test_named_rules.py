"""Rules by name and number, as they are typed and called."""

import dataclasses
from pathlib import Path

import pytest
from fits import TWINKLE

from bachlit import harmonize
from bachlit.__main__ import main
from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    BeamSearch,
    Decoder,
    Gibbs,
    Greedy,
    NoOverlap,
    NoParallels,
    Rules,
    Sampling,
    Spacing,
)
from bachlit.generation.named_rules import weighed_rules
from bachlit.scores import read_chorale, read_melody, write_musicxml

EXAMPLES = Path(__file__).parents[2] / "examples"
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
    attacks = [rule for rule in weighed_rules({"Attack": -0.25}, Greedy()) if str(rule) == "Attack"]
    assert [rule.weight for rule in attacks] == [-0.25, -0.25]
    assert [rule.voices for rule in attacks] == [(0, 1, 2), (3,)]  # type: ignore[attr-defined]


def test_no_rules_are_none_but_those_typed_with_it() -> None:
    assert weighed_rules("none", Greedy()) == Rules()
    assert weighed_rules({"NoParallels": "inf", "all": 0}, Greedy()) == Rules((NoParallels(),))


@pytest.mark.parametrize("decoder", [Greedy(), Sampling()], ids=lambda value: type(value).__name__)
def test_without_a_number_the_rules_are_those_that_the_function_takes(decoder: Decoder) -> None:
    assert harmonize(TWINKLE, decoder=decoder, rules=weighed_rules(None, decoder)) == harmonize(
        TWINKLE, decoder=decoder
    )


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        (["--rules", "none"], Rules()),
        (["--rules=none"], Rules()),
        (["--rules", "none", "--rules.NoParallels", "inf"], NoParallels()),
        (["--rules.Attack", "-.5", "--rules.InKey=.inf"], weighed_rules({"Attack": -0.5, "InKey": "inf"}, Greedy())),
        (["--rules.all=0", "--rules.Spacing=1e1"], Spacing(10.0)),
        (["--config", "rules.yaml", "--rules.InKey", "0"], NoOverlap(2.0)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_typed_rules_and_called_ones_do_the_same(options: list[str], rules: Rules, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: {all: 0, NoOverlap: 2, InKey: .inf}\n")
    tune = read_melody(EXAMPLES / "god_rest_ye_merry.musicxml")
    cut = {name: getattr(tune, name)[:32] for name in ("pitches", "onsets", "fermatas")}
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
