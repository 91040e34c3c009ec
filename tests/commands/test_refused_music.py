"""What musicians may mistype is refused in a sentence, and nothing is written."""

import json
from pathlib import Path

import pytest
from archives import zipped

from bachlit import Chorale
from bachlit.__main__ import main
from bachlit.scores import write_musicxml

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")

WRONG = {
    "a file that isn't there": (["harmonize", "missing.musicxml"], "no file missing.musicxml"),
    "a file that is no score": (["harmonize", "notes.txt"], "isn't a score, by name or content"),
    "a broken score": (["harmonize", "broken.musicxml"], "can't be read as a score"),
    "an empty file": (["harmonize", "empty.musicxml"], "can't be read as a score"),
    "entities of XML": (["harmonize", "entities.musicxml"], "it declares entities of XML, which no score needs"),
    "an archive that swells": (["harmonize", "swollen.mxl"], "it has more than 32 MB when it is unpacked"),
    "a voice that is none": (
        ["harmonize", "tune.musicxml", "--voice", "soprano,baritone"],
        "no voice 'baritone'; expected soprano, alto, tenor, bass, or several",
    ),
    "a voice that isn't there": (
        ["harmonize", "tune.musicxml", "--voice", "soprano,bass"],
        "has 1 part, and it is unclear which are Soprano and Bass",
    ),
    "all voices": (["harmonize", "chords.musicxml", "--voice", "soprano,alto,tenor,bass"], "All of chords is given"),
    "no voice": (["harmonize", "tune.musicxml", "--voice", ""], "no voice ''"),
    "bars in words": (["harmonize", "chords.musicxml", "--bars", "two"], "'two' names no bars"),
    "bars without an end": (["harmonize", "chords.musicxml", "--bars", "1-"], "'1-' names no bars"),
    "bars backwards": (["harmonize", "chords.musicxml", "--bars", "2-1"], "Bar 1 comes before bar 2"),
    "a pickup that isn't there": (["harmonize", "chords.musicxml", "--bars", "0"], "no bar 0 in chords; expected 1 to"),
    "a bar that isn't there": (["harmonize", "chords.musicxml", "--bars", "1-99"], "no bar 99 in chords"),
    "bars of a tune": (
        ["harmonize", "tune.musicxml", "--bars", "1"],
        "unclear which are Soprano, Alto, Tenor and Bass",
    ),
    "all of some bars": (
        ["harmonize", "chords.musicxml", "--bars", "1", "--voice", "soprano,alto,tenor,bass"],
        "All of chords is given",
    ),
    "the rhythm of no voice": (["harmonize", "chords.musicxml", "--rhythm", "drums"], "no voice 'drums'"),
    "the rhythm of silence": (["harmonize", "tune.musicxml", "--rhythm", "alto"], "The alto of tune never sounds"),
    "the rhythm of what is given": (
        ["harmonize", "chords.musicxml", "--voice", "alto", "--rhythm", "alto"],
        "The alto of chords is given already",
    ),
    "a key that is none": (
        ["harmonize", "tune.musicxml", "--key", "H dur"],
        "There is no key 'H dur'; expected a note",
    ),
    "a beat that is none": (["harmonize", "tune.musicxml", "--beat", "third"], "Expected a typing.Literal['auto', "),
    "a move that is none": (["harmonize", "tune.musicxml", "--transpose", "up"], "transpose"),
    "a decoder that is none": (
        ["harmonize", "low.musicxml", "--decoder", "Beam"],
        "expected BeamSearch, Gibbs, Greedy",
    ),
    "a file for a decoder": (
        ["compose", "--decoder", "./notes.txt"],
        "There is no decoder './notes.txt'; expected Beam",
    ),
    "a file of another folder for a decoder": (["compose", "--decoder=/etc/hostname"], "no decoder '/etc/hostname'"),
    "a file for a decoder's start": (
        ["compose", "--decoder=Gibbs", "--decoder.start=./notes.txt"],
        "Unexpected import path format: ./notes.txt",
    ),
    "a file for a decoder in a config": (
        ["compose", "--config=file.yaml"],
        "Unexpected import path format: ./notes.txt",
    ),
    "a file for a corpus": (
        ["evaluate", "--corpus=./notes.txt"],
        "There is no corpus './notes.txt'; expected BachBotCorpus, BachCorpus, FolderCorpus, Jsb16Corpus, or",
    ),
    "a file for decoders": (["evaluate", "--decoders=./notes.txt"], "There is no decoder './notes.txt'"),
    "a decoder's bad option": (
        ["harmonize", "low.musicxml", "--decoder", "BeamSearch", "--decoder.width", "0"],
        "at least 1",
    ),
    "an option that a decoder hasn't": (
        ["harmonize", "tune.musicxml", "--decoder", "BeamSearch", "--decoder.wdth", "3"],
        "Option 'wdth' is not accepted. See bachlit harmonize --help.",
    ),
    "another decoder's option": (
        ["harmonize", "tune.musicxml", "--decoder=Greedy", "--decoder.start=BeamSearch"],
        "'bachlit.decoding.Greedy': Option 'start' is not accepted",
    ),
    "an option that an inner decoder hasn't": (
        ["compose", "--decoder=Gibbs", "--decoder.start=BeamSearch", "--decoder.start.wdth=3"],
        "'bachlit.decoding.BeamSearch': Option 'wdth' is not accepted",
    ),
    "an inner decoder that is none": (
        ["harmonize", "tune.musicxml", "--decoder=Gibbs", "--decoder.start=Foo"],
        'Parser key "start": Expected a dot import path string: Foo',
    ),
    "a decoder of no module": (
        ["compose", "--decoder", "nowhere.Own"],
        "class_path 'nowhere.Own': No module named 'nowhere'",
    ),
    "a decoder that a module hasn't": (
        ["compose", "--decoder", "bachlit.decoding.Nope"],
        "module 'bachlit.decoding' has no attribute 'Nope'",
    ),
    "a decoder's option in words": (
        ["compose", "--decoder", "BeamSearch", "--decoder.width", "wide"],
        "Parser key \"width\": Expected a <class 'int'>. Got value: wide",
    ),
    "half a bar": (
        ["compose", "--bars", "2.5"],
        "Parser key \"bars\": Expected a <class 'int'>",
    ),
    "a number of pieces in words": (
        ["compose", "--num", "many"],
        "Parser key \"num\": Expected a <class 'int'>. Got value: many",
    ),
    "a temperature of nothing": (["compose", "--decoder", "Sampling", "--decoder.temperature", "0"], "above 0"),
    "an option that is none": (
        ["harmonize", "low.musicxml", "--sead", "1"],
        "There is no option --sead; expected --seed;",
    ),
    "an option like no other": (["compose", "--hasty"], "unrecognized arguments: --hasty. See bachlit compose --help."),
    "an option that is nearly one": (
        ["compose", "--no-rules"],
        "There is no option --no_rules; expected --rules;",
    ),
    "an ending that is no format": (["harmonize", "low.musicxml", "--output", "x.ly"], "written as .ly"),
    "an ending of several that is no format": (
        ["harmonize", "tune.musicxml", "--num", "2", "--output", "x.ly"],
        "written as .ly",
    ),
    "an ending of several new pieces that is no format": (
        ["compose", "--num", "2", "--output", "x.ly"],
        "written as .ly",
    ),
    "a folder that is a file": (
        ["harmonize", "low.musicxml", "--output", "tune.musicxml/x.mid"],
        "tune.musicxml is no folder",
    ),
    "a beam beyond all memory": (
        ["harmonize", "tune.musicxml", "--decoder=BeamSearch", "--decoder.width=1000000000000"],
        "can't allocate memory",
    ),
    "a checkpoint that isn't there": (["harmonize", "tune.musicxml", "--checkpoint", "no.ckpt"], "no model at no.ckpt"),
    "a checkpoint that is none": (["harmonize", "tune.musicxml", "--checkpoint", "notes.txt"], "isn't a checkpoint"),
    "a decoder's option alone": (
        ["harmonize", "tune.musicxml", "--decoder.width", "16"],
        "has options, but no class; name it, too:",
    ),
    "an inner decoder's option alone": (
        ["compose", "--decoder=Gibbs", "--decoder.start.width=3"],
        "has options, but no class; name it, too:",
    ),
    "a corpus's option alone": (
        ["evaluate", "--corpus.path", "X"],
        "--corpus has options, but no class; name it, too: --corpus CLASS.",
    ),
    "a decoder of a config that is none": (
        ["evaluate", "--config", "hot.yaml"],
        'Parser key "decoder": Expected a dot import path string: Samplng',
    ),
    "a name in another encoding": (["harmonize", "f\udcfcr.musicxml"], r"'f\udcfcr.musicxml' isn't text"),
    "a config in another encoding": (
        ["harmonize", "tune.musicxml", "--config", "latin_1.yaml"],
        "latin_1.yaml can't be used ('utf-8' codec",
    ),
    "a corpus without a name": (
        ["evaluate", "--corpus="],
        'Parser key "corpus": Expected a dot import path string',
    ),
    "a checkpoint without a name": (
        ["evaluate", "--checkpoint", "--limit", "3"],
        "argument --checkpoint/--checkpoint+: expected one argument",
    ),
    "fewer harmonisations than none": (["harmonize", "tune.musicxml", "--num", "-1"], "-1 harmonisations can't be"),
    "no harmonisations": (["harmonize", "tune.musicxml", "--num", "0"], "0 harmonisations can't be written"),
    "more harmonisations than a beam holds": (
        ["harmonize", "tune.musicxml", "--num", "3", "--decoder=BeamSearch", "--decoder.width=2"],
        "can't give 3 pieces; widen it to 3",
    ),
    "a rule that is none": (
        ["harmonize", "tune.musicxml", "--rules.NoOverlaps", "3"],
        "no rule 'NoOverlaps'; expected Sounding, Ranges, LargestLeap, NoParallels",
    ),
    "a rule without a name": (["harmonize", "tune.musicxml", "--rules.", "3"], "no rule ''; expected Sounding"),
    "a rule of no module": (["compose", "--rules.nowhere.NoRule", "3"], "No module named 'nowhere'"),
    "a rule of a broken module": (["compose", "--rules.broken.NoRule", "3"], "'broken.NoRule' (SyntaxError"),
    "a rule that a module hasn't": (["compose", "--rules.json.NoRule", "3"], "no rule 'json.NoRule'"),
    "a rule that is a decoder": (
        ["compose", "--rules.bachlit.decoding.Greedy", "3"],
        "decoding.Greedy' (bachlit.decoding has no Rule of that name",
    ),
    "a rule that is abstract": (
        ["compose", "--rules.bachlit.decoding.Rule", "3"],
        "decoding.Rule' (bachlit.decoding has no Rule of that name",
    ),
    "a number in words": (["harmonize", "tune.musicxml", "--rules.Spacing", "strong"], "Spacing can't weigh strong"),
    "a number that is none": (["compose", "--rules.Spacing", "nan"], "Spacing can't weigh nan; expected nats"),
    "a number of nothing": (["compose", "--rules.Spacing", "null"], "Spacing can't weigh None"),
    "a number past all measure": (
        ["compose", "--rules.Spacing", "1e40"],
        "Spacing has the weight 1e+40; expected inf",
    ),
    "an infinite reward": (["compose", "--rules.Spacing=-inf"], "Spacing can't weigh -inf"),
    "a rule without a number": (
        ["compose", "--rules.Spacing"],
        "argument --rules: expected one argument",
    ),
    "rules that are no rules": (["compose", "--rules", "some"], "There is no rule 'some'; expected"),
    "one number for all rules": (["compose", "--rules.all", "3"], "can only be switched off"),
    "a length of nothing": (["compose", "--bars", "0"], "A piece of 0 bars"),
    "no pieces": (["compose", "--num", "0"], "0 chorales can't be composed; expected at least 1"),
    "fewer pieces than none": (["compose", "--num", "-1"], "-1 chorales can't be composed; expected at least 1"),
    "no bars": (["compose", "--max-bars", "0"], "at least 1"),
    "bars past all measure": (["compose", "--bars", "99999999999"], "A piece of 99999999999 bars can't be written"),
    "more bars than are read again": (["compose", "--max-bars", "1251"], "at least 1, and at most 1250"),
    "a least length past all measure": (["compose", "--min-bars", "99999999999"], "A piece of 99999999999 bars"),
    "more pieces than a folder is good for": (["compose", "--num", "10001"], "at least 1, and at most 10000"),
    "pieces past all measure": (["compose", "--num", f"1{'0' * 23}"], "00 chorales can't be composed; expected at"),
    "a seed below 0": (["compose", "--seed=-1"], "A seed of -1 can't be used; expected 0 to"),
    "a seed past all measure": (["harmonize", "tune.musicxml", f"--seed=1{'0' * 30}"], "can't be used; expected 0 to"),
    "a seed of 5,000 digits": (["compose", f"--seed={'9' * 5000}"], "Exceeds the limit (4300 digits)"),
    "more harmonisations than a folder is good for": (
        ["harmonize", "tune.musicxml", "--num", "10001"],
        "10001 harmonisations can't be written; expected at least 1, and at most 10000",
    ),
    "bars past all measure to write anew": (
        ["harmonize", "chords.musicxml", "--bars", "1-99999999999"],
        "no bar 99999999999 in chords; expected 1 to 2",
    ),
    "bars of 5,000 digits": (["harmonize", "chords.musicxml", "--bars", "9" * 5000], "9' names no bars; expected one"),
    "more chords than bars": (
        ["harmonize", "chords.musicxml", "--chords", " | ".join("CFGC")],
        "The chords fill 4 bars, but the piece has 2; give fewer",
    ),
    "more chords than a bar has sixteenths": (
        ["harmonize", "chords.musicxml", "--chords", "C | " + "C " * 17],
        "Bar 2 has 17 chords; expected at most 16",
    ),
    "a plot that is no picture": (["plot", "chords.musicxml", "--output", "x.pdf"], "A plot can't be written as .pdf"),
    "a plot in no folder": (["plot", "chords.musicxml", "--output", "tune.musicxml/x"], "tune.musicxml is no folder"),
    "a plot of no units": (
        ["plot", "chords.musicxml", "--units", "0"],
        "0 hidden units can't be shown; expected",
    ),
    "a plot of a tune": (["plot", "tune.musicxml"], "four"),
    "a plot of nothing": (["plot", "no.musicxml"], "no.musicxml"),
    "a command that is none": (["harmonise"], "no command"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_ends_in_one_sentence_and_writes_nothing(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args, said = WRONG[case]
    (tmp_path / "notes.txt").write_text(json.dumps([1]))
    (tmp_path / "file.yaml").write_text("decoder: ./notes.txt\n")
    (tmp_path / "broken.musicxml").write_text("<score-partwise>")
    (tmp_path / "latin_1.yaml").write_bytes("# für Anna\n".encode("latin-1"))
    (tmp_path / "hot.yaml").write_text("decoders: {hot: {decoder: Samplng}}\n")
    (tmp_path / "broken.py").write_text("class NoRule(:\n")
    (tmp_path / "empty.musicxml").touch()
    (tmp_path / "entities.musicxml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><score-partwise>&b;</score-partwise>')
    if case == "an archive that swells":
        (tmp_path / "swollen.mxl").write_bytes(zipped({"a.xml": b" " * 2**26}))
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
