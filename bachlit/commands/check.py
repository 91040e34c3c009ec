"""`bachlit check`: faults of part-writing, and what a model finds unlikely, by bar, beat and voices."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from bachlit import checking
from bachlit.checking import Profile, Report
from bachlit.commands.batch import Job, jobs_of, refuse_one_file
from bachlit.commands.functions import run_typed
from bachlit.commands.loading import loading
from bachlit.commands.music import endings_of
from bachlit.errors import BachlitError, ScoreError
from bachlit.files.overwriting import refuse_replacing
from bachlit.generation.named_ranges import named_ranges
from bachlit.models.runs import find_model
from bachlit.models.shipped import PRETRAINED
from bachlit.music.keys import key_named
from bachlit.rendering.output import engraved, places_for, save, write
from bachlit.rendering.printing import Paper
from bachlit.scores import marked_musicxml, refuse_missing

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel

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
    report_on = partial(
        checking.check,
        profile=profile,
        phrases=phrases,
        ranges=ranges,
        key=key,
        surprise=surprise,
        checkpoint=_model(checkpoint) if surprise else None,
    )
    files = _Files(output, endings_of(png=png, pdf=pdf, wav=False), overwrite)
    jobs = jobs_of(score, tune)
    plain: list[dict[str, Any]] = []
    for job in jobs:
        place = {"file": str(job.path), "tune": job.tune}
        try:
            report = report_on(job.path, tune=job.tune)
        except BachlitError as error:
            if len(jobs) == 1:
                raise
            print(f"bachlit: {_called(job)}: {str(error).removeprefix(f'{job.path}: ')}", file=sys.stderr)
            plain.append(place | {"error": str(error)})
            continue
        plain.append(place | report.as_dict())
        if not json:
            _print(report, None if len(jobs) == 1 else job)
        files.save(report, job, alone=len(jobs) == 1, paper=paper, quiet=json)
    if json:
        print(jsons.dumps({"bachlit": version("bachlit"), "scores": plain}, indent=2, allow_nan=False))
    if unread := sum("error" in one for one in plain):
        raise ScoreError(f"{unread} of {len(jobs)} scores could not be checked; the lines above say why.")
    return int(any(one["faults"] for one in plain))


def refuse(
    score: list[Path],
    *,
    ranges: str | None,
    tune: str | None,
    key: str | None,
    surprise: float,
    checkpoint: Path | None,
    output: str | None,
    overwrite: bool,
    png: bool,
    pdf: bool,
) -> None:
    """Refuse what can be known before the work; arguments are those of `check`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    checking.refuse_surprise(surprise)
    if ranges is not None:
        named_ranges(ranges)
    if key is not None:
        key_named(key)
    if checkpoint is not None:
        find_model(checkpoint)
    jobs = jobs_of(score, tune)
    if len(jobs) == 1:
        refuse_missing(jobs[0].path)
    else:
        refuse_one_file(output, jobs)
    files = _Files(output, endings_of(png=png, pdf=pdf, wav=False), overwrite)
    for job in jobs:
        files.refuse_replacing(job, files.of(job, alone=len(jobs) == 1))


def run(command: str, args: Sequence[str]) -> int:
    """Parse the arguments of `check` and run it.

    Returns:
        1 if a score has faults, else 0.

    Raises:
        BachlitError: If the user has something to put right.
    """
    return run_typed(command, check, args, check=refuse)


@dataclass(frozen=True)
class _Files:
    """Write coloured scores where they were asked for."""

    output: str | None
    also: Sequence[str]
    overwrite: bool

    def of(self, job: Job, *, alone: bool) -> list[Path]:
        """List the files of a score; none if none was asked for."""
        if self.output is None and not self.also:
            return []
        output = self.output if alone else f"{self.output or 'checked'}/"
        return places_for(output, f"{job.name}-checked", self.also, sounds=False)

    def refuse_replacing(self, job: Job, files: Collection[Path]) -> None:
        """Refuse to replace the score itself and files of others."""
        refuse_replacing(files, inputs=[job.path], overwrite=self.overwrite)

    def save(self, report: Report, job: Job, *, alone: bool, paper: Paper, quiet: bool) -> None:
        """Write the files of a score, and print their paths."""
        places = self.of(job, alone=alone)
        if places:
            music = marked_musicxml(report.chorale, report.marks())
            title = report.chorale.title
            files = [(path, engraved(music, path.suffix.lower(), title=title, paper=paper)) for path in places]
            (write if quiet else save)(files, partial(self.refuse_replacing, job))


def _model(checkpoint: Path | None) -> LanguageModel:
    """Load the model, and print which it is."""
    with loading():
        from bachlit.commands.weights import announce
        from bachlit.models.language_model import LanguageModel
    path = find_model(checkpoint or PRETRAINED)
    model = LanguageModel.load(path)
    announce(path)
    return model


def _called(job: Job) -> str:
    """Name a score by its path, since folders hold files of one name."""
    return str(job.path) if job.tune is None else f"{job.path}, tune {job.tune}"


def _print(report: Report, job: Job | None) -> None:
    """Print the tables of a report, under the score's name if there are several."""
    console = Console()
    console = console if console.is_terminal else Console(width=_WIDTH)
    if job is not None:
        console.print(f"\n[bold]{escape(_called(job))}[/bold]", highlight=False)
    console.print(report.tables(), highlight=False)
