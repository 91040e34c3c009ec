"""`bachlit export`, from a real run: everything or nothing is written, and nothing of another's is replaced."""

import json
from pathlib import Path

import pytest
import torch
from disks import fill
from fits import TWINKLE

from bachlit.__main__ import main
from bachlit.encoding import SatbEncoding
from bachlit.models.language_model import LanguageModel
from bachlit.models.recorded import recorded, versions
from bachlit.models.shipped import PRETRAINED
from bachlit.networks import TokenLSTM

NAME = "exported_network.Own"

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def export(checkpoint: Path | str, output: str, *options: str) -> int:
    return main(["export", "--checkpoint", str(checkpoint), "--output", output, *options])


def test_a_runs_folder_is_handed_on_and_used_without_the_run(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(trained, "shared/mine", "--license", "CC BY 4.0") == 0
    printed = {Path(line) for line in capsys.readouterr().out.splitlines()}
    assert printed == set(Path("shared/mine").iterdir())
    card = Path("shared/mine/README.md").read_text()
    assert all(f"{name} {release}" in card for name, release in versions().items())
    for words in ("CC BY 4.0", "Jsb16Corpus", "6 train, 2 valid, 2 test", "val/nats_per_frame", " epochs, "):
        assert words in card
    assert recorded(Path("shared/mine")).split == recorded(trained / "checkpoints" / "best.ckpt").split
    assert main(["harmonize", str(TWINKLE), "--checkpoint", "shared/mine", "--decoder", "Greedy"]) == 0
    # The folder of the pieces stays at home: it is asked for.
    evaluate = ["evaluate", "--checkpoint", "shared/mine", "--decoders", "greedy", "--limit", "1"]
    assert main(evaluate) == 2
    assert "add --corpus Jsb16Corpus --corpus.path FOLDER" in capsys.readouterr().err


def test_an_export_is_replaced_by_another_unless_it_was_changed(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(saved, "new") == export(saved, "new", "--half") == 0
    card = Path("new/README.md")
    card.write_text(card.read_text() + "My own words.\n")
    before = {path: path.read_bytes() for path in Path("new").iterdir()}
    assert export(saved, "new") == 2
    assert "new/README.md exists and wasn't written by bachlit, or was changed" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("new").iterdir()} == before
    assert export(saved, "new", "--overwrite") == 0
    assert "My own words" not in card.read_text()


def test_a_model_is_not_exported_over_itself_or_among_anothers(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    LanguageModel.load(saved).save("here")
    assert export("here", "here", "--overwrite") == 2
    assert "is what the command reads" in capsys.readouterr().err
    assert export(PRETRAINED.name, "shipped") == 0
    assert export("here", "shipped") == 2
    assert "shipped/split.json is another model's, and this model has none" in capsys.readouterr().err
    assert LanguageModel.load("shipped").describe() == LanguageModel.load(PRETRAINED).describe()


def test_several_checkpoints_are_exported_as_their_mean(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = LanguageModel.load(saved)
    for name, times in (("one", 1.0), ("two", 2.0)):
        for part in model.network.parameters():
            part.data *= times
        model.save(name)
    assert export("one", "mean", "--checkpoint", "two") == 0
    mean, one = (LanguageModel.load(name).network for name in ("mean", "one"))
    for found, first in zip(mean.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(found, 1.5 * first)
    assert export("one", "two", "--checkpoint", "two", "--overwrite") == 2
    assert "is what the command reads" in capsys.readouterr().err
    assert export("one", "new", "--checkpoint", "bachbot") == 2
    assert "bachbot can't be averaged with one" in capsys.readouterr().err
    assert not Path("new").exists()


def test_a_configuration_may_name_one_checkpoint_or_several(saved: Path) -> None:
    for name, checkpoint in (("alone", str(saved)), ("mean", json.dumps([str(saved), str(saved)]))):
        Path("export.yaml").write_text(f"checkpoint: {checkpoint}\noutput: {name}\n")
        assert main(["export", "--config", "export.yaml"]) == 0
    assert "2 models" in Path("mean/README.md").read_text()
    assert "2 models" not in Path("alone/README.md").read_text()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--checkpoint", "nothing", "--output", "new/folder"], "There is no model at nothing"),
        (["--checkpoint", "bachbot"], "output"),
        (["--output", "new"], "checkpoint"),
        (["bachbot", "--output", "new"], "unrecognized arguments: bachbot."),
        (["--checkpoint", "[]", "--output", "new"], "expected at least one"),
        (["--checkpoint", "bachbot", "--output", "file.txt"], "file.txt can't be written"),
    ],
    ids=lambda value: " ".join(value)[:30],
)
def test_what_is_wrong_is_a_sentence_and_leaves_nothing(
    typed: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file.txt").write_text("mine")
    assert main(["export", *typed]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1
    assert [path.name for path in Path.cwd().iterdir()] == ["file.txt"]


def test_a_full_disk_leaves_no_folder(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(monkeypatch, tmp_path)
    assert export(saved, "new/folder") == 2
    assert "can't be written (No space left on device); choose another --output" in capsys.readouterr().err
    assert not Path("new").exists()


def test_a_network_of_ones_own_is_exported_once_its_module_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("exported_network.py").write_text(
        "from bachlit.networks import TokenLSTM\nclass Own(TokenLSTM):\n    '''A network of the user's own.'''\n"
    )
    LanguageModel(TokenLSTM(SatbEncoding(), layers=1, hidden=4, embedding=4), SatbEncoding()).save("own")
    description = Path("own/model.json")
    description.write_text(description.read_text().replace("bachlit.networks.token_lstm.TokenLSTM", NAME))
    assert export("own", "new") == 2
    assert "--import exported_network" in capsys.readouterr().err
    assert export("own", "new", "--import", "exported_network") == 0
    assert "It needs the module `exported_network`" in Path("new/README.md").read_text()
    assert json.loads(Path("new/model.json").read_text())["network"]["class_path"] == NAME
