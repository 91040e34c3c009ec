"""Lightning's commands, as a researcher types them, on a few chorales and a tiny network."""

import base64
import csv
import inspect
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from jsonargparse._common import parsing_settings as jsonargparse_settings

from bachlit.__main__ import main
from bachlit.corpus import FolderCorpus
from bachlit.encoding import BachBotEncoding
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.scores import read_chorale, read_melody, write_midi, write_musicxml
from bachlit.training.model import ChoraleModel

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
TWINKLE = Path(__file__).parent / "two_bars" / "twinkle.musicxml"  # decoded in no time
QUICK = [
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
]
KEPT = "--trainer.logger=CSVLogger"
SMALL = ["--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4", "--data.lanes=2"]
TINY = [*SMALL, "--curves.picture=false"]  # half the time of a short fit is its picture's

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module")
def jsb16(tmp_path_factory: pytest.TempPathFactory, bach: list[Chorale]) -> Path:
    """A folder in JSB-16th's form, made of a few chorales."""
    folder = tmp_path_factory.mktemp("jsb16")
    pieces = [np.where(piece.pitches == 0, -1, piece.pitches)[:64].tolist() for piece in bach[:10]]
    for fold, part in (("train", pieces[:6]), ("valid", pieces[6:8]), ("test", pieces[8:])):
        (folder / f"{fold}.json").write_text(json.dumps(part))
    return folder


@pytest.fixture(scope="module")
def corpus(jsb16: Path) -> list[str]:
    return ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={jsb16}"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        args = [
            "fit",
            *QUICK,
            *TINY,
            *corpus,
            "--data.keys=all",
            "--trainer.max_epochs=3",
            "--trainer.log_every_n_steps=1",
            "--run=trained",
        ]
        assert main(args) == 0
    return folder / "runs" / "trained"


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """The folder of a finished run that W&B kept offline, and another validation of it."""
    folder = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("WANDB_MODE", "offline")
        args = ["fit", *QUICK, *SMALL, *corpus, "--trainer.max_epochs=3", "--trainer.log_every_n_steps=1"]
        options = {"decoders": "Greedy,greedy-free", "every_n_epochs": 2, "num_shown": 1}
        judged = [f"--trainer.callbacks.{name}={value}" for name, value in options.items()]
        args += ["--trainer.logger.group=widths", "--trainer.logger.tags=[small,first]", "--run=tracked"]
        assert main([*args, "--trainer.callbacks+=DecodingEvaluation", *judged]) == 0
    return folder / "runs" / "tracked"


@pytest.fixture(scope="module")
def kept(tracked: Path) -> list[dict[str, Any]]:
    """What W&B would upload of it, record by record, by wandb's own reader."""
    (file,) = tracked.glob("wandb/offline-run-*/*.wandb")
    read = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def figures(stage: str) -> dict[str, float]:
    """What was logged last for a stage by a command with `KEPT`."""
    newest = max(Path("logs/bachlit").iterdir(), key=lambda path: int(path.name.removeprefix("version_")))
    with (newest / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: float(value) for name, value in rows[-1].items() if name.startswith(stage) and value}


