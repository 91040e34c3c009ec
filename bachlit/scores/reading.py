"""Scores read into chorales: the parts that are wanted, put on one grid with their metre, key and title."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bachlit.chorale import FRAMES_PER_QUARTER, VOICES, Chorale, IntArray, Voice
from bachlit.errors import OptionError, ScoreError
from bachlit.keys import Key, estimate_key
from bachlit.scores.files import MIDI_SUFFIXES, open_score, warn
from bachlit.scores.singing import sung_notes
from bachlit.scores.values import TimeSignature


def read_melody(path: str | Path, *, voice: Voice = "soprano", quantize: bool = False) -> Chorale:
    """Read one voice of a score; the other three rest.

    The part named after the voice is taken if there is one; else the only part; else, of four parts, the one in the
    voice's place.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        voice: Which voice it becomes.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        A chorale with this voice alone. Fermatas are this voice's; those over rests are left out.

    Raises:
        ScoreError: If the file isn't there or isn't a score, has no such voice, no notes or chords, or is finer than a
            sixteenth.
    """
    return read_voices(path, [voice], quantize=quantize)


def read_voices(
    path: str | Path, voices: Sequence[Voice] | None = None, *, also: Sequence[Voice] = (), quantize: bool = False
) -> Chorale:
    """Read some voices of a score; the others rest.

    Voices that are named are found as by `read_melody`. Without names, those are read that the score has: its parts
    named after voices, the only part as the soprano, or four parts in their order. Where it has all four, the
    soprano is read alone, for the others are what is to be written.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        voices: Which voices to read.
        also: Voices to read besides, for their rhythm.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        A chorale with these voices. Fermatas are those of the highest; those over rests are left out.

    Raises:
        OptionError: If a name isn't one of the four voices.
        ScoreError: If the file isn't there or isn't a score, which part is which voice is unclear, or a part has
            chords, no notes, or notes finer than a sixteenth.
    """
    unknown = [voice for voice in (*(voices or ()), *also) if voice not in VOICES]
    if unknown:
        raise OptionError(f"There is no voice {unknown[0]!r}; expected one of {', '.join(VOICES)}.")
    path = Path(path)
    score, parts = open_score(path)
    if voices is None:
        found = _find(path, parts)
        wanted = {*also, "soprano"} if len(found) == len(VOICES) else set(found)
        chosen = {voice: part for voice, part in found.items() if voice in wanted}
    else:
        chosen = _name(path, parts, [voice for voice in VOICES if voice in (*voices, *also)])
    return _chorale(path, score, chosen, quantize)


def read_chorale(path: str | Path, *, quantize: bool = False) -> Chorale:
    """Read four voices of a score, by the names Soprano, Alto, Tenor and Bass, else by their order if there are four.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        The chorale. Fermatas are the soprano's; those over rests are left out.

    Raises:
        ScoreError: If the file isn't there or isn't a score, or doesn't have four voices on a grid of sixteenths.
    """
    path = Path(path)
    score, parts = open_score(path)
    chosen = _choose(parts, VOICES)
    if chosen is None:
        raise ScoreError(
            f"{path} has {len(parts)} part{'s' * (len(parts) != 1)} with notes, and which are the four voices is "
            "unclear; expected parts named Soprano, Alto, Tenor and Bass, or four in that order; name or remove parts."
        )
    return _chorale(path, score, chosen, quantize)


def _name(path: Path, parts: Sequence[Any], voices: Sequence[Voice]) -> dict[Voice, Any]:
    """The parts of the voices that are asked for. An only part is an only voice, whatever its name."""
    chosen = _choose(parts, voices) or ({voices[0]: parts[0]} if len(voices) == len(parts) == 1 else None)
    if chosen is not None:
        return chosen
    num_parts = f"{len(parts)} part{'s' * (len(parts) != 1)}"
    if len(voices) == 1:
        raise ScoreError(
            f"{path} has {num_parts}, and which is the {voices[0]} is unclear; expected one melody; keep one part, "
            f"or name one {voices[0].capitalize()}."
        )
    raise ScoreError(
        f"{path} has {num_parts}, and which are the {_listed(voices)} is unclear; expected parts named "
        f"{_listed([voice.capitalize() for voice in voices])}, or the four voices in order; name the parts."
    )


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _find(path: Path, parts: Sequence[Any]) -> dict[Voice, Any]:
    """The parts of all voices that a score has.

    Parts of other names are left out beside a soprano, as there is a melody; without one, any may be the melody.
    """
    chosen = _choose(parts, VOICES)
    if chosen is not None:
        return chosen
    names = _names(parts)
    named = {voice: parts[names.index(voice)] for voice in VOICES if voice in names}
    others = [
        str(part.partName or "one without a name") for part, name in zip(parts, names, strict=True) if name not in named
    ]
    if len(parts) == 1 and others:
        return {"soprano": parts[0]}
    if (others and "soprano" not in named) or any(names.count(voice) > 1 for voice in named):
        raise ScoreError(
            f"{path} has {len(parts)} parts, and which voices they are is unclear; expected one melody, parts named "
            "Soprano, Alto, Tenor or Bass, or the four voices in order; name or remove parts."
        )
    if others:
        warn(f"{path}: parts that are no voice are left out: {', '.join(others)}.")
    return named


def _choose(parts: Sequence[Any], voices: Sequence[Voice]) -> dict[Voice, Any] | None:
    """The parts of some voices by name, else by place among four whose names don't speak against it."""
    names = _names(parts)
    # A name that stands twice (Soprano, Soprano) names nothing.
    places = {voice: names.index(voice) for voice in VOICES if names.count(voice) == 1}
    if all(voice in places for voice in voices):
        return {voice: parts[places[voice]] for voice in voices}
    if len(parts) == len(VOICES) and all(VOICES.index(voice) == place for voice, place in places.items()):
        return {voice: parts[VOICES.index(voice)] for voice in voices}
    return None


