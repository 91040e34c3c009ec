"""Scores read into chorales. The only module that imports music21, and only when a score is read."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bachlit.chorale import FRAMES_PER_QUARTER, REST, VOICES, Chorale, Voice
from bachlit.errors import ScoreError
from bachlit.keys import Key, estimate_key

SUFFIXES = (".musicxml", ".xml", ".mxl", ".mid", ".midi", ".abc", ".krn")


class ScoreWarning(UserWarning):
    """Something in a score that a chorale has no room for, and what was done about it."""


@dataclass(frozen=True)
class _Note:
    """A note or rest of one part; `start` and `end` in sixteenths, exact."""

    start: Fraction
    end: Fraction
    pitch: int
    tied: bool
    fermata: bool


def read_melody(path: str | Path, *, voice: Voice = "soprano", quantize: bool = False) -> Chorale:
    """Read one voice of a score; the other three rest.

    The part named after the voice is taken if there is one; else the only part; else, of four parts, the one in the
    voice's place.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        voice: Which voice it becomes.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        A chorale with this voice alone. Fermatas are this voice's.

    Raises:
        ScoreError: If the file isn't there or isn't a score, has no such voice, no notes or chords, or is finer than a
            sixteenth.
    """
    score, parts = _parse(Path(path))
    if voice in _named(parts):
        part = parts[_named(parts)[voice]]
    elif len(parts) in (1, 4):
        part = parts[VOICES.index(voice) if len(parts) == 4 else 0]
    else:
        raise ScoreError(
            f"{path} has {len(parts)} parts and none is named {voice.capitalize()}; expected one melody. "
            f"Keep one part, or name the one to harmonise {voice.capitalize()}."
        )
    return _chorale(Path(path), score, {voice: part}, quantize)


def read_chorale(path: str | Path, *, quantize: bool = False) -> Chorale:
    """Read four voices of a score, by the names Soprano, Alto, Tenor and Bass, else by their order if there are four.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        The chorale. Fermatas are the soprano's.

    Raises:
        ScoreError: If the file isn't there or isn't a score, or doesn't have four voices on a grid of sixteenths.
    """
    score, parts = _parse(Path(path))
    named = _named(parts)
    if len(named) == len(VOICES):
        chosen = {voice: parts[named[voice]] for voice in VOICES}
    elif len(parts) == len(VOICES):
        chosen = dict(zip(VOICES, parts, strict=True))
    else:
        raise ScoreError(
            f"{path} has {len(parts)} parts, expected four voices: name the parts Soprano, Alto, Tenor and Bass, "
            "or keep four parts in that order."
        )
    return _chorale(Path(path), score, chosen, quantize)


def _parse(path: Path) -> tuple[Any, list[Any]]:
    """The music21 score of a file, and its parts that hold notes."""
    if not path.is_file():
        raise ScoreError(f"There is no file {path}; expected a score in one of {', '.join(SUFFIXES)}.")
    if path.suffix.lower() not in SUFFIXES:
        raise ScoreError(f"{path} doesn't end like a score; expected one of {', '.join(SUFFIXES)}.")
    from music21 import converter, stream  # noqa: PLC0415  # heavy, and only needed here

    options = {"quantizePost": False} if path.suffix.lower() in (".mid", ".midi") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 warns about its own reading
            score = converter.parse(path, forceSource=True, storePickle=False, **options)
    except Exception as error:
        raise ScoreError(
            f"{path} can't be read as a score ({type(error).__name__}: {error}); open it in a notation program and "
            "export it as MusicXML."
        ) from error
    parts = [score] if isinstance(score, stream.Part) else list(getattr(score, "parts", ()))
    parts = [part for part in parts if len(part.recurse().notes) > 0]
    if not parts:
        raise ScoreError(f"{path} holds no notes; expected a melody or four voices.")
    if path.suffix.lower() == ".krn":
        parts.sort(key=_mean_pitch, reverse=True)  # kern writes the lowest part first
    return score, parts


def _mean_pitch(part: Any) -> float:
    return float(np.mean([pitch.midi for pitch in part.pitches]))


def _named(parts: Sequence[Any]) -> dict[Voice, int]:
    """Where each voice stands among the parts, by name. A doubled name (Soprano 1, Soprano 2) is no match."""
    names = [str(part.partName or "").strip().lower() for part in parts]
    return {voice: names.index(voice) for voice in VOICES if names.count(voice) == 1}


def _chorale(path: Path, score: Any, parts: dict[Voice, Any], quantize: bool) -> Chorale:
    voices = {voice: _notes(path, voice, part) for voice, part in parts.items()}
    if not quantize:
        for voice, notes in voices.items():
            _refuse_fine(path, voice, notes)
    num_frames = max(round(note.end) for notes in voices.values() for note in notes)
    if num_frames == 0:
        raise ScoreError(f"{path} is shorter than a sixteenth; expected a melody or four voices.")
    pitches = np.zeros((num_frames, len(VOICES)), np.int16)
    onsets = np.zeros((num_frames, len(VOICES)), np.bool_)
    fermatas = np.zeros(num_frames, np.bool_)
    lead = next(voice for voice in VOICES if voice in voices)
    for voice, notes in voices.items():
        column = VOICES.index(voice)
        carries = _fill(notes, pitches[:, column], onsets[:, column])
        if voice == lead:
            fermatas = carries
    time_signature, pickup = _metre(path, parts[lead])
    return Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        time_signature=time_signature,
        pickup=pickup,
        key=_key(parts[lead], pitches),
        title=_title(score, path),
        name=path.stem,
    )


def _notes(path: Path, voice: Voice, part: Any) -> list[_Note]:
    """The notes of a part in order; a gap between two is a rest."""
    notes = []
    graces = 0
    for element in part.flatten().notesAndRests:
        if element.duration.isGrace or "ChordSymbol" in element.classes:
            graces += element.duration.isGrace
            continue
        start = Fraction(element.offset) * FRAMES_PER_QUARTER
        end = start + Fraction(element.quarterLength) * FRAMES_PER_QUARTER
        if element.isRest:
            continue
        if len(element.pitches) != 1:
            raise ScoreError(
                f"The {voice} of {path} has {len(element.pitches)} notes at once in measure {element.measureNumber}; "
                "expected one at a time. Put each voice on a part of its own."
            )
        tied = element.tie is not None and element.tie.type in ("stop", "continue")
        fermata = any("Fermata" in expression.classes for expression in element.expressions)
        notes.append(_Note(start, end, int(element.pitches[0].midi), tied, fermata))
    notes.sort(key=lambda note: note.start)
    for earlier, later in zip(notes, notes[1:], strict=False):
        if later.start < earlier.end:
            raise ScoreError(
                f"The {voice} of {path} has two notes at once, {float(later.start) / FRAMES_PER_QUARTER:g} quarters in; "
                "expected one at a time. Put each voice on a part of its own."
            )
    if graces:
        warnings.warn(f"{path}: left out {graces} grace notes of the {voice}.", ScoreWarning, stacklevel=2)
    if not notes:
        raise ScoreError(f"The {voice} of {path} holds no notes; expected a melody or four voices.")
    rest_to = Fraction(part.highestTime) * FRAMES_PER_QUARTER
    if rest_to > notes[-1].end:
        notes.append(_Note(notes[-1].end, rest_to, REST, False, False))
    return notes


def _refuse_fine(path: Path, voice: Voice, notes: Sequence[_Note]) -> None:
    for note in notes:
        if note.start.denominator != 1 or note.end.denominator != 1:
            raise ScoreError(
                f"The {voice} of {path} has a note finer than a sixteenth, {float(note.start) / FRAMES_PER_QUARTER:.4g} "
                "quarters in; expected whole sixteenths. Round it with --quantize, or write it out."
            )


def _fill(notes: Sequence[_Note], pitches: Any, onsets: Any) -> Any:
    """Write notes into a voice's columns; return which frames carry a fermata, all of a tied note's."""
    fermatas = np.zeros(len(pitches), np.bool_)
    begun = 0
    for note in notes:
        start, end = round(note.start), round(note.end)
        if start == end or note.pitch == REST:
            continue
        pitches[start:end] = note.pitch
        continues = note.tied and start > 0 and pitches[start - 1] == note.pitch
        if not continues:
            onsets[start] = True
            begun = start
        if note.fermata:
            fermatas[begun:end] = True
        elif continues:
            fermatas[start:end] = fermatas[start - 1]
    return fermatas


def _metre(path: Path, part: Any) -> tuple[tuple[int, int], int]:
    signatures = list(part.recurse().getElementsByClass("TimeSignature"))
    ratios = [(int(signature.numerator), int(signature.denominator)) for signature in signatures]
    time_signature = ratios[0] if ratios else (4, 4)
    if any(ratio != time_signature for ratio in ratios):
        warnings.warn(
            f"{path}: the metre changes; the bars are drawn in {time_signature[0]}/{time_signature[1]} throughout.",
            ScoreWarning,
            stacklevel=2,
        )
    if part.recurse().getElementsByClass("Repeat"):
        warnings.warn(f"{path}: repeat signs are left out; the music stands once.", ScoreWarning, stacklevel=2)
    first = part.getElementsByClass("Measure").first()
    padding = Fraction(first.paddingLeft) * FRAMES_PER_QUARTER if first is not None else Fraction(0)
    measure = Fraction(16 * time_signature[0], time_signature[1])
    return time_signature, round(measure - padding) if 0 < padding < measure else 0


def _key(part: Any, pitches: Any) -> Key:
    """The written key; its mode as written, else as the notes suggest. Without a signature, as the notes suggest."""
    written = part.recurse().getElementsByClass("KeySignature").first()
    if written is None or written.sharps is None:
        return estimate_key(pitches)
    fifths = int(written.sharps)
    mode = getattr(written, "mode", None)
    if mode in ("major", "minor"):
        return Key(fifths, mode)
    guess = estimate_key(pitches, Key(fifths))
    return Key(fifths, guess.mode if (guess.fifths - fifths) % 12 == 0 else "major")


def _title(score: Any, path: Path) -> str:
    metadata = score.metadata
    title = (metadata.title or metadata.movementName) if metadata is not None else None
    # Bach's chorales in music21 are titled by their file's name, which is no title.
    return "" if not title or str(title) == path.name else str(title).strip()