def test_a_fit_leaves_checkpoints_curves_and_its_configuration(trained: Path) -> None:
    assert {path.name for path in (trained / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt", "last-before.ckpt"}
    with (trained / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in (
        "train/loss_step",
        "train/loss_epoch",
        "val/nats_per_token",
        "val/nats_per_frame",
        "val/accuracy/alto",
    ):
        assert [row[name] for row in rows if row[name]], name
    assert "hidden: 12" in (trained / "config.yaml").read_text()


def test_the_best_checkpoint_is_the_best_by_validation(trained: Path, corpus: list[str]) -> None:
    with (trained / "metrics.csv").open() as file:
        curve = [float(row["val/nats_per_frame"]) for row in csv.DictReader(file) if row["val/nats_per_frame"]]
    assert len(curve) == 3
    assert main(["validate", *QUICK, KEPT, *corpus, f"--ckpt_path={trained}/checkpoints/best.ckpt"]) == 0
    assert figures("val")["val/nats_per_frame"] == pytest.approx(min(curve), rel=1e-6)


def test_a_checkpoint_brings_its_own_options_and_typed_ones_beat_them(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network, the keys and the corpus are the checkpoint's; it beats a config, and what is typed beats both."""
    (tmp_path / "other.yaml").write_text(
        "model: {network: {class_path: TokenLSTM, init_args: {hidden: 99}}}\ndata: {lanes: 3}\n"
    )
    said = ["test", *QUICK, KEPT, "--config", "other.yaml", "--ckpt_path", f"{trained}/checkpoints/best.ckpt"]
    assert main(said) == 0
    assert figures("test")["test/nats_per_pitch_token"] > 0
    capsys.readouterr()
    for typed, lanes in (([], 2), (["--data.lanes=1"], 1)):
        with pytest.raises(SystemExit):
            main([*said, *typed, "--print_config"])
        printed = yaml.safe_load(capsys.readouterr().out)
        assert printed["model"]["network"]["init_args"]["hidden"] == 12
        assert printed["data"]["lanes"] == lanes


def test_lanes_do_not_change_the_figures(trained: Path) -> None:
    checkpoint = f"--ckpt_path={trained}/checkpoints/best.ckpt"
    results = []
    for lanes in (1, 2):
        main(["test", *QUICK, KEPT, checkpoint, f"--data.lanes={lanes}"])
        results.append(figures("test"))
    assert results[0] == pytest.approx(results[1], rel=1e-5)


@pytest.mark.parametrize("decoder", ["Greedy", "Sampling", "BeamSearch"])
def test_predict_decodes_with_the_typed_decoder_and_writes_scores(trained: Path, tmp_path: Path, decoder: str) -> None:
    checkpoint = f"{trained}/checkpoints/best.ckpt"
    args = ["predict", *QUICK, "--ckpt_path", checkpoint, "--data.prompts", str(TWINKLE)]
    assert main([*args, "--decoder", decoder, "--seed=4", "--output=out"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"twinkle.musicxml", "twinkle.mid"}
    assert (
        main(["harmonize", str(TWINKLE), "--checkpoint", checkpoint, "--decoder", decoder, "--seed=4", "--output=x"])
        == 0
    )
    assert (tmp_path / "out/twinkle.musicxml").read_bytes() == (tmp_path / "x.musicxml").read_bytes()


@pytest.mark.parametrize("decoder", ["Greedy", "Sampling"])
def test_predict_keeps_the_rules_that_are_typed_as_harmonize_does(tmp_path: Path, decoder: str) -> None:
    """Typed, or from a config whose numbers typed ones beat."""
    (tmp_path / "rules.yaml").write_text("rules: {NoOverlap: .inf, NoHidden: 0, Attack: 7}\n")
    args = ["predict", *QUICK, "--data.prompts", str(TWINKLE), "--decoder", decoder]
    rules = ["--rules.NoOverlap", "inf", "--rules.NoHidden=0", "--rules.Attack", "-2.5"]
    assert main([*args, "--output=usual"]) == 0
    assert main([*args, "--output=typed", *rules]) == 0
    assert main([*args, "--output=config", "--config", "rules.yaml", "--rules.Attack", "-2.5"]) == 0
    assert main(["harmonize", str(TWINKLE), "--decoder", decoder, *rules, "--output=called.musicxml"]) == 0
    called = (tmp_path / "called.musicxml").read_bytes()
    assert (tmp_path / "typed/twinkle.musicxml").read_bytes() == called
    assert (tmp_path / "config/twinkle.musicxml").read_bytes() == called
    assert (tmp_path / "usual/twinkle.musicxml").read_bytes() != called


def test_predict_stops_where_a_rule_cannot_be_kept_if_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_refusal.py").write_text(
        "from bachlit.decoding import Rule\n"
        "class Never(Rule):\n"
        "    def breaches(self, position):\n"
        "        return position.pitch[None, None] == position.pitch\n"
    )
    args = ["predict", *QUICK, "--data.prompts", str(TWINKLE), "--decoder=Greedy", "--rules.own_refusal.Never=inf"]
    assert main([*args, "--strict"]) == 2
    assert "has no note that all rules" in capsys.readouterr().err.strip().splitlines()[-1]
    assert main(args) == 0


def test_the_help_of_predict_tells_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert ["NoOverlap", "1", "1"] in [line.split()[:3] for line in capsys.readouterr().out.split("\n")]


def test_predict_without_prompts_harmonises_the_test_pieces(trained: Path, tmp_path: Path, jsb16: Path) -> None:
    assert main(["predict", *QUICK, f"--ckpt_path={trained}/checkpoints/best.ckpt", "--decoder=Greedy"]) == 0
    pieces = json.loads((jsb16 / "test.json").read_text())
    for index, piece in enumerate(pieces):
        written = read_chorale(tmp_path / "predictions" / f"test-{index}.musicxml")
        assert np.array_equal(written.pitches[:, 0], np.maximum(np.array(piece)[:, 0], 0))


def test_a_checkpoint_holds_no_decoder_and_opens_without_pickles(trained: Path) -> None:
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    assert "decoder" not in json.dumps(checkpoint["bachlit"]) + checkpoint["bachlit_options"]
    assert LanguageModel.load(trained / "checkpoints" / "best.ckpt").keys == "all"


def test_a_fit_goes_on_from_a_checkpoint(trained: Path) -> None:
    last = f"{trained}/checkpoints/last.ckpt"
    assert main(["fit", *QUICK, f"--ckpt_path={last}", "--trainer.max_epochs=4", "--run=again"]) == 0
    again = torch.load("runs/again/checkpoints/last.ckpt", weights_only=True)
    assert again["epoch"] == 3
    assert again["global_step"] > torch.load(last, weights_only=True)["global_step"]


def test_the_last_checkpoint_is_the_newest_that_is_whole(
    trained: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ["fit", *QUICK, *TINY, *corpus, "--ckpt_path", "last", "--trainer.logger=CSVLogger"]
    shutil.copytree(trained, "runs/bachlit/version_0")
    last = Path("runs/bachlit/version_0/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:-100])
    assert main([*fit, "--trainer.max_epochs=4"]) == 0
    assert "last.ckpt isn't a checkpoint of bachlit, or is damaged" in capsys.readouterr().err
    assert [path.name for path in Path("runs/bachlit").iterdir()] == ["version_0"]
    assert torch.load(last, weights_only=True)["epoch"] == 3


def test_where_there_is_no_last_checkpoint_a_fit_begins(corpus: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *QUICK, *TINY, *corpus, "--ckpt_path=last", "--trainer.max_epochs=1"]) == 0
    assert "A fit begins, for there is no last.ckpt in runs yet." in capsys.readouterr().err


def foreign_module(folder: Path) -> str:
    """A module where one works that leaves a file, boom, when it is imported; its name is no other test's."""
    path = folder / f"{folder.name}.py"
    path.write_text(f"open({str(folder / 'boom')!r}, 'w')\nclass Network: pass\n")  # a parser may work elsewhere
    return path.stem


def test_a_checkpoint_that_names_a_foreign_class_is_refused_and_imports_nothing(trained: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    options = json.loads(checkpoint["bachlit_options"])
    module = foreign_module(tmp_path)
    options["model"]["network"]["class_path"] = f"{module}.Network"
    torch.save(checkpoint | {"bachlit_options": json.dumps(options)}, tmp_path / "foreign.ckpt")
    assert main(["validate", *QUICK, "--ckpt_path=foreign.ckpt"]) == 2
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"trainer": {"callbacks": ["foreign.Network"]}},
        {"model.network": "foreign.Network"},
        {"model": "planted.yaml"},
        {"model": {"loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"weight": "listed.yaml"}}}},
        {"model": {"network": {"class_path": "foreign.__class__"}}},
        {"model": {"network.class_path": "foreign.Network"}},
        {"model": {"loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"weight": "foreign.Network"}}}},
        {"model": {"loss": {"class_path": "torch.nn.CrossEntropyLoss", "init_args": {"weight": "[foreign.Network]"}}}},
        {
            "model": {
                "lr_scheduler": {
                    "class_path": "torch.optim.lr_scheduler.LambdaLR", "init_args": {"lr_lambda": "foreign.Network"},
                }
            }
        },
    ],
    ids=str,
)  # fmt: skip
def test_no_option_that_a_checkpoint_remembers_has_a_module_imported(
    options: dict[str, Any], trained: Path, tmp_path: Path
) -> None:
    """Python would find the module where one works: a folder that was sent, with a checkpoint in it."""
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    remembered = json.loads(checkpoint["bachlit_options"])
    module = foreign_module(tmp_path)
    (tmp_path / "planted.yaml").write_text(f"network: {{class_path: {module}.Network}}")
    (tmp_path / "listed.yaml").write_text(f"class_path: {module}.Network")
    for name, part in options.items():
        remembered[name] = {**remembered.get(name, {}), **part} if isinstance(part, dict) else part
    said = json.dumps(remembered).replace("foreign", module)
    said = said.replace("planted", str(tmp_path / "planted")).replace("listed", str(tmp_path / "listed"))
    torch.save(checkpoint | {"bachlit_options": said}, tmp_path / "foreign.ckpt")
    ignored = next(iter(options)) in ("trainer", "model.network")  # these aren't what a checkpoint remembers
    assert main(["validate", *QUICK, "--ckpt_path=foreign.ckpt"]) == (0 if ignored else 2)
    assert not (tmp_path / "boom").exists()


def test_a_network_of_ones_own_trains_and_is_recalled_once_it_is_named(
    corpus: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_network.py").write_text(
        "from bachlit.encoding import Encoding\n"
        "from bachlit.networks import TokenLSTM\n"
        "class Own(TokenLSTM):\n"
        "    def __init__(self, encoding: Encoding, *, width: int = 8) -> None:\n"
        "        super().__init__(encoding, layers=1, hidden=width, embedding=4)\n"
        "        self.config = {'width': width}\n"
    )
    own = ["--model.network=own_network.Own"]
    args = [*QUICK, *corpus, *own, "--model.network.width=6", "--data.lanes=2"]
    assert main(["fit", *args, "--trainer.max_epochs=1", "--run=own"]) == 0
    assert main(["test", *QUICK, *own, "--ckpt_path=own"]) == 0
    with pytest.raises(SystemExit):
        main(["test", *QUICK, *own, "--ckpt_path=own", "--print_config"])
    assert "width: 6" in capsys.readouterr().out


def test_a_class_that_a_typed_config_names_may_be_recalled(corpus: list[str], tmp_path: Path) -> None:
    (tmp_path / "typed_network.py").write_text(
        "from bachlit.encoding import Encoding\n"
        "from bachlit.networks import TokenLSTM\n"
        "class Typed(TokenLSTM):\n"
        "    def __init__(self, encoding: Encoding) -> None:\n"
        "        super().__init__(encoding, layers=1, hidden=5, embedding=4)\n"
        "        self.config = {}\n"
    )
    (tmp_path / "typed.yaml").write_text("model: {network: {class_path: typed_network.Typed}}\n")
    config = ["--config", "typed.yaml"]
    assert main(["fit", *QUICK, *corpus, *config, "--data.lanes=2", "--trainer.max_epochs=1", "--run=typed"]) == 0
    assert main(["test", *QUICK, *config, "--ckpt_path=typed"]) == 0


def test_predicting_from_files_needs_no_corpus_and_loses_no_piece(tmp_path: Path) -> None:
    """Two files of one name but for the ending are two pieces."""
    (tmp_path / "tunes").mkdir()
    tune = read_melody(TWINKLE)
    write_musicxml(tune, tmp_path / "tunes" / "a.musicxml")
    write_midi(tune, tmp_path / "tunes" / "a.mid")
    args = ["--data.corpus=FolderCorpus", "--data.corpus.path=missing", "--data.prompts=tunes", "--decoder=Greedy"]
    assert main(["predict", *QUICK, *args]) == 0
    assert {path.name for path in (tmp_path / "predictions").iterdir()} == {
        f"{name}.{ending}" for name in ("a", "a-2") for ending in ("musicxml", "mid")
    }


def test_without_a_checkpoint_the_weights_that_ship_are_used(corpus: list[str]) -> None:
    assert main(["test", *QUICK, KEPT, *corpus]) == 0
    assert figures("test")["test/nats_per_frame"] < 3


WRONG = {
    "a checkpoint that isn't there": (["test", "--ckpt_path=missing.ckpt"], "no checkpoint missing.ckpt"),
    "a file that is no checkpoint": (["test", "--ckpt_path=garbage.ckpt"], "isn't a checkpoint"),
    "an option that is none": (
        ["fit", "--model.network.hiden=3"],
        "no option --model.network.hiden; expected --model.network.hidden;",
    ),
    "a network that is none": (
        ["fit", "--model.network=TokenLSTMM"],
        "no network 'TokenLSTMM'; expected FrameLSTM, TokenLSTM, or the dotted path",
    ),
    "a network that a module hasn't": (
        ["fit", "--model.network=bachlit.networks.Nope"],
        "'bachlit.networks' has no attribute 'Nope'",
    ),
    "a network of no module": (["fit", "--model.network=nowhere.Own"], "No module named 'nowhere'."),
    "a network that is no whole one": (["fit", "--model.network=bachlit.networks.Network"], "expected a whole network"),
    "keys in which it isn't trained": (
        ["fit", "--model.network=FrameLSTM", "--model.network.views=3", "--data.keys=home"],
        "expected all keys",
    ),
    "a learning rate in words": (["fit", "--model.optimizer.lr=fast"], "Expected a <class 'float'>"),
    "a learning rate of nothing": (["fit", "--model.optimizer.lr="], "Expected a <class 'float'>"),
    "a word for a list": (["fit", "--trainer.logger.tags=small"], "Expected a <class 'collections.abc.Sequence'>"),
    "an accelerator that is none": (
        ["fit", "--trainer.accelerator=gpuu"],
        "invalid accelerator name: `accelerator='gpuu'`.",
    ),
    "devices in words": (["fit", "--trainer.devices=x"], "`devices` selected with"),
    "a decoder that is none": (["predict", "--decoder=Beam"], "expected BeamSearch, Gibbs, Greedy, Particles"),
    "an option that a decoder hasn't": (
        ["predict", "--decoder=BeamSearch", "--decoder.wdth=3"],
        "Option 'wdth' is not accepted",
    ),
    "a rule that is none": (["predict", "--rules.NoOverlaps=3"], "no rule 'NoOverlaps'; expected Sounding, Ranges"),
    "a number that is none": (["predict", "--rules.NoOverlap=nan"], "NoOverlap can't weigh nan"),
    "a corpus that isn't there": (
        ["fit", "--data.corpus=Jsb16Corpus", "--data.corpus.path=none"],
        "none holds no train.json",
    ),
    "a network that the weights don't fit": (["test", "--model.network.hidden=9"], "size mismatch for"),
    "weights in another order of voices": (
        ["test", "--data.encoding=SatbEncoding", "--data.encoding.order=[bass,tenor,alto,soprano]"],
        "are for another encoding",
    ),
    "a checkpoint of no run": (["test", "--ckpt_path=last"], "There is no checkpoint last; expected"),
    "a checkpoint in a config": (["test", "--config=names_a_checkpoint.yaml"], "expected one file"),
    "a config in another encoding": (["fit", "--config=latin_1.yaml"], "latin_1.yaml can't be used ('utf-8' codec"),
    "an abbreviated option": (["test", "--ckpt=garbage.ckpt"], "--ckpt"),
    "a decoder's option alone": (["predict", "--decoder.width=16"], "name it, too: --decoder CLASS."),
    "a network of nothing": (["fit", "--model.network.layers=0"], "expected sizes of at least 1"),
    "a dropout of everything": (["fit", "--model.network.dropout=1"], "below 1"),
    "shares of more than all": (["fit", "--data.shares=[0.9,0.9,0.9]", "--data.corpus=BachCorpus"], "add up to 1"),
    "an epoch count of less than none": (["fit", "--trainer.max_epochs=-5"], "max_epochs"),
    "a seed below 0": (["fit", "--data.seed=-1"], "at least 0"),
    "no lanes": (["fit", "--data.lanes=0"], "at least 1"),
    "forked processes under W&B": (
        ["fit", "--trainer.strategy=ddp_fork", "--trainer.devices=2", "--trainer.logger.mode=offline"],
        "forked",
    ),
    "a mode that W&B hasn't": (
        ["fit", "--trainer.logger.mode=nope"],
        "Parser key \"mode\": Expected a typing.Literal['auto', 'online', 'offline', 'disabled'].",
    ),
    "a callback's wrong number": (
        ["fit", "--trainer.callbacks+=DecodingEvaluation", "--trainer.callbacks.every_n_epochs=x"],
        "Parser key \"every_n_epochs\": Expected a <class 'int'>. Got value: x",
    ),
    "a decoder that isn't": (
        ["fit", "--trainer.callbacks+=DecodingEvaluation", "--trainer.callbacks.decoders=beem"],
        "There is no decoder 'beem'",
    ),
    "layers that are no number": (
        ["fit", "--model.network.layers=x"],
        "Parser key \"layers\": Expected a <class 'int'>. Got value: x",
    ),
    "a folder for W&B that is the CSV's": (["fit", "--trainer.logger.save_dir=x"], "Option 'save_dir' is not accepted"),
    "a value of the wrong kind": (
        ["fit", "--data.window=wide"],
        "Parser key \"data.window\": Expected a <class 'int'>. Got value: wide. See bachlit fit --help.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_ends_in_one_sentence(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args, said = WRONG[case]
    (tmp_path / "garbage.ckpt").write_bytes(b"garbage")
    (tmp_path / "names_a_checkpoint.yaml").write_text("ckpt_path: garbage.ckpt\n")
    (tmp_path / "latin_1.yaml").write_bytes("# für Anna\n".encode("latin-1"))
    assert main([args[0], *QUICK, *args[1:]]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("bachlit: ")
    assert said in last


STEPS = "--model.lr_scheduler=StepLR"
PLATEAU = "--model.lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau"
STOPPING = "--trainer.callbacks+=EarlyStopping"

REFUSED = {
    "an option within a network's": (["--model.network.limt.x=1"], "unrecognized arguments: --limt.x=1"),
    "an option within a number": (["--model.network.hidden.x=1"], 'Parser key "hidden": Expected a'),
    "an option that is nearly one": (
        ["--trainer.max_epoch=1"],
        "no option --trainer.max_epoch; expected --trainer.max_epochs",
    ),
    "an option without the part that it is of": (
        ["--model.layers=2"],
        "no option --model.layers; expected --model.network.layers;",
    ),
    "an option that is nothing like any": (["--hasty"], "unrecognized arguments: --hasty. See bachlit fit --help."),
    "a value for all options together": (["--trainer=fast"], "Unable to load config 'fast'"),
    "an option without a value": (["--ckpt_path"], "argument --ckpt_path: expected one argument"),
    "a checkpoint of no name": (["--ckpt_path="], "can't resume from the folder .; expected a checkpoint"),
    "a checkpoint in a word of Lightning's": (["--ckpt_path=best"], "There is no checkpoint best; expected"),
    "a schedule without its number": ([STEPS], "the following arguments are required: step_size"),
    "a schedule's wrong number": (
        [STEPS, "--model.lr_scheduler.step_size=x"],
        "Parser key \"step_size\": Expected a <class 'int'>. Got value: x",
    ),
    "a schedule's number alone": (["--model.lr_scheduler.step_size=3"], 'Parser key "model.lr_scheduler":'),
    "a schedule of which there are two": (
        ["--model.lr_scheduler=ReduceLROnPlateau"],
        "Give the full class path to avoid ambiguity: torch.optim.",
    ),
    "too few of an optimiser's numbers": (
        ["--model.optimizer=Adam", "--model.optimizer.betas=[0.9]"],
        "Expected a tuple with 2 elements",
    ),
    "words for an optimiser's numbers": (
        ["--model.optimizer=Adam", "--model.optimizer.betas=[a,b]"],
        'Parser key "betas":',
    ),
    "a learning rate below 0": (["--model.optimizer.lr=-1"], "Invalid learning rate: -1.0. See bachlit fit --help."),
    "an optimiser that isn't for vectors": (["--model.optimizer=Muon"], "Muon only supports 2D"),
    "a schedule that lacks a choice": (
        ["--model.lr_scheduler=OneCycleLR", "--model.lr_scheduler.max_lr=0.1"],
        "You must define either total_steps",
    ),
    "a window beyond all memory": (["--data.window=1000000000000"], "steps; expected 2097152 at most; set fewer lanes"),
    "a network beyond all memory": (["--model.network.embedding=100000000000000"], "can't allocate memory"),
    "a seed below all": (["--seed_everything=-1"], "-1 is not in bounds"),
    "a seed above all": (["--seed_everything=99999999999"], "is not in bounds, numpy accepts from 0 to 4294967295"),
    "gradients of no batches": (["--trainer.accumulate_grad_batches=0"], "accumulate_grad_batches is 0; expected more"),
    "a validation in no epoch": (
        ["--trainer.check_val_every_n_epoch=0"],
        "n_epoch is 0; expected more",
    ),
    "a validation in no batch": (["--trainer.val_check_interval=0"], "val_check_interval is 0; expected more than 0"),
    "gradients turned round": (["--trainer.gradient_clip_val=-1"], "gradient_clip_val is -1; expected at least 0;"),
    "half a batch": (["--trainer.limit_train_batches=7.5"], "invalid value 7.5 for limit_train_batches"),
    "a direction that is none": (
        [STOPPING, "--trainer.callbacks.monitor=val/nats_per_frame", "--trainer.callbacks.mode=foo"],
        "`mode` can be min, max, got foo",
    ),
    "a logger where none can be": (["--trainer.barebones=true"], "Trainer(barebones=True, logger="),
    "checkpoints in a file": (["--checkpoint.dirpath=a_file"], "File exists: "),
    "checkpoints of half a name": (["--checkpoint.filename={epoch"], "expected '}' before end of string"),
    "a folder of runs that is a file": (
        ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=a_file"],
        "a_file can't be used (File exists); expected",
    ),
    "an hour in words": (
        ["--checkpoint.train_time_interval=hour"],
        'Expected a string with form "h:m:s" or "d days, h:m:s" but got "hour"',
    ),
    "a time of no unit": (['--trainer.max_time={"score": 1}'], "'score' is an invalid keyword argument"),
    "a class that is no network": (["--model.network=torch.nn.Linear"], "'torch.nn.Linear' to be a subclass of"),
    "a class that is no optimiser": (["--model.optimizer=torch.nn.Linear"], "'torch.nn.Linear' to be a subclass of"),
    "a function that makes no optimiser": (
        ["--model.optimizer=torch.optim.Adam.step"],
        "to be a function that returns",
    ),
    "a module for an optimiser": (["--model.optimizer=os.path"], "Importing 'posixpath' is not allowed"),
    "no network": (["--model.network=null"], "Expected an import path or a subclass spec, but got None"),
    "an option of a logger that isn't": (
        ["--trainer.logger=false", "--trainer.logger.save_dir=x"],
        "--trainer.logger has options, but no class; name it, too",
    ),
    "a duration in words": (
        ["--trainer.callbacks+=Timer", "--trainer.callbacks.duration=hour"],
        "`Timer(duration='hour')` is not a valid duration.",
    ),
    "no configuration": (["--config"], "--config names no file; expected"),
    "an empty configuration": (
        ["--config=/dev/null"],
        "The configuration /dev/null can't be used (no options); expected",
    ),
    "a configuration that is a folder": (["--config=."], "can't be used (Is a directory); expected"),
    "a configuration in bytes": (["--config=bytes.yaml"], "bytes.yaml can't be used ('utf-8' codec"),
    "a configuration that isn't YAML": (["--config", "a_file"], "a_file can't be used (while parsing a flow"),
    "another command's configuration": (["--config=predict.yaml"], "Subcommand 'fit' does not accept option 'decoder'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_anything_is_written(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args, said = REFUSED[case]
    (tmp_path / "a_file").write_text("[not: a, folder")
    (tmp_path / "bytes.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "predict.yaml").write_text("decoder: Greedy\n")
    before = sorted(tmp_path.iterdir())
    assert main(["fit", *QUICK, *args]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("bachlit: ")
    assert said in last
    assert sorted(tmp_path.iterdir()) == before


BEGUN = {
    "best by what isn't logged": (
        ["--checkpoint.monitor=val/nats_per_fram"],
        "ModelCheckpoint monitors val/nats_per_fram, which validation doesn't log; expected one such as "
        "val/nats_per_frame,",
    ),
    "best by what isn't logged in training": (
        ["--checkpoint.monitor=train/los"],
        "ModelCheckpoint(monitor='train/los')",
    ),
    "stopped by what isn't logged": (
        [STOPPING, "--trainer.callbacks.monitor=val/foo"],
        "EarlyStopping monitors val/foo, which validation doesn't log;",
    ),
    "scheduled by what isn't logged": (
        [PLATEAU, "--model.lr_scheduler.monitor=val/foo"],
        "ReduceLROnPlateau monitors val/foo, which validation doesn't log;",
    ),
    "validated after more batches than there are": (
        ["--trainer.val_check_interval=100000"],
        "(100000) must be less than or equal to the number of the training batches",
    ),
    "gone on with what no cluster left": (["--ckpt_path=hpc"], "no HPC checkpoint was found"),
}


@pytest.mark.parametrize("case", BEGUN)
def test_what_shows_only_in_a_fit_ends_it_in_one_sentence_and_leaves_no_model_card(
    case: str, corpus: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args, said = BEGUN[case]
    assert main(["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", *args]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("bachlit: ")
    assert said in last
    assert list(tmp_path.rglob("model_card.md")) == []


OWN = """
import torch
from bachlit.networks import TokenLSTM

class Network(TokenLSTM):
    def forward(self, *args, **options):
        raise ValueError("a bug of one's own")

class Optimizer(torch.optim.SGD):
    def step(self, closure=None):
        raise ValueError("a bug of one's own")

class Hasty(torch.optim.SGD):
    def step(self, closure=None):
        torch.optim.SGD(self.param_groups, lr=-1)

class Schedule(torch.optim.lr_scheduler.StepLR):
    def get_lr(self):
        return [1 // 0]
"""


@pytest.mark.parametrize(
    "args",
    [["--model.network=own_bugs.Network"], ["--model.optimizer=own_bugs.Optimizer"],
     ["--model.optimizer=own_bugs.Hasty"],
     ["--model.lr_scheduler=own_bugs.Schedule", "--model.lr_scheduler.step_size=1"]],
    ids=["network", "optimizer", "what it calls", "schedule"],
)  # fmt: skip
def test_a_bug_in_ones_own_code_keeps_its_traceback(args: list[str], corpus: list[str], tmp_path: Path) -> None:
    (tmp_path / "own_bugs.py").write_text(OWN)
    with pytest.raises((ValueError, ZeroDivisionError)) as caught:
        main(["fit", *QUICK, *TINY, *corpus, *args])
    assert "own_bugs.py" in [entry.path.name for entry in caught.traceback[-3:]]


def test_a_bug_in_the_framework_keeps_its_traceback(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChoraleModel, "training_step", lambda *_: {}["nothing"])
    with pytest.raises(KeyError):
        main(["fit", *QUICK, *TINY, *corpus])


def test_a_callback_whose_defaults_yaml_has_no_words_for_is_kept_in_the_configuration(
    corpus: list[str], tmp_path: Path
) -> None:
    timed = ["--trainer.callbacks+=Timer", "--trainer.callbacks.duration=00:01:00:00"]
    assert main(["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", *timed]) == 0
    (config,) = tmp_path.glob("runs/*/config.yaml")
    (timer,) = yaml.safe_load(config.read_text())["trainer"]["callbacks"]
    assert timer["init_args"]["interval"] == "step"
    assert main(["fit", "--config", str(config)]) == 0


def test_a_fit_that_shall_keep_no_checkpoints_keeps_none(corpus: list[str], tmp_path: Path) -> None:
    args = [*QUICK, *corpus, "--trainer.enable_checkpointing=false"]
    assert main(["fit", *args, *TINY, "--trainer.max_epochs=2"]) == 0
    assert main(["validate", *args]) == 0
    assert list(tmp_path.rglob("*.ckpt")) == []
    assert len(list(tmp_path.glob("runs/*/model_card.md"))) == 1
    assert main(["fit", *args, *TINY, "--trainer.callbacks+=ModelCheckpoint"]) == 2  # what contradicts itself


def test_a_fit_without_validation_says_that_it_kept_no_best_checkpoint(
    corpus: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", "--trainer.limit_val_batches=0"]
    assert main(args) == 0
    message = "`ModelCheckpoint(monitor='val/nats_per_frame')` could not find the monitored key"
    assert capsys.readouterr().err.count(message) == 1
    assert main([*args, "--checkpoint.monitor=train/loss_epoch", "--run=second"]) == 0
    assert message not in capsys.readouterr().err
    (best,) = tmp_path.rglob("best.ckpt")
    assert best.parts[-3] == "second"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_runs(config: Path, corpus: list[str]) -> None:
    short = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=2", "--trainer.limit_val_batches=2"]
    assert main(["fit", "--config", str(config), *QUICK, *TINY, *corpus, *short]) == 0


def test_configs_are_enough(jsb16: Path) -> None:
    """Nothing else needs to be typed."""
    quick = {
        "trainer": {"accelerator": "cpu", "enable_progress_bar": False, "max_epochs": 1, "limit_train_batches": 1},
        "model": {"network": {"class_path": "FrameLSTM", "init_args": {"hidden": 8, "head": 8, "views": 1}}},
        "data": {"corpus": {"class_path": "Jsb16Corpus", "init_args": {"path": str(jsb16)}}, "lanes": 2},
    }
    Path("quick.yaml").write_text(yaml.safe_dump(quick))
    assert main(["fit", "--config", str(ROOT / "configs" / "bach.yaml"), "--config", "quick.yaml", "--run=x"]) == 0
    saved = yaml.safe_load(Path("runs/x/config.yaml").read_text())
    assert saved["data"]["encoding"]["init_args"]["bars"] is True


@pytest.mark.parametrize("typed", ["words", "config"])
@pytest.mark.parametrize(
    ("part", "kind"),
    [("model.network", FrameLSTM), ("model.network", TokenLSTM), ("data.corpus", FolderCorpus),
     ("data.encoding", BachBotEncoding)],
)  # fmt: skip
def test_a_class_that_is_typed_starts_from_its_own_defaults(
    part: str, kind: type, typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not from those of the class whose place it takes: TokenLSTM has three layers, FrameLSTM two."""
    outer, inner = part.split(".")
    (tmp_path / "typed.yaml").write_text(f"{outer}: {{{inner}: {kind.__name__}}}\n")
    args = ["--config", "typed.yaml"] if typed == "config" else [f"--{part}", kind.__name__]
    with pytest.raises(SystemExit):
        main(["fit", *args, *(["--data.corpus.path=somewhere"] if kind is FolderCorpus else []), "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)[outer][inner]["init_args"]
    own = {
        name: parameter.default
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is not parameter.empty
    }
    assert own.items() <= printed.items()


def test_options_of_a_class_may_be_typed_before_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "--model.network.hidden=7", "--model.network", "FrameLSTM", "--print_config"])
    own = yaml.safe_load(capsys.readouterr().out)["model"]["network"]["init_args"]
    assert (own["hidden"], own["layers"]) == (7, 2)


def test_bachbots_grid_is_one_option_each(corpus: list[str], tmp_path: Path) -> None:
    grid = ["--model.network.layers=2", "--model.network.hidden=8", "--model.network.embedding=16",
            "--model.network.dropout=0.5", "--data.window=64"]  # fmt: skip
    assert main(["fit", *QUICK, *corpus, *grid, "--trainer.fast_dev_run=true"]) == 0


def test_bachbots_encoding_trains_the_same_network(corpus: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["fit", *QUICK, *TINY, *corpus, "--data.encoding=BachBotEncoding", "--run=b", "--trainer.max_epochs=1"])
        == 0
    )
    loaded = LanguageModel.load("b")
    assert type(loaded.encoding).__name__ == "BachBotEncoding"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def history(kept: list[dict[str, Any]], name: str) -> list[Any]:
    """All that W&B kept under a name, oldest first."""
    return [record["history"]["item"][name] for record in kept if name in record.get("history", {}).get("item", {})]


def test_wandb_keeps_the_curves_that_the_csv_has(tracked: Path, kept: list[dict[str, Any]]) -> None:
    logged = rows(tracked / "metrics.csv")
    for name in ("train/loss_step", "train/loss_epoch", "val/nats_per_frame", "val/accuracy/alto"):
        figures = [float(row[name]) for row in logged if row[name]]
        assert figures, name
        assert history(kept, name) == pytest.approx(figures, rel=1e-6), name


def test_wandb_keeps_the_options_the_group_and_the_tags(kept: list[dict[str, Any]]) -> None:
    run = next(record["run"] for record in kept if "run" in record)
    assert (run["project"], run["run_group"], run["tags"]) == ("bachlit", "widths", ["small", "first"])
    told = json.dumps([record for record in kept if "config" in record or "config" in record.get("run", {})])
    assert '"hidden": 12' in told
    assert '"max_epochs": 3' in told
    assert "SatbEncoding" in told


def test_wandb_keeps_the_picture_and_the_card_but_no_copy_of_the_weights(
    tracked: Path, kept: list[dict[str, Any]]
) -> None:
    assert history(kept, "curves._type") == ["image-file"]
    assert history(kept, "model_card._type") == ["html-file"]
    (files,) = tracked.glob("wandb/offline-run-*/files")
    assert (files / history(kept, "curves.path")[0]).read_bytes() == (tracked / "curves.png").read_bytes()
    assert list(files.rglob("*.ckpt")) == []


def test_wandb_keeps_what_decoders_wrote_as_pictures_sound_and_files(tracked: Path, kept: list[dict[str, Any]]) -> None:
    logged = [row["decoding/greedy-free/pitch_error"] for row in rows(tracked / "metrics.csv")]
    assert history(kept, "decoding/greedy-free/pitch_error") == pytest.approx([float(one) for one in logged if one])
    (files,) = tracked.glob("wandb/offline-run-*/files")
    (path,) = history(kept, "decoding/pieces.path")
    table = json.loads((files / path).read_text())
    lines = [dict(zip(table["columns"], line, strict=True)) for line in table["data"]]
    assert [(line["decoder"], line["which"]) for line in lines] == [
        (decoder, which) for decoder in ("Greedy", "greedy-free") for which in ("best", "worst", "piece 1")
    ]
    # What its cells show lies beside the run and not in the user's home, to be uploaded with it.
    (artifact,) = [record["artifact"] for record in kept if "artifact" in record]
    contents = {Path(entry["path"]): Path(entry["local_path"]) for entry in artifact["manifest"]["contents"]}
    assert all(path.is_relative_to(tracked) for path in contents.values())
    media = [path.read_bytes() for path in contents.values()]
    distinct = len({(line["piece"], line["decoder"]) for line in lines})
    assert sum(content.startswith(b"\x89PNG") for content in media) == distinct
    sounds = [re.search(rb"data:audio/wav;base64,([^\"]+)", content) for content in media]
    assert sum(base64.b64decode(sound[1]).startswith(b"RIFF") for sound in sounds if sound) == distinct
    scores = [re.search(rb"data:application/xml;base64,([^\"]+)", content) for content in media]
    for number, score in enumerate(score for score in scores if score):
        (tracked / f"{number}.musicxml").write_bytes(base64.b64decode(score[1]))
        assert (read_chorale(tracked / f"{number}.musicxml").pitches.max(axis=0) > 0).all()
    for line in lines:
        assert line["log-probability, nats"] == pytest.approx(-64 * line["nats per frame"])
    for decoder in ("Greedy", "greedy-free"):
        for which in ("best", "worst"):
            (page,) = history(kept, f"decoding/{decoder}/{which}.path")
            assert "data:image/png;base64" in (files / page).read_text()


def test_a_fit_leaves_a_model_card_and_its_curves(tracked: Path) -> None:
    card = (tracked / "model_card.md").read_text()
    for said in ("TokenLSTM", "SatbEncoding", "6 train, 2 valid, 2 test", "parameters", "torch 2", "hidden: 12"):
        assert said in card
    curve = [float(row["val/nats_per_frame"]) for row in rows(tracked / "metrics.csv") if row["val/nats_per_frame"]]
    assert f"{min(curve):.4f}" in card
    assert [float(row["val/nats_per_frame"]) for row in rows(tracked / "curves.csv")] == pytest.approx(curve)
    assert (tracked / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_fit_without_loggers_leaves_all_in_its_run_and_no_users_config_is_touched(
    corpus: list[str], tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("seed_everything: 5\n")
    args = ["--config=config.yaml", *QUICK, *SMALL, *corpus, "--trainer.logger=false"]
    assert main(["fit", *args, "--trainer.max_epochs=1", "--run=quiet"]) == 0
    left = {path.relative_to(tmp_path / "runs/quiet").as_posix() for path in tmp_path.glob("runs/quiet/**/*")}
    assert left >= {"checkpoints/best.ckpt", "config.yaml", "curves.csv", "model_card.md"}
    assert main(["validate", *args]) == 2  # a network that the weights that ship don't fit
    assert main(["validate", *QUICK, *corpus, "--config=config.yaml", "--ckpt_path=quiet"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "runs"}
    assert (tmp_path / "config.yaml").read_text() == "seed_everything: 5\n"
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"quiet"}


@pytest.mark.parametrize("typed", ["CSVLogger", "AutoWandbLogger", "bachlit.training.wandb_logger.AutoWandbLogger"])
def test_a_csv_is_there_whatever_logger_is_typed(typed: str, corpus: list[str], tmp_path: Path) -> None:
    short = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--trainer.log_every_n_steps=1"]
    assert main(["fit", *QUICK, *TINY, *corpus, *short, f"--trainer.logger={typed}"]) == 0
    (metrics,) = tmp_path.rglob("metrics.csv")
    assert metrics.parent.parent == tmp_path / "runs"
    assert {path.name for path in metrics.parent.iterdir()} >= {"checkpoints", "config.yaml", "curves.csv"}
    assert list(tmp_path.rglob("wandb")) == []


def test_predictions_are_the_same_whatever_logs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    args = ["predict", *QUICK, "--data.prompts", str(TWINKLE), "--decoder=Greedy"]
    written = set()
    for logger in ("CSVLogger", "false", "AutoWandbLogger"):
        assert main([*args, f"--trainer.logger={logger}", f"--output={logger}"]) == 0
        written.add((tmp_path / logger / "twinkle.musicxml").read_bytes())
    assert len(written) == 1
    assert len(list(tmp_path.glob("logs/bachlit/version_1/wandb/offline-run-*/*.wandb"))) == 1


def test_commands_leave_the_process_as_it_was(corpus: list[str], tmp_path: Path) -> None:
    """Filters were added at each call, the path for modules grew, and YAML's writer was changed for all."""
    (tmp_path / "own_here.py").write_text("from bachlit.networks import TokenLSTM as Own\n")

    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in sorted(logging.root.manager.loggerDict)]
        return [
            list(sys.path), list(sys.meta_path), list(warnings.filters), warnings.showwarning, dict(os.environ),
            yaml.SafeDumper.yaml_multi_representers, dict(jsonargparse_settings),
            [(logger.name, list(logger.filters), list(logger.handlers), logger.level) for logger in loggers],
            signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), torch.get_num_threads(), Path.cwd(),
        ]  # fmt: skip

    fit = ["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", "--trainer.limit_train_batches=1"]
    commands = [
        [*fit, "--model.network=own_here.Own"],
        [*fit, "--data.lanes=0"],
        ["predict", *QUICK, "--data.prompts", str(TWINKLE), "--decoder=Greedy", "--rules=none"],
        ["harmonize", str(TWINKLE), "--decoder=Greedy", "--rules=none", "--import=own_here"],
    ]
    for args in commands:
        main(args)
    before = state()
    for args in commands:
        main(args)
    assert state() == before
