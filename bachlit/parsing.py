"""What people type, taken apart: decoders, voices and bars; what can't be, in one sentence."""

import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from traceback import walk_tb
from typing import cast

from jsonargparse import ArgumentError, DefaultHelpFormatter

from bachlit import decoding
from bachlit.chorale import VOICES, Voice
from bachlit.decoding import Decoder
from bachlit.errors import BachlitError, CheckpointError, OptionError


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
            raise OptionError(_plainly(said) or _pointing(said, command)) from error
        if "loading state_dict" in said:
            raise CheckpointError(
                "The checkpoint's weights don't fit the network that was asked for; leave the network's options out, "
                "or type those that it was trained with."
            ) from error
        if isinstance(error, UnicodeDecodeError):
            raise OptionError(f"A config can't be read ({said}); expected YAML in UTF-8; save it as that.") from error
        lightnings = type(error).__name__ == "MisconfigurationException" or _refused_by_trainer(error)
        if isinstance(error, OSError) or lightnings:
            raise OptionError(_pointing(said, command)) from error
        raise


def _pointing(said: str, command: str) -> str:
    """What a library says, without our own spelling of lists, and where to read more."""
    plain = re.sub(r"/--[\w.-]+\+", "", said).removesuffix(".")
    return f"{plain}. See bachlit {command} --help."


def _refused_by_trainer(error: Exception) -> bool:
    """Whether Lightning's Trainer refused its options; an error in other code, or in training, is a bug."""
    passed = [(frame.f_globals.get("__name__", ""), frame.f_code.co_name) for frame, _ in walk_tb(error.__traceback__)]
    return (
        isinstance(error, ValueError | TypeError)
        and ("pytorch_lightning.trainer.trainer", "__init__") in passed
        and passed[-1][0].startswith(("pytorch_lightning.", "lightning_fabric."))
    )


def _plainly(said: str) -> str | None:
    """What jsonargparse says of an option's value or of a class's options, in plain words; None for all else."""
    # Of a class that was named, before what is said of those that it might have been instead.
    inner = re.search(
        r"""class_path '[\w.]+': (Parser key "[\w.]+": (?:(?!class_path ').)+?(?:Got|Given) value: .*?)(?= - |$)""",
        said,
    )
    if inner:
        said = f"{said.partition('Does not')[0]}{inner[1]}"
    explanations = (_lost_file, _missing_option, _foreign_option, _missing_class, _wrong_value, _option_alone)
    return next((told for told in (explain(said) for explain in explanations) if told), None)


def _key(said: str) -> str:
    """The option that it is about, with those that it is within."""
    return ".".join(re.findall(r'Parser key "([^"]+)"', said))


def _lost_file(said: str) -> str | None:
    lost = re.search(r"File does not exist: '(.+?)'", said)
    return lost and f"There is no file {lost[1]}; expected a configuration in YAML; correct its path."


def _missing_option(said: str) -> str | None:
    needed = re.search(r"class_path '[\w.]+?(\w+)': the following arguments are required: (.+?)(?= - |$)", said)
    if not needed:
        return None
    first = needed[2].split(", ")[0]
    return f"{needed[1]} needs {needed[2]}; expected --{_key(said)}.{first} and a value after it; add that."


def _foreign_option(said: str) -> str | None:
    option = re.search(r"Option '([\w.]+)' is not accepted", said)
    owner = re.search(r"class_path '([\w.]+)\.(\w+)': Option|class_path='([\w.]+)\.(\w+)'", said)
    if not option or not owner:
        return None
    module, kind = filter(None, owner.groups())
    options = ", ".join(inspect.signature(getattr(import_module(module), kind)).parameters) or "none at all"
    return f"{kind} has no option {option[1]!r}; expected {options}; correct it, or leave it out."


def _missing_class(said: str) -> str | None:
    missing = re.search(r"No module named '[\w.]+'|module '[\w.]+' has no attribute '\w+'", said)
    named = re.search(r"class_path '([\w.]+)': (?:No )?module|Got value: ([\w.]+)$", said)
    if not missing or not named:
        return None
    return f"There is no class {named[1] or named[2]} ({missing[0]}); expected a name or a dotted path; correct it."


