"""Words for faults: the notes concerned, spelled in their key."""

from collections.abc import Mapping, Sequence

import numpy as np

from bachlit.metrics import Breach, chord_of
from bachlit.music.chorale import REST, VOICES, Chorale, IntArray, Voice
from bachlit.music.keys import Key
from bachlit.music.notes import name_of
from bachlit.scores.writing.spelling import Spelling, spell, spell_voice

_SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}


def details(chorale: Chorale, kind: str, breach: Breach, ranges: Mapping[Voice, tuple[int, int]]) -> str:
    """Describe the notes of a fault.

    Args:
        chorale: The music.
        kind: The kind of fault.
        breach: Where it begins.
        ranges: Lowest and highest pitch of each voice.
    """
    frame, voices, before = breach
    now = [note_at(chorale, frame, voice) for voice in voices]
    then = [] if before is None else [note_at(chorale, before, voice) for voice in voices]
    match kind:
        case "parallel_fifths" | "parallel_octaves" | "hidden_fifths" | "hidden_octaves":
            contrary = before is not None and len(set(np.sign(_moves(chorale, breach)))) > 1
            ending = ", in contrary motion" if contrary else ""
            words = f"{'-'.join(reversed(then))} to {'-'.join(reversed(now))}{ending}"
        case "overlap":
            upper, lower = (VOICES[voice] for voice in voices)
            falls = before is not None and chorale.pitches[frame, voices[0]] < chorale.pitches[before, voices[1]]
            falling, rising = f"{now[0]} below the {lower}'s {then[1]}", f"{now[1]} above the {upper}'s {then[0]}"
            words = falling if falls else rising
        case "crossing":
            words = f"{now[0]} below {now[1]}"
        case "spacing":
            words = f"{now[1]} to {now[0]}"
        case "range":
            low, high = map(name_of, ranges[VOICES[voices[0]]])  # as they are typed, in any key
            words = f"{now[0]} outside {low} to {high}"
        case "leap":
            words = f"{then[0]} to {now[0]}"
        case "doubled_leading_tone":
            words = " and ".join(now)
        case "leading_tone" | "seventh":
            words = _leaving(chorale, frame, voices[0])
        case _:
            words = _chord(chorale, frame, kind)
    elsewhere = before is not None and before != frame - 1
    return f"{words}, after a repeat or a jump" if elsewhere else words


def note_at(chorale: Chorale, frame: int, voice: int) -> str:
    """Name the note of a voice at a frame.

    >>> note_at(Chorale.from_pitches([[66, 62, 57, 50]] * 4), 0, 0)
    'F#4'
    """
    return names_at(chorale, voice, [frame])[0]


def names_at(chorale: Chorale, voice: int, frames: Sequence[int]) -> list[str]:
    """Name the notes of a voice that sound at some frames, as `note_at` does."""
    starts = np.flatnonzero(chorale.onsets[:, voice])
    keys = [chorale.key_at(start) for start in starts.tolist()]
    notes = spell_voice(chorale.pitches[starts, voice].tolist(), keys)
    places = np.searchsorted(starts, frames, side="right") - 1
    return ["a rest" if note is None else _named(note) for note in (notes[place] for place in places)]


def pitch_name(pitch: int, key: Key) -> str:
    """Name a pitch in a key; 0 is a rest.

    >>> pitch_name(66, Key(1)), pitch_name(REST, Key())
    ('F#4', 'a rest')
    """
    return "a rest" if pitch == REST else _named(spell(pitch, key))


def _named(note: Spelling) -> str:
    return f"{note.step}{_SIGNS[note.alter]}{note.octave}"


def _moves(chorale: Chorale, breach: Breach) -> IntArray:
    voices = list(breach.voices)
    return chorale.pitches[breach.frame, voices] - chorale.pitches[breach.before, voices]


def _leaving(chorale: Chorale, frame: int, voice: int) -> str:
    """Say where a note goes next."""
    line = chorale.pitches[frame:, voice]
    others = np.flatnonzero(line != line[0])
    note = note_at(chorale, frame, voice)
    return f"{note} to {note_at(chorale, frame + int(others[0]), voice)}" if len(others) else f"{note} to nothing"


def _chord(chorale: Chorale, frame: int, kind: str) -> str:
    """Describe the chord of an arrival, in its soprano's last sixteenth, or that of the end."""
    following = np.flatnonzero(chorale.onsets[frame + 1 :, 0])
    last = frame + int(following[0]) if kind == "cadence" and len(following) else _last(chorale, frame)
    pitches, key = chorale.pitches[last], chorale.key_at(last)
    chord, bass = chord_of(pitches), int(pitches[pitches != REST].min())
    if chord is None or chord.root is None:
        return f"no chord over {_step(bass, key)}"
    over = "" if chord.root == bass % 12 else f" over {_step(bass, key)}"
    return f"{chord.quality} on {_step(chord.root + 60, key)}{over}"


def _step(pitch: int, key: Key) -> str:
    note = spell(pitch, key)
    return f"{note.step}{_SIGNS[note.alter]}"


def _last(chorale: Chorale, frame: int) -> int:
    """Last frame from a frame on in which something sounds, as it is written."""
    return frame + int(np.flatnonzero((chorale.pitches[frame:] != REST).any(axis=1))[-1])
