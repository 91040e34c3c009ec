"""`bachlit check`: faults of part-writing, and what a model finds unlikely, by bar, beat and voices."""

import dataclasses
import json as jsons
import sys
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console

from bachlit import api
from bachlit.checking import Profile, Ranges, Report, check_chorale
from bachlit.commands.batch import Job, jobs_of, refuse_one_file
from bachlit.commands.functions import run_typed
from bachlit.commands.music import endings_of
from bachlit.errors import BachlitError, OptionError, ScoreError
from bachlit.files.overwriting import refuse_replacing
from bachlit.generation.named_rules import named_ranges
from bachlit.metrics.cadences import fermata_notes
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import PRETRAINED
from bachlit.music.chorale import RANGES, REST, Chorale
from bachlit.music.keys import Key, key_named
from bachlit.music.prompt import Prompt
from bachlit.rendering.output import engraved, places_for, save, write
from bachlit.rendering.printing import Paper
from bachlit.scores import marked_musicxml, read_chorale, read_voices

_WIDTH = 132  # columns of the table outside a terminal


def check(
    score: list[Path],
    *,
    profile: Profile = "school",
    phrases: str = "given",
    ranges: str | None = None,
    tune: str | None = None,
    key: str | None = None,
    surprise: float = 0.2,
    checkpoint: Path | None = None,
    json: bool = False,
    output: str | None = None,
    overwrite: bool = False,
    png: bool = False,
    pdf: bool = False,
    paper: Paper = "a4",
) -> int:
    """Check the part-writing of scores, and say what Bach would hardly write: a table, or the score in colours.

    Args:
        score: Scores of four voices, or of two or three that are named so: MusicXML, MXL, MIDI, ABC, kern or MEI; books
            of tunes; or folders of these.
        profile: Textbooks' rules (school), or what fewer than one in eight of Bach's chorales does (bach).
        phrases: Phrase ends, where cadences are judged: the score's fermatas (given), found ones if it has none (auto),
            none, or places, such as 4,8 for the last notes that begin in bars 4 and 8, and 2.3 for the note that sounds
            at beat 3 of bar 2.
        ranges: Ranges of the voices, such as "tenor:C3-G4, bass:E2-C4"; Bach's own if left out.
        tune: The only tune of a book of tunes, by its number or title.
        key: The key of the score, such as "D dorian" or "F# minor", instead of the written one or what is heard.
        surprise: Notes that the model gives less than this percentage are remarked; 0 to leave the model out.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or one that ships: bachlit (if
            left out) or bachbot.
        json: Print plain data (JSON) instead of tables.
        output: A file (.musicxml, .svg, .png or .pdf), a folder, or a name without an ending for MusicXML: the score
            with coloured notes. SCORE-checked if left out and --png or --pdf is given, else none is written.
        overwrite: Replace files at these places that bachlit didn't write, too.
        png: Draw the coloured score, too; needs bachlit[render].
        pdf: Print the coloured score, too; needs bachlit[render].
        paper: Paper of a PDF.
    """
    if not 0 <= surprise <= 100:
        raise OptionError(f"A surprise of {surprise:g} % can't be; expected 0 (no model) to 100; correct --surprise.")
    jobs = jobs_of(score, tune)
    if len(jobs) > 1:
        refuse_one_file(output, jobs)
    also = endings_of(png=png, pdf=pdf, wav=False)
    task = _Task(
        profile=profile,
        phrases=phrases,
        ranges=RANGES if ranges is None else {**RANGES, **named_ranges(ranges)},
        key=None if key is None else key_named(key),
        model=None,
        below=surprise / 100,
        paper=paper,
        places={job: _places(job, output, also, alone=len(jobs) == 1) for job in jobs},
        overwrite=overwrite,
    )
    for job in jobs:
        task.refuse_replacing(job, task.places[job])
    if surprise:
        task = dataclasses.replace(task, model=LanguageModel.load(checkpoint or PRETRAINED))
    reports: list[Report] = []
    for job in jobs:
        try:
            reports.append(task.checked(job))
        except BachlitError as error:
            if len(jobs) == 1:
                raise
            print(f"bachlit: {error}", file=sys.stderr)
            continue
        if not json:
            _print(reports[-1], None if len(jobs) == 1 else job)
        task.save(job, reports[-1], quiet=json)
    if json:
        described = {"bachlit": version("bachlit"), "scores": [report.described() for report in reports]}
        print(jsons.dumps(described, indent=2, allow_nan=False))
    if len(reports) < len(jobs):
        raise ScoreError(
            f"{len(jobs) - len(reports)} of {len(jobs)} scores could not be checked; the lines above say why."
        )
    return int(any(report.faults for report in reports))


@dataclass(frozen=True)
class _Task:
    """Options of the command, for each of its scores."""

    profile: Profile
    phrases: str
    ranges: Ranges
    key: Key | None
    model: LanguageModel | None
    below: float
    paper: Paper
    places: Mapping[Job, Sequence[Path]]
    overwrite: bool

    def refuse_replacing(self, job: Job, places: Collection[Path]) -> None:
        refuse_replacing(places, inputs=[job.path], overwrite=self.overwrite)

    def checked(self, job: Job) -> Report:
        """Read and check a score."""
        chorale = _read(job)
        if self.key is not None:
            chorale = dataclasses.replace(chorale, key=self.key, keys=())
        return check_chorale(
            chorale,
            profile=self.profile,
            ranges=self.ranges,
            ends=_ends(chorale, self.phrases),
            model=self.model,
            below=self.below,
        )

    def save(self, job: Job, report: Report, *, quiet: bool) -> None:
        """Write the coloured score, if it was asked for."""
        if not self.places[job]:
            return
        music = marked_musicxml(report.chorale, report.marks())
        files = [
            (path, engraved(music, path.suffix.lower(), title=report.chorale.title, paper=self.paper))
            for path in self.places[job]
        ]
        (write if quiet else save)(files, partial(self.refuse_replacing, job))


def _places(job: Job, output: str | None, also: Sequence[str], *, alone: bool) -> list[Path]:
    """List the files of a coloured score; none if none was asked for."""
    if output is None and not also:
        return []
    name = f"{job.name}-checked"
    return places_for(output if alone else f"{output or 'checked'}/", name, also, sounds=False)


def _read(job: Job) -> Chorale:
    """Read four voices, or the two or three that a score has by name."""
    try:
        return read_chorale(job.path, tune=job.tune)
    except ScoreError as error:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a tune that is chosen among other parts
            with suppress(ScoreError):
                chorale = read_voices(job.path, tune=job.tune)
                if (chorale.pitches != REST).any(axis=0).sum() > 1:
                    return chorale
        raise error


def _ends(chorale: Chorale, phrases: str) -> list[int] | None:
    """Frames of the last soprano notes of phrases; None for those under fermatas."""
    if phrases.strip().lower() == "given":
        return None
    heard = api.with_phrases(Prompt.voices(chorale, "soprano"), phrases).heard
    frames: list[int] = np.flatnonzero(fermata_notes(heard)).tolist()
    return frames


def _print(report: Report, job: Job | None) -> None:
    """Print the tables of a report, under the score's name if there are several."""
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDTH)
    if job is not None:
        console.print(f"\n[bold]{job}[/bold]", highlight=False)
    console.print(report.tables(), highlight=False)


def run(command: str, args: Sequence[str]) -> int:
    """Parse the arguments of `check` and run it.

    Returns:
        1 if a score has faults, else 0.

    Raises:
        BachlitError: If the user has something to put right.
    """
    return run_typed(command, check, args)
