"""`bachlit evaluate` as it is typed."""

import csv
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bachlit.__main__ import main
from bachlit.commands.evaluate import _tunes
from bachlit.generation.phrasing import phrased
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt
from bachlit.networks import TokenLSTM
from bachlit.scores import write_musicxml

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale], small_model: LanguageModel) -> Path:
    """A benchmark of a few cut chorales, and two models that were saved."""
    folder = tmp_path_factory.mktemp("evaluate")
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:32].tolist() for piece in bach[:10]]
    for fold, part in (("train", pieces[:6]), ("valid", pieces[6:8]), ("test", pieces[8:])):
        (folder / f"{fold}.json").write_text(json.dumps(part))
    small_model.save(folder / "one")
    torch.manual_seed(1)
    other = TokenLSTM(small_model.encoding, layers=1, hidden=8, embedding=4)
    LanguageModel(other.eval(), small_model.encoding).save(folder / "two")
    return folder


def corpus(folder: Path) -> list[str]:
    return ["--corpus", "Jsb16Corpus", "--corpus.path", str(folder), "--resamples", "20"]


def rows(path: str = "evaluation/evaluation.csv") -> list[dict[str, str]]:
    with Path(path).open() as file:
        return list(csv.DictReader(file))


def test_it_writes_every_report_and_tells_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--checkpoint", str(folder / "one"), "--decoders", "Greedy,Sampling", "--missing", "atb,S,ATB"]
    assert main(["evaluate", *corpus(folder), *args]) == 0
    said = capsys.readouterr().out
    files = ["evaluation.json", "evaluation.csv", "evaluation.md", "pieces.csv", "index.html"]
    assert said.splitlines()[: len(files)] == [f"evaluation/{name}" for name in files]
    assert sorted(path.name for path in Path("evaluation").iterdir()) == sorted(files)
    hands = list(dict.fromkeys((row["model"], row["decoder"], row["missing"]) for row in rows()))
    assert hands == [
        ("", "Bach", ""),
        *[("one", decoder, missing) for missing in ("ATB", "S") for decoder in ("Greedy", "Sampling")],
        ("one", "teacher-forced", ""),
    ]
    told = json.loads(Path("evaluation/evaluation.json").read_text())
    assert told["about"]["pieces"] == 2
    assert told["about"]["training_pieces"] == 6
    assert "Greedy ATB" in said
    words = shlex.split(told["about"]["command"])
    assert words[:2] == ["bachlit", "evaluate"]
    again = Path("evaluation/pieces.csv").read_bytes()
    assert main([*words[1:], "--output", "again"]) == 0
    assert Path("again/pieces.csv").read_bytes() == again
    assert "2 chorales of the valid fold" in Path("evaluation/index.html").read_text()


def test_without_the_extra_all_but_the_scores_are_there(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "verovio", None)
    args = ["--checkpoint", str(folder / "one"), "--decoders", "Greedy", "--limit", "1"]
    assert main(["evaluate", *corpus(folder), *args]) == 0
    assert "pip install 'bachlit[render]'. Until then the page has no scores." in capsys.readouterr().err
    assert len(list(Path("evaluation").iterdir())) == 5


def test_the_same_command_gives_the_same_figures(folder: Path) -> None:
    args = ["evaluate", *corpus(folder), "--checkpoint", str(folder / "one"), "--decoders", "Sampling", "--output"]
    for output in ("first", "second"):
        assert main([*args, output]) == 0
    assert main([*args, "third", "--seed", "7"]) == 0
    first, second, third = (Path(output, "pieces.csv").read_bytes() for output in ("first", "second", "third"))
    assert first == second != third


def test_the_same_checkpoint_twice_is_one(folder: Path) -> None:
    same = ["--checkpoint", str(folder / "one"), "--checkpoint", str(folder / "two" / ".." / "one")]
    assert main(["evaluate", *corpus(folder), *same, "--decoders", "Greedy", "--limit", "1"]) == 0
    assert {row["model"] for row in rows()} == {"", "one"}


def test_several_checkpoints_are_compared_on_the_same_pieces(folder: Path) -> None:
    both = [word for name in ("one", "two") for word in ("--checkpoint", str(folder / name))]
    assert main(["evaluate", *corpus(folder), *both, "--decoders", "Greedy", "--limit", "1"]) == 0
    both_rows = {name: [row["value"] for row in rows() if row["model"] == name] for name in ("one", "two")}
    for name, its in both_rows.items():
        alone = ["--checkpoint", str(folder / name), "--decoders", "Greedy", "--limit", "1", "--output", "alone"]
        assert main(["evaluate", *corpus(folder), *alone]) == 0
        assert [row["value"] for row in rows("alone/evaluation.csv") if row["model"] == name] == its
    told = json.loads(Path("evaluation/evaluation.json").read_text())
    assert told["models"].keys() == {"one", "two"}
    assert told["about"]["pieces"] == 1


