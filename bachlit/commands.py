"""`bachlit harmonize` and `bachlit compose`: the commands that need neither Lightning nor a corpus."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from jsonargparse import auto_cli

from bachlit import api
from bachlit.chorale import VOICES, Chorale, Voice
from bachlit.decoding import Decoder
from bachlit.errors import OptionError, ScoreError
from bachlit.parsing import one_sentence, refuse_unknown_decoder
from bachlit.scores import write_midi, write_musicxml


def harmonize(
    melody: Path,
    *,
    voice: str | None = None,
    bars: str | None = None,
    rhythm: str | None = None,
    decoder: Decoder | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    output: Path | None = None,
    quantize: bool = False,
) -> None:
    """Harmonise a melody in four parts, or write around whatever else is given.

    Args:
        melody: A score: MusicXML, MXL, MIDI, ABC or kern.
        voice: The voice or voices that are given, such as bass or soprano,bass. If left out, all that the score has;
            of four, the soprano.
        bars: Bars of a four-part score to compose anew, such as 5 or 5-8, keeping all else. In them only --voice is
            given, if any. Bar 1 is the first full one, a pickup is bar 0.
        rhythm: The voice or voices of which only the rhythm is given, such as alto,tenor.
        decoder: Chooses the notes, such as BeamSearch, Greedy or Sampling.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit` or a folder with a model, instead of the one that ships.
        output: A file (.musicxml or .mid), a folder, or a name without an ending for both.
            MELODY-harmonized if left out.
        quantize: Round what is finer than a sixteenth instead of refusing it.
    """
    name = f"{melody.stem}-harmonized"
    # A tune's own dots are no ending.
    both = [Path(f"{name}{ending}") for ending in (".musicxml", ".mid")]
    places = both if output is None else _places(output, name)
    chorale = api.harmonize(
        melody,
        voice=None if voice is None else _voices(voice),
        bars=None if bars is None else _bars(bars),
        rhythm=() if rhythm is None else _voices(rhythm),
        decoder=decoder,
        seed=seed,
        checkpoint=checkpoint,
        quantize=quantize,
    )
    _write(chorale, places)


def compose(
    num: int = 1,
    *,
    decoder: Decoder | None = None,
    min_bars: int = 8,
    max_bars: int = 40,
    seed: int = 0,
    checkpoint: Path | None = None,
    output: Path = Path("chorale"),
) -> None:
    """Compose chorales from nothing.

    Args:
        num: How many.
        decoder: Chooses the notes, such as Sampling.
        min_bars: No piece ends before so many bars of 4/4, or before max_bars if that is less.
        max_bars: A piece that hasn't ended after so many bars of 4/4 is ended there.
        seed: The first piece's; the next has the next.
        checkpoint: A checkpoint of `bachlit fit` or a folder with a model, instead of the one that ships.
        output: A file (.musicxml or .mid), a folder, or a name without an ending for both.
            Several pieces get their seeds added.
    """
    seeds = range(seed, seed + num)
    places = [_places(output, "chorale") if num == 1 else _places(*_numbered(output, number)) for number in seeds]
    chorales = api.compose(num, decoder=decoder, min_bars=min_bars, max_bars=max_bars, seed=seed, checkpoint=checkpoint)
    for chorale, its_places in zip(chorales, places, strict=True):
        _write(chorale, its_places)


def _voices(typed: str) -> list[Voice]:
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


def _bars(typed: str) -> tuple[int, int]:
    """The first and the last bar of `5-8` or `5`.

    Raises:
        OptionError: If these are no numbers.
    """
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", typed.replace(" ", ""))
    if not match:
        raise OptionError(f"{typed!r} names no bars; expected one or a span of them, such as --bars 5 or --bars 5-8.")
    return int(match[1]), int(match[2] or match[1])


def _numbered(output: Path, number: int) -> tuple[Path, str]:
    """The same place for one of several pieces, and its name in a folder."""
    ending = output.suffix if output.suffix.lower() in _WRITERS else ""
    name = f"{output.name.removesuffix(ending)}-{number}"
    return (output if output.is_dir() else output.parent / f"{name}{ending}"), f"chorale-{number}"


COMMANDS: dict[str, Callable[..., None]] = {"harmonize": harmonize, "compose": compose}

_WRITERS: dict[str, Callable[[Chorale, Path], None]] = {
    ".musicxml": write_musicxml,
    ".xml": write_musicxml,
    ".mid": write_midi,
    ".midi": write_midi,
}


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of a command and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    refuse_unknown_decoder(args)
    with one_sentence(command):
        auto_cli(
            COMMANDS[command], args=_normal(args), prog=f"bachlit {command}", exit_on_error=False, allow_abbrev=False
        )


def _normal(args: Sequence[str]) -> list[str]:
    """Arguments as jsonargparse wants them: `--max-bars` is `--max_bars`, `--quantize` is `--quantize=true`."""
    normal = []
    for index, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        name = name.replace("-", "_").replace("__", "--", 1) if name.startswith("--") else name
        if arg == "--quantize" and args[index + 1 : index + 2] not in (["true"], ["false"]):
            equals, value = "=", "true"
        normal.append(name + equals + value)
    return normal


def _places(output: Path, name: str) -> list[Path]:
    """The files to write: `output` itself, or beside it with both endings; in it, by `name`, if it is a folder.

    It is asked before the work, so that nobody waits for what can't be written.

    Raises:
        ScoreError: If the ending stands for no format, or the folder isn't there.
    """
    if output.is_dir():
        output = output / name
    elif output.suffix.lower() in _WRITERS:
        return [_in_folder(output)]
    elif re.fullmatch(r"\.[A-Za-z]\w{1,7}", output.suffix):
        raise ScoreError(
            f"A score can't be written as {output.suffix}; expected --output to end in .musicxml or .mid, or to have "
            "no ending for both."
        )
    return [_in_folder(output.parent / f"{output.name}{ending}") for ending in (".musicxml", ".mid")]


def _in_folder(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        raise ScoreError(
            f"There is no folder {path.absolute().parent} to write to; make it, or choose another --output."
        )
    return path


def _write(chorale: Chorale, places: Sequence[Path]) -> None:
    for path in places:
        _WRITERS[path.suffix.lower()](chorale, path)
        print(path)
