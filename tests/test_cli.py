"""Lightning's commands, as a researcher types them, on a few chorales and a tiny network."""

import base64
import csv
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from bachlit.__main__ import main
from bachlit.chorale import Chorale
from bachlit.corpus import FolderCorpus
from bachlit.encoding import BachBotEncoding
from bachlit.language_model import LanguageModel
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.scores import read_chorale, read_melody, write_midi, write_musicxml

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
TWINKLE = ROOT / "examples" / "twinkle.musicxml"
QUICK = [
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
]
TINY = ["--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4", "--data.lanes=2"]

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
        ]
        assert main(args) == 0
    return folder / "runs" / "bachlit" / "version_0"


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """The folder of a finished run that W&B kept offline, and another validation of it."""
    folder = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("WANDB_MODE", "offline")
        args = ["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=3", "--trainer.log_every_n_steps=1"]
        options = {"decoders": "Greedy,greedy-free", "every_n_epochs": 2, "num_shown": 1}
        judged = [f"--trainer.callbacks.{name}={value}" for name, value in options.items()]
        args += ["--trainer.logger.group=widths", "--trainer.logger.tags=[small,first]"]
        assert main([*args, "--trainer.callbacks+=DecodingEvaluation", *judged]) == 0
    return folder / "runs" / "bachlit" / "version_0"


@pytest.fixture(scope="module")
def kept(tracked: Path) -> list[dict[str, Any]]:
    """What W&B would upload of it, record by record, by wandb's own reader."""
    (file,) = tracked.glob("wandb/offline-run-*/*.wandb")
    read = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def figures(stage: str) -> dict[str, float]:
    """What the newest run logged last for a stage."""
    newest = max(Path("runs/bachlit").iterdir(), key=lambda path: int(path.name.removeprefix("version_")))
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
    assert main(["validate", *QUICK, *corpus, f"--ckpt_path={trained}/checkpoints/best.ckpt"]) == 0
    assert figures("val")["val/nats_per_frame"] == pytest.approx(min(curve), rel=1e-6)


def test_a_checkpoint_brings_its_own_options_and_typed_ones_beat_them(trained: Path, tmp_path: Path) -> None:
    """The network, the keys and the corpus are the checkpoint's; it beats a config, and what is typed beats both."""
    (tmp_path / "other.yaml").write_text(
        "model: {network: {class_path: TokenLSTM, init_args: {hidden: 99}}}\ndata: {lanes: 3}\n"
    )
    checkpoint = f"{trained}/checkpoints/best.ckpt"
    assert main(["test", *QUICK, "--config", "other.yaml", "--ckpt_path", checkpoint]) == 0
    assert figures("test")["test/nats_per_pitch_token"] > 0
    config = (tmp_path / "runs/bachlit/version_0/config.yaml").read_text()
    assert "hidden: 12" in config
    assert "lanes: 2" in config
    assert main(["test", *QUICK, "--config", "other.yaml", "--ckpt_path", checkpoint, "--data.lanes=1"]) == 0
    assert "lanes: 1" in (tmp_path / "runs/bachlit/version_1/config.yaml").read_text()


def test_lanes_do_not_change_the_figures(trained: Path) -> None:
    checkpoint = f"--ckpt_path={trained}/checkpoints/best.ckpt"
    results = []
    for lanes in (1, 2):
        main(["test", *QUICK, checkpoint, f"--data.lanes={lanes}"])
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
    assert main(["fit", *QUICK, f"--ckpt_path={last}", "--trainer.max_epochs=4"]) == 0
    again = torch.load("runs/bachlit/version_0/checkpoints/last.ckpt", weights_only=True)
    assert again["epoch"] == 3
    assert again["global_step"] > torch.load(last, weights_only=True)["global_step"]


