"""What both halves of the command line need of jsonargparse: decoders and rules by name, errors in one sentence."""

import dataclasses
import inspect
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from jsonargparse import ArgumentError, DefaultHelpFormatter

from bachlit import decoding
from bachlit.decoding import LIVELY, PART_WRITING, ChordTones, Decoder, Rule, Rules
from bachlit.errors import BachlitError, CheckpointError, OptionError
from bachlit.writing import usual_rules


@contextmanager
def one_sentence(command: str) -> Iterator[None]:
    """Turn what a parser says of a bad option into an `OptionError` of one line.

    Raises:
        BachlitError: That of the class that refused its arguments, if one did, else an `OptionError`.
    """
    try:
        yield
    except BachlitError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, BachlitError):
                raise cause from error
            cause = cause.__cause__ or cause.__context__
        said = " ".join(str(error).split())
        if isinstance(error, ArgumentError):
            raise OptionError(_plainly(said) or f"{said} See bachlit {command} --help.") from error
        if "loading state_dict" in said:
            raise CheckpointError(
                "The checkpoint's weights don't fit the network that was asked for; leave the network's options out, "
                "or type those that it was trained with."
            ) from error
        if isinstance(error, OSError) or type(error).__name__ == "MisconfigurationException":
            raise OptionError(f"{said} See bachlit {command} --help.") from error
        raise


def _plainly(said: str) -> str | None:
    """What jsonargparse says of an option's value or of a class's options, in plain words; None for all else."""
    option = re.search(r"Option '([\w.]+)' is not accepted", said)
    owner = re.search(r"class_path '([\w.]+)\.(\w+)': Option|class_path='([\w.]+)\.(\w+)'", said)
    if option and owner:
        module, kind = filter(None, owner.groups())
        options = ", ".join(inspect.signature(getattr(import_module(module), kind)).parameters) or "none at all"
        return f"{kind} has no option {option[1]!r}; expected {options}; correct it, or leave it out."
    missing = re.search(r"class_path '([\w.]+)': (No module named '[\w.]+')", said)
    if missing:
        return f"There is no class {missing[1]} ({missing[2]}); expected a name or a dotted path; correct it."
    keys = ".".join(re.findall(r'Parser key "([^"]+)"', said))
    value = re.search(r"(?:Got|Given) value: (.+?)(?= - |$)", said)
    if not keys or not value:
        return None
    kinds = [_KINDS[kind] for kind in re.findall(r"Expected a <class '(\w+)'>", said) if kind in _KINDS]
    if re.search("Expected a dot import path|Import path", said):
        kinds = ["the name of a class, or the dotted path of your own"]
    if not kinds:
        return None
    return f"--{keys} can't be {value[1]}; expected {' or '.join(dict.fromkeys(kinds))}; correct it, or leave it out."


_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def refuse_unknown_decoder(args: Sequence[str]) -> None:
    """Refuse a `--decoder` that is no decoder's name; a path with dots is left to the parser.

    Raises:
        OptionError: If there is no such decoder.
    """
    names = sorted(
        name
        for name, kind in vars(decoding).items()
        if inspect.isclass(kind) and issubclass(kind, Decoder) and not inspect.isabstract(kind)
    )
    typed = {word.partition("=")[0] for word in args}
    if "--decoder" not in typed and any(word.startswith("--decoder.") for word in typed):
        raise OptionError(
            "An option of a decoder was given without the decoder; name it first, such as --decoder BeamSearch "
            "--decoder.width 16."
        )
    for index, word in enumerate(args):
        option, _, value = word.partition("=")
        if option == "--decoder":
            value = value or (args[index + 1] if index + 1 < len(args) else "")
            if value not in names and not any(mark in value for mark in "./{"):
                raise OptionError(
                    f"There is no decoder {value!r}; expected {', '.join(names)}, or the dotted path of your own class."
                )


def plain_words(args: Sequence[str]) -> list[str]:
    """Arguments as jsonargparse wants them: `--strict` is `--strict=true`, `--rules none` is `--rules={"all": 0}`."""
    plain: list[str] = []
    words = list(args)
    while words:
        word, *words = words
        if word in ("--quantize", "--strict") and words[:1] not in (["true"], ["false"]):
            word += "=true"
        elif word == "--rules" and words[:1] == ["none"]:
            word, words = _NO_RULES, words[1:]
        elif word == "--rules=none":
            word = _NO_RULES
        plain.append(word)
    return plain


# Not the word none: jsonargparse would forget it when another number is typed after it.
_NO_RULES = '--rules={"all": 0}'