def test_decoders_of_ones_own_come_from_a_config_or_by_their_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "decoders:\n"
        "  hot: {decoder: {class_path: Sampling, init_args: {temperature: 1.5}}, rules: none}\n"
        "  strict: {decoder: Greedy, rules: {Attack: 0, NoOverlap: .inf}}\n"
    )
    args = ["evaluate", *corpus(folder), "--checkpoint", str(folder / "one"), "--limit", "1"]
    assert main([*args, "--config", "own.yaml"]) == 0
    assert {row["decoder"] for row in rows()} == {"Bach", "hot", "strict", "teacher-forced"}
    told = json.loads(Path("evaluation/evaluation.json").read_text())["about"]["decoders"]
    assert told["hot"]["decoder"]["class"] == "Sampling"
    assert told["hot"]["does"].startswith("Sample each token")
    assert told["hot"]["rules"] == []
    assert told["hot"]["decoder"]["temperature"] == 1.5
    weights = {rule["class"]: rule["weight"] for rule in told["strict"]["rules"]}
    assert weights["NoOverlap"] == "inf"
    assert "Attack" not in weights
    (tmp_path / "own_way.py").write_text("from bachlit.decoding import Greedy\n\nclass Mine(Greedy):\n    pass\n")
    assert main([*args, "--decoders", "own_way.Mine"]) == 0
    assert {row["decoder"] for row in rows()} == {"Bach", "own_way.Mine", "teacher-forced"}


OWN_FIGURE = """
from bachlit.evaluation import Column, Figure

class Distance(Figure):
    columns = {"distance": Column("semitones between two voices")}

    def __init__(self, upper: int = 1) -> None:
        self.upper = upper

    def measure(self, piece):
        pitches = piece.chorale.pitches
        return {"distance": (abs(pitches[:, self.upper] - pitches[:, self.upper + 1]).sum(), len(pitches))}
"""


