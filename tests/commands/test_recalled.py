"""What a checkpoint remembers is data: reading it starts, fetches, writes and imports nothing."""

import copy
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fits import TWINKLE
from forking import python
from sizes import LARGE

from bachlit.__main__ import main
from bachlit.commands.recalled import checked
from bachlit.commands.resumed import differences
from bachlit.errors import CheckpointError
from bachlit.music.chorale import Chorale

AUDIT = Path(__file__).parents[1] / "audit.py"
QUICK = [
    "--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false",
]  # fmt: skip
TINY = ["--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4", "--data.lanes=2"]
# Classes in many places: all that may hold one do.
CLASSES = [
    "--model.loss=torch.nn.CrossEntropyLoss",
    "--model.optimizer=AdamW",
    "--model.lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau",
    "--model.lr_scheduler.monitor=val/nats_per_token",
    "--model.metrics=bachlit.metrics.Entropy",
]
PLANTED = "planted_beside_a_checkpoint"
ADDRESS = "http://127.0.0.1:9/x"  # where nobody answers, and asking is seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale]) -> Path:
    """Where one works: a run, and what somebody planted beside its checkpoint."""
    folder = tmp_path_factory.mktemp("sent")
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:48].tolist() for piece in bach[:6]]
    for fold, part in (("train", pieces[:4]), ("valid", pieces[4:5]), ("test", pieces[5:])):
        (folder / f"{fold}.json").write_text(json.dumps(part))
    (folder / f"{PLANTED}.py").write_text("open('boom', 'w')\nclass Network: pass\ndef function(*_): pass\n")
    (folder / "planted.yaml").write_text(f"class_path: {PLANTED}.Network\n")
    (folder / "planted").write_text(f"class_path: {PLANTED}.Network\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        corpus = ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={folder}"]
        args = ["fit", *QUICK, *TINY, *corpus, *CLASSES, "--trainer.max_epochs=1", "--run=sound"]
        assert main([*args, "--trainer.logger=CSVLogger"]) == 0
    return folder