def _wrong_value(said: str) -> str | None:
    key = _key(said)
    value = re.search(r"(?:Got|Given) value: ?(.*?)(?=\. Got| - | See |$)", said)
    kinds = [_KINDS[kind] for kind in re.findall(r"Expected a <class '([\w.]+)'>", said) if kind in _KINDS]
    kinds += [choices.replace("'", "") for choices in re.findall(r"typing\.Literal\[(.+?)\]", said)]
    path = re.search(r"Expected a dot import path string: ?((?!Given |- )\S*)|Import path", said)
    # Where torch takes a number it takes a tensor, too, which nobody types.
    if path and not any("number" in kind for kind in kinds):
        kinds.append("the name of a class, or the dotted path of your own")
        value = path if path[1] else value
    if not key or not value or not kinds:
        return None
    expected = " or ".join(dict.fromkeys(kinds))
    return f"--{key} can't be {value[1] or 'empty'}; expected {expected}; correct it, or leave it out."


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    **dict.fromkeys(("list", "tuple", "collections.abc.Sequence"), "a list, such as [a,b]"),
}


def _option_alone(said: str) -> str | None:
    alone = re.search(r"class, but [\w.]+ is abstract.+NestedArg\(key='([\w.]+)'", said)
    key = _key(said)
    return alone and (
        f"--{key}.{alone[1]} was given without --{key}; expected the class whose option it is; name it first: "
        f"--{key} CLASS --{key}.{alone[1]} VALUE."
    )


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
    for index, word in enumerate(args):
        option, _, value = word.partition("=")
        if option == "--decoder":
            value = value or (args[index + 1] if index + 1 < len(args) else "")
            if value not in names and not any(mark in value for mark in "./{"):
                raise OptionError(
                    f"There is no decoder {value!r}; expected {', '.join(names)}, or the dotted path of your own class."
                )


def refuse_absent_folder(args: Sequence[str]) -> None:
    """Refuse `--output FOLDER/` where there is none: as a path it loses its slash, and would name a file.

    Raises:
        OptionError: If so.

    >>> refuse_absent_folder(["--output=nowhere/"])
    Traceback (most recent call last):
    ...
    bachlit.errors.OptionError: There is no folder nowhere/ to write to; make it, or choose another --output.
    """
    words = [word for arg in args for word in (arg.split("=", 1) if arg.startswith("--output=") else [arg])]
    for option, value in pairwise(words):
        if option == "--output" and value.endswith("/") and not Path(value).is_dir():
            raise OptionError(f"There is no folder {value} to write to; make it, or choose another --output.")


def plain_words(args: Sequence[str]) -> list[str]:
    """Arguments as jsonargparse wants them: `--strict` is `--strict=true`, `--rules none` is `--rules={"all": 0}`."""
    plain: list[str] = []
    words = list(args)
    while words:
        word, *words = words
        if word in _FLAGS and words[:1] not in (["true"], ["false"]):
            word += "=true"
        elif word == "--rules" and words[:1] == ["none"]:
            word, words = _NO_RULES, words[1:]
        elif word == "--rules=none":
            word = _NO_RULES
        plain.append(word)
    return plain


_FLAGS = ("--quantize", "--strict", "--png", "--wav")

# Not the word none: jsonargparse would forget it when another number is typed after it.
_NO_RULES = '--rules={"all": 0}'


def voices_of(typed: str) -> list[Voice]:
    """The voices of `soprano,bass`.

    Raises:
        OptionError: If one of them is none.
    """
    names = [name.strip().lower() for name in typed.split(",")]
    unknown = [name for name in names if name not in VOICES]
    if unknown:
        raise OptionError(
            f"There is no voice {unknown[0]!r}; expected {', '.join(VOICES)}, or several of them with commas between, "
            "such as soprano,bass."
        )
    return cast(list[Voice], names)


def bars_of(typed: str) -> tuple[int, int]:
    """The first and the last bar of `5-8` or `5`.

    Raises:
        OptionError: If these are no numbers.
    """
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", typed.replace(" ", ""))
    if not match:
        raise OptionError(f"{typed!r} names no bars; expected one or a span of them, such as --bars 5 or --bars 5-8.")
    return int(match[1]), int(match[2] or match[1])


class HelpFormatter(DefaultHelpFormatter):  # type: ignore[misc]  # jsonargparse isn't typed here
    """Leaves the lines of a help's last part as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else str(super()._fill_text(text, width, indent))
