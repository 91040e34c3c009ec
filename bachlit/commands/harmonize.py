"""`bachlit harmonize`: four parts under a tune, or around whatever else is given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bachlit.commands.batch import Job, jobs_of, refuse_one_file, run_all
from bachlit.commands.functions import run_typed
from bachlit.commands.loading import loading
from bachlit.commands.music import endings_of
from bachlit.commands.places import Places
from bachlit.errors import OptionError
from bachlit.generation.choices import Style
from bachlit.generation.limits import refuse_num, refuse_seed
from bachlit.generation.metre import Beat
from bachlit.generation.named_places import named_bars, named_voices
from bachlit.generation.named_ranges import named_ranges
from bachlit.models.runs import find_model
from bachlit.models.shipped import PRETRAINED
from bachlit.music.keys import key_named
from bachlit.rendering.look import Look
from bachlit.scores import refuse_missing

if TYPE_CHECKING:
    from bachlit.decoding import Decoder


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
        workers: Number of processes that harmonise side by side, each on a core of its own.
    """
    with loading():
        from bachlit import api
        from bachlit.commands.several import Several
        from bachlit.commands.task import Task
        from bachlit.commands.weights import announce
        from bachlit.generation.harmonizing import harmonizer
        from bachlit.generation.named_rules import rules_kept
        from bachlit.generation.options import HarmonyOptions
        from bachlit.generation.requests import prompts_together

    options = HarmonyOptions(
        voices=None if voice is None else named_voices(voice),
        part=part,
        bars=None if bars is None else named_bars(bars),
        rhythm=() if rhythm is None else named_voices(rhythm),
        phrases=phrases,
        chords=chords,
        figured_bass=figured_bass,
        transpose=transpose,
        key=key,
        beat=beat,
        num=num,
        decoder=decoder,
        style=style,
        rules=rules_kept(rules, ranges, decoder or harmonizer(), style, api.calibration_for(checkpoint)),
        ranges=ranges,
        strict=strict,
        seed=seed,
        keep_parts=keep_parts,
    )
    places = Places(num, endings_of(png=png, pdf=pdf, wav=wav), overwrite)
    task = Task(options, checkpoint, Look(layout, label, paper), places)
    tunes = _tunes(melody, tune, output)
    if len(tunes) == 1:
        task.harmonize(*tunes[0])
        return
    announce(find_model(checkpoint or PRETRAINED))
    start, together = partial(Several, task, _folder(melody, output)), prompts_together(decoder, num)
    run_all(start, [job for job, *_ in tunes], workers=workers, together=together)


def check(
    melody: list[Path],
    *,
    voice: str | None,
    tune: str | None,
    bars: str | None,
    rhythm: str | None,
    key: str | None,
    ranges: str | None,
    num: int,
    seed: int,
    checkpoint: Path | None,
    output: str | None,
    overwrite: bool,
    png: bool,
    pdf: bool,
    wav: bool | Literal["voices"],
    workers: int,
) -> None:
    """Refuse what can be known without PyTorch; arguments are those of `harmonize`.

    Raises:
        BachlitError: If the user has something to put right.
    """
    refuse_num(num, "harmonisations can't be written")
    refuse_seed(seed)
    if workers < 1:
        raise OptionError(f"{workers} workers can't harmonise; expected at least 1; set --workers to that.")
    if key is not None:
        key_named(key)
    for voices in (voice, rhythm):
        if voices is not None:
            named_voices(voices)
    if bars is not None:
        named_bars(bars)
    if ranges is not None:
        named_ranges(ranges)
    if checkpoint is not None:
        find_model(checkpoint)
    places = Places(num, endings_of(png=png, pdf=pdf, wav=wav), overwrite)
    tunes = _tunes(melody, tune, output)
    for job, output_of_tune, name in tunes:
        places.refuse(job, output_of_tune, name)
    if len(tunes) == 1:
        refuse_missing(tunes[0][0].path)  # one of several is named in their table


def _tunes(melody: Sequence[Path], tune: str | None, output: str | None) -> list[tuple[Job, str | None, str]]:
    """List the tunes, each with its output and the name of its files in a folder."""
    jobs = jobs_of(melody, tune)
    if len(jobs) == 1:
        return [(jobs[0], output, f"{jobs[0].name}-harmonized")]
    refuse_one_file(output, jobs)
    return [(job, f"{_folder(melody, output)}/", job.name) for job in jobs]


def _folder(melody: Sequence[Path], output: str | None) -> Path:
    """Name the folder of several tunes."""
    return Path(output or (f"{melody[0].stem}-harmonized" if len(melody) == 1 else "harmonized"))


def run(command: str, args: Sequence[str]) -> None:
    """Parse the arguments of `harmonize` and run it.

    Raises:
        BachlitError: If the user has something to put right.
    """
    run_typed(command, harmonize, args, check=check)