def weighed_rules(typed: Mapping[str, Any] | str | None, decoder: Decoder) -> Rules:
    """The usual rules for a decoder, with the numbers that were typed.

    Args:
        typed: Nats by rule: its name, or the dotted path of one's own; `all` may be 0. Or `none`, which is just that.
            Rules that aren't in the usual set come after it.
        decoder: Decides which rules are usual, as for `bachlit.writing.write`.

    Raises:
        OptionError: If there is no such rule, or its number is none.

    >>> from bachlit.decoding import Greedy
    >>> str(weighed_rules({"all": 0, "NoParallels": 2}, Greedy()))
    'NoParallels'
    """
    rules = list(usual_rules(decoder))
    if isinstance(typed, str):
        if typed != "none":
            raise OptionError(
                f"--rules {typed} says nothing; expected --rules none, or a number for one of {', '.join(_rules())}, "
                "such as --rules.NoHidden 0."
            )
        typed = {"all": 0}
    numbers = dict(typed or {})
    if "all" in numbers:
        if _number("all", numbers.pop("all")) != 0:
            raise OptionError("All rules at once can only be switched off; expected --rules none; name each of them.")
        rules = [dataclasses.replace(rule, weight=0.0) for rule in rules]
    for name, value in numbers.items():
        kind, weight = _rule(name), _number(name, value)
        if any(type(rule) is kind for rule in rules):
            rules = [dataclasses.replace(rule, weight=weight) if type(rule) is kind else rule for rule in rules]
        else:
            try:
                rules.append(kind(weight=weight))
            except TypeError as error:
                raise OptionError(
                    f"The rule {name} can't be made with its weight alone ({error}); give its other options defaults."
                ) from error
    return Rules(tuple(rule for rule in rules if rule.weight != 0))


def rules_help() -> str:
    """What `--help` tells of rules: their names, their usual numbers and what they ask."""
    rows = [("", "search", "draw", "")]
    for name, kind in _rules().items():
        search, draw = (
            "/".join(f"{rule.weight:g}" for rule in rules if type(rule) is kind) or "0"
            for rules in (LIVELY, PART_WRITING)
        )
        rows.append((name, search, draw, re.split("[.:;]", inspect.getdoc(kind) or "")[0]))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"  {name.ljust(widths[0])}  {search.rjust(widths[1])}  {draw.rjust(widths[2])}  {said}".rstrip()
        for name, search, draw, said in rows
    ]
    return (
        "rules, each --rules.NAME NUMBER: the nats that a breach costs, inf to forbid it, 0 to switch it off. Their\n"
        "usual numbers for decoders that search (such as BeamSearch) and that draw (such as Sampling):\n"
        + "\n".join(lines)
        + "\nA rule of your own is --rules.yourmodule.YourRule NUMBER."
    )


class HelpFormatter(DefaultHelpFormatter):  # type: ignore[misc]  # jsonargparse isn't typed here
    """Leaves the lines of a help's last part as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else str(super()._fill_text(text, width, indent))


def _rules() -> dict[str, type[Rule]]:
    """The built-in rules that a number is enough for, by name; the usual ones first, in their order."""
    kinds = [type(rule) for rule in LIVELY]
    kinds += [
        kind
        for kind in vars(decoding).values()
        if inspect.isclass(kind) and issubclass(kind, Rule) and not inspect.isabstract(kind) and kind is not ChordTones
    ]
    return {kind.__name__: kind for kind in kinds}


def _rule(name: str) -> type[Rule]:
    """The class of a rule.

    Raises:
        OptionError: If there is none.
    """
    module, _, own = name.rpartition(".")
    kind: Any = None
    reason = ""
    if not module:
        kind = _rules().get(name)
    else:
        try:
            kind = getattr(import_module(module), own, None)
        except Exception as error:  # whatever a module of one's own does when it is run
            reason = f" ({type(error).__name__}: {' '.join(str(error).split())})"
    if inspect.isclass(kind) and issubclass(kind, Rule) and not inspect.isabstract(kind):
        return kind
    raise OptionError(
        f"There is no rule {name!r}{reason}; expected {', '.join(_rules())}, or the dotted path of your own class."
    )


def _number(name: str, value: Any) -> float:
    """The number of a rule.

    Raises:
        OptionError: If it is none.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number) or number == -math.inf:
        raise OptionError(
            f"The rule {name} can't weigh {value}; expected nats that a breach costs, such as 3, or inf to forbid it, "
            "or 0 to switch it off."
        )
    return number
