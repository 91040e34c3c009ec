"""`bachlit harmonize`, `compose` and `plot`: commands without Lightning or a corpus."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, cast

from bachlit import api
from bachlit.commands.functions import run_typed
from bachlit.commands.plot import plot
from bachlit.decoding import ChordTones, Decoder
from bachlit.errors import OptionError
from bachlit.files.overwriting import refuse_replacing
from bachlit.generation.harmonizing import Written
from bachlit.generation.named_rules import weighed_rules
from bachlit.music.chorale import VOICES, Voice
from bachlit.music.measures import whole_bars
from bachlit.rendering.output import contents, places_for, save


def harmonize(
    melody: Path,
    *,
    voice: str | None = None,
    bars: str | None = None,
    rhythm: str | None = None,
    chords: str | None = None,
    num: int = 1,
    decoder: Decoder | None = None,
    rules: dict[str, Any] | str | None = None,
    strict: bool = False,
    seed: int = 0,
    checkpoint: Path | None = None,
    output: Path | None = None,
    overwrite: bool = False,
    png: bool = False,
    wav: bool = False,
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
        chords: The harmony to keep to, such as "C | F G7/B | . | C": bars between |, which their chords share equally;
            a pickup is the first. A dot leaves it open.
        num: How many different harmonisations at most, up to 10,000. Several are numbered, the best first, compared in
            a table, and described in a .json file.
        decoder: Chooses the notes, such as BeamSearch, Greedy or Sampling.
        rules: Numbers for rules of part-writing, such as --rules.NoHidden 0; none for no rules. See below.
        strict: Stop where a rule can't be kept. Otherwise the last gives way first, with a warning.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or one that ships: bachlit (if
            left out) or bachbot.
        output: A file (.musicxml, .mid, .svg, .png or .wav), a folder, or a name without an ending for a score and its
            MIDI file. MELODY-harmonized if left out.
        overwrite: Replace files at these places that bachlit didn't write, too.
        png: Draw the score beside it, too; needs bachlit[render].
        wav: Play it into a file beside it, too.
        quantize: Round what is finer than a sixteenth instead of refusing it.
    """
    api.refuse_num(num, "harmonisations can't be written")
    _refuse_seed(seed)
    weighed = weighed_rules(rules, decoder or api.harmonizer())
    tones = None if chords is None else ChordTones(chords=chords)
    weighed = weighed if tones is None else tones & weighed
    places = _places(output, f"{melody.stem}-harmonized", png, wav, range(1, num + 1))
    stems = [paths[0].name.removesuffix(paths[0].suffix) for paths in places]
    description = places[0][0].with_name(f"{stems[0].removesuffix('-1')}.json")
    check = partial(refuse_replacing, inputs=[melody], overwrite=overwrite)
    check([*chain.from_iterable(places), *([description] if num > 1 else [])])
    prompt = api.prompt_of(
        melody,
        voice=None if voice is None else _voices_of(voice),
        bars=None if bars is None else _bars_of(bars),
        rhythm=() if rhythm is None else _voices_of(rhythm),
        quantize=quantize,
    )
    if tones is not None:
        tones.refuse_misfit([bar.length for bar in whole_bars(prompt.chorale.measures)])
    pieces = api.harmonize_several(
        prompt, num, decoder=decoder, rules=weighed, strict=strict, seed=seed, checkpoint=checkpoint
    )
    files = chain.from_iterable(map(contents, (piece.chorale for piece in pieces), places))  # there may be fewer
    if num == 1:
        save(files, check)
    else:
        options: dict[str, Any] = {"melody": melody, "voice": voice, "bars": bars, "rhythm": rhythm, "num": num}
        options |= {"decoder": decoder or api.harmonizer(num), "rules": weighed, "strict": strict, "seed": seed}
        options |= {"checkpoint": checkpoint, "quantize": quantize}
        save(chain(files, [(description, _description(pieces, places, options))]), check)
        _compare(pieces, stems[: len(pieces)], num)


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
    output: Path = Path("chorale"),
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
    _refuse_seed(seed)
    weighed = weighed_rules(rules, decoder or api.COMPOSER)
    places = _places(output, "chorale", png, wav, range(seed, seed + num))
    check = partial(refuse_replacing, overwrite=overwrite)
    check([*chain.from_iterable(places)])
    chorales = api.compose_each(num, bars, min_bars, max_bars, decoder, weighed, strict, seed, checkpoint)
    save(chain.from_iterable(map(contents, chorales, places)), check)


def _places(output: Path | None, name: str, png: bool, wav: bool, numbers: range) -> list[list[Path]]:
    """List the files of each piece; several pieces are numbered."""
    also = [ending for ending, wanted in ((".png", png), (".wav", wav)) if wanted]
    return [places_for(output, name, also, number if len(numbers) > 1 else None) for number in numbers]


COMMANDS: dict[str, Callable[..., None]] = {"harmonize": harmonize, "compose": compose, "plot": plot}


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of one of `COMMANDS` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, COMMANDS[command], args)


def _refuse_seed(seed: int) -> None:
    """Refuse a seed that generators don't take, or take for another."""
    if not 0 <= seed < 2**63:
        raise OptionError(f"A seed of {seed} can't be used; expected 0 to {2**63 - 1}; set --seed to one of these.")


def _voices_of(typed: str) -> list[Voice]:
    """Parse voices, such as `soprano,bass`."""
    names = [name.strip().lower() for name in typed.split(",")]
    unknown = [name for name in names if name not in VOICES]
    if unknown:
        raise OptionError(
            f"There is no voice {unknown[0]!r}; expected {', '.join(VOICES)}, or several of them with commas between, "
            "such as soprano,bass."
        )
    return cast(list[Voice], names)


def _bars_of(typed: str) -> tuple[int, int]:
    """Parse bars, such as `5-8` or `5`, into the first and the last."""
    match = re.fullmatch(r"([0-9]{1,15})(?:-([0-9]{1,15}))?", typed.replace(" ", ""))
    if not match:
        raise OptionError(
            f"{typed[:60]!r} names no bars; expected one or a span of them, such as --bars 5 or --bars 5-8."
        )
    return int(match[1]), int(match[2] or match[1])


def _description(pieces: Sequence[Written], places: Sequence[Sequence[Path]], options: Mapping[str, Any]) -> bytes:
    """Describe several scores, their options and their merits as JSON."""
    from bachlit.generation import ranking  # noqa: PLC0415  # its counters come with torchmetrics, which takes a while

    described = {
        "bachlit": version("bachlit"),
        "options": ranking.plain(options),
        "pieces": [
            {"files": [path.name for path in paths], **ranking.figures(piece)}
            for piece, paths in zip(pieces, places, strict=False)
        ],
    }
    return f"{json.dumps(described, indent=2, allow_nan=False)}\n".encode()


def _compare(pieces: Sequence[Written], stems: Sequence[str], num: int) -> None:
    """Print a table that compares several pieces."""
    from bachlit.generation import ranking  # noqa: PLC0415  # as above

    print(f"\n{ranking.table(pieces, stems)}\n\n{ranking.CAPTION}")
    if len(pieces) < num:
        print(f"Found {len(pieces)} of the {num} asked for.")
