"""Private names of Lightning, jsonargparse and Python, used here alone: check these first at an upgrade.

Nothing of Lightning is imported: light commands parse by `careful_parsing`, too.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonargparse import Namespace, _common, _stubs_resolver, _typehints, set_parsing_settings

from bachlit.classes import allow, imported, tell_of_served

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import WeightAveraging
    from pytorch_lightning.cli import LightningArgumentParser
    from pytorch_lightning.loggers import CSVLogger, WandbLogger

# Packages whose classes may have short names or stand in configurations.
PACKAGES = ("bachlit", "torch.nn", "torch.optim", "pytorch_lightning", "lightning_fabric", "optuna")


@contextmanager
def careful_parsing(typed: Collection[str]) -> Iterator[None]:
    """Restrict parsers to imports from bachlit, PyTorch, Lightning and what the user typed; nothing is fetched.

    Typed modules may import others in the working folder, which are allowed, too. A class of bachlit's that another
    one replaces leaves it no options.

    Args:
        typed: Dotted paths.
    """
    allow(typed)
    before = dict(_common.parsing_settings)
    representers = yaml.SafeDumper.yaml_multi_representers
    tops = {path.partition(".")[0] for path in typed} - {"jsonargparse"}
    set_parsing_settings(
        import_path_denylist=["*"],
        import_path_allowlist=[*PACKAGES, *sorted(tops)],
        instantiate_subclass_spec_in_any=False,
        config_read_mode_urls_enabled=False,
        config_read_mode_fsspec_enabled=False,
    )
    # Otherwise it starts a Python to find modules, as soon as a list is given where a tensor may be.
    places = _stubs_resolver.tc.get_search_context(search_path=[Path(place) for place in sys.path if place])
    resolver = _stubs_resolver.stubs_resolver
    _stubs_resolver.stubs_resolver = _stubs_resolver.StubsResolver(search_context=places)
    _typehints.discard_init_args_on_class_path_change = _start_from_own_defaults
    # Some of Lightning's callbacks, such as Timer, have defaults that YAML can't represent.
    yaml.SafeDumper.yaml_multi_representers = representers | {
        Enum: lambda dumper, value: dumper.represent_data(value.value)
    }
    try:
        tell_of_served(lambda name: set_parsing_settings(import_path_allowlist=[name]))
        yield
    finally:
        yaml.SafeDumper.yaml_multi_representers = representers
        _typehints.discard_init_args_on_class_path_change = _discard
        _stubs_resolver.stubs_resolver = resolver
        _common.parsing_settings.update(before)


_discard = _typehints.discard_init_args_on_class_path_change


def _start_from_own_defaults(parser: Any, before: Any, value: Any) -> None:
    """Let a class that replaces one of bachlit's start from its own defaults.

    jsonargparse leaves it all options of the other that it has, too: a FrameLSTM would have the three layers of
    TokenLSTM.
    """
    if before and "init_args" in before and str(before["class_path"]).startswith("bachlit."):
        if imported(before["class_path"]) is not imported(value["class_path"]):
            before["init_args"] = Namespace()
    else:
        _discard(parser, before, value)


class CommandParsers:
    """Expose a LightningCLI's parsers, and keep it from reading a checkpoint's options."""

    _subcommand_parsers: dict[str, LightningArgumentParser]

    def parser_of(self, command: str) -> LightningArgumentParser:
        """Return a command's parser."""
        return self._subcommand_parsers[command]

    def explain(self, command: str, option: str, text: str) -> None:
        """Replace an option's help."""
        for action in self.parser_of(command)._actions:
            if action.dest == option:
                action.help = text

    def show_first(self, command: str, options: Sequence[str], title: str) -> None:
        """Show some options first in a command's help, in a group of their own."""
        parser = self.parser_of(command)
        actions = {action.dest: action for action in parser._actions if "help" not in action.dest}
        first = [actions[option] for option in options]
        for group in parser._action_groups:
            group._group_actions[:] = [action for action in group._group_actions if action not in first]
        shown = parser.add_argument_group(title)
        shown._group_actions[:] = first
        parser._action_groups.insert(0, parser._action_groups.pop())

    def _parse_ckpt_path(self) -> None:
        """Ignore a checkpoint's hyper-parameters: in Lightning they override typed options, and are instantiated."""


class BegunRun:
    """Expose a WandbLogger's run, and the options of `wandb.init`."""

    _experiment: Any
    _wandb_init: dict[str, Any]

    @property
    def begun(self) -> Any:
        """The run, if it was begun; asking doesn't begin it."""
        return self._experiment

    def end(self) -> None:
        """Forget the run."""
        self._experiment = None

    @property
    def init_options(self) -> dict[str, Any]:
        """Options of `wandb.init`, which can be changed before the run begins."""
        return self._wandb_init

    @property
    def joins_another(self) -> bool:
        """Check whether this is a spawned process, which joins its parent's run."""
        return getattr(self, "_attach_id", None) is not None


class EpochsFromOne:
    """Count a RichProgressBar's epochs from one, not from zero."""

    trainer: Trainer

    def _get_train_description(self, current_epoch: int) -> str:
        last = self.trainer.max_epochs
        number = f"{current_epoch + 1}/{last}" if last is not None and last > 0 else f"{current_epoch + 1}"
        return f"{f'Epoch {number}':10}"  # as wide as Validation


def forget_anonymous(logger: WandbLogger) -> None:
    """Remove an option that nobody typed, but Lightning passes to `wandb.init`, which warns that it has no effect."""
    if logger._wandb_init.get("anonymous") is None:
        logger._wandb_init.pop("anonymous", None)


def is_placed(logger: CSVLogger, folder: Path) -> bool:
    """Check whether a CSV's typed options place it in a folder; asking for its version would choose one."""
    return logger._version is not None and Path(logger.log_dir) == folder


def place(logger: CSVLogger, folder: Path) -> None:
    """Place a CSV in a folder."""
    number = folder.name.removeprefix("version_")
    is_old = folder.name.startswith("version_") and number.isdecimal()
    logger._save_dir, logger._name = str(folder.parent), ""
    logger._version = int(number) if is_old else folder.name


def start_method(trainer: Trainer) -> str | None:
    """Return how a trainer's strategy starts processes: fork, spawn, or None for another way."""
    return getattr(trainer.strategy, "_start_method", None)


def is_accumulating(trainer: Trainer) -> bool:
    """Check whether gradients are accumulated for a later step."""
    return trainer.fit_loop._should_accumulate()


def can_stop_early(trainer: Trainer) -> bool:
    """Check whether the minimum epochs and steps are done."""
    return trainer.fit_loop._can_stop_early


def validates_this_epoch(trainer: Trainer) -> bool:
    """Check whether this epoch has a validation."""
    return trainer.fit_loop.epoch_loop._should_check_val_epoch()


def epochs_done(trainer: Trainer) -> float:
    """Count finished epochs, with the fraction of the current one."""
    batches = trainer.num_training_batches
    done = (trainer.fit_loop.batch_idx + 1) / batches if 0 < batches < float("inf") else 1.0
    return trainer.current_epoch + round(min(done, 1.0), 4)


def forget_sigterm(trainer: Trainer) -> None:
    """Forget a SIGTERM, after which Lightning would end the fit as if it were done."""
    trainer._signal_connector.received_sigterm = False


def forget_average(callback: WeightAveraging) -> None:
    """Delete a callback's average of weights."""
    callback._average_model = None


def run_exit_functions() -> None:
    """Run the functions registered by `atexit`, as Python does at its end."""
    atexit._run_exitfuncs()