def test_the_last_checkpoint_is_the_newest_that_is_whole(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ["fit", *QUICK, "--ckpt_path", "last", "--trainer.logger=CSVLogger"]
    shutil.copytree(trained, "runs/bachlit/version_0")
    last = Path("runs/bachlit/version_0/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:-100])
    assert main([*fit, "--trainer.max_epochs=4"]) == 0
    assert "last.ckpt isn't a checkpoint of bachlit, or is damaged" in capsys.readouterr().err
    assert [path.name for path in Path("runs/bachlit").iterdir()] == ["version_0"]
    assert torch.load(last, weights_only=True)["epoch"] == 3


def test_where_there_is_no_last_checkpoint_a_fit_begins(corpus: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *QUICK, *TINY, *corpus, "--ckpt_path=last", "--trainer.max_epochs=1"]) == 0
    assert "runs/bachlit has no last.ckpt yet, so a fit begins." in capsys.readouterr().err


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
    main(["validate", *QUICK, "--ckpt_path=foreign.ckpt", "--data.lanes=0"])
    assert not (tmp_path / "boom").exists()


def test_a_network_of_ones_own_trains_and_is_recalled_once_it_is_named(corpus: list[str], tmp_path: Path) -> None:
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
    assert main(["fit", *args, "--trainer.max_epochs=1"]) == 0
    checkpoint = "--ckpt_path=runs/bachlit/version_0/checkpoints/last.ckpt"
    assert main(["test", *QUICK, *own, checkpoint]) == 0
    assert "width: 6" in (tmp_path / "runs/bachlit/version_1/config.yaml").read_text()


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
    assert main(["fit", *QUICK, *corpus, *config, "--data.lanes=2", "--trainer.max_epochs=1"]) == 0
    assert main(["test", *QUICK, *config, "--ckpt_path=runs/bachlit/version_0/checkpoints/last.ckpt"]) == 0


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
    assert main(["test", *QUICK, *corpus]) == 0
    assert figures("test")["test/nats_per_frame"] < 3


WRONG = {
    "a checkpoint that isn't there": (["test", "--ckpt_path=missing.ckpt"], "no checkpoint missing.ckpt"),
    "a file that is no checkpoint": (["test", "--ckpt_path=garbage.ckpt"], "isn't a checkpoint"),
    "an option that is none": (["fit", "--model.network.hiden=3"], "TokenLSTM has no option 'hiden'; expected"),
    "a network that is none": (
        ["fit", "--model.network=TokenLSTMM"],
        "--model.network can't be TokenLSTMM; expected the name of a class",
    ),
    "a network that a module hasn't": (
        ["fit", "--model.network=bachlit.networks.Nope"],
        "no class bachlit.networks.Nope (module 'bachlit.networks' has no attribute 'Nope')",
    ),
    "a network of no module": (["fit", "--model.network=nowhere.Own"], "no class nowhere.Own (No module named"),
    "a network that is no whole one": (["fit", "--model.network=bachlit.networks.Network"], "expected a whole network"),
    "keys in which it isn't trained": (
        ["fit", "--model.network=FrameLSTM", "--model.network.views=3", "--data.keys=home"],
        "expected all keys",
    ),
    "a learning rate in words": (
        ["fit", "--model.optimizer.lr=fast"],
        "--model.optimizer.lr can't be fast; expected a number;",
    ),
    "a learning rate of nothing": (
        ["fit", "--model.optimizer.lr="],
        "--model.optimizer.lr can't be empty; expected a number;",
    ),
    "a word for a list": (
        ["fit", "--trainer.logger.tags=small"],
        "--trainer.logger.tags can't be small; expected a list, such as [a,b];",
    ),
    "an accelerator that is none": (
        ["fit", "--trainer.accelerator=gpuu"],
        "invalid accelerator name: `accelerator='gpuu'`.",
    ),
    "devices in words": (["fit", "--trainer.devices=x"], "`devices` selected with"),
    "a decoder that is none": (["predict", "--decoder=Beam"], "expected BeamSearch, Gibbs, Greedy, Particles"),
    "an option that a decoder hasn't": (
        ["predict", "--decoder=BeamSearch", "--decoder.wdth=3"],
        "BeamSearch has no option 'wdth'; expected width, groups, diversity",
    ),
    "a rule that is none": (["predict", "--rules.NoOverlaps=3"], "no rule 'NoOverlaps'; expected Sounding, Ranges"),
    "a number that is none": (["predict", "--rules.NoOverlap=nan"], "NoOverlap can't weigh nan"),
    "a corpus that isn't there": (
        ["fit", "--data.corpus=Jsb16Corpus", "--data.corpus.path=none"],
        "none holds no train.json",
    ),
    "a network that the weights don't fit": (["test", "--model.network.hidden=9"], "don't fit the network"),
    "weights in another order of voices": (
        ["test", "--data.encoding=SatbEncoding", "--data.encoding.order=[bass,tenor,alto,soprano]"],
        "don't fit the network and the encoding",
    ),
    "a checkpoint of no run": (["test", "--ckpt_path=last"], "name one file"),
    "a checkpoint in a config": (["test", "--config=names_a_checkpoint.yaml"], "name one file"),
    "a config in another encoding": (["fit", "--config=latin_1.yaml"], "expected YAML in UTF-8; save it as that"),
    "a checkpoint typed twice": (["test", "--ckpt_path=garbage.ckpt", "--ckpt_path=other.ckpt"], "garbage.ckpt"),
    "an abbreviated option": (["test", "--ckpt=garbage.ckpt"], "--ckpt"),
    "a decoder's option alone": (["predict", "--decoder.width=16"], "name it first"),
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
        "--trainer.logger.mode can't be nope; expected auto, online, offline, disabled;",
    ),
    "a callback's wrong number": (
        ["fit", "--trainer.callbacks+=DecodingEvaluation", "--trainer.callbacks.every_n_epochs=x"],
        "--trainer.callbacks.every_n_epochs can't be x; expected a whole number;",
    ),
    "a decoder that isn't": (
        ["fit", "--trainer.callbacks+=DecodingEvaluation", "--trainer.callbacks.decoders=beem"],
        "There is no decoder 'beem'",
    ),
    "layers that are no number": (
        ["fit", "--model.network.layers=x"],
        "--model.network.layers can't be x; expected a whole number;",
    ),
    "a folder for W&B that is the CSV's": (["fit", "--trainer.logger.save_dir=x"], "AutoWandbLogger has no option"),
    "a value of the wrong kind": (["fit", "--data.window=wide"], "--data.window can't be wide; expected a whole"),
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
    assert main(["fit", "--config", str(ROOT / "configs" / "bach.yaml"), "--config", "quick.yaml"]) == 0
    saved = yaml.safe_load(Path("runs/bachlit/version_0/config.yaml").read_text())
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


def test_bachbots_grid_is_one_option_each(corpus: list[str], tmp_path: Path) -> None:
    grid = ["--model.network.layers=2", "--model.network.hidden=8", "--model.network.embedding=16",
            "--model.network.dropout=0.5", "--data.window=64"]  # fmt: skip
    assert main(["fit", *QUICK, *corpus, *grid, "--trainer.fast_dev_run=true"]) == 0


def test_bachbots_encoding_trains_the_same_network(corpus: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *QUICK, *TINY, *corpus, "--data.encoding=BachBotEncoding", "--trainer.max_epochs=1"]) == 0
    loaded = LanguageModel.load("runs/bachlit/version_0/checkpoints/last.ckpt")
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
        assert line["log-probability, nats"] == pytest.approx(-64 * line["nats a frame"])
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


def test_a_fit_without_loggers_leaves_its_checkpoints_and_curves_where_one_works(
    corpus: list[str], tmp_path: Path
) -> None:
    assert main(["fit", *QUICK, *TINY, *corpus, "--trainer.max_epochs=1", "--trainer.logger=false"]) == 0
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left >= {"checkpoints/best.ckpt", "config.yaml", "curves.csv", "model_card.md"}
    assert "runs" not in {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("typed", ["CSVLogger", "AutoWandbLogger", "bachlit.tracking.AutoWandbLogger"])
def test_a_csv_is_there_whatever_logger_is_typed(typed: str, corpus: list[str], tmp_path: Path) -> None:
    short = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--trainer.log_every_n_steps=1"]
    assert main(["fit", *QUICK, *TINY, *corpus, *short, f"--trainer.logger={typed}"]) == 0
    (metrics,) = tmp_path.rglob("metrics.csv")
    assert metrics.parent == tmp_path / "runs/bachlit/version_0"
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
    assert len(list(tmp_path.glob("runs/bachlit/version_1/wandb/offline-run-*/*.wandb"))) == 1
