"""What people type, taken apart: decoders, voices and bars."""

import inspect
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from jsonargparse import ArgumentParser, DefaultHelpFormatter

from bachlit import decoding
from bachlit.decoding import Decoder
from bachlit.errors import OptionError
from bachlit.music.chorale import VOICES, Voice


def refuse_unknown_decoder(args: Sequence[str]) -> None:
    """Refuse a `--decoder` that is no decoder's name; dotted paths and mappings are left to the parser.

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
            if value not in names and not re.fullmatch(r"\s*[{\[].*|(\w+\.)+\w+", value, re.DOTALL):
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


_FLAGS = ("--quantize", "--strict", "--png", "--wav", "--overwrite")

# Not the word none: jsonargparse would forget it when another number is typed after it.
_NO_RULES = '--rules={"all": 0}'


def refuse_seed(seed: int) -> None:
    """Refuse a seed that the generators don't tell from another.

    Raises:
        OptionError: If so.
    """
    if not 0 <= seed < 2**63:
        raise OptionError(f"A seed of {seed} can't be used; expected 0 to {2**63 - 1}; set --seed to one of these.")


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
    match = re.fullmatch(r"([0-9]{1,15})(?:-([0-9]{1,15}))?", typed.replace(" ", ""))
    if not match:
        raise OptionError(
            f"{typed[:60]!r} names no bars; expected one or a span of them, such as --bars 5 or --bars 5-8."
        )
    return int(match[1]), int(match[2] or match[1])


class Parser(ArgumentParser):  # type: ignore[misc]  # jsonargparse isn't typed here
    """Takes only what is typed for an option's value: `--decoder notes.txt` would read the file, and quote it."""

    def add_function_arguments(self, *args: Any, **options: Any) -> Any:
        """Add a function's arguments, none of which is read from a file."""
        return super().add_function_arguments(*args, **options | {"sub_configs": False})


class HelpFormatter(DefaultHelpFormatter):  # type: ignore[misc]  # jsonargparse isn't typed here
    """Leaves the lines of a help's last part as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else str(super()._fill_text(text, width, indent))
