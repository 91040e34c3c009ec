"""`bachlit harmonize` and `bachlit compose`: the commands that need neither Lightning nor a corpus."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jsonargparse import auto_cli

from bachlit import api
from bachlit.chorale import Chorale, Voice
from bachlit.decoding import Decoder
from bachlit.errors import ScoreError
from bachlit.parsing import check_decoder, one_sentence
from bachlit.scores import write_midi, write_musicxml


def harmonize(
    melody: Path,
    *,
    voice: Voice = "soprano",
    decoder: Decoder | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    output: Path | None = None,
    quantize: bool = False,
) -> None:
    """Harmonise a melody in four parts.

    Args:
        melody: A score: MusicXML, MXL, MIDI, ABC or kern.
        voice: Which voice the melody is.
        decoder: Chooses the notes, such as BeamSearch, Greedy or Sampling.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit` or a folder with a model, instead of the one that ships.
        output: A file (.musicxml or .mid), or a name without an ending for both; MELODY-harmonized if left out.
        quantize: Round what is finer than a sixteenth instead of refusing it.
    """
    output = output or Path(f"{melody.stem}-harmonized")
    _check_place(output)
    chorale = api.harmonize(melody, voice=voice, decoder=decoder, seed=seed, checkpoint=checkpoint, quantize=quantize)
    _write(chorale, output)


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
        output: A file (.musicxml or .mid), or a name without an ending for both; several pieces get their seeds added.
    """
    _check_place(output)
    chorales = api.compose(num, decoder=decoder, min_bars=min_bars, max_bars=max_bars, seed=seed, checkpoint=checkpoint)
    for chorale in chorales:
        number = f"-{chorale.name.rpartition('-')[2]}" if num > 1 else ""
        _write(chorale, output.with_name(f"{output.stem}{number}{output.suffix}"))


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
    check_decoder(args)
    with one_sentence(command):
        auto_cli(COMMANDS[command], args=_normal(args), prog=f"bachlit {command}", exit_on_error=False)


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


def _check_place(output: Path) -> None:
    """Say before the work, not after it, that its result could not be written."""
    if output.suffix and output.suffix not in _WRITERS:
        raise ScoreError(
            f"A score can't be written as {output.suffix}; expected --output to end in .musicxml or .mid, or to "
            "have no ending for both."
        )
    if not output.absolute().parent.is_dir():
        raise ScoreError(
            f"There is no folder {output.absolute().parent} to write to; make it, or choose another --output."
        )


def _write(chorale: Chorale, output: Path) -> None:
    paths = [output] if output.suffix else [output.with_name(output.name + ending) for ending in (".musicxml", ".mid")]
    for path in paths:
        _WRITERS[path.suffix](chorale, path)
        print(path)