def remembered(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sound checkpoint, and the options in it."""
    checkpoint = torch.load(folder / "runs/sound/checkpoints/last.ckpt", weights_only=True)
    return checkpoint, json.loads(checkpoint["bachlit_options"])


def grafts(folder: Path) -> list[Any]:
    """What attackers write where a class, a file or an address might be believed."""
    escaped = PLANTED + "\\x2eNetwork"
    planted = {"class_path": f"{PLANTED}.Network"}
    popen = {"class_path": "subprocess.Popen", "init_args": {"args": "echo > boom", "shell": True}}
    words = [
        f"{PLANTED}.Network", f"{PLANTED}.function", f"[{PLANTED}.Network]", f"{PLANTED}.__class__", PLANTED,
        "subprocess.Popen", "os.system", "posix.system", "builtins.eval", "functools.partial", "antigravity.fly",
        "turtledemo.clock.main", "torch.hub.load", "torch.load", "torch.nn.Module", "torch.nn.Linear",
        "torch.utils.data.DataLoader", "pytorch_lightning.Trainer", "bachlit.files.writing.write_whole",
        f'{{class_path: "{escaped}"}}', f"{{class_path: {PLANTED}.Network}}", json.dumps(popen), f'"{escaped}"',
        "!!python/object/apply:os.system [echo]", "planted.yaml", "planted", "./planted", "../planted.yaml",
        str(folder / "planted.yaml"), str(folder / "planted"), f"file://{folder}/planted.yaml", "~", "/dev/zero", "-",
        f"local://{folder}/planted.yaml", ADDRESS, f"simplecache::{ADDRESS}", f"filecache::{ADDRESS}", "memory://x",
        f"zip://*::{ADDRESS}", "ftp://127.0.0.1:9/x", "s3://bucket/x", "github://a:b@/x", "\\\\host\\share", "${HOME}",
        "@planted.yaml", "x" * 10_000, "\x00", "", "ä.ö", "<img src=x>", "1e400", "null", "[", "{a: *a}", "&a [*a]",
    ]  # fmt: skip
    specs = [
        planted, popen, {"class_path": escaped}, {"class_path": "torch.nn.Linear", "init_args": {"in_features": 9}},
        {"class_path": f"{PLANTED}.Network", "dict_kwargs": {"a": 1}}, {"class_path": "Network"},
        {"class_path": "os.system", "init_args": {"command": "echo > boom"}}, {"class_path": None},
        {"class_path": "pathlib.Path", "init_args": {}},
        {"class_path": "torch.nn.MSELoss", "init_args": {"reduce": popen}},
        {"class_path": "torch.optim.SGD"}, {"class_path": "torchmetrics.text.BERTScore"},
        {"class_path": "bachlit.corpus.FolderCorpus", "init_args": {"cache": "boom"}},
        {"class_path": "torch.optim.lr_scheduler.LambdaLR", "init_args": {"lr_lambda": f"{PLANTED}.function"}},
        {"class_path": "torch.nn.TransformerEncoderLayer", "init_args": {"d_model": 8, "nhead": 2}},
        {"class_path": "functools.partial", "init_args": {"func": "os.system"}}, {"class_path": [planted]},
        {"__path__": "planted.yaml"}, {"class_path.": f"{PLANTED}.Network"}, {f"{PLANTED}.Network": 1},
        {"__class__": f"{PLANTED}.Network"}, {"network.class_path": f"{PLANTED}.Network"},
    ]  # fmt: skip
    return [*words, *specs]


def places(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a tree."""
    if place:
        yield place
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from places(tree[key], (*place, key))


def grafted(tree: dict[str, Any], choices: list[Any], draw: random.Random) -> dict[str, Any]:
    """A tree with something put at one of its places, as it is, deep within something, or as a name."""
    tree = copy.deepcopy(tree)
    *path, last = draw.choice(list(places(tree)))
    inner: Any = tree
    for key in path:
        inner = inner[key]
    graft = copy.deepcopy(draw.choice(choices))
    for _ in range(draw.choice([0, 0, 0, 1, 2, 6, 40])):
        wraps = [
            [graft],
            {"a": graft},
            {"init_args": graft},
            {"class_path": "torch.nn.NLLLoss", "init_args": {"weight": graft}},
        ]
        graft = draw.choice(wraps)
    if isinstance(inner, dict) and draw.random() < 0.15:
        inner[graft if isinstance(graft, str) else "more"] = inner.pop(last) if isinstance(graft, str) else graft
    else:
        inner[last] = graft
    return tree


def audit(kind: str, job: dict[str, Any], folder: Path, script: Path = AUDIT) -> list[dict[str, Any]]:
    """What `audit.py` saw of each case; in a cold process, imports of bachlit's own as well."""
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable if LARGE else python(), str(script), kind, "job.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("num", [5000 if LARGE else 200])
def test_no_tree_of_options_has_anything_run_fetched_or_imported(num: int, folder: Path) -> None:
    _, options = remembered(folder)
    draw, choices = random.Random(0), grafts(folder)
    cases = [grafted(options, choices, draw) for _ in range(num)]
    sound, *seen = audit("trees", {"sound": options, "cases": cases}, folder)
    assert sound["ended"] == "made"
    for case, one in zip(cases, seen, strict=True):
        assert set(one["seen"]) <= set(sound["seen"]), (case, one)
    ends = [one["ended"] for one in seen]
    assert ends.count("refused") > 0.6 * num  # but much of what is odd is harmless
    assert ends.count("made") > 0.01 * num
    assert not (folder / "boom").exists()


COMMANDS = {
    "validate": ["validate", *QUICK, "--trainer.fast_dev_run=true", "--ckpt_path=X"],
    "test": ["test", *QUICK, "--trainer.fast_dev_run=true", "--ckpt_path=X"],
    "predict": ["predict", *QUICK, f"--data.prompts={TWINKLE}", "--decoder=Greedy", "--rules=none", "--ckpt_path=X"],
    "fit": ["fit", *QUICK, "--trainer.fast_dev_run=true", "--trainer.logger=false", "--ckpt_path=X"],
    "harmonize": ["harmonize", str(TWINKLE), "--decoder=Greedy", "--rules=none", "--checkpoint=X", "--output=h"],
    "evaluate": ["evaluate", "--decoders=greedy-free", "--missing=A", "--limit=1", "--resamples=1", "--checkpoint=X"],
}


def spoilt(folder: Path, name: str, options: Any, **more: Any) -> str:
    """A checkpoint of which only what it remembers differs."""
    checkpoint, _ = remembered(folder)
    said = options if isinstance(options, str) else json.dumps(options)
    torch.save(checkpoint | {"bachlit_options": said} | more, folder / name)
    return name


def attacks(folder: Path) -> dict[str, str]:
    """The attacks that once worked, and others of their kinds, each a checkpoint's name."""
    _, options = remembered(folder)
    popen = {"class_path": "subprocess.Popen", "init_args": {"args": "echo > boom", "shell": True}}
    losses = {
        "command": {"size_average": popen},
        "escaped": {"size_average": f'{{class_path: "{PLANTED}\\x2eNetwork"}}'},
        "fetched": {"weight": ADDRESS},
        "cached": {"weight": f"simplecache::{ADDRESS}"},
        "local": {"weight": f"file://{folder}/planted.yaml"},
    }
    made = {}
    for name, odd in losses.items():
        loss = {"class_path": "torch.nn.CrossEntropyLoss", "init_args": odd}
        made[name] = spoilt(folder, f"{name}.ckpt", {**options, "model": {**options["model"], "loss": loss}})
    layer = {"class_path": "torch.nn.TransformerEncoderLayer", "init_args": {"d_model": popen, "nhead": "x"}}
    made["layer"] = spoilt(folder, "layer.ckpt", {**options, "model": {**options["model"], "loss": layer}})
    hyper = {"loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"size_average": popen}}}
    made["hyper"] = spoilt(folder, "hyper.ckpt", options, hyper_parameters=hyper)
    made["deep"] = spoilt(folder, "deep.ckpt", '{"model": ' * 100_000)
    corpus = {"class_path": "bachlit.corpus.BachCorpus", "init_args": {"cache": "boom"}}
    made["cache"] = spoilt(folder, "cache.ckpt", {**options, "data": {**options["data"], "corpus": corpus}})
    return made


def test_no_command_does_more_for_a_spoilt_checkpoint(folder: Path) -> None:
    """The law, as a difference: under the same command, a spoilt file starts, asks, writes and imports nothing more."""
    _, options = remembered(folder)
    choices, attacked = grafts(folder), list(attacks(folder).values())
    shutil.copy(folder / "runs/sound/checkpoints/last.ckpt", folder / "sound.ckpt")
    spoilt_ones = {}
    for command in COMMANDS:
        draw = random.Random(command)
        grafted_ones = [grafted(options, choices, draw) for _ in range(20 if LARGE else 1)]
        names = attacked if LARGE or command == "validate" else attacked[:3]
        spoilt_ones[command] = names + [
            spoilt(folder, f"{command}-{index}.ckpt", one) for index, one in enumerate(grafted_ones)
        ]

    def typed(command: str, name: str) -> list[str]:
        return [word.replace("X", name) if word.endswith("=X") else word for word in COMMANDS[command]]

    cases = [typed(command, name) for command in COMMANDS for name in ["sound.ckpt"] * 3 + spoilt_ones[command]]
    watched = iter(audit("commands", {"cases": cases}, folder))
    for command, names in spoilt_ones.items():
        first, second, sound = (next(watched) for _ in range(3))
        assert [first["ended"], second["ended"], sound["ended"]] == [0, 0, 0], command
        for name, one in zip(names, watched, strict=False):
            assert one["ended"] in (0, 2), (command, name, one)
            assert set(one["seen"]) <= {*first["seen"], *sound["seen"]}, (command, name, one)
    assert next(watched, None) is None
    assert not (folder / "boom").exists()


def test_the_attacks_are_refused_and_what_is_sound_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for name, checkpoint in attacks(folder).items():
        harmless = name in ("hyper", "cache")  # Lightning's hyper-parameters are left alone, and a place isn't obeyed
        code = main(
            [
                "validate",
                *QUICK,
                f"--ckpt_path={checkpoint}",
                "--data.corpus=Jsb16Corpus",
                f"--data.corpus.path={folder}",
            ]
        )
        told = capsys.readouterr().err
        assert code == (0 if harmless else 2), (name, told)
        if not harmless:
            last = told.strip().splitlines()[-1]
            assert last.startswith(f"bachlit: {checkpoint}"), (name, last)


def test_the_place_of_a_students_lessons_is_recalled_but_no_address() -> None:
    lessons = {"path": "runs/my lessons.safetensors", "invented": 1, "hard_share": 0.3}
    assert checked({"data": {"lessons": lessons}}, "It") == {"data": {"lessons": lessons}}
    with pytest.raises(CheckpointError, match=r"^It remembers .* for --data\.lessons\.path, where a file or "):
        checked({"data": {"lessons": {**lessons, "path": ADDRESS}}}, "It")


def test_the_model_that_a_fit_began_with_is_recalled_but_no_address() -> None:
    begun = {"model": {"start": "/home/me/my.models/first.ckpt"}}
    assert checked(begun, "It") == begun
    with pytest.raises(CheckpointError, match=r"^It remembers .* for --model\.start, where a file or "):
        checked({"model": {"start": ADDRESS}}, "It")


def swap(place: tuple[Any, ...], value: Any) -> Any:
    """What puts a value at a place of a tree."""

    def change(tree: Any) -> None:
        *path, last = place
        for key in path:
            tree = tree[key]
        tree[last] = value

    return change


# Of all that a checkpoint holds beside weights and options, something else than what belongs there.
DEEP = [
    (("pytorch-lightning_version",), "0"),
    (("pytorch-lightning_version",), (1, 2)),
    (("state_dict",), [1]),
    (("callbacks", "LastCheckpoint", "figures", "val/accuracy"), -1),
    (("callbacks", "TrainingCurves", "rows"), [{}]),
    (("loops", "fit_loop", "epoch_progress", "current"), [1]),
    (("optimizer_states", 0), (1, 2)),
    (("optimizer_states", 0, "param_groups", 0, "lr"), "x"),
    (("optimizer_states", 0, "state", 4, "exp_avg"), torch.zeros(3)),
    (("optimizer_states", 0, "state", 1, "step"), torch.zeros(2)),
    (("lr_schedulers", 0, "best"), "x"),
    (("bachlit_resume", "memory", 0), 7),
    (("bachlit_resume", "running"), float("nan")),
    (("bachlit_resume", "rng"), torch.zeros(1, 5, dtype=torch.uint8)),
    (("bachlit_resume", "rng"), torch.full((1, 5056), 255, dtype=torch.uint8)),
]


def test_what_is_wrong_deep_in_a_checkpoint_ends_in_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lightning and PyTorch put it where it doesn't belong, and stumble over it within the first epoch."""
    monkeypatch.chdir(folder)
    for place, value in DEEP:
        checkpoint, _ = remembered(folder)
        swap(place, value)(checkpoint)
        torch.save(checkpoint, "wrong.ckpt")
        args = ["fit", *QUICK, "--trainer.logger=false", "--trainer.max_epochs=2", "--ckpt_path=wrong.ckpt"]
        assert main(args) == 2, place
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert "wrong.ckpt can't be used with these options (" in said, (place, said)


def test_a_network_far_larger_than_its_weights_is_not_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for name, size in (("layers", 10**9), ("hidden", 10_000)):
        _, options = remembered(folder)
        options["model"]["network"]["init_args"][name] = size
        spoilt(folder, "large.ckpt", options)
        assert main(["validate", *QUICK, "--ckpt_path=large.ckpt"]) == 2
        assert "far more weights than are stored beside it" in capsys.readouterr().err


def test_classes_that_must_be_typed_are_named_with_their_options() -> None:
    options = {
        "model": {"network": {"class_path": "mine.Own", "init_args": {}}, "loss": {"class_path": "mine.Focal"}},
        "data": {"corpus": {"class_path": "theirs.Corpus"}},
    }
    typed = set[str]()
    for typing in ("model.network mine.Own", "model.loss mine.Focal", "data.corpus theirs.Corpus"):
        option, path = typing.split()
        with pytest.raises(CheckpointError, match=f"{path} for --{option}, .* type --import {path.split('.')[0]}"):
            checked(options, "x.ckpt", typed=typed)
        typed.add(path)
    assert checked(options, "x.ckpt", typed=typed) == options


def test_a_place_of_a_checkpoint_is_not_obeyed_and_what_is_typed_is_not_asked_of_it() -> None:
    corpus = {
        "class_path": "bachlit.corpus.BachCorpus",
        "init_args": {"cache": "/elsewhere", "workers": 999, "quantize": True},
    }
    options = {"data": {"corpus": corpus, "prompts": "tunes.d/"}, "model": {"name": "a.b"}}
    plain = checked(options, "x.ckpt", told={"model.name"})
    assert plain == {"data": {"corpus": corpus | {"init_args": {"quantize": True, "workers": 1}}}, "model": {}}


def test_differences_name_options_as_they_are_typed() -> None:
    mine = {"model": {"network": {"class_path": "A", "init_args": {"hidden": 1, "layers": 2}}, "loss": None}}
    run = {
        "model": {"network": {"class_path": "A", "init_args": {"hidden": 3, "layers": 2}}, "loss": {"class_path": "L"}}
    }
    assert differences(mine, run) == [
        "--model.loss is None here, L in the run", "--model.network.hidden is 1 here, 3 in the run",
    ]  # fmt: skip
    assert differences({"data": {"prompts": "a", "new": 1}}, {"data": {"prompts": "b"}}) == []


@pytest.mark.parametrize("odd", ["text", 3, None, ["a"]])
def test_options_that_are_no_mapping_are_refused(odd: Any) -> None:
    for part in ("model", "data"):
        with pytest.raises(CheckpointError, match=f"--{part}, where options with names"):
            checked({"model": {}, "data": {}, part: odd}, "x.ckpt")
