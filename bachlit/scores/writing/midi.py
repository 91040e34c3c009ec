"""Chorale -> Standard MIDI File, format 1: a conductor track, then one track per voice."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from bachlit.errors import OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, VOICES, Chorale, TimeSignature, Voice
from bachlit.scores.source import exact_notes, names_of, tempos_of
from bachlit.scores.writing.durations import beat_length

_TICKS_PER_QUARTER = 480
TICKS_PER_FRAME = _TICKS_PER_QUARTER // FRAMES_PER_QUARTER
CHOIR_AAHS = 52  # General MIDI, counted from 0 as in files
_VELOCITY = 80

_TRACK_NAME, _END_OF_TRACK, _TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x2F, 0x51, 0x58, 0x59
_SLOWEST, _FASTEST = 4, 1000  # a tempo is three bytes, microseconds per quarter

Event = tuple[int, bytes]  # time in ticks from the beginning, message


def to_midi(chorale: Chorale, *, voices: Sequence[Voice] = VOICES, quarters_per_minute: float | None = None) -> bytes:
    """Make a MIDI file of a chorale, with the tempos and the exact notes of its source.

    Repeats are written once, and fermatas are not held. MIDI has no pickup: the music begins at time 0, so a sequencer
    draws bar lines from the pickup's first note.

    Args:
        chorale: The music.
        voices: Voices to write, one track and channel each.
        quarters_per_minute: Tempo, 4 to 1000; if None the source's tempos, 80 if it has none.

    Raises:
        OptionError: If the tempo is outside that range.

    >>> data = to_midi(Chorale.from_pitches([[67, 64, 60, 48]] * 4))
    >>> data[:4], data.count(b"MTrk")
    (b'MThd', 5)
    """
    tempos = tempos_of(chorale) if quarters_per_minute is None else [(Fraction(0), quarters_per_minute)]
    for _, tempo in tempos:
        if not _SLOWEST <= tempo <= _FASTEST:
            raise OptionError(f"MIDI can't hold {tempo} quarters per minute; choose {_SLOWEST} to {_FASTEST}.")
    length = chorale.num_frames * TICKS_PER_FRAME
    tracks = [_track(_conductor(chorale, tempos), length)]
    names = names_of(chorale)
    for channel, voice in enumerate(voices):
        tracks.append(_track(_performance(chorale, voice, channel, names[voice]), length))
    header = b"".join(number.to_bytes(2, "big") for number in (1, len(tracks), _TICKS_PER_QUARTER))
    return _chunk(b"MThd", header) + b"".join(tracks)


def _conductor(chorale: Chorale, tempos: Sequence[tuple[Fraction, float]]) -> Iterator[Event]:
    """Yield title, tempos, metres and keys."""
    if chorale.title:
        yield 0, _meta(_TRACK_NAME, chorale.title.encode(errors="replace"))
    for frame, tempo in tempos:
        yield _ticks(frame), _meta(_TEMPO, round(60_000_000 / tempo).to_bytes(3, "big"))
    metre: TimeSignature | None = None
    for measure in chorale.measures:
        if measure.time_signature != metre:
            metre = measure.time_signature
            clocks = 24 * beat_length(metre) // FRAMES_PER_QUARTER  # of the metronome, 24 a quarter
            data = bytes([metre[0], metre[1].bit_length() - 1, clocks, 8])
            yield _ticks(measure.start), _meta(_TIME_SIGNATURE, data)
    for start, key in ((0, chorale.key), *chorale.keys):
        minor = key.mode in ("minor", "aeolian")
        yield _ticks(start), _meta(_KEY_SIGNATURE, bytes([key.fifths % 256, minor]))


def _performance(chorale: Chorale, voice: Voice, channel: int, name: str) -> list[Event]:
    """List a voice's name, sound and notes."""
    events = [(0, _meta(_TRACK_NAME, name.encode(errors="replace"))), (0, bytes([0xC0 | channel, CHOIR_AAHS]))]
    for note in exact_notes(chorale, voice):
        events.append((_ticks(note.start), bytes([0x90 | channel, note.pitch, _VELOCITY])))
        events.append((_ticks(note.end), bytes([0x80 | channel, note.pitch, 0])))
    return events


def _ticks(frame: Fraction | int) -> int:
    return round(frame * TICKS_PER_FRAME)


def _track(events: Iterable[Event], length: int) -> bytes:
    """Make a track chunk of events in order of time; it ends at `length` ticks."""
    data, now = b"", 0
    ordered = sorted(events, key=lambda event: event[0])  # notes of a source may overlap
    end = max([length, *(time for time, _ in ordered)])
    for time, message in [*ordered, (end, _meta(_END_OF_TRACK, b""))]:
        data += _variable_length(time - now) + message
        now = time
    return _chunk(b"MTrk", data)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "big") + data


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + _variable_length(len(data)) + data


def _variable_length(number: int) -> bytes:
    """Encode a number in groups of seven bits, all but the last marked.

    >>> _variable_length(480).hex()
    '8360'
    """
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))
