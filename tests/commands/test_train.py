"""Lightning's commands, as a researcher types them, on a few chorales and a tiny network."""

import csv
import inspect
import json
import logging
import os
import shutil
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from fits import KEPT, QUICK, TINY, TWINKLE
from handwritten import line, score
from jsonargparse._common import parsing_settings as jsonargparse_settings

from bachlit.__main__ import main
from bachlit.corpus import FolderCorpus
from bachlit.encoding import BachBotEncoding
from bachlit.models.language_model import LanguageModel
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.scores import read_chorale, read_melody, write_midi, write_musicxml

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


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


def test_what_a_training_that_diverged_left_writes_no_predictions(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    next(part for part in checkpoint["state_dict"].values() if part.is_floating_point()).fill_(float("nan"))
    torch.save(checkpoint, tmp_path / "diverged.ckpt")
    assert main(["predict", *QUICK, "--ckpt_path=diverged.ckpt", "--decoder=Greedy"]) == 2
    assert "weights that are NaN" in capsys.readouterr().err
    assert not (tmp_path / "predictions").exists()


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


def test_predict_leaves_out_what_it_cannot_harmonise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One score that can't be read, or that is too low for the model, ended the work on all others."""
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "broken.abc").write_text("X:1\nK:C\n[C|]\n")
    (tmp_path / "tunes" / "wide.musicxml").write_text(score([line("C0 C5 D5 C5")]))
    write_musicxml(read_melody(TWINKLE), tmp_path / "tunes" / "twinkle.musicxml")
    write_musicxml(read_melody(TWINKLE).transpose(2), tmp_path / "tunes" / "higher.musicxml")
    args = ["predict", *QUICK, "--decoder=Greedy", "--data.prompts"]
    assert main([*args, "tunes"]) == 2
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("bachlit: 2 prompts could not be harmonised")
    assert "broken.abc" in told
    assert "is left out. wide has the pitch" in told
    together = {path.name: path.read_bytes() for path in (tmp_path / "predictions").iterdir()}
    assert set(together) == {f"{name}.{ending}" for name in ("twinkle", "higher") for ending in ("musicxml", "mid")}
    assert main([*args, "tunes/twinkle.musicxml", "--output=alone"]) == 0
    for path in (tmp_path / "alone").iterdir():
        assert together[path.name] == path.read_bytes()


def test_without_a_checkpoint_the_weights_that_ship_are_used(corpus: list[str]) -> None:
    assert main(["test", *QUICK, KEPT, *corpus]) == 0
    assert figures("test")["test/nats_per_frame"] < 3


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
