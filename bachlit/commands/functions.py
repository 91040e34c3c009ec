"""Commands that are functions: parse what was typed into arguments, and call."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser, auto_cli

from bachlit.classes import allow, tell_of_served
from bachlit.commands.help import HelpFormatter
from bachlit.commands.messages import Phase, one_sentence, refuse_misspelt
from bachlit.commands.options import Words
from bachlit.corpus import Corpus
from bachlit.decoding import Decoder
from bachlit.errors import OptionError
from bachlit.generation.named_rules import rules_help
from bachlit.internals import careful_parsing

_IMPORT_HELP = (
    "--import MODULE imports a module of your own first: that of the network or the encoding that a checkpoint wants."
)

_KINDS: Mapping[str, type[Any]] = {"decoder": Decoder, "corpus": Corpus}


def run_typed(
    command: str,
    function: Callable[..., None],
    args: Sequence[str],
    *,
    kinds: Mapping[str, type[Any]] = _KINDS,
    rest: str | None = None,
) -> None:
    """Parse the arguments of a command into those of its function, and call it.

    Args:
        command: Its name.
        function: It.
        args: What was typed after its name.
        kinds: Base classes of the options that name classes.
        rest: The option that gets, as a list, the words after `--`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    words, options = Words.of(args), signature(function).parameters
    if rest is not None and words.rest:
        words = replace(words.having(rest, json.dumps(words.rest)), rest=())
    output = words.value_of("output") or ""
    if command in ("harmonize", "compose", "plot") and output.endswith("/") and not Path(output).is_dir():
        # As a path it loses its slash, and would name a file.
        raise OptionError(f"There is no folder {output} to write to; make it, or choose another --output.")
    allow(words.paths)
    words = _importing(words)
    for option in kinds.keys() & options.keys():
        words.class_of(option, kinds[option])
    words = words.listing([name for name, option in options.items() if "list[" in str(option.annotation)])
    phase = Phase(command)

    @wraps(function)
    def begin(*args: Any, **options: Any) -> None:
        phase.running = True
        function(*args, **options)

    with one_sentence(phase), careful_parsing(words.paths) as trust:
        tell_of_served(trust)
        try:
            auto_cli(
                begin,
                args=words.argv,
                prog=f"bachlit {command}",
                epilog=f"{rules_help()}\n\n{_IMPORT_HELP}" if "rules" in options else _IMPORT_HELP,
                formatter_class=HelpFormatter,
                parser_class=_Parser,
                exit_on_error=False,
                allow_abbrev=False,
            )
        except ArgumentError as error:
            refuse_misspelt(str(error), words.names, options)
            raise


class _Parser(ArgumentParser):  # type: ignore[misc]  # jsonargparse isn't typed here
    """Take only what is typed for an option's value: `--decoder notes.txt` would read the file, and quote it."""

    def add_function_arguments(self, *args: Any, **options: Any) -> Any:
        """Add a function's arguments, none of which is read from a file."""
        return super().add_function_arguments(*args, **options | {"sub_configs": False})


def _importing(words: Words) -> Words:
    """Import the modules that --import names, and take it out.

    Raises:
        OptionError: If one isn't there.
    """
    for module in words.values_of("import"):
        allow([module])
        try:
            import_module(module)
        except (ModuleNotFoundError, TypeError, ValueError) as error:
            if getattr(error, "name", module) not in (module, module.partition(".")[0]):
                raise  # it is there, and lacks another
            raise OptionError(
                f"There is no module {module!r} to import; expected its dotted path, from the folder that it is in; "
                "correct it."
            ) from error
    return words.having("import", None)