def test_figures_of_ones_own_come_by_their_path_or_from_a_config(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_figures.py").write_text(OWN_FIGURE)
    (tmp_path / "own.yaml").write_text("metrics:\n- {class_path: own_figures.Distance, init_args: {upper: 2}}\n")
    args = ["evaluate", *corpus(folder), "--checkpoint", str(folder / "one"), "--decoders", "Greedy", "--limit", "1"]
    values = []
    for words in (["--metrics", "own_figures.Distance"], ["--config", "own.yaml"]):
        assert main([*args, *words]) == 0
        values.append([row["value"] for row in rows() if row["figure"] == "distance"])
        assert "distance: semitones between two voices" in " ".join(capsys.readouterr().out.split())
        command = json.loads(Path("evaluation/evaluation.json").read_text())["about"]["command"]
        assert command.endswith("--config FILE")  # it may have options
    assert len(values[0]) == len(values[1]) == 2
    assert values[0] != values[1]
    assert main([*args, "--metrics", "own_figures.Others"]) == 2
    assert "There is no figure 'own_figures.Others'" in capsys.readouterr().err


def test_tunes_are_read_as_harmonize_reads_them(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "a.abc").write_text("X:1\nT:One\nM:4/4\nL:1/4\nK:C\nc d e d|!fermata!c4|\n")
    (tmp_path / "tunes" / "b.abc").write_text("X:1\nT:Two\nM:6/8\nL:1/8\nK:G\nG2 A B2 c|d6|\n")
    args = ["evaluate", *corpus(folder), "--checkpoint", str(folder / "one"), "--decoders", "Greedy"]
    assert main([*args, "--melodies", "tunes", "--strip_fermatas"]) == 0
    with Path("evaluation/pieces.csv").open() as file:
        pieces = list(csv.DictReader(file))
    assert [piece["piece"] for piece in pieces] == ["valid-0", "valid-1", "a", "b"]
    assert [bool(piece["pitch_error"]) for piece in pieces] == [False] * 4
    assert pieces[2]["triads_at_fermatas"] not in ("", "nan")
    assert "2 tunes without Bach, beside 2 pieces of the valid fold" in Path("evaluation/evaluation.md").read_text()
    assert main([*args, "--melodies", "tunes", "--missing", "AT"]) == 2


def test_tunes_in_abc_are_judged_where_their_lines_end(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc d e d|\nc d c2|\nd e d c|\n")
    (tmp_path / "fermatas.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nc d e d|\nc d !fermata!c2|\nd e d !fermata!c|\n")
    tunes, ends = _tunes([tmp_path / "lines.abc", tmp_path / "fermatas.abc"])
    assert ends == [[12, 24, 44], [24, 44]]
    write_musicxml(tunes[0], tmp_path / "lines.musicxml")
    assert _tunes([tmp_path / "lines.musicxml"])[1] == [[]]  # a page's lines are no phrases
    assert not phrased(Prompt.voices(tunes[0], "soprano"), "given").heard.fermatas.any()


def test_the_phrase_ends_that_were_heard_are_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["evaluate", *corpus(folder), "--checkpoint", str(folder / "one"), "--decoders", "Greedy", "--limit", "1"]
    assert main([*args, "--phrases", "auto"]) == 0
    about = json.loads(Path("evaluation/evaluation.json").read_text())["about"]
    assert about["phrases"] == "auto"
    assert "--phrases auto" in about["command"]
    assert "Phrase ends that were heard: the fermatas, or found ones" in Path("evaluation/evaluation.md").read_text()
    assert main(args) == 0
    assert "were heard" not in Path("evaluation/evaluation.md").read_text()
    assert main([*args, "--phrases", "4,8"]) == 2
    assert "phrases" in capsys.readouterr().err


def test_a_checkpoint_brings_its_corpus_and_its_split(folder: Path, small_model: LanguageModel) -> None:
    """As `bachlit fit` leaves them; what is typed beats them."""
    checkpoint = {
        "state_dict": {f"network.{name}": weights for name, weights in small_model.network.state_dict().items()},
        "bachlit": small_model.describe(),
        "bachlit_options": json.dumps(
            {"data": {"corpus": {"class_path": "bachlit.corpus.Jsb16Corpus", "init_args": {"path": str(folder)}}}}
        ),
        "ChoraleDataModule": {"split": json.dumps({"train": ["train-0", "valid-1"], "valid": [], "test": []})},
    }
    Path("runs/version_3/checkpoints").mkdir(parents=True)
    torch.save(checkpoint, "runs/version_3/checkpoints/best.ckpt")
    args = ["evaluate", "--checkpoint", "runs/version_3/checkpoints/best.ckpt", "--decoders", "Greedy"]
    assert main([*args, "--fold", "test"]) == 0
    assert {row["model"] for row in rows()} == {"", "version_3/best"}
    with Path("evaluation/pieces.csv").open() as file:
        assert {row["piece"] for row in csv.DictReader(file)} == {"test-0", "test-1"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--decoders", "beem"], "There is no decoder 'beem'; expected beam, "),
        (["--missing", "X"], "'X' doesn't name missing voices; expected letters of SATB"),
        (["--limit", "-1"], "The limit is -1"),
        (
            ["--resamples", "1000000000000"],
            "expected a limit of at least 0 (0 for all) and 1 to 20,000 resamples.",
        ),
        (["--fold", "all"], "Expected a typing.Literal['train', 'valid', 'test']. Got value: all"),
        (["--corpus", "Jsb16Corpus"], "the following arguments are required: path"),
        (["--config", "none.yaml"], "no configuration none.yaml"),
        (["--output", "file/folder"], "file/folder can't be written to"),
        (["--output", "taken"], "taken/index.html is a folder"),
        (["--checkpoint", "nothing.ckpt"], "There is no model at nothing.ckpt"),
        (["--limit", "many"], "Expected a <class 'int'>. Got value: many"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(
    folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("")
    Path("taken/index.html").mkdir(parents=True)
    base = ["evaluate", *([] if "--corpus" in words else corpus(folder))]
    if "--checkpoint" not in words:
        base += ["--checkpoint", str(folder / "one")]
    assert main([*base, *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not Path("evaluation").exists()


def test_a_piece_that_a_model_was_trained_on_is_no_test(
    folder: Path, small_model: LanguageModel, capsys: pytest.CaptureFixture[str]
) -> None:
    small_model.save("known")
    Path("known/split.json").write_text(json.dumps({"train": ["valid-0"]}))
    assert main(["evaluate", *corpus(folder), "--checkpoint", "known", "--decoders", "Greedy"]) == 2
    assert "A model was trained on 1 of the 2 pieces, such as valid-0; evaluate it" in capsys.readouterr().err
