"""`bachlit compose` and `plot`: commands without Lightning or a corpus."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from bachlit import api
from bachlit.commands.functions import run_typed
from bachlit.commands.plot import plot
from bachlit.decoding import Decoder
from bachlit.errors import OptionError
from bachlit.files.overwriting import refuse_replacing
from bachlit.generation.named_rules import weighed_rules
from bachlit.rendering.output import contents, places_for, save


def compose(
    num: int = 1,
    *,
    bars: int | None = None,
    min_bars: int = 8,
    max_bars: int = 40,
    decoder: Decoder | None = None,
    rules: dict[str, Any] | str | None = None,
    strict: bool = False,
    seed: int = 0,
    checkpoint: Path | None = None,
    output: str = "chorale",
    overwrite: bool = False,
    png: bool = False,
    wav: bool = False,
) -> None:
    """Compose chorales from nothing.

    Args:
        num: How many, up to 10,000.
        bars: Length of every piece in bars of 4/4, 1250 at most, instead of --min-bars and --max-bars.
        min_bars: Bars of 4/4 before which no piece ends, unless --max-bars is less.
        max_bars: Bars of 4/4 after which every piece is ended.
        decoder: Chooses the notes, such as Sampling.
        rules: Numbers for rules of part-writing, such as --rules.NoHidden 0; none for no rules. See below.
        strict: Stop where a rule can't be kept. Otherwise the last gives way first, with a warning.
        seed: The first piece's; the next has the next.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or one that ships: bachlit (if
            left out) or bachbot.
        output: A file (.musicxml, .mid, .svg, .png or .wav), a folder, or a name without an ending for a score and its
            MIDI file. Several pieces get their seeds added.
        overwrite: Replace files at these places that bachlit didn't write, too.
        png: Draw the scores beside them, too; needs bachlit[render].
        wav: Play them into files beside them, too.
    """
    api.refuse_num(num, "chorales can't be composed")
    refuse_seed(seed)
    weighed = weighed_rules(rules, decoder or api.COMPOSER)
    also = [ending for ending, wanted in ((".png", png), (".wav", wav)) if wanted]
    places = places_of(output, "chorale", also, range(seed, seed + num))
    check = partial(refuse_replacing, overwrite=overwrite)
    check([*chain.from_iterable(places)])
    chorales = api.compose_each(num, bars, min_bars, max_bars, decoder, weighed, strict, seed, checkpoint)
    save(chain.from_iterable(map(contents, chorales, places)), check)


def places_of(output: str | None, name: str, also: Sequence[str], numbers: range) -> list[list[Path]]:
    """List the files of each piece; several pieces are numbered.

    Args:
        output: The typed output, if any.
        name: Name of a file in a folder.
        also: Endings of files beside them.
        numbers: Numbers of the pieces.

    Raises:
        ScoreError: If they can't be written there.
        MissingPackageError: If a picture needs a package that isn't installed.
    """
    return [places_for(output, name, also, number if len(numbers) > 1 else None) for number in numbers]


COMMANDS: dict[str, Callable[..., None]] = {"compose": compose, "plot": plot}


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of one of `COMMANDS` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, COMMANDS[command], args)


def refuse_seed(seed: int) -> None:
    """Refuse a seed that generators don't take, or take for another.

    Raises:
        OptionError: If it isn't from 0 to 2**63 - 1.
    """
    if not 0 <= seed < 2**63:
        raise OptionError(f"A seed of {seed} can't be used; expected 0 to {2**63 - 1}; set --seed to one of these.")