def _names(parts: Sequence[Any]) -> list[str]:
    return [str(part.partName or "").strip().lower() for part in parts]


def _chorale(path: Path, score: Any, parts: dict[Voice, Any], quantize: bool) -> Chorale:
    voices = {voice: sung_notes(part, f"{voice} of {path}", quantize=quantize) for voice, part in parts.items()}
    num_frames = max(notes[-1].start + notes[-1].length for notes in voices.values())
    if path.suffix.lower() not in MIDI_SUFFIXES:  # music21 fills the last measure of MIDI with rests
        num_frames = max(num_frames, *(round(_sixteenths(part.highestTime)) for part in parts.values()))
    pitches = np.zeros((num_frames, len(VOICES)), np.int16)
    onsets = np.zeros((num_frames, len(VOICES)), np.bool_)
    fermatas = np.zeros(num_frames, np.bool_)
    lead = next(voice for voice in VOICES if voice in voices)
    for voice, notes in voices.items():
        for note in notes:
            span = slice(note.start, note.start + note.length)
            pitches[span, VOICES.index(voice)] = note.pitch
            onsets[note.start, VOICES.index(voice)] = True
            if voice == lead:
                fermatas[span] = note.fermata
    _check_step(path, parts)
    time_signature, pickup = _metre(path, parts[lead])
    if parts[lead].recurse().getElementsByClass(("RepeatMark", "RepeatBracket")):
        warn(f"{path}: repeats are left out; the music stands once, as it is written.")
    return Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        time_signature=time_signature,
        pickup=pickup,
        key=_key(path, parts[lead], pitches),
        title=_title(path, score),
        name=path.stem,
    )


def _sixteenths(quarters: Any) -> Fraction:
    return Fraction(quarters) * FRAMES_PER_QUARTER


def _metre(path: Path, part: Any) -> tuple[TimeSignature, int]:
    """The first time signature, 4/4 if there is none, and the pickup. Bars that it can't draw are warned of."""
    signatures = part.recurse().getElementsByClass("TimeSignature")
    metres = [(int(signature.numerator), int(signature.denominator)) for signature in signatures] or [(4, 4)]
    numerator, denominator = metres[0]
    if denominator > 16:
        raise ScoreError(
            f"{path} is in {numerator}/{denominator}, which doesn't fit a grid of sixteenths; expected a denominator "
            "of 1, 2, 4, 8 or 16; write longer values."
        )
    full = 16 * numerator // denominator
    measures = list(part.getElementsByClass("Measure"))
    pickup = _pickup(measures, full)
    crossing = next((measure.number for measure in measures[1:] if _crosses_bar_line(measure, full, pickup)), None)
    if len(set(metres)) > 1:
        warn(f"{path}: the metre changes; the bars are drawn in {numerator}/{denominator} throughout.")
    elif crossing is not None:
        warn(
            f"{path}: from measure {crossing} on the measures don't fit the metre; the bars are drawn in "
            f"{numerator}/{denominator} throughout."
        )
    return (numerator, denominator), pickup


def _pickup(measures: Sequence[Any], full: int) -> int:
    """Sixteenths of a first measure that is short. If it is the only one, it is a pickup only by the number 0."""
    if not measures or (len(measures) == 1 and measures[0].number != 0):
        return 0
    padding = _sixteenths(measures[0].paddingLeft)
    return round(full - padding) % full if 0 < padding < full else 0


def _crosses_bar_line(measure: Any, full: int, pickup: int) -> bool:
    """Whether a written measure lies across a bar line of the metre. One that is divided by a repeat doesn't."""
    return (_sixteenths(measure.offset) - pickup) % full + _sixteenths(measure.highestTime) > full


def _check_step(path: Path, parts: dict[Voice, Any]) -> None:
    """Raise if the same measure begins at different times: music21 loses silence that is not written as rests."""
    (lead, measures), *others = ((voice, list(part.getElementsByClass("Measure"))) for voice, part in parts.items())
    for voice, others_measures in others:
        for before, (ours, theirs) in zip(measures, zip(measures[1:], others_measures[1:], strict=False), strict=False):
            if ours.offset != theirs.offset:
                raise ScoreError(
                    f"Measure {before.number} of {path} has different lengths in the {lead} and the {voice}; expected "
                    "voices that keep in step; fill the measure with rests."
                )


def _key(path: Path, part: Any, pitches: IntArray) -> Key:
    """The written key; its mode as written, else as the notes suggest. Without a signature, as the notes suggest."""
    signatures = part.recurse().getElementsByClass("KeySignature")
    written = [signature for signature in signatures if signature.sharps is not None]
    if not written:
        return estimate_key(pitches)
    fifths = int(written[0].sharps)
    if any(signature.sharps != fifths for signature in written):
        warn(f"{path}: the key signature changes; the first one is kept throughout.")
    mode = getattr(written[0], "mode", None)
    if mode in ("major", "minor"):
        return Key(fifths, mode)
    # Where the notes suggest a third key (G minor under D minor's flat), its mode is still the likelier.
    return Key(fifths, estimate_key(pitches, Key(fifths)).mode)


def _title(path: Path, score: Any) -> str:
    metadata = score.metadata
    title = " ".join(str((metadata.title or metadata.movementName or "") if metadata is not None else "").split())
    # Bach's chorales in music21 are titled by their file's name, which is no title.
    return "" if title == path.name else title
