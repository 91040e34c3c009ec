"""Chorale -> Standard MIDI File, format 1: a conductor track, then one track per voice."""

from collections.abc import Iterable, Iterator, Sequence

from bachlit.errors import OptionError
from bachlit.music.chorale import FRAMES_PER_QUARTER, REST, VOICES, Chorale, Voice
from bachlit.music.notes import notes_of
from bachlit.scores.writing.durations import beat_length

_TICKS_PER_QUARTER = 480
TICKS_PER_FRAME = _TICKS_PER_QUARTER // FRAMES_PER_QUARTER
CHOIR_AAHS = 52  # General MIDI, counted from 0 as in files
_VELOCITY = 80

_TRACK_NAME, _END_OF_TRACK, _TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x2F, 0x51, 0x58, 0x59
_SLOWEST, _FASTEST = 4, 1000  # a tempo is three bytes, microseconds per quarter

Event = tuple[int, bytes]  # time in ticks from the beginning, message


def to_midi(chorale: Chorale, *, voices: Sequence[Voice] = VOICES, quarters_per_minute: float = 80) -> bytes:
    """Make a MIDI file of a chorale.

    Fermatas are not held. MIDI has no pickup: the music begins at time 0, so a sequencer draws bar lines from the
    pickup's first note.

    Args:
        chorale: The music.
        voices: Voices to write, one track and channel each.
        quarters_per_minute: Tempo, 4 to 1000.

    Raises:
        OptionError: If the tempo is outside that range.

    >>> data = to_midi(Chorale.from_pitches([[67, 64, 60, 48]] * 4))
    >>> data[:4], data.count(b"MTrk")
    (b'MThd', 5)
    """
    if not _SLOWEST <= quarters_per_minute <= _FASTEST:
        raise OptionError(
            f"MIDI can't hold {quarters_per_minute} quarters per minute; choose {_SLOWEST} to {_FASTEST}."
        )
    length = chorale.num_frames * TICKS_PER_FRAME
    tracks = [_track(_conductor(chorale, quarters_per_minute), length)]
    for channel, voice in enumerate(voices):
        tracks.append(_track(_performance(chorale, voice, channel), length))
    header = b"".join(number.to_bytes(2, "big") for number in (1, len(tracks), _TICKS_PER_QUARTER))
    return _chunk(b"MThd", header) + b"".join(tracks)


def _conductor(chorale: Chorale, quarters_per_minute: float) -> Iterator[Event]:
    """Yield title, tempo, metre and key."""
    if chorale.title:
        yield 0, _meta(_TRACK_NAME, chorale.title.encode(errors="replace"))
    yield 0, _meta(_TEMPO, round(60_000_000 / quarters_per_minute).to_bytes(3, "big"))
    numerator, denominator = chorale.time_signature
    clocks = 24 * beat_length(chorale.time_signature) // FRAMES_PER_QUARTER  # of the metronome, 24 a quarter
    yield 0, _meta(_TIME_SIGNATURE, bytes([numerator, denominator.bit_length() - 1, clocks, 8]))
    yield 0, _meta(_KEY_SIGNATURE, bytes([chorale.key.fifths % 256, chorale.key.mode == "minor"]))


def _performance(chorale: Chorale, voice: Voice, channel: int) -> Iterator[Event]:
    """Yield a voice's name, sound and notes."""
    yield 0, _meta(_TRACK_NAME, voice.capitalize().encode())
    yield 0, bytes([0xC0 | channel, CHOIR_AAHS])
    for note in notes_of(chorale, voice):
        if note.pitch != REST:
            yield note.start * TICKS_PER_FRAME, bytes([0x90 | channel, note.pitch, _VELOCITY])
            yield (note.start + note.length) * TICKS_PER_FRAME, bytes([0x80 | channel, note.pitch, 0])


def _track(events: Iterable[Event], length: int) -> bytes:
    """Make a track chunk of events in order of time; it ends at `length` ticks."""
    data, now = b"", 0
    for time, message in [*events, (length, _meta(_END_OF_TRACK, b""))]:
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
