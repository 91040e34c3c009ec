"""Commands that are functions: parse the command line into arguments, and call."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from inspect import getdoc, signature
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from bachlit.classes import allow
from bachlit.commands.help import HelpFormatter
from bachlit.commands.messages import Phase, one_sentence, refuse_mistyped
from bachlit.commands.options import Words
from bachlit.corpus import Corpus
from bachlit.decoding import Decoder
from bachlit.generation.named_rules import rules_help
from bachlit.internals import careful_parsing

_IMPORT_HELP = (
    "--import MODULE imports a module of your own first, with the network or the encoding that a checkpoint needs."
)

_KINDS: Mapping[str, type[Any]] = {"decoder": Decoder, "corpus": Corpus}


def run_typed(
    command: str,
    function: Callable[..., int | None],
    args: Sequence[str],
    *,
    kinds: Mapping[str, type[Any]] = _KINDS,
    rest: str | None = None,
) -> int:
    """Parse a command line into the arguments of a function, and call it.

    Args:
        command: Name of the command.
        function: The function.
        args: The words after the command's name.
        kinds: Base classes of the options that name classes.
        rest: Option that gets the words after `--`, as a list.

    Returns:
        The exit code: the function's if it returns one, else 0.

    Raises:
        BachlitError: If the user has something to put right.
    """
    words, options = Words.of(args), signature(function).parameters
    if rest is not None and words.rest:
        words = replace(words.having(rest, json.dumps(words.rest)), rest=())
    first = next(iter(options.values()))
    if str(first.annotation).startswith("list["):
        words = words.gathering(first.name)
    phase = Phase(command, own=words.has_own)
    parser = ArgumentParser(
        prog=f"bachlit {command}",
        description=(getdoc(function) or "").partition("\n\n")[0],
        epilog=f"{rules_help()}\n\n{_IMPORT_HELP}" if "rules" in options else _IMPORT_HELP,
        formatter_class=HelpFormatter,
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="config", help="Path to a configuration file.")
    with careful_parsing(words.paths), one_sentence(phase):
        for module in words.values_of("import"):
            allow([module])
            import_module(module)
        words = words.having("import", None)
        words.refuse_unknown(kinds)
        words = words.listing([name for name, option in options.items() if "list[" in str(option.annotation)])
        try:
            # Not as sub-configurations: `--decoder notes.txt` would read the file, and quote it.
            parser.add_function_arguments(function, as_group=False, as_positional=True, sub_configs=False)
            made = parser.instantiate(parser.parse_args(words.argv))
        except ArgumentError as error:
            refuse_mistyped(str(error), words.names, options)
            raise
        phase.running = True
        return function(**{name: made[name] for name in options}) or 0
