"""Phrase ends of a prompt: the tune's own fermatas, found ones, or those at places that are typed."""

import dataclasses
import re
from collections.abc import Iterable, Sequence

import numpy as np

from bachlit.errors import OptionError
from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale, Voice
from bachlit.music.measures import Measure, beats_in, whole_bars
from bachlit.music.notes import Note, notes_of
from bachlit.music.phrase_marks import PhraseMark
from bachlit.music.prompt import Prompt
from bachlit.phrases import phrase_ends

_PLACE = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}(?:\.[0-9]{1,9})?))?")


def phrased(prompt: Prompt, phrases: str = "auto", marks: Iterable[PhraseMark] = ()) -> Prompt:
    """Choose the phrase ends to which a harmonisation keeps.

    Args:
        prompt: What is given. One that has phrase ends keeps them.
        phrases: `auto` for the tune's fermatas, or found ones if it has none before its last note; `given` for its
            fermatas alone; `none` for none; or places: `4,8` for the last notes that begin in bars 4 and 8 (a pickup is
            bar 0), `2.3` for the note that sounds at beat 3 of bar 2.
        marks: Signs of phrase ends in the score.

    Raises:
        OptionError: If the places can't be read, or no note is there.

    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (60, 62, 64, 65, 67, 69, 71, 72) for _ in range(4)])
    >>> np.flatnonzero(phrased(Prompt.voices(tune, "soprano"), "1, 2.2").phrase_ends).tolist()
    [12, 13, 14, 15, 20, 21, 22, 23]
    """
    typed = phrases.strip().lower()
    if prompt.phrase_ends is not None or typed == "given":
        return prompt
    chorale = prompt.chorale
    if typed == "none":
        return dataclasses.replace(prompt, phrase_ends=np.zeros(chorale.num_frames, np.bool_))
    voice = _tune_in(prompt)
    if typed != "auto":
        return dataclasses.replace(prompt, phrase_ends=_at_places(chorale, voice or "soprano", phrases))
    if voice is None or _has_fermatas(chorale, voice):
        return prompt
    found = set(phrase_ends(chorale, voice, marks))
    return dataclasses.replace(prompt, phrase_ends=_held(chorale, voice, found) | chorale.fermatas, found=True)


def places_of_phrases(prompt: Prompt) -> list[str]:
    """Name the places of the phrase ends that a model hears, as `phrased` reads them.

    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (60, 62, 64, 65, 67, 69, 71, 72) for _ in range(4)])
    >>> places_of_phrases(phrased(Prompt.voices(tune, "soprano"), "1,2.2"))
    ['1', '2.2']
    """
    notes = [note for note in notes_of(prompt.heard, _tune_in(prompt) or "soprano") if note.pitch != REST]
    return [_place_of(note, notes, whole_bars(prompt.heard.measures)) for note in notes_ending_phrases(prompt)]


def notes_ending_phrases(prompt: Prompt) -> list[Note]:
    """List the last notes of the phrases that a model hears."""
    heard = prompt.heard
    notes = [note for note in notes_of(heard, _tune_in(prompt) or "soprano") if note.pitch != REST]
    return [note for note in notes if heard.fermatas[note.start : note.start + note.length].all()]


def _tune_in(prompt: Prompt) -> Voice | None:
    """The highest voice that is given whole and sounds."""
    for column, voice in enumerate(VOICES):
        if prompt.given[:, column].all() and (prompt.chorale.pitches[:, column] != REST).any():
            return voice
    return None


def _has_fermatas(chorale: Chorale, voice: Voice) -> bool:
    """Check for a fermata before the voice's last note."""
    last = max(note.start for note in notes_of(chorale, voice) if note.pitch != REST)
    return bool(chorale.fermatas[:last].any())


def _held(chorale: Chorale, voice: Voice, starts: Iterable[int]) -> BoolArray:
    """Mask (T,) of the notes that begin at some frames."""
    held = np.zeros(chorale.num_frames, np.bool_)
    for note in notes_of(chorale, voice):
        held[note.start : note.start + note.length] = note.start in starts
    return held


def _at_places(chorale: Chorale, voice: Voice, phrases: str) -> BoolArray:
    notes = [note for note in notes_of(chorale, voice) if note.pitch != REST]
    places = [place.strip() for place in phrases.split(",")]
    return _held(chorale, voice, {_note_at(chorale, notes, place).start for place in places})


def _note_at(chorale: Chorale, notes: Sequence[Note], place: str) -> Note:
    """The last note that begins in a bar, or the note that sounds at a beat."""
    match = _PLACE.fullmatch(place)
    if not match:
        raise OptionError(
            f"{place[:40]!r} is no place of a phrase end; expected auto, given, none, or bars such as 4,8, or bars and "
            "beats such as 2.3."
        )
    bars = whole_bars(chorale.measures)
    numbers = [str(int(bar.number)) if bar.number.isdigit() else bar.number for bar in bars]
    if bars[0].position:
        numbers[0] = "0"
    if str(int(match[1])) not in numbers:
        raise OptionError(
            f"There is no bar {match[1]} for --phrases in {chorale.name or 'the tune'}; expected {numbers[0]} to "
            f"{numbers[-1]} (0 is a pickup)."
        )
    bar = bars[numbers.index(str(int(match[1])))]
    if match[2] is None:
        found = [note for note in notes if bar.start <= note.start < bar.end]
        where, expected = (
            f"begins in bar {match[1]}",
            "a bar in which one does, or a beat at which one sounds, as in 2.3",
        )
    else:
        frame = bar.start - bar.position + (float(match[2]) - 1) * _beat(bar)
        inside = bar.start <= frame < bar.end
        found = [note for note in notes if inside and note.start <= frame < note.start + note.length]
        where, expected = f"sounds at beat {match[2]} of bar {match[1]}", "a beat at which one does"
    if not found:
        raise OptionError(f"No note {where}; expected {expected}; correct --phrases.")
    return found[-1]


def _place_of(note: Note, notes: Sequence[Note], bars: Sequence[Measure]) -> str:
    """Name of a note's place: its bar if it is the last that begins there, else the beat at which it sounds."""
    bar = next(bar for bar in bars if note.start < bar.end)
    number = "0" if bar is bars[0] and bar.position else bar.number
    if not any(note.start < other.start < bar.end for other in notes):
        return number
    beat = _beat(bar)
    exact = (note.start - bar.start + bar.position) / beat + 1
    whole = int(-(-exact // 1))
    sounds = bar.start - bar.position + (whole - 1) * beat < note.start + note.length
    return f"{number}.{whole}" if sounds else f"{number}.{exact:g}"


def _beat(bar: Measure) -> float:
    """Frames of a beat."""
    return bar.full / beats_in(bar.time_signature)
