"""Scores read into chorales: the parts that are wanted, put on one grid with their metre, key and title."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from bachlit.errors import OptionError, ScoreError
from bachlit.music.chorale import VOICES, Chorale, IntArray, TimeSignature, Voice
from bachlit.music.keys import Key, estimate_key
from bachlit.scores.reading.limits import MAX_MEASURE
from bachlit.scores.reading.notes import sung_notes
from bachlit.scores.reading.score import COMMON_TIME, Part, Score, WrittenMeasure, in_step
from bachlit.scores.reading.source import open_score, warn
from bachlit.scores.reading.voices import choose, named_parts, parts_of_voices, sing_in_range


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
        ScoreError: If the file isn't there or isn't a score, has no such voice or no notes, or is finer than a
            sixteenth.
    """
    return read_voices(path, [voice], quantize=quantize)


def read_voices(
    path: str | Path, voices: Sequence[Voice] | None = None, *, also: Sequence[Voice] = (), quantize: bool = False
) -> Chorale:
    """Read some voices of a score; the others rest.

    Voices that are named are found as by `read_melody`. Without names, those are read that the score has: its parts
    named after voices, the only part as the soprano, or four parts in their order. Where it has all four, the
    soprano is read alone, for the others are what is to be written. Where it is unclear which parts are voices, the
    soprano is the part with the tune: one whose name says so, else the top one.

    Of notes at once in a part, the top one is read. Voices that nobody could sing where they stand are moved by
    octaves. What is left out or changed is warned of.

    Args:
        path: A score in MusicXML, MXL, MIDI, ABC or kern.
        voices: Which voices to read.
        also: Voices to read besides, for their rhythm.
        quantize: Round what is finer than a sixteenth instead of refusing it.

    Returns:
        A chorale with these voices. Fermatas are those of the highest; those over rests are left out.

    Raises:
        OptionError: If a name isn't one of the four voices.
        ScoreError: If the file isn't there or isn't a score, which parts are the voices that are named is unclear, or
            a part has no notes, or notes finer than a sixteenth.
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
    chosen = choose(parts, VOICES)
    if chosen is None:
        raise ScoreError(
            f"{path} has {len(parts)} part{'s' * (len(parts) != 1)} with notes, and which are the four voices is "
            "unclear; expected parts named Soprano, Alto, Tenor and Bass, or four in that order; name or remove parts."
        )
    return _chorale(path, score, chosen, quantize=quantize, tune=False)


def _chorale(path: Path, score: Score, parts: dict[Voice, Part], *, quantize: bool, tune: bool) -> Chorale:
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
    if any(part.repeats for part in parts.values()):
        warn(f"{path}: repeats are left out; the music stands once, as it is written.")
    if tune and parts[lead].chord_symbols:
        warn(f"{path}: the chord symbols are left out; name the harmony with --chords to keep to it.")
    if tune and parts[lead].words:
        warn(f"{path}: the words are left out.")
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


def _warn_of_short_measures(path: Path, parts: dict[Voice, Part]) -> None:
    """Tell of the first measure that ends earlier in one voice than in another."""
    for index in range(max(len(part.measures) for part in parts.values())):
        written = {voice: part.measures[index] for voice, part in parts.items() if index < len(part.measures)}
        lengths = {voice: measure.length for voice, measure in written.items() if measure.length}
        number = next(iter(written.values())).number
        if number is not None and len(set(lengths.values())) > 1:
            short = min(lengths, key=lambda voice: lengths[voice])
            warn(f"{path}: measure {number} is shorter in the {short} than in other voices; a rest fills it.")
            return


def _metre(path: Path, part: Part) -> tuple[TimeSignature, int]:
    """The first time signature, 4/4 if there is none, and the pickup. Bars that it can't draw are warned of."""
    metres = list(part.metres) or [COMMON_TIME]
    numerator, denominator = metres[0]
    if denominator not in (1, 2, 4, 8, 16) or not 0 < 16 * numerator <= MAX_MEASURE * denominator:
        raise ScoreError(
            f"{path} is in {numerator}/{denominator}, which doesn't fit a grid of sixteenths; expected a denominator "
            f"of 1, 2, 4, 8 or 16 and at most {MAX_MEASURE // 16} semibreves; write longer values or shorter measures."
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
    """Sixteenths of a first measure that is short. If it is the only one, it is a pickup only by the number 0."""
    first = measures[0]
    if first.number is None or (len(measures) == 1 and first.number != "0"):
        return 0
    return round(first.length) % full if first.length < full else 0


def _crossing_measure(measures: Sequence[WrittenMeasure], full: int, pickup: int) -> str | None:
    """The first written measure that lies across a bar line of the metre. One that is divided by a repeat doesn't."""
    start = measures[0].length
    for measure in measures[1:]:
        if (start - pickup) % full + measure.length > full:
            return measure.number
        start += measure.length
    return None


def _key(path: Path, part: Part, pitches: IntArray) -> Key:
    """The written key; its mode as written, else as the notes suggest. Without a signature, as the notes suggest."""
    if not part.signatures:
        return estimate_key(pitches)
    fifths, mode = part.signatures[0]
    if any(signature.fifths != fifths for signature in part.signatures):
        warn(f"{path}: the key signature changes; the first one is kept throughout.")
    if not -7 <= fifths <= 7:
        fifths = Key(fifths).transpose(12).fifths  # the same key with fewer accidentals
        warn(f"{path}: the key signature has more than seven accidentals; it is written with {abs(fifths)}.")
    if mode == "major":
        return Key(fifths, "major")
    if mode == "minor":
        return Key(fifths, "minor")
    # Where the notes suggest a third key (G minor under D minor's flat), its mode is still the likelier.
    return Key(fifths, estimate_key(pitches, Key(fifths)).mode)


def _title(path: Path, score: Score) -> str:
    title = " ".join(score.title.split())
    # Bach's chorales in music21 are titled by their file's name, which is no title.
    return "" if title == path.name else title
