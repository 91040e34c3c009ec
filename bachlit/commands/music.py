"""`bachlit compose`, and what it shares with other commands that write music."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bachlit.commands.functions import run_typed
from bachlit.commands.loading import loading
from bachlit.files.overwriting import refuse_replacing
from bachlit.generation.limits import bars_between, refuse_num, refuse_seed
from bachlit.models.runs import find_model
from bachlit.models.shipped import PRETRAINED
from bachlit.rendering.look import Look
from bachlit.rendering.output import TRACKS, contents, places_for, save

if TYPE_CHECKING:
    from bachlit.decoding import Decoder


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
    layout: Literal["open", "closed"] = "open",
    label: Literal["chords", "roman"] | None = None,
    png: bool = False,
    pdf: bool = False,
    paper: Literal["a4", "letter"] = "a4",
    wav: bool | Literal["voices"] = False,
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
        output: A file (.musicxml, .mid, .svg, .png, .pdf or .wav), a folder, or a name without an ending for a score
            and its MIDI file. Several pieces get their seeds added. Folders are made.
        overwrite: Replace files at these places that bachlit didn't write, too.
        layout: Four staves (open), or two as in hymnals (closed).
        label: Write the harmony under the score: chord symbols, or Roman numerals.
        png: Draw the scores beside them, too; needs bachlit[render].
        pdf: Print them beside them, too; needs bachlit[render].
        paper: Paper of a PDF.
        wav: Play them into files beside them, too; voices for practice tracks as well, one voice loud in each.
    """
    with loading():
        from bachlit import api
        from bachlit.commands.weights import announce
        from bachlit.generation.named_rules import weighed_rules

    weighed = weighed_rules(rules, decoder or api.COMPOSER, calibration=api.calibration_for(checkpoint))
    places = places_of(output, "chorale", endings_of(png=png, pdf=pdf, wav=wav), range(seed, seed + num))
    check = partial(refuse_replacing, overwrite=overwrite)
    chorales = api.compose_each(num, bars, min_bars, max_bars, decoder, weighed, strict, seed, checkpoint)
    drawn = partial(contents, look=Look(layout, label, paper))
    save(chain.from_iterable(map(drawn, chorales, places)), check)
    announce(find_model(checkpoint or PRETRAINED))


def check_composing(
    num: int,
    *,
    bars: int | None,
    min_bars: int,
    max_bars: int,
    seed: int,
    checkpoint: Path | None,
    output: str,
    overwrite: bool,
    png: bool,
    pdf: bool,
    wav: bool | Literal["voices"],
) -> None:
    """Refuse what can be known without PyTorch; arguments are those of `compose`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    refuse_num(num, "chorales can't be composed")
    bars_between(bars, min_bars, max_bars)
    refuse_seed(seed)
    if checkpoint is not None:
        find_model(checkpoint)
    places = places_of(output, "chorale", endings_of(png=png, pdf=pdf, wav=wav), range(seed, seed + num))
    refuse_replacing([*chain.from_iterable(places)], overwrite=overwrite)


def endings_of(*, png: bool, pdf: bool, wav: bool | Literal["voices"]) -> list[str]:
    """List the endings of files beside a score, as typed."""
    wanted = {".png": png, ".pdf": pdf, ".wav": bool(wav)}
    return [*(ending for ending, drawn in wanted.items() if drawn), *(TRACKS if wav == "voices" else ())]


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


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of `compose` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, compose, args, check=check_composing)
