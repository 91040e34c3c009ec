"""Private names of libraries are used in one module, and are there."""

import ast
import atexit
import inspect
import subprocess
from pathlib import Path

import pytest
import wandb
import yaml
from jsonargparse import ArgumentError, ArgumentParser, _common, _stubs_resolver, _typehints
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from bachlit import internals
from bachlit.internals import careful_parsing

ROOT = Path(__file__).parents[1]
TRAINER = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", devices=1)
USED = {
    "CSVLogger._version": lambda: CSVLogger("x")._version is None,
    "CSVLogger._save_dir": lambda: CSVLogger("x")._save_dir == "x",
    "CSVLogger._name": lambda: CSVLogger("x", "y")._name == "y",
    "WandbLogger._experiment": lambda: WandbLogger(offline=True)._experiment is None,
    "WandbLogger._wandb_init": lambda: WandbLogger(offline=True, project="x")._wandb_init["project"] == "x",
    "WandbLogger._attach_id": lambda: "_attach_id" in Path(inspect.getfile(WandbLogger)).read_text(),
    "LightningCLI._subcommand_parsers": lambda: "_subcommand_parsers" in str(inspect.getsource(LightningCLI)),
    "LightningCLI._parse_ckpt_path": lambda: callable(LightningCLI._parse_ckpt_path),
    "ArgumentParser._actions": lambda: any(action.dest == "help" for action in ArgumentParser()._actions),
    "ArgumentParser._action_groups": lambda: bool(ArgumentParser()._action_groups),
    "ArgumentParser._group_actions": lambda: ArgumentParser()._action_groups[1]._group_actions[0].dest == "help",
    "Strategy._start_method": lambda: DDPStrategy(start_method="spawn")._start_method == "spawn",
    "FitLoop._should_accumulate": lambda: callable(TRAINER.fit_loop._should_accumulate),
    "FitLoop._can_stop_early": lambda: isinstance(TRAINER.fit_loop._can_stop_early, bool),
    "TrainingEpochLoop._should_check_val_epoch": lambda: callable(TRAINER.fit_loop.epoch_loop._should_check_val_epoch),
    "Trainer._signal_connector": lambda: TRAINER._signal_connector.received_sigterm is False,
    "WeightAveraging._average_model": lambda: WeightAveraging()._average_model is None,
    "jsonargparse._common": lambda: "import_path_verdicts" in _common.parsing_settings,
    "jsonargparse._typehints": lambda: callable(_typehints.discard_init_args_on_class_path_change),
    "atexit._run_exitfuncs": lambda: callable(atexit._run_exitfuncs),
    "jsonargparse._stubs_resolver": lambda: _stubs_resolver.get_stubs_resolver() is _stubs_resolver.stubs_resolver,
}  # fmt: skip


@pytest.mark.parametrize("name", USED)
def test_a_private_name_that_is_used_is_there(name: str) -> None:
    assert USED[name]()


def private(path: Path) -> set[str]:
    """The private attributes in a module."""
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def defined(path: Path) -> set[str]:
    """What a module names itself."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_each_private_name_of_a_library_stands_in_one_module_and_in_the_test_above() -> None:
    paths = [*ROOT.glob("bachlit/**/*.py"), *ROOT.glob("callbacks/*.py")]
    ours = {name for path in paths if path.stem != "internals" for name in defined(path)}
    python = {"_asdict", "_exit", "_fields", "_getframe", "_replace"}  # of named tuples and of the interpreter
    elsewhere = {path.stem: private(path) - ours - python for path in paths if path.stem != "internals"}
    assert {stem: names for stem, names in elsewhere.items() if names} == {}
    assert private(Path(internals.__file__)) <= {name.rpartition(".")[2] for name in USED}


def test_parsing_with_care_leaves_nothing_behind() -> None:
    settings, representers = dict(_common.parsing_settings), yaml.SafeDumper.yaml_multi_representers
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--part", type=nn.Module)
    with careful_parsing(["mine.Own"]):
        assert _common.parsing_settings != settings
        with pytest.raises(Exception, match="not allowed"):
            parser.parse_args(["--part=wandb.Image"])
    assert dict(_common.parsing_settings) == settings
    assert yaml.SafeDumper.yaml_multi_representers is representers
    assert wandb.Image


def test_parsing_with_care_starts_no_python_to_ask_for_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list in place of a tensor did."""

    def start(*args: object, **options: object) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(subprocess, "check_output", start)
    monkeypatch.setattr(_stubs_resolver, "stubs_resolver", None)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--loss", type=nn.Module)
    with careful_parsing([]), pytest.raises(ArgumentError):
        parser.parse_args(["--loss=torch.nn.CrossEntropyLoss", "--loss.weight=[1,2]"])
