"""Read scores into chorales: parts on one grid, with metre, key and title."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np

from bachlit.errors import OptionError, ScoreError
from bachlit.music.chorale import VOICES, Chorale, IntArray, TimeSignature, Voice
from bachlit.music.keys import Key, estimate_key
from bachlit.scores.reading.limits import MAX_MEASURE
from bachlit.scores.reading.notes import sung_notes
from bachlit.scores.reading.score import COMMON_TIME, Part, Score, WrittenMeasure, in_step, play_order
from bachlit.scores.reading.source import open_score, warn
from bachlit.scores.reading.voices import named_parts, parts_of_voices, sing_in_range


def read_melody(path: str | Path, *, voice: Voice = "soprano", quantize: bool = False) -> Chorale:
    """Read one voice of a score; the other three rest.

    Its part is the one with the voice's name, else the only part, else the one at the voice's place among four.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        voice: Which voice to read.
        quantize: Round notes finer than a sixteenth instead of refusing them.

    Returns:
        A chorale with this voice alone, and its fermatas (except those over rests).

    Raises:
        ScoreError: If the file isn't there or isn't a score, lacks the voice or notes, or is finer than a sixteenth.
    """
    return read_voices(path, [voice], quantize=quantize)


def read_voices(
    path: str | Path, voices: Sequence[Voice] | None = None, *, also: Sequence[Voice] = (), quantize: bool = False
) -> Chorale:
    """Read some voices of a score; the others rest.

    Named voices are found as by `read_melody`. Without names, all voices of the score are read: parts named after
    voices, a single part as the soprano, or four parts in order. If it has all four, only the soprano is read, since
    the others are to be composed. If unclear, the soprano is the part with the tune: one named so, else the top one.

    Of simultaneous notes in a part, the top one is read. Voices out of range are moved by octaves. A ScoreWarning
    says what was left out or changed.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        voices: Which voices to read.
        also: More voices to read, for their rhythm.
        quantize: Round notes finer than a sixteenth instead of refusing them.

    Returns:
        A chorale with these voices, and the fermatas of the highest (except those over rests).

    Raises:
        OptionError: If a name isn't one of the four voices.
        ScoreError: If the file isn't there or isn't a score, the parts of the voices are unclear, or a part has no
            notes or notes finer than a sixteenth.
    """
    unknown = [voice for voice in (*(voices or ()), *also) if voice not in VOICES]
    if unknown:
        raise OptionError(f"There is no voice {unknown[0]!r}; expected one of {', '.join(VOICES)}.")
    path = Path(path)
    score, parts = open_score(path)
    if voices is None:
        found = parts_of_voices(path, parts)
        wanted = {*also, "soprano"} if len(found) == len(VOICES) else set(found)
        chosen = {voice: part for voice, part in found.items() if voice in wanted}
    else:
        chosen = named_parts(path, parts, [voice for voice in VOICES if voice in (*voices, *also)])
    chorale = _chorale(path, score, chosen, quantize=quantize, tune=True)
    return sing_in_range(chorale, keeping=tuple(voice for voice in also if voice not in (voices or ())))


def read_chorale(path: str | Path, *, quantize: bool = False, repeats: bool = False) -> Chorale:
    """Read four voices of a score, by their names, else by their order if there are four.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        quantize: Round notes finer than a sixteenth instead of refusing them.
        repeats: Play repeats and endings of MusicXML as often as the score says, instead of once.

    Returns:
        The chorale, with the soprano's fermatas (except those over rests).

    Raises:
        ScoreError: If the file isn't there, isn't a score, or lacks four voices on a grid of sixteenths.
    """
    path = Path(path)
    score, parts = open_score(path)
    chosen = named_parts(path, parts, VOICES)
    return _chorale(path, score, chosen, quantize=quantize, tune=False, repeats=repeats)


def _chorale(
    path: Path, score: Score, parts: dict[Voice, Part], *, quantize: bool, tune: bool, repeats: bool = False
) -> Chorale:
    _warn_of_short_measures(path, parts)
    parts = dict(zip(parts, in_step(list(parts.values()), score.parts), strict=True))
    voices = {
        voice: sung_notes(part, f"{voice} of {path}", quantize=quantize, tune=tune) for voice, part in parts.items()
    }
    lead = next(voice for voice in VOICES if voice in voices)
    end = round(sum((measure.length for measure in parts[lead].measures), Fraction(0)))
    num_frames = max(end, *(notes[-1].start + notes[-1].length for notes in voices.values()))
    pitches = np.zeros((num_frames, len(VOICES)), np.int16)
    onsets = np.zeros((num_frames, len(VOICES)), np.bool_)
    fermatas = np.zeros(num_frames, np.bool_)
    for voice, notes in voices.items():
        for note in notes:
            span = slice(note.start, note.start + note.length)
            pitches[span, VOICES.index(voice)] = note.pitch
            onsets[note.start, VOICES.index(voice)] = True
            if voice == lead:
                fermatas[span] = note.fermata
    time_signature, pickup = _metre(path, parts[lead])
    if any(part.repeats for part in parts.values()) and not repeats:
        warn(f"{path}: repeats are left out; the music stands once, as it is written.")
    if tune and parts[lead].left_out["chord symbol"]:
        warn(f"{path}: the chord symbols are left out; name the harmony with --chords to keep to it.")
    if tune and parts[lead].left_out["word"]:
        warn(f"{path}: the words are left out.")
    chorale = Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        time_signature=time_signature,
        pickup=pickup,
        key=_key(path, parts[lead], pitches),
        title=_title(path, score),
        name=path.stem,
    )
    return _repeated(chorale, parts[lead].measures) if repeats else chorale


def _repeated(chorale: Chorale, measures: Sequence[WrittenMeasure]) -> Chorale:
    """Play the repeats of a chorale: its frames in the order of the measures played."""
    edges = [round(time) for time in accumulate((measure.length for measure in measures), initial=Fraction(0))]
    spans = [np.arange(edges[index], edges[index + 1]) for index in play_order(measures)]
    frames = np.concatenate(spans)
    frames = frames[frames < chorale.num_frames]
    onsets = chorale.onsets[frames]
    onsets[1:][np.diff(frames) != 1] = True  # a note tied over a repeat's bar line begins anew
    return dataclasses.replace(
        chorale, pitches=chorale.pitches[frames], onsets=onsets, fermatas=chorale.fermatas[frames]
    )


def _warn_of_short_measures(path: Path, parts: dict[Voice, Part]) -> None:
    """Warn of the first measure that is shorter in one voice than in another."""
    for index in range(max(len(part.measures) for part in parts.values())):
        written = {voice: part.measures[index] for voice, part in parts.items() if index < len(part.measures)}
        lengths = {voice: measure.length for voice, measure in written.items() if measure.length}
        number = next(iter(written.values())).number
        if number is not None and len(set(lengths.values())) > 1:
            short = min(lengths, key=lambda voice: lengths[voice])
            warn(f"{path}: measure {number} is shorter in the {short} than in other voices; a rest fills it.")
            return


def _metre(path: Path, part: Part) -> tuple[TimeSignature, int]:
    """The first time signature (4/4 if none) and the pickup; warn if other bar lines don't fit."""
    metres = list(part.metres) or [COMMON_TIME]
    numerator, denominator = metres[0]
    if denominator not in (1, 2, 4, 8, 16) or not 0 < 16 * numerator <= MAX_MEASURE * denominator:
        raise ScoreError(
            f"{path} is in {numerator}/{denominator}, which doesn't fit a grid of sixteenths; expected a denominator "
            f"of 1, 2, 4, 8 or 16 and at most {MAX_MEASURE // 16} semibreves per measure."
        )
    full = 16 * numerator // denominator
    pickup = _pickup(part.measures, full)
    crossing = _crossing_measure(part.measures, full, pickup)
    if len(set(metres)) > 1:
        warn(f"{path}: the metre changes; the bars are drawn in {numerator}/{denominator} throughout.")
    elif crossing is not None:
        warn(
            f"{path}: from measure {crossing} on the measures don't fit the metre; the bars are drawn in "
            f"{numerator}/{denominator} throughout."
        )
    return (numerator, denominator), pickup


