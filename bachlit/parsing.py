"""What both halves of the command line need of jsonargparse: decoders checked by name, errors in one sentence."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jsonargparse import ArgumentError

from bachlit import decoding
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
            raise OptionError(f"{said} See bachlit {command} --help.") from error
        if "loading state_dict" in said:
            raise CheckpointError(
                "The checkpoint's weights don't fit the network that was asked for; leave the network's options out, "
                "or type those that it was trained with."
            ) from error
        if isinstance(error, OSError) or type(error).__name__ == "MisconfigurationException":
            raise OptionError(f"{said} See bachlit {command} --help.") from error
        raise


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
