"""`bachlit harmonize`: four parts under a tune, or around whatever else is given."""

import dataclasses
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal, cast

from bachlit import api
from bachlit.commands.batch import Job, jobs_of, refuse_one_file, run_all
from bachlit.commands.functions import run_typed
from bachlit.commands.given import given_harmony
from bachlit.commands.music import endings_of, places_of, refuse_seed
from bachlit.decoding import Decoder, Rules
from bachlit.errors import OptionError
from bachlit.files.overwriting import refuse_replacing
from bachlit.generation.harmonizing import Style, Written, harmonizer
from bachlit.generation.height import moved_to_sing
from bachlit.generation.metre import Beat
from bachlit.generation.named_rules import named_ranges, weighed_rules, with_ranges
from bachlit.generation.phrasing import places_of_phrases
from bachlit.music.chorale import VOICES, Voice
from bachlit.music.keys import key_named
from bachlit.music.prompt import Prompt
from bachlit.rendering.look import Look
from bachlit.rendering.output import contents, save, write


def harmonize(
    melody: list[Path],
    *,
    voice: str | None = None,
    part: str | None = None,
    tune: str | None = None,
    bars: str | None = None,
    rhythm: str | None = None,
    phrases: str = "auto",
    chords: str | None = None,
    figured_bass: str | None = None,
    transpose: int | Literal["auto"] = 0,
    key: str | None = None,
    beat: Beat = "auto",
    ranges: str | None = None,
    num: int = 1,
    decoder: Decoder | None = None,
    style: Style = "chorale",
    rules: dict[str, Any] | str | None = None,
    strict: bool = False,
    seed: int = 0,
    checkpoint: Path | None = None,
    output: str | None = None,
    overwrite: bool = False,
    keep_parts: bool = False,
    layout: Literal["open", "closed"] = "open",
    label: Literal["chords", "roman"] | None = None,
    png: bool = False,
    pdf: bool = False,
    paper: Literal["a4", "letter"] = "a4",
    wav: bool | Literal["voices"] = False,
    workers: int = 1,
) -> None:
    """Harmonise a melody in four parts, or write around whatever else is given.

    Args:
        melody: Scores: MusicXML, MXL, MIDI, ABC, kern or MEI; books of tunes; or folders of these.
        voice: The voice or voices that are given, such as bass or soprano,bass. If left out, all that the score has;
            of four, the soprano.
        part: The part with the given voice: its name, or its number from the top.
        tune: The only tune of a book of tunes, by its number or title.
        bars: Bars of a four-part score to compose anew, such as 5 or 5-8, keeping all else. In them only --voice is
            given, if any. Bar 1 is the first full one, a pickup is bar 0.
        rhythm: The voice or voices of which only the rhythm is given, such as alto,tenor.
        phrases: Phrase ends that the model hears: the tune's fermatas, or found ones if it has none (auto); its
            fermatas alone (given); none; or places, such as 4,8 for the last notes that begin in bars 4 and 8, and 2.3
            for the note that sounds at beat 3 of bar 2.
        chords: The harmony to keep to, at concert pitch, such as "C | F G7/B | . | C": bars between |, which their
            chords share equally; a pickup is the first. A dot leaves it open. The word given stands for the score's own
            chord symbols.
        figured_bass: Figures over a given bass, such as "6 | 5 6 | 4 3": those of a bar belong to its notes in order.
            The score's own if left out; none for no figures.
        transpose: Semitones by which the score is moved first; auto moves what lies too low or high for a choir.
        key: The key of the score, such as "D dorian" or "F# minor", instead of the written one or what is heard.
        beat: The note value that counts as a beat: an eighth in 6/8, a half note in 3/2, in most tunes a quarter. auto
            chooses it from metre and note lengths.
        ranges: Ranges of a choir's voices, such as "tenor:C3-G4, bass:E2-C4".
        num: How many different harmonisations at most, up to 10,000. Several are numbered, the best first, compared in
            a table, and described in a .json file.
        decoder: Chooses the notes, such as BeamSearch, Greedy or Sampling.
        style: Parts that move like Bach's (chorale), or note against note, for congregations (plain).
        rules: Numbers for rules of part-writing, such as --rules.NoHidden 0; none for no rules. See below.
        strict: Stop where a rule can't be kept. Otherwise the last gives way first, with a warning.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or one that ships: bachlit (if
            left out) or bachbot.
        output: A file (.musicxml, .mid, .svg, .png, .pdf or .wav), a folder, or a name without an ending for a score
            and its MIDI file. MELODY-harmonized if left out. Folders are made.
        overwrite: Replace files at these places that bachlit didn't write, too.
        keep_parts: Write parts of the score that are left out below the four voices.
        layout: Four staves (open), or two as in hymnals (closed).
        label: Write the harmony under the score: chord symbols, or Roman numerals.
        png: Draw the score beside it, too; needs bachlit[render].
        pdf: Print it beside it, too; needs bachlit[render].
        paper: Paper of a PDF.
        wav: Play it into a file beside it, too; voices for practice tracks as well, one voice loud in each.
        workers: How many tunes at once, each in its own process.
    """
    api.refuse_num(num, "harmonisations can't be written")
    refuse_seed(seed)
    if workers < 1:
        raise OptionError(f"{workers} workers can't harmonise; expected at least 1; set --workers to that.")
    if key is not None:
        key_named(key)  # fail on a wrong name before any work
    weighed = weighed_rules(rules, decoder or harmonizer(), style, api.calibration_for(checkpoint))
    task = Task(
        voices=None if voice is None else _voices_of(voice),
        part=part,
        bars=None if bars is None else _bars_of(bars),
        rhythm=() if rhythm is None else tuple(_voices_of(rhythm)),
        phrases=phrases,
        chords=chords,
        figured_bass=figured_bass,
        transpose=transpose,
        key=key,
        beat=beat,
        num=num,
        decoder=decoder,
        style=style,
        rules=weighed if ranges is None else with_ranges(weighed, named_ranges(ranges)),
        ranges=ranges,
        strict=strict,
        seed=seed,
        checkpoint=checkpoint,
        overwrite=overwrite,
        keep_parts=keep_parts,
        look=Look(layout, label, paper),
        also=endings_of(png=png, pdf=pdf, wav=wav),
    )
    jobs = jobs_of(melody, tune)
    if len(jobs) == 1:
        [job] = jobs
        name = f"{job.name}-harmonized"
        task.check(job, output, name)
        task.harmonize(job, output, name, quiet=False)
        return
    refuse_one_file(output, jobs)
    folder = Path(output or (f"{melody[0].stem}-harmonized" if len(melody) == 1 else "harmonized"))
    for job in jobs:
        task.check(job, f"{folder}/", job.name)
    run_all(partial(task.harmonize_into, folder), jobs, workers)


