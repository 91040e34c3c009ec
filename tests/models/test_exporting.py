"""A folder to hand on: the same model, what is known of it, and nothing that a stranger could do harm with."""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from few import Few
from markdown_it import MarkdownIt

from bachlit.corpus import BachBotCorpus
from bachlit.encoding import BachBotEncoding, SatbEncoding
from bachlit.errors import BachlitError, OptionError
from bachlit.evaluation.held_out import Source, folds_for, held_out, source_of
from bachlit.models.calibration import Calibration, Weighed
from bachlit.models.exporting import exported
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import PRETRAINED
from bachlit.music.chorale import Chorale
from bachlit.networks import TokenLSTM

WICKED = "a\n```\n\n<img src=x>|`b`"


class Own(TokenLSTM):
    """A network of the user's own."""


def checkpoint_of(model: LanguageModel, path: Path, **more: Any) -> Path:
    """Write what `bachlit fit` does of a model and of its data."""
    weights = {f"network.{name}": part for name, part in model.network.state_dict().items()}
    torch.save({"bachlit": model.describe(), "state_dict": weights, **more}, path)
    return path


def options(**corpus: Any) -> str:
    return json.dumps({"data": {"corpus": corpus}, "seed_everything": 7})


def written(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def scored(model: LanguageModel, piece: Chorale) -> float:
    start, *tokens = model.encoding.encode(piece)
    return model.score(torch.tensor([tokens]), torch.tensor([start])).item()


def test_an_exported_model_scores_bit_for_bit_the_same(
    any_model: LanguageModel, bach: list[Chorale], tmp_path: Path
) -> None:
    path = checkpoint_of(any_model, tmp_path / "a.ckpt")
    first = written(tmp_path / "first", exported(path))
    second = written(tmp_path / "second", exported(first))
    for folder in (first, second):
        model = LanguageModel.load(folder)
        assert scored(model, bach[0]) == scored(any_model, bach[0])
        assert model.describe() == any_model.describe()


def test_half_precision_stays_half_and_is_written_on_the_card(any_model: LanguageModel, tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", exported(checkpoint_of(any_model, tmp_path / "a.ckpt")))
    half = written(tmp_path / "half", exported(whole, half=True))
    assert len(exported(half)["model.safetensors"]) < 0.6 * (whole / "model.safetensors").stat().st_size
    assert "MB in float16" in (half / "README.md").read_text()
    assert exported(half) == {path.name: path.read_bytes() for path in half.iterdir()}  # again, nothing changes


def test_a_shipped_model_keeps_its_card_calibration_and_split() -> None:
    files = exported(PRETRAINED)
    for name in ("README.md", "calibration.json", "model.safetensors"):
        assert files[name] == (PRETRAINED / name).read_bytes(), name
    assert json.loads(files["split.json"]) == json.loads((PRETRAINED / "split.json").read_text())
    assert exported(PRETRAINED, terms="CC0")["README.md"].endswith(b"- The licence of these weights: CC0.\n")


def in_split(model: LanguageModel, path: Path, *train: str, seed: int = 0) -> Path:
    """Write a checkpoint that records its pieces, a seed, a step and a figure."""
    return checkpoint_of(
        model,
        path,
        ChoraleDataModule={"split": json.dumps({"train": train, "valid": ["v"]})},
        bachlit_options=json.dumps({"model": {"lr": 0.25}, "seed_everything": seed}),
        callbacks={"TrainingCurves": {"rows": [{"step": 5, "val/nats_per_frame": 1.5}]}},
        global_step=5,
    )


def test_a_mean_has_no_card_figures_or_calibration_of_its_parts(small_model: LanguageModel, tmp_path: Path) -> None:
    one, two = (in_split(small_model, tmp_path / f"{seed}.ckpt", "a", "b", seed=seed) for seed in (17, 18))
    alone = exported(one, calibration=Calibration({"Motion": (1.0,)}))
    for told in (b"5 steps", b"val/nats_per_frame", b"## Options of the fit", b"numbers of rules"):
        assert told in alone["README.md"]
    folder = written(tmp_path / "folder", alone | {"README.md": b"My own card."})
    files = exported(folder, one, two)
    card = exported(one, two, folder)["README.md"].decode()
    assert "calibration.json" not in files
    assert all("3 models, whose weights were averaged" in text for text in (card, files["README.md"].decode()))
    for untold in ("My own card", "5 steps", "val/nats_per_frame", "numbers of rules"):
        assert untold not in card
    assert "17; 18; not known" in card
    assert "## Options of the first model's fit" in card
    assert json.loads(files["split.json"]) == {"train": ["a", "b"], "valid": ["v"]}


def test_a_mean_is_half_only_if_all_its_parts_are(small_model: LanguageModel, tmp_path: Path) -> None:
    whole = in_split(small_model, tmp_path / "a.ckpt", "a")
    half = written(tmp_path / "half", exported(whole, half=True))
    sizes = [len(exported(*paths)["model.safetensors"]) for paths in ((half, half), (half, whole), (whole, half))]
    assert sizes[0] < 0.6 * sizes[1]
    assert sizes[1] == sizes[2]


def test_models_of_other_splits_have_no_mean(small_model: LanguageModel, tmp_path: Path) -> None:
    one, same = (in_split(small_model, tmp_path / f"{names}.ckpt", *names) for names in ("ab", "ba"))
    other = in_split(small_model, tmp_path / "other.ckpt", "c")
    unknown = checkpoint_of(small_model, tmp_path / "unknown.ckpt")
    assert exported(one, same)
    for odd in (other, unknown):
        with pytest.raises(OptionError, match="don't record the same pieces"):
            exported(one, same, odd)


def test_evaluation_holds_out_the_pieces_that_the_run_held_out(
    small_model: LanguageModel, bach: list[Chorale], tmp_path: Path
) -> None:
    names = [piece.name for piece in bach]
    split = {"train": names[:40:5], "valid": names[1:40:5], "test": names[2:40:5]}
    path = checkpoint_of(
        small_model,
        tmp_path / "a.ckpt",
        ChoraleDataModule={"split": json.dumps(split)},
        bachlit_options=options(class_path="bachlit.corpus.BachCorpus"),
    )
    sources = [source_of(path), source_of(written(tmp_path / "folder", exported(path)))]
    found = [held_out(folds_for([one]), "test", models=[(small_model, one)]) for one in sources]
    assert [piece.name for piece in found[0].pieces] == [piece.name for piece in found[1].pieces]
    assert {piece.name for piece in found[0].pieces} <= set(split["test"])
    assert [piece.name for piece in found[0].training] == [piece.name for piece in found[1].training] != []


def test_options_that_choose_pieces_are_handed_on(small_model: LanguageModel, tmp_path: Path) -> None:
    arguments = {"repeats": False, "quantize": False, "workers": 9}
    corpus = options(class_path="bachlit.corpus.BachBotCorpus", init_args=arguments)
    files = exported(checkpoint_of(small_model, tmp_path / "a.ckpt", bachlit_options=corpus))
    found = source_of(written(tmp_path / "folder", files)).corpus
    assert isinstance(found, BachBotCorpus)
    assert (found.repeats, found.quantize, found.workers) == (False, False, 1)


def test_places_on_the_trainers_machine_are_not_handed_on(
    small_model: LanguageModel, bach: list[Chorale], tmp_path: Path
) -> None:
    for name in ("bachlit.corpus.FolderCorpus", "mine.Corpus"):
        arguments = {"path": "/home/anna/scores", "cache": "/home/anna/cache", "quantize": True}
        more = {"bachlit_options": options(class_path=name, init_args=arguments)}
        files = exported(checkpoint_of(small_model, tmp_path / "a.ckpt", **more))
        assert not any(b"anna" in content for content in files.values())
        source = source_of(written(tmp_path / name, files))
        assert source == Source({}, None, name.removeprefix("bachlit.corpus."))
        with pytest.raises(OptionError, match=f"--corpus {source.foreign}"):
            folds_for([source])
        assert folds_for([source], Few(bach[:8]))["test"] == bach[6:8]  # the user's words win


def test_what_is_not_recorded_is_said_not_to_be_known(small_model: LanguageModel, tmp_path: Path) -> None:
    card = exported(checkpoint_of(small_model, tmp_path / "a.ckpt"))["README.md"].decode()
    for fact in ("corpus", "pieces", "trained", "seed", "trained with"):
        assert f"| {fact:<12} | not known " in card
    for sentence in ("They are not known", "No licence of these weights is stated", "are not known here"):
        assert sentence in card
    assert "## Options" not in card


def test_the_card_has_what_the_checkpoint_records(small_model: LanguageModel, tmp_path: Path) -> None:
    rows = [{"epoch": 1.0, "step": 3, "val/nats_per_frame": 9.0}, {"epoch": 2.0, "step": 6, "val/nats_per_frame": 1.5}]
    path = checkpoint_of(
        small_model,
        tmp_path / "a.ckpt",
        global_step=6,
        callbacks={"TrainingCurves": {"rows": rows}},
        ChoraleDataModule={"split": json.dumps({"train": ["a", "b"], "valid": ["c"]})},
        bachlit_options=options(class_path="bachlit.corpus.BachCorpus"),
        bachlit_versions={"bachlit": "0.0.9", "Python": "3.99"},
    )
    card = " ".join(exported(path, terms="CC BY 4.0")["README.md"].decode().split())
    for words in (
        *("2 train, 1 valid", "2 epochs, 6 steps", "| seed | 7 |", "bachlit 0.0.9, Python 3.99", "CC BY 4.0"),
        *("| val/nats_per_frame | 1.5 |", "class_path: bachlit.corpus.BachCorpus", "music21, some of whose"),
    ):
        assert words in card


def test_a_module_of_ones_own_is_named_with_the_model(tmp_path: Path) -> None:
    encoding = SatbEncoding()
    model = LanguageModel(Own(encoding, layers=1, hidden=4, embedding=4), encoding)
    card = exported(checkpoint_of(model, tmp_path / "a.ckpt"))["README.md"].decode()
    assert f"It needs the module `{Own.__module__}`, which isn't part of bachlit" in card
    assert f"bachlit harmonize tune.mid --checkpoint FOLDER --import {Own.__module__}\n" in card


def test_a_model_that_cannot_write_is_not_told_to(tmp_path: Path) -> None:
    encoding = BachBotEncoding()
    model = LanguageModel(TokenLSTM(encoding, layers=1, hidden=4, embedding=4), encoding)
    card = exported(checkpoint_of(model, tmp_path / "a.ckpt"))["README.md"].decode()
    assert "bachlit validate --ckpt_path FOLDER\n" in card
    assert "harmonize" not in card


def test_what_a_checkpoint_says_is_text_on_the_card(small_model: LanguageModel, tmp_path: Path) -> None:
    path = checkpoint_of(
        small_model,
        tmp_path / "a.ckpt",
        global_step=1,
        callbacks={"TrainingCurves": {"rows": [{"step": 1, f"val/{WICKED}": 1.0, "epoch": 1}]}},
        bachlit_options=json.dumps({"seed_everything": WICKED, "model": {WICKED: WICKED}, "data": {}}),
        bachlit_versions={WICKED: WICKED},
    )
    page = MarkdownIt("commonmark").enable("table").render(exported(path, terms="<img src=x>")["README.md"].decode())
    assert page.count("img src") == 7
    assert page.count("<img") == 0


def answer(read: Callable[[Path], object], folder: Path) -> str:
    """What is read of a folder, or the sentence that refuses it."""
    try:
        return str(read(folder))
    except BachlitError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) < 1000
    return sentence


# Files of folders that attack, by name: of holes, without an end, elsewhere, nested, of foreign classes.
HUGE = 2**30


def memory_peak() -> float:
    """The most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def spoilt(folder: Path, name: str, kind: str) -> None:
    place = folder / name
    place.unlink(missing_ok=True)
    if kind == "holes":
        with place.open("wb") as file:
            file.truncate(HUGE)
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "endless":
        place.symlink_to("/dev/zero")
    elif kind == "elsewhere":
        place.symlink_to("/etc/passwd")
    else:
        place.write_text('{"train":' + "[" * 10**5)


@pytest.mark.parametrize("kind", ["holes", "pipe", "endless", "elsewhere", "nested"])
@pytest.mark.parametrize(
    "name", ["model.json", "model.safetensors", "split.json", "corpus.json", "calibration.json", "README.md"]
)
def test_a_folder_that_attacks_is_refused_or_ignored(
    name: str, kind: str, small_model: LanguageModel, tmp_path: Path
) -> None:
    """Files of holes once were read whole, and pipes without an end."""
    small_model.save(tmp_path / "model")
    spoilt(tmp_path / "model", name, kind)
    before = memory_peak()
    for read in (LanguageModel.load, source_of, exported):
        told = answer(read, tmp_path / "model")
        assert memory_peak() - before < 300
        assert "root:" not in told, "what a link leads to isn't handed on"


@pytest.mark.parametrize(
    "corpus",
    [[], 1, "os.system", {}, {"class_path": 1}, {"class_path": "os.system", "init_args": {"command": "x"}},
     {"class_path": "antigravity.Corpus"}, {"class_path": "BachCorpus", "init_args": [1]}, {"class_path": "a" * 10**6}],
    ids=lambda corpus: str(corpus)[:40],
)  # fmt: skip
def test_a_folders_corpus_is_never_imported(corpus: Any, small_model: LanguageModel, tmp_path: Path) -> None:
    small_model.save(tmp_path)
    (tmp_path / "corpus.json").write_text(json.dumps(corpus))
    before = set(sys.modules)
    told = answer(source_of, tmp_path)
    assert "damaged" in told or "corpus=None" in told
    assert set(sys.modules) == before


def test_a_new_calibration_is_written_and_noted_on_the_card(tmp_path: Path) -> None:
    calibration = Calibration({"Motion": [-0.5]}, {"bare": Weighed(0.5, 0.01, 0.02)})
    new = written(tmp_path / "new", exported(PRETRAINED, calibration=calibration))
    assert LanguageModel.load(new).calibration == calibration
    assert (new / "README.md").read_text().endswith("numbers of rules (1), weights of figures for ranking (1).\n")


def test_a_model_without_a_calibration_exports_none(saved: Path) -> None:
    assert "calibration.json" not in exported(saved)
    assert LanguageModel.load(saved).calibration == Calibration()
