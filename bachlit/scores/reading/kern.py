"""Kern -> parts, by music21. The only module that imports it."""

import contextlib
import io
import re
import warnings
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bachlit.music.chorale import FRAMES_PER_QUARTER
from bachlit.scores.reading.limits import MAX_BARS, MAX_DIGITS, MAX_FRAMES, MAX_METRE_DIGITS, MAX_TEXT
from bachlit.scores.reading.score import COMMON_TIME, Part, Score, Signature, Tone, WrittenMeasure


def read_kern(text: str) -> Score:
    """Read a file in kern.

    Raises:
        Exception: Any of music21's, if it isn't kern.
        ValueError: If it is too large.
    """
    music = "\n".join(line for line in text.splitlines() if not line.startswith("!"))  # comments may hold any number
    if len(text) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} characters")
    if re.search(rf"\d{{{MAX_DIGITS + 1}}}", music):
        raise ValueError(f"a number in its music has more than {MAX_DIGITS} digits")
    if re.search(rf"\*M(?!M)[^*\t\n]*\d{{{MAX_METRE_DIGITS + 1}}}", music):
        raise ValueError(f"a number in a time signature of it has more than {MAX_METRE_DIGITS} digits")
    if len(re.findall(r"^=", music, re.MULTILINE)) > MAX_BARS:
        raise ValueError(f"it has more than {MAX_BARS} bar lines")

    from music21 import converter, stream  # noqa: PLC0415  # heavy, and only needed here

    printed = io.StringIO()  # music21 prints errors and goes on with a note missing
    with warnings.catch_warnings(), contextlib.redirect_stderr(printed):
        warnings.simplefilter("ignore")  # music21 warns about its own reading
        piece = converter.parseData(text, format="humdrum")
        wrong = re.search(r"Error in parsing event.*", printed.getvalue())
        if wrong:
            raise ValueError(wrong[0])
        if isinstance(piece, stream.Opus) and piece.scores:
            piece = piece.scores[0]
        if not isinstance(piece, stream.Score):
            return Score("")
        if piece.highestTime * FRAMES_PER_QUARTER > MAX_FRAMES:
            raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
        title = "" if piece.metadata is None else str(piece.metadata.title or piece.metadata.movementName or "")
        expands = re.search(r"^(?:.*\t)?\*>\[", music, re.MULTILINE) is not None  # an expansion list
        return Score(title, [replace(part, repeats=part.repeats or expands) for part in map(_part, piece.parts)])


def _part(part: Any) -> Part:
    sounding = part.toSoundingPitch() if part.atSoundingPitch is False else part
    metres = [
        (int(time.numerator), int(time.denominator)) for time in sounding.recurse().getElementsByClass("TimeSignature")
    ]
    keys = [key for key in sounding.recurse().getElementsByClass("KeySignature") if key.sharps is not None]
    written = list(sounding.getElementsByClass("Measure"))
    notes = [note for note in sounding.recurse().notes if "Harmony" in note.classes or note.duration.isGrace]
    return Part(
        name=str(sounding.partName or "").strip(),
        measures=_measures(written or [sounding], metres[0] if metres else COMMON_TIME),
        metres=metres,
        signatures=[Signature(int(key.sharps), getattr(key, "mode", None)) for key in keys],
        repeats=bool(sounding.recurse().getElementsByClass(("RepeatMark", "RepeatBracket"))),
        left_out=Counter("chord symbol" if "Harmony" in note.classes else "grace note" for note in notes),
    )


def _measures(written: list[Any], metre: tuple[int, int]) -> list[WrittenMeasure]:
    """Measures of a part, or an unmeasured part as one."""
    measures = []
    for measure in written:
        for time in measure.getElementsByClass("TimeSignature"):
            metre = int(time.numerator), int(time.denominator)
        number = str(measure.number) if "Measure" in measure.classes else None  # else an unmeasured part
        measures.append(WrittenMeasure(number, _sixteenths(measure.highestTime), _tones(measure), metre))
    return measures


def _tones(measure: Any) -> list[Tone]:
    tones = []
    voices = list(measure.getElementsByClass("Voice"))
    for rank, voice in enumerate(voices or [measure]):
        for element in voice.flatten().notes:
            if "Harmony" in element.classes or element.duration.isGrace:
                continue
            for note in element.notes if "Chord" in element.classes else [element]:
                tied = note.tie is not None and note.tie.type in ("stop", "continue")
                tones += [
                    Tone(
                        start=_sixteenths(element.offset + (voice.offset if voices else 0)),
                        length=_sixteenths(element.quarterLength),
                        pitch=float(pitch.ps),
                        tied=tied,
                        fermata=any("Fermata" in expression.classes for expression in element.expressions),
                        rank=rank,
                    )
                    for pitch in note.pitches
                ]
    return sorted(tones, key=lambda tone: (tone.start, tone.rank, -tone.pitch))


def _sixteenths(quarters: Any) -> Fraction:
    return Fraction(quarters) * FRAMES_PER_QUARTER
