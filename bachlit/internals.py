"""Private names of Lightning and jsonargparse, used here alone: check these first at an upgrade.

Nothing of Lightning is imported: light commands parse by `careful_parsing`, too.
"""

from __future__ import annotations

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
    from pytorch_lightning.loggers import CSVLogger

# Of these a parser may import what is typed by a short name, or stands in a configuration.
_PACKAGES = ("bachlit", "torch.nn", "torch.optim", "pytorch_lightning", "lightning_fabric", "optuna")


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
        import_path_allowlist=[*_PACKAGES, *sorted(tops)],
        instantiate_subclass_spec_in_any=False,
        config_read_mode_urls_enabled=False,
        config_read_mode_fsspec_enabled=False,
    )
    # Else it would start a Python to ask for the places of modules, as soon as a list stands where a tensor may.
    places = _stubs_resolver.tc.get_search_context(search_path=[Path(place) for place in sys.path if place])
    resolver = _stubs_resolver.stubs_resolver
    _stubs_resolver.stubs_resolver = _stubs_resolver.StubsResolver(search_context=places)
    _typehints.discard_init_args_on_class_path_change = _start_from_own_defaults
    # Some of Lightning's callbacks, such as Timer, have defaults that YAML has no words for.
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
    """Reach a LightningCLI's parsers of commands, and keep it from a checkpoint's options."""

    _subcommand_parsers: dict[str, LightningArgumentParser]

    def parser_of(self, command: str) -> LightningArgumentParser:
        """Give the parser of a command."""
        return self._subcommand_parsers[command]

    def explain(self, command: str, option: str, text: str) -> None:
        """Replace an option's help."""
        for action in self.parser_of(command)._actions:
            if action.dest == option:
                action.help = text

    def show_first(self, command: str, options: Sequence[str], title: str) -> None:
        """Put some options before all others in a command's help, in a group of their own."""
        parser = self.parser_of(command)
        actions = {action.dest: action for action in parser._actions if "help" not in action.dest}
        first = [actions[option] for option in options]
        for group in parser._action_groups:
            group._group_actions[:] = [action for action in group._group_actions if action not in first]
        shown = parser.add_argument_group(title)
        shown._group_actions[:] = first
        parser._action_groups.insert(0, parser._action_groups.pop())

    def _parse_ckpt_path(self) -> None:
        """Leave a checkpoint's hyper-parameters alone: Lightning would lay them over what was typed, and make them."""


class BegunRun:
    """Reach a WandbLogger's run, and the options with which `wandb.init` begins it."""

    _experiment: Any
    _wandb_init: dict[str, Any]

    @property
    def begun(self) -> Any:
        """The run, if it was begun; begun by nobody's look at it."""
        return self._experiment

    def end(self) -> None:
        """Forget the run."""
        self._experiment = None

    @property
    def init_options(self) -> dict[str, Any]:
        """The options for `wandb.init`, to be changed before the run begins."""
        return self._wandb_init

    @property
    def joins_another(self) -> bool:
        """Whether this is a spawned process, which joins the run of the process that spawned it."""
        return getattr(self, "_attach_id", None) is not None


def is_placed(logger: CSVLogger, folder: Path) -> bool:
    """Tell whether a CSV was typed to be kept in a folder: asked for its version, it would choose one."""
    return logger._version is not None and Path(logger.log_dir) == folder


def place(logger: CSVLogger, folder: Path) -> None:
    """Let a CSV be kept in a folder."""
    number = folder.name.removeprefix("version_")
    is_old = folder.name.startswith("version_") and number.isdecimal()
    logger._save_dir, logger._name = str(folder.parent), ""
    logger._version = int(number) if is_old else folder.name


def start_method(trainer: Trainer) -> str | None:
    """Tell how a trainer's strategy starts processes: fork, spawn, or in another way (None)."""
    return getattr(trainer.strategy, "_start_method", None)


def is_accumulating(trainer: Trainer) -> bool:
    """Tell whether gradients are gathered that no step has taken yet."""
    return trainer.fit_loop._should_accumulate()


def can_stop_early(trainer: Trainer) -> bool:
    """Tell whether the least epochs and steps are done."""
    return trainer.fit_loop._can_stop_early


def validates_this_epoch(trainer: Trainer) -> bool:
    """Tell whether a validation is due in the epoch at hand."""
    return trainer.fit_loop.epoch_loop._should_check_val_epoch()


def epochs_done(trainer: Trainer) -> float:
    """Count the finished epochs, with the fraction of the present one."""
    batches = trainer.num_training_batches
    done = (trainer.fit_loop.batch_idx + 1) / batches if 0 < batches < float("inf") else 1.0
    return trainer.current_epoch + round(min(done, 1.0), 4)


def forget_sigterm(trainer: Trainer) -> None:
    """Let a trainer not know that it was told to end: it would end the fit after a step as if it were done."""
    trainer._signal_connector.received_sigterm = False


def forget_average(callback: WeightAveraging) -> None:
    """Let a callback have no average of weights."""
    callback._average_model = None