@dataclass(frozen=True)
class Task:
    """Options of a command, for each of its tunes; in the words of `harmonize`."""

    voices: list[Voice] | None
    part: str | None
    bars: tuple[int, int] | None
    rhythm: Sequence[Voice]
    phrases: str
    chords: str | None
    figured_bass: str | None
    transpose: int | Literal["auto"]
    key: str | None
    beat: Beat
    num: int
    decoder: Decoder | None
    style: Style
    rules: Rules
    ranges: str | None
    strict: bool
    seed: int
    checkpoint: Path | None
    overwrite: bool
    keep_parts: bool
    look: Look
    also: Sequence[str]

    def check(self, job: Job, output: str | None, name: str) -> None:
        """Refuse places that can't be written to, or hold files of others, before the work."""
        places, description = self._places(output, name)
        self._refuse_replacing(job)([*chain.from_iterable(places), *([description] if self.num > 1 else [])])

    def harmonize_into(self, folder: Path, job: Job) -> list[Path]:
        """Harmonise one of several tunes into a folder."""
        return self.harmonize(job, f"{folder}/", job.name, quiet=True)

    def harmonize(self, job: Job, output: str | None, name: str, *, quiet: bool) -> list[Path]:
        """Harmonise a tune and write its files.

        Args:
            job: The tune.
            output: The typed output, if any.
            name: Name of its files in a folder.
            quiet: Print nothing.

        Returns:
            Paths of the files.
        """
        places, description = self._places(output, name)
        prompt = self._prompt(job)
        pieces = api.harmonize_several(
            prompt,
            self.num,
            decoder=self.decoder,
            rules=given_harmony(prompt, self.chords, self.figured_bass) & self.rules,
            strict=self.strict,
            beat=self.beat,
            seed=self.seed,
            checkpoint=self.checkpoint,
        )
        chorales = (piece.chorale for piece in pieces)
        files = chain.from_iterable(map(partial(contents, look=self.look), chorales, places))  # there may be fewer
        if self.num > 1:
            files = chain(files, [(description, _description(pieces, places, self._options(job)))])
        check = self._refuse_replacing(job)
        if quiet:
            return write(files, check)
        save(files, check)
        if prompt.phrase_ends is not None and prompt.phrase_ends.any():
            print(f"Phrase ends: {_bars_in_words(places_of_phrases(prompt))}.", file=sys.stderr)
        if self.num > 1:
            _compare(pieces, [_stem(paths) for paths in places[: len(pieces)]], self.num)
        return []

    def _prompt(self, job: Job) -> Prompt:
        prompt = api.prompt_of(
            job.path,
            voice=self.voices,
            part=self.part,
            tune=job.tune,
            bars=self.bars,
            rhythm=self.rhythm,
            keep_parts=self.keep_parts,
        )
        if self.key is not None:
            chorale = dataclasses.replace(prompt.chorale, key=key_named(self.key), keys=())
            prompt = dataclasses.replace(prompt, chorale=chorale)
        prompt = api.with_phrases(prompt, self.phrases)
        move = moved_to_sing(prompt) if self.transpose == "auto" else self.transpose
        return dataclasses.replace(prompt, chorale=prompt.chorale.transpose(move))

    def _places(self, output: str | None, name: str) -> tuple[list[list[Path]], Path]:
        """Files of each piece, and of their description."""
        places = places_of(output, name, self.also, range(1, self.num + 1))
        return places, places[0][0].with_name(f"{_stem(places[0]).removesuffix('-1')}.json")

    def _refuse_replacing(self, job: Job) -> Any:
        return partial(refuse_replacing, inputs=[job.path], overwrite=self.overwrite)

    def _options(self, job: Job) -> dict[str, Any]:
        """Options that make the music, for its description."""
        heard = {option.name: getattr(self, option.name) for option in dataclasses.fields(self)}
        unheard = ("voices", "overwrite", "keep_parts", "look", "also")
        options = {"melody": job.path, "tune": job.tune, "voice": self.voices, **heard}
        options["decoder"] = self.decoder or harmonizer(self.num)
        return {name: value for name, value in options.items() if name not in unheard}


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of `harmonize` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, harmonize, args)


def _stem(paths: Sequence[Path]) -> str:
    return paths[0].name.removesuffix(paths[0].suffix)


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


def _bars_in_words(places: Sequence[str]) -> str:
    """List bars in words.

    >>> _bars_in_words(["4", "8.3", "16"]), _bars_in_words(["4"])
    ('bars 4, 8.3 and 16', 'bar 4')
    """
    *others, last = places
    return f"bars {', '.join(others)} and {last}" if others else f"bar {last}"


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

    print(f"\n{ranking.table(pieces, stems)}\n\n{ranking.caption(pieces)}")
    if len(pieces) < num:
        print(f"Found {len(pieces)} of the {num} asked for.")
