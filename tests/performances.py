"""MIDI files of events, and tunes as people play them."""

import random
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from bachlit.scores.reading.musicxml import musicxml_document, read_tree
from bachlit.scores.reading.score import Part

EXAMPLES = Path(__file__).parents[1] / "examples"
TICKS = 480

Event = tuple[float, bytes]  # ticks, message
Sung = tuple[Fraction, Fraction, int]  # beginning and length in quarters, pitch


def number(value: int) -> bytes:
    """A variable-length number."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def meta(time: float, kind: int, data: bytes) -> Event:
    return time, bytes([0xFF, kind]) + number(len(data)) + data


def tempo(time: float, per_minute: float) -> Event:
    return meta(time, 0x51, round(60e6 / per_minute).to_bytes(3, "big"))


def metre(time: float, beats: int, kind: int) -> Event:
    return meta(time, 0x58, bytes([beats, kind.bit_length() - 1, 24, 8]))


def key(time: float, fifths: int, minor: bool = False) -> Event:
    return meta(time, 0x59, bytes([fifths % 256, minor]))


def note(start: float, end: float, pitch: int, channel: int = 1) -> list[Event]:
    """A note by its quarters, on whole ticks."""
    ticks = round(start * TICKS), max(round(end * TICKS), round(start * TICKS) + 1)
    return [(ticks[0], bytes([0x8F + channel, pitch, 80])), (ticks[1], bytes([0x7F + channel, pitch, 0]))]


def midi_file(*tracks: Iterable[Event], ticks: int = TICKS) -> bytes:
    """A MIDI file; at one time ends of notes come before beginnings."""
    chunks = b""
    for track in tracks:
        events = sorted(track, key=lambda event: (event[0], event[1][0] & 0xF0 != 0x80, event[1][0] & 0xF0 == 0x90))
        data, now = b"", 0
        for time, message in events:
            data += number(round(time) - now) + message
            now = round(time)
        chunks += b"MTrk" + len(data).to_bytes(4, "big") + data
    return b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2, "big") + ticks.to_bytes(2, "big") + chunks


def sung(part: Part) -> list[Sung]:
    """The notes of a part, ties joined."""
    notes: list[Sung] = []
    offset = Fraction(0)
    for measure in part.measures:
        for tone in measure.tones:
            start, length, pitch = (offset + tone.start) / 4, tone.length / 4, int(tone.pitch)
            if tone.tied:
                before = next(each for each in reversed(notes) if (each[0] + each[1], each[2]) == (start, pitch))
                notes[notes.index(before)] = before[0], before[1] + length, pitch
            else:
                notes.append((start, length, pitch))
        offset += measure.length
    return notes


def tunes() -> dict[str, tuple[tuple[int, int], list[Sung]]]:
    """The tunes of the examples with their metres, from time 0 on."""
    found = {}
    for path in sorted(EXAMPLES.glob("*.musicxml")):
        part = read_tree(musicxml_document(path.read_text())).parts[0]
        found[path.stem] = part.measures[0].metre, sung(part)
    return found


def performance(
    notes: Sequence[Sung],
    chance: random.Random,
    *,
    per_minute: float,
    time: Callable[[float], float] = float,
    gate: float = 0.95,
    stray: float = 0.015,
) -> list[Event]:
    """Events of a tune as it is played: notes up to 30 ms off, ends a little early.

    Args:
        notes: The tune.
        chance: Where the player's hand comes from.
        per_minute: Quarters per minute, which the file says, too.
        time: Quarters of the click at quarters of the tune, if these differ.
        gate: Share of its length that a note sounds.
        stray: Standard deviation in seconds.
    """

    def off() -> float:
        return max(-0.03, min(0.03, chance.gauss(0, stray))) * per_minute / 60

    events = [tempo(0, per_minute)]
    for start, length, pitch in notes:
        begins = max(0.0, time(float(start)) + off())
        ends = time(float(start + length * Fraction(gate))) + off()
        events += note(begins, ends, pitch)
    return events
