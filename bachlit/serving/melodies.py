"""Melodies as JSON: notes in ticks, key signature, metre, pickup, title."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np

from bachlit.errors import ChoraleError
from bachlit.music.chorale import FRAMES_PER_QUARTER, REST, VOICES, Chorale, Voice
from bachlit.music.keys import MODES, Key, home_of
from bachlit.music.measures import TimeSignature, check_metre, frames_per_measure
from bachlit.music.notes import notes_of
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreWarning
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_FRAMES
from bachlit.serving.values import shown, whole

DIVISION = 480
"""Ticks of a quarter, unless a request says otherwise; those of every answer."""

TICKS = DIVISION // FRAMES_PER_QUARTER
"""Ticks of a sixteenth in an answer."""

FIELDS = ("notes", "division", "fifths", "mode", "metre", "pickup", "title", "voices")
"""Fields of a request that hold a melody."""

Notes = tuple[tuple[int, int], ...]
"""MIDI pitches, 0 a rest, and their lengths in sixteenths."""


@dataclass(frozen=True)
class Melody:
    """Melody as it was sent, checked.

    Attributes:
        voices: Notes of each voice that was sent.
        lead: The voice that the melody is.
        fifths: Of the key signature; None if it is to be heard.
        mode: Likewise.
        metre: Numerator and denominator.
        pickup: Sixteenths before the first full bar.
        title: Printed above.
    """

    voices: Mapping[Voice, Notes]
    lead: Voice
    fifths: int | None = None
    mode: str | None = None
    metre: TimeSignature = (4, 4)
    pickup: int = 0
    title: str = ""

    def chorale(self) -> Chorale:
        """Make a chorale of the voices; the others rest.

        >>> Melody({"alto": ((60, 4), (0, 4), (62, 8))}, "alto", 0, "major").chorale()
        <Chorale the melody: 1 bar of 4/4, C major, alto C4 to D4>
        """
        num_frames = max(sum(length for _, length in notes) for notes in self.voices.values())
        pitches = np.zeros((num_frames, len(VOICES)), np.int16)
        onsets = np.zeros((num_frames, len(VOICES)), np.bool_)
        for voice, notes in self.voices.items():
            now, column = 0, VOICES.index(voice)
            for pitch, length in notes:
                pitches[now : now + length, column] = pitch
                onsets[now, column] = True
                now += length
            if now < num_frames:
                onsets[now, column] = True
        return Chorale(
            pitches=pitches,
            onsets=onsets,
            fermatas=np.zeros(num_frames, np.bool_),
            time_signature=self.metre,
            pickup=self.pickup,
            key=self._key(pitches[:, VOICES.index(self.lead)]),
            title=self.title,
            name="the melody",
        )

    def _key(self, line: Any) -> Key:
        """Return the key as sent, or estimate it from the melody."""
        if self.mode is not None and self.fifths is not None:
            return Key(self.fifths, self.mode)  # type: ignore[arg-type]  # one of MODES
        key = home_of(line, self.fifths)
        warnings.warn(
            f"No mode of its key is written; heard as {key}; mode says otherwise.", ScoreWarning, stacklevel=2
        )
        return key


def read_melody(sent: Mapping[str, Any], lead: Voice) -> Melody:
    """Check a melody.

    Args:
        sent: Fields of a request, those of `FIELDS` among them.
        lead: The voice that `notes` is.

    Raises:
        RefusedError: If it isn't one, or has notes off the grid of sixteenths.

    >>> read_melody({"notes": [[67, 480], [None, 240], [69, 240]], "metre": "3/4"}, "soprano").voices
    {'soprano': ((67, 4), (0, 2), (69, 2))}
    """
    division = ticks_of_quarter(sent)
    fifths = _checked(sent, "fifths", whole(-7, 7), "-7 (flats) to 7 (sharps)")
    mode = _checked(sent, "mode", _mode, f"one of {', '.join(MODES)}, or null to have it heard")
    if mode is not None and fifths is None:
        raise _refused("A mode needs a key signature; expected fifths beside it, -7 to 7; add it, or send a key.")
    metre = _checked(sent, "metre", _metre, 'a time signature such as "3/4"') or (4, 4)
    pickup = _frames(_checked(sent, "pickup", _tick, "ticks") or 0, division, "The pickup")
    try:
        check_metre(metre, pickup)
    except ChoraleError as error:
        raise RefusedError("invalid", str(error)) from error
    if frames_per_measure(metre) > MOST_FRAMES:
        raise _refused(f"A bar of {metre[0]}/{metre[1]} is too long; expected at most 128 quarters; send shorter.")
    title = _checked(sent, "title", _title, "text of at most 200 characters") or ""
    return Melody(_voices(sent, lead, division), lead, fifths, mode, metre, pickup, title)


def ticks_of_quarter(sent: Mapping[str, Any]) -> int:
    """Check the division of a request.

    Raises:
        RefusedError: If it is none.
    """
    number = whole(1, 1_000_000)
    return int(_checked(sent, "division", number, "ticks of a quarter, 1 to 1000000") or DIVISION)


def holding(prompt: Prompt, hold: Sequence[tuple[Voice, int, int]]) -> Prompt:
    """Add notes to the given ones of a prompt: all that begin in some stretches.

    Args:
        prompt: Its chorale has the voices.
        hold: Voice, first frame, and the frame after the last.
    """
    given = prompt.given.copy()
    for voice, first, last in hold:
        for note in notes_of(prompt.chorale, voice):
            if first <= note.start < last:
                given[note.start : note.start + note.length, VOICES.index(voice)] = True
    return Prompt(prompt.chorale, given, prompt.rhythm, prompt.phrase_ends, prompt.found)


def frames_of_hold(hold: Iterable[tuple[Voice, float, float]], division: int) -> tuple[tuple[Voice, int, int], ...]:
    """Convert stretches from ticks to sixteenths; the same notes begin in them."""

    def frame(tick: float) -> int:
        return ceil(Fraction(tick) * FRAMES_PER_QUARTER / division)

    return tuple((voice, frame(first), frame(last)) for voice, first, last in hold)


def _voices(sent: Mapping[str, Any], lead: Voice, division: int) -> dict[Voice, Notes]:
    """Check the notes of all voices."""
    listed = sent.get("voices")
    if listed is None:
        listed = {}
    if not isinstance(listed, dict) or not set(listed) <= set(VOICES):
        raise _refused(f"voices is {shown(listed)}; expected lists of notes by voice: {', '.join(VOICES)}; correct it.")
    listed = {voice: notes for voice, notes in listed.items() if notes is not None}
    if sent.get("notes") is not None:
        if lead in listed and listed[lead] != sent["notes"]:
            raise _refused(f"The {lead} stands in notes and, otherwise, in voices; expected it once; leave one out.")
        listed = {**listed, lead: sent["notes"]}
    if lead not in listed:
        raise _refused(f"There are no notes of the {lead}; expected the melody as notes; send it, or name its voice.")
    voices = {voice: _notes(listed[voice], voice, division) for voice in VOICES if voice in listed}
    if not any(pitch for notes in voices.values() for pitch, _ in notes):
        raise _refused("All notes are rests; expected a melody; send some notes.")
    return voices


def _notes(sent: Any, voice: Voice, division: int) -> Notes:
    """Check the notes of a voice."""
    if not isinstance(sent, list) or not sent:
        raise _refused(f"The {voice} is {shown(sent)}; expected a list of notes, such as [[67, 480], [null, 240]].")
    notes: list[tuple[int, int]] = []
    now = ticks = 0
    for number, note in enumerate(sent, start=1):
        pitch, length = _note(note, number, voice)
        ticks += length
        end = _frames(ticks, division, f"The end of note {number} of the {voice}")
        if end == now or end > MOST_FRAMES:
            raise _refused(
                f"Note {number} of the {voice} ends {end} sixteenths from the beginning; expected each to last at "
                f"least one, and all at most {MOST_FRAMES}; send a shorter melody."
            )
        notes.append((pitch, end - now))
        now = end
    return tuple(notes)


def _note(note: Any, number: int, voice: Voice) -> tuple[int, int]:
    try:
        pitch, length = note if isinstance(note, list) else [note]
        return REST if pitch is None else whole(0, 127)(pitch), _tick(length)
    except ValueError as error:
        raise _refused(
            f"Note {number} of the {voice} is {shown(note)}; expected a MIDI pitch of 0 to 127, or null for a rest, "
            "and its length in ticks, such as [67, 480]; correct it."
        ) from error


def _frames(ticks: int, division: int, what: str) -> int:
    """Convert ticks to sixteenths."""
    frames = Fraction(ticks * FRAMES_PER_QUARTER, division)
    if frames.denominator > 1:
        raise _refused(
            f"{what} is {ticks} ticks from the beginning, between two sixteenths; expected multiples of a quarter of "
            f"{division} ticks; send finer music as MusicXML or MIDI."
        )
    return int(frames)


def _tick(value: Any) -> int:
    """Check a number of ticks; some clients send whole numbers as floats."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**9:
        value = int(value)
    return int(whole(0, 10**9)(value))


def _mode(value: Any) -> str:
    if not isinstance(value, str) or value not in MODES:
        raise ValueError("no mode")
    return value


def _metre(value: Any) -> TimeSignature:
    match = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,2})", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("no metre")
    return int(match[1]), int(match[2])


def _title(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError("no title")
    return " ".join(value.split())


def _checked(sent: Mapping[str, Any], name: str, read: Any, expected: str) -> Any:
    """Check a field; None if it is left out."""
    value = sent.get(name)
    if value is None:
        return None
    try:
        return read(value)
    except ValueError as error:
        raise _refused(f"{name} is {shown(value)}; expected {expected}; correct it, or leave it out.") from error


def _refused(sentence: str) -> RefusedError:
    return RefusedError("invalid", sentence)
