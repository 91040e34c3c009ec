"""Commands that are functions: parse the command line into arguments, and call.

It is parsed first without PyTorch, which takes seconds to load: options of types from heavy packages are passed over,
all others are refused here if they are wrong. If any of those was typed, it is parsed again, wholly.
"""

import builtins
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from inspect import Parameter, getdoc, signature
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from bachlit.classes import allow
from bachlit.commands.help import IMPORT_HELP, HelpFormatter
from bachlit.commands.loading import loading
from bachlit.commands.messages import Phase, one_sentence, refuse_mistyped
from bachlit.commands.options import Words
from bachlit.errors import OptionError
from bachlit.internals import careful_parsing

_KINDS = ("decoder", "corpus")


def run_typed(
    command: str,
    function: Callable[..., int | None],
    args: Sequence[str],
    *,
    check: Callable[..., int | None] | None = None,
    kinds: Mapping[str, type[Any]] | None = None,
    rest: str | None = None,
) -> int:
    """Parse a command line into the arguments of a function, and call it.

    Args:
        command: Name of the command.
        function: The function. Its module imports heavy packages in functions and, for annotations, where
            `TYPE_CHECKING` is set.
        args: The words after the command's name.
        check: Refuses arguments before heavy packages are loaded; takes some of the function's, by their names.
        kinds: Base classes of the options that name classes; decoder and corpus if None.
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
    if first.kind is not Parameter.KEYWORD_ONLY and str(first.annotation).startswith("list["):
        words = words.gathering(first.name)
    words = words.listing([name for name, option in options.items() if "list[" in str(option.annotation)])
    phase = Phase(command, own=words.has_own)
    words.refuse_missing_configs()
    refuse_unimportable(words.modules)
    with careful_parsing(words.paths), one_sentence(phase):
        light = _Light.of(function, _KINDS if kinds is None else kinds)
        made: Mapping[str, Any] = {}
        helps = bool(light.passed_over) and asks_for_help(words)
        if not helps:
            made = light.parsed(command, words, function)
            if check is not None:
                check(**{name: made[name] for name in signature(check).parameters})
        if helps or light.leaves_out(words):
            made = _parsed(command, words, function, kinds)
        elif words.modules:
            with loading():
                words.import_modules()
        phase.running = True
        return function(**{name: made[name] for name in options}) or 0


def asks_for_help(words: Words) -> bool:
    """Check whether help or the configuration is asked for, instead of work."""
    asked = {word.partition("=")[0] for word in words.words}
    return any(word in ("-h", "--help", "--print_config") or word.endswith(".help") for word in asked)


def refuse_unimportable(modules: Sequence[str]) -> None:
    """Refuse modules that can't be found, before anything is imported.

    Raises:
        OptionError: If there is one.
    """
    allow(modules)
    for module in modules:
        top, found = module.partition(".")[0], None
        with suppress(ImportError, ValueError):
            found = top in sys.modules or find_spec(top)
        if not found or module.endswith(".py") or not all(map(str.isidentifier, module.split("."))):
            raise OptionError(
                f"There is no module {module!r}; expected one in this folder or installed, such as mine for mine.py; "
                "correct --import."
            )


def _parsed(
    command: str, words: Words, function: Callable[..., int | None], kinds: Mapping[str, type[Any]] | None
) -> Mapping[str, Any]:
    """Parse all options, and make the classes that they name."""
    with loading():
        from bachlit.corpus import Corpus  # PyTorch takes seconds
        from bachlit.decoding import Decoder
        from bachlit.generation.named_rules import rules_help
    options = signature(function).parameters
    kinds = {"decoder": Decoder, "corpus": Corpus} if kinds is None else kinds
    epilog = f"{rules_help()}\n\n{IMPORT_HELP}" if "rules" in options else IMPORT_HELP
    words.import_modules()
    words = words.spelled_out(kinds)
    words.refuse_unknown(kinds)
    return _parse(_parser(command, function, epilog), function, words, words.argv)


def _parser(command: str, function: Callable[..., int | None], epilog: str = "") -> ArgumentParser:
    parser = ArgumentParser(
        prog=f"bachlit {command}",
        description=(getdoc(function) or "").partition("\n\n")[0],
        epilog=epilog,
        formatter_class=HelpFormatter,
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="config", help="Path to a configuration file.")
    return parser


def _parse(
    parser: ArgumentParser, function: Callable[..., int | None], words: Words, argv: list[str]
) -> Mapping[str, Any]:
    try:
        # Not as sub-configurations: `--decoder notes.txt` would read the file, and quote it.
        parser.add_function_arguments(function, as_group=False, as_positional=True, sub_configs=False)
        return parser.instantiate(parser.parse_args(argv))  # type: ignore[no-any-return]
    except ArgumentError as error:
        refuse_mistyped(str(error), words.names, [*signature(function).parameters])
        raise


@dataclass(frozen=True)
class _Light:
    """A function's parameters, those of types from heavy packages set apart.

    Attributes:
        parameters: With types for a parser; `Any` for those that are passed over.
        passed_over: Names of those.
    """

    parameters: Sequence[Parameter]
    passed_over: frozenset[str]

    @classmethod
    def of(cls, function: Callable[..., int | None], kinds: Collection[str]) -> "_Light":
        """Resolve the annotations whose names the function's module has imported, but of options that name classes."""
        names = vars(builtins) | vars(sys.modules[function.__module__])
        parameters, passed_over = [], set()
        for name, parameter in signature(function).parameters.items():
            kind = parameter.annotation
            try:
                kind = eval(kind, names) if isinstance(kind, str) else kind  # our own source
            except NameError:  # imported for type checkers alone
                kind = Any
                passed_over.add(name)
            if name in kinds:
                kind = Any
                passed_over.add(name)
            parameters.append(parameter.replace(annotation=kind))
        return cls(parameters, frozenset(passed_over))

    def parsed(self, command: str, words: Words, function: Callable[..., int | None]) -> Mapping[str, Any]:
        """Parse all options but those that are passed over.

        Raises:
            ArgumentError: If one is wrong.
        """

        def stub(**_: Any) -> None:
            """Have the function's parameters and help."""

        stub.__doc__ = function.__doc__
        vars(stub)["__signature__"] = signature(function).replace(parameters=self.parameters)
        typed = [word for word in words.words if not (word.startswith("--") and self._passes_over(word[2:]))]
        configs = [f"--config={self._config(config.value, config.options)}" for config in words.configs]
        rest = ["--", *words.rest] if words.rest else []
        epilog = IMPORT_HELP if "checkpoint" in signature(function).parameters else ""
        return _parse(_parser(command, function, epilog), stub, words, [*configs, *typed, *rest])

    def leaves_out(self, words: Words) -> bool:
        """Check whether an option that is passed over was typed, or may stand in a configuration typed in YAML."""
        typed = [word[2:] for word in words.words if word.startswith("--")]
        in_files = [str(name) for config in words.configs for name in config.options]
        return any(map(self._passes_over, [*typed, *in_files])) or not all(config.options for config in words.configs)

    def _passes_over(self, option: str) -> bool:
        return re.match(r"[^=.+]*", option)[0] in self.passed_over  # type: ignore[index]  # it matches

    def _config(self, value: str, options: Mapping[str, Any]) -> str:
        """Leave what is passed over out of a configuration: a file's, or typed in YAML."""
        if not options:
            with suppress(yaml.YAMLError, RecursionError):  # which the parser reports
                options = yaml.safe_load(value)
        if not isinstance(options, Mapping):
            return value
        kept = {name: one for name, one in options.items() if not self._passes_over(str(name))}
        return str(yaml.safe_dump(kept, default_flow_style=True, width=sys.maxsize))