def _pickup(measures: Sequence[WrittenMeasure], full: int) -> int:
    """Sixteenths of an incomplete first measure; a single measure is a pickup only if its number is 0."""
    first = measures[0]
    if first.number is None or (len(measures) == 1 and first.number != "0"):
        return 0
    return round(first.length) % full if first.length < full else 0


def _crossing_measure(measures: Sequence[WrittenMeasure], full: int, pickup: int) -> str | None:
    """Number of the first measure that crosses a bar line of the metre; one divided by a repeat doesn't."""
    start = measures[0].length
    for measure in measures[1:]:
        if (start - pickup) % full + measure.length > full:
            return measure.number
        start += measure.length
    return None


def _key(path: Path, part: Part, pitches: IntArray) -> Key:
    """The written key; a missing mode or signature is estimated from the notes."""
    if not part.signatures:
        return estimate_key(pitches)
    fifths, mode = part.signatures[0]
    if any(signature.fifths != fifths for signature in part.signatures):
        warn(f"{path}: the key signature changes; the first one is kept throughout.")
    if not -7 <= fifths <= 7:
        fifths = Key(fifths).transpose(12).fifths  # the same key with fewer accidentals
        warn(f"{path}: the key signature has more than seven accidentals; it is written with {abs(fifths)}.")
    if mode in ("major", "minor"):
        return Key(fifths, "minor" if mode == "minor" else "major")
    # Even where the notes suggest a third key (G minor under D minor's signature), its mode is the likelier.
    return Key(fifths, estimate_key(pitches, Key(fifths)).mode)


def _title(path: Path, score: Score) -> str:
    title = " ".join(score.title.split())
    # Bach's chorales in music21 have their file's name as a title.
    return "" if title == path.name else title
