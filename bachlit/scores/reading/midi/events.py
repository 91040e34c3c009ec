"""Standard MIDI files -> plain values: notes by track and channel, tempos, metres, keys, words. Times are ticks."""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from string import whitespace
from typing import NamedTuple

from bachlit.music.chorale import TimeSignature
from bachlit.scores.reading.contents import decode
from bachlit.scores.reading.limits import MAX_MIDI_BYTES
from bachlit.scores.reading.score import Signature

DRUMS = 10
"""The channel of drums, counted from 1."""

DEFAULT_TEMPO = 500_000
"""Microseconds per quarter, where a file has no tempo."""

_NOTE_OFF, _NOTE_ON, _PROGRAM, _SYSTEM = 0x80, 0x90, 0xC0, 0xF0
_TEXT, _TRACK_NAME, _LYRIC, _MARKER, _END_OF_TRACK = 0x01, 0x03, 0x05, 0x06, 0x2F
_TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x51, 0x58, 0x59
_LONGEST_VARIABLE = 4  # bytes of a number, by the standard

_Event = tuple[int, int, bytes]  # time in ticks, status (a meta event's is its kind, negative), data


class Played(NamedTuple):
    """Note as it was played: ticks from the beginning, and MIDI pitch."""

    start: int
    end: int
    pitch: int


@dataclass
class Line:
    """Notes of one track and channel, in order of time.

    Attributes:
        track: Number of the track, from 1.
        channel: Number of the channel, 1 to 16.
        name: Of the track; empty if it has none.
        program: Of its first note, 0 to 127; None if it names none.
        notes: At least one.
    """

    track: int
    channel: int
    name: str
    program: int | None
    notes: list[Played]


@dataclass
class MidiTrack:
    """Contents of a track.

    Attributes:
        number: From 1.
        name: First name; empty if none.
        notes: By channel, counted from 1.
        programs: First program of each channel.
        texts: Times and texts of text events.
        lyrics: Times and texts of lyric events.
        markers: Times and texts of markers.
        tempos: Times and microseconds per quarter.
        metres: Times and time signatures.
        signatures: Times and key signatures.
    """

    number: int = 1
    name: str = ""
    notes: dict[int, list[Played]] = field(default_factory=lambda: defaultdict(list))
    programs: dict[int, int] = field(default_factory=dict)
    texts: list[tuple[int, str]] = field(default_factory=list)
    lyrics: list[tuple[int, str]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    metres: list[tuple[int, TimeSignature]] = field(default_factory=list)
    signatures: list[tuple[int, Signature]] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        """Its lines, by channel, without drums."""
        return [
            Line(self.number, channel, self.name, self.programs.get(channel), sorted(self.notes[channel]))
            for channel in sorted(self.notes)
            if channel != DRUMS
        ]


class MidiFile(NamedTuple):
    """Tracks of a file, and ticks per quarter."""

    ticks: int
    tracks: list[MidiTrack]


def parse_midi(data: bytes) -> MidiFile:
    """Parse a MIDI file.

    Raises:
        ValueError: If it is damaged, too large, or counts time in seconds.
    """
    if len(data) > MAX_MIDI_BYTES:
        raise ValueError(f"it has more than {MAX_MIDI_BYTES // 2**20} MB, which is too much for MIDI")
    ticks = int.from_bytes(data[12:14], "big")
    if len(data) < 14 or not 0 < ticks < 2**15:
        raise ValueError("its time isn't counted in quarters")
    return MidiFile(ticks, [_read_track(chunk, number) for number, chunk in enumerate(_chunks(data), start=1)])


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the contents of the track chunks; a truncated one as far as it goes."""
    place = 8 + int.from_bytes(data[4:8], "big")
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "big")
        if data[place : place + 4] == b"MTrk":
            yield data[place + 8 : place + 8 + length]
        place += 8 + length


def _read_track(chunk: bytes, number: int) -> MidiTrack:
    track = MidiTrack(number)
    begun: dict[tuple[int, int], deque[int]] = defaultdict(deque)
    now = 0
    for now, status, data in _events(chunk):  # notes without an end stop at the last time
        if status < 0:
            _read_meta(track, now, -status, data)
            continue
        kind, channel = status & 0xF0, (status & 0x0F) + 1
        if kind == _PROGRAM:
            track.programs.setdefault(channel, data[0] & 0x7F)
        if kind not in (_NOTE_ON, _NOTE_OFF):
            continue
        starts = begun[channel, data[0]]
        if kind == _NOTE_ON and data[1]:
            starts.append(now)
        elif starts and (start := starts.popleft()) < now:
            track.notes[channel].append(Played(start, now, data[0]))
    for (channel, pitch), starts in begun.items():
        track.notes[channel] += [Played(start, now, pitch) for start in starts if start < now]
    track.notes = {channel: notes for channel, notes in track.notes.items() if notes}
    return track


def _read_meta(track: MidiTrack, now: int, kind: int, data: bytes) -> None:
    if kind == _TRACK_NAME and not track.name:
        track.name = decode(data).strip("\0" + whitespace)  # some programs end it as C ends a string
    elif kind in (_TEXT, _LYRIC, _MARKER):
        texts = {_TEXT: track.texts, _LYRIC: track.lyrics, _MARKER: track.markers}[kind]
        texts.append((now, decode(data).strip("\0")))
    elif kind == _TEMPO and len(data) >= 3 and any(data[:3]):
        track.tempos.append((now, int.from_bytes(data[:3], "big")))
    elif kind == _TIME_SIGNATURE and len(data) >= 2 and data[0] and data[1] < 8:
        track.metres.append((now, (data[0], 2 ** data[1])))
    elif kind == _KEY_SIGNATURE and len(data) >= 2 and (data[0] + 7) % 256 <= 14 and data[1] < 2:
        fifths = (data[0] + 7) % 256 - 7
        track.signatures.append((now, Signature(fifths, "minor" if data[1] else "major")))


def _events(chunk: bytes) -> Iterator[_Event]:
    """Yield the events of a track, up to its end or where it is truncated."""
    place = now = running = 0
    try:
        while place < len(chunk):
            wait, place = _variable_length(chunk, place)
            now += wait
            status = chunk[place]
            if status >= _SYSTEM:
                kind = chunk[place + 1] if status == 0xFF else 0
                length, begin = _variable_length(chunk, place + 1 + (status == 0xFF))
                place = begin + length
                if status == 0xFF:
                    if kind == _END_OF_TRACK:
                        yield now, -kind, b""
                        return
                    yield now, -kind, chunk[begin:place]
                continue  # by the standard this ends a running status, but programs rely on it
            if status & 0x80:
                running, place = status, place + 1
            if not running:
                raise ValueError("an event of it has no status")
            length = 1 if running & 0xF0 in (0xC0, 0xD0) else 2
            if place + length > len(chunk):
                return
            yield now, running, chunk[place : place + length]
            place += length
    except IndexError:
        return


def _variable_length(chunk: bytes, place: int) -> tuple[int, int]:
    """Read a variable-length number; return it and the place after it."""
    number = 0
    for count in range(_LONGEST_VARIABLE):
        byte = chunk[place + count]
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, place + count + 1
    raise ValueError("a number of it never ends")
