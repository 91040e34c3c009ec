"""Format `--help`: rules as a table, and one line per option of Lightning."""

import re
from argparse import SUPPRESS, Action, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from textwrap import shorten
from typing import Any

from jsonargparse import DefaultHelpFormatter

# Help of the options that are shown first.
HELP = {
    "config": "A file of options in YAML, such as one in configs/; the option may be repeated, and later files win.",
    "model.network": "The network's class, such as FrameLSTM; then its options, such as --model.network.hidden.",
    "model.optimizer": "The optimiser's class, Adam if left out; its learning rate is --model.optimizer.lr.",
    "data.corpus": "Where chorales come from: BachCorpus, FolderCorpus, Jsb16Corpus or your own class.",
    "trainer.max_epochs": "Stop after so many epochs (1000).",
    "trainer.accelerator": "cpu, gpu, mps or auto.",
    "trainer.enable_progress_bar": "Show a bar; without a terminal a fit prints lines instead.",
    "trainer.enable_model_summary": "Print the network's number of parameters, by default.",
    "trainer.limit_train_batches": "Take so many batches of an epoch, or this share of them.",
}
FIRST = (
    *("config", "run", "ckpt_path", "model.network", "model.optimizer", "data.corpus", "data.keys", "data.lanes"),
    *("trainer.max_epochs", "trainer.accelerator", "trainer.devices"),
)
IMPORT_HELP = "--import MODULE, which may be repeated, imports a module of yours: its classes have short names, too."
CLASS_HELP = (
    "Where an option takes a class, --OPTION.help CLASS shows its options, as in --model.network.help FrameLSTM.\n"
    + IMPORT_HELP
)

_WIDTH = 140  # characters: two lines of a terminal


class HelpFormatter(RawDescriptionHelpFormatter, DefaultHelpFormatter):  # type: ignore[misc]  # jsonargparse isn't typed
    """Keep the lines of a help's last part, and name arguments that aren't options as they are typed: SCORE ..."""

    def _metavar_formatter(self, action: Action, default_metavar: str) -> Callable[[int], tuple[str, ...]]:
        if action.option_strings or "PATH" not in str(action.metavar):
            return super()._metavar_formatter(action, default_metavar)
        return lambda size: (f"{action.dest.upper()} ...",) * size


class BriefHelpFormatter(HelpFormatter):
    """Show each option in a line or two, without types, lists of classes, and `.help` options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=8)

    def add_usage(self, usage: str | None, actions: Iterable[Action], *args: Any, **options: Any) -> None:
        """Leave out the options, which are listed below."""
        super().add_usage("%(prog)s [options]", actions, *args, **options)

    def _format_action(self, action: Action) -> str:
        if any(name.endswith(".help") for name in action.option_strings):
            return ""
        return str(super()._format_action(action))

    def _format_action_invocation(self, action: Action) -> str:
        names = ", ".join(name for name in action.option_strings if not name.endswith("+"))
        value = action.metavar or action.dest.rpartition(".")[2].upper()
        return names if action.nargs == 0 else f"{names} {value}"

    def _get_help_string(self, action: Action) -> str:
        text = re.sub(r"``|:\w+:|[`~]", "", " ".join((action.help or "").split()))
        first = re.split(r"(?<=[^.]\.)\s+(?=[A-Z])", text)[0]
        has_default = isinstance(action.default, bool | int | float | str) and action.default != SUPPRESS
        return f"{shorten(first, _WIDTH, placeholder=' ...')}{' (%(default)s)' if has_default else ''}"
