"""Standard MIDI files -> parts, one per track and channel."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from string import whitespace

from bachlit.music.chorale import FRAMES_PER_QUARTER, TimeSignature
from bachlit.scores.reading.contents import decode
from bachlit.scores.reading.limits import MAX_FRAMES, MAX_MIDI_BYTES
from bachlit.scores.reading.score import Part, Score, Signature, Tone, WrittenMeasure

_DRUMS = 9  # the channel, counted from 0
_NOTE_OFF, _NOTE_ON, _SYSTEM = 0x80, 0x90, 0xF0
_TRACK_NAME, _LYRIC, _END_OF_TRACK, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x05, 0x2F, 0x58, 0x59
_LONGEST_VARIABLE = 4  # bytes of a number, by the standard

Event = tuple[int, int, bytes]  # time in ticks, status (a meta event's is its kind, negative), data


def read_midi(data: bytes) -> Score:
    """Read a MIDI file.

    MIDI has no title apart from track names, no pickup and no rests: a part ends with its last note. Metre and key may
    stand in any track. Drums (channel 10) are left out.

    Raises:
        ValueError: If it is damaged, too long, or counts time in seconds.
    """
    if len(data) > MAX_MIDI_BYTES:
        raise ValueError(f"it has more than {MAX_MIDI_BYTES // 2**20} MB, which is too much for MIDI")
    ticks = int.from_bytes(data[12:14], "big")
    if len(data) < 14 or not 0 < ticks < 2**15:
        raise ValueError("its time isn't counted in quarters")
    tracks = [_read_track(chunk) for chunk in _tracks(data)]
    metres = [found for _, found in sorted(event for track in tracks for event in track.metres)]
    signatures = [found for _, found in sorted(event for track in tracks for event in track.signatures)]
    parts = []
    for track in tracks:
        for channel in sorted(track.notes):
            tones = [_tone(note, ticks) for note in sorted(track.notes[channel])]
            end = max(tone.start + tone.length for tone in tones)
            if end > MAX_FRAMES:
                raise ValueError(f"it is longer than {MAX_FRAMES} sixteenths")
            measures = [WrittenMeasure(None, end, tones)]
            parts.append(Part(track.name, measures, metres=metres, signatures=signatures, left_out=track.left_out))
    return Score("", parts)


def _tone(note: tuple[int, int, int], ticks: int) -> Tone:
    start, pitch, end = note
    return Tone(Fraction(start * FRAMES_PER_QUARTER, ticks), Fraction((end - start) * FRAMES_PER_QUARTER, ticks), pitch)


def _tracks(data: bytes) -> Iterator[bytes]:
    """Yield the contents of the track chunks; a truncated one as far as it goes."""
    place = 8 + int.from_bytes(data[4:8], "big")
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "big")
        if data[place : place + 4] == b"MTrk":
            yield data[place + 8 : place + 8 + length]
        place += 8 + length


@dataclass
class _Track:
    """Contents of a track; notes (first tick, pitch, end) are by channel."""

    name: str = ""
    left_out: Counter[str] = field(default_factory=Counter)
    notes: dict[int, list[tuple[int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    metres: list[tuple[int, TimeSignature]] = field(default_factory=list)
    signatures: list[tuple[int, Signature]] = field(default_factory=list)


def _read_track(chunk: bytes) -> _Track:
    track = _Track()
    begun: dict[tuple[int, int], deque[int]] = defaultdict(deque)
    now = 0
    for now, status, data in _events(chunk):  # notes without an end stop at the last time
        if status < 0:
            _read_meta(track, now, -status, data)
            continue
        kind, channel = status & 0xF0, status & 0x0F
        if kind not in (_NOTE_ON, _NOTE_OFF) or channel == _DRUMS:
            continue
        starts = begun[channel, data[0]]
        if kind == _NOTE_ON and data[1]:
            starts.append(now)
        elif starts and (start := starts.popleft()) < now:
            track.notes[channel].append((start, data[0], now))
    for (channel, pitch), starts in begun.items():
        for start in starts:
            if start < now:
                track.notes[channel].append((start, pitch, now))
    return track


def _read_meta(track: _Track, now: int, kind: int, data: bytes) -> None:
    if kind == _TRACK_NAME and not track.name:
        track.name = decode(data).strip("\0" + whitespace)  # some programs end it as C ends a string
    elif kind == _LYRIC:
        track.left_out["word"] += 1
    elif kind == _TIME_SIGNATURE and len(data) >= 2 and data[0] and data[1] < 8:
        track.metres.append((now, (data[0], 2 ** data[1])))
    elif kind == _KEY_SIGNATURE and len(data) >= 2 and (data[0] + 7) % 256 <= 14 and data[1] < 2:
        fifths = (data[0] + 7) % 256 - 7
        track.signatures.append((now, Signature(fifths, "minor" if data[1] else "major")))


def _events(chunk: bytes) -> Iterator[Event]:
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
