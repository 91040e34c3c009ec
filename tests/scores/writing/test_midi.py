"""The MIDI we write, read back by music21's parser of MIDI events."""

from pathlib import Path
from typing import Any

import pytest
from chorales import chorales, melody, random_chorale
from comparing import read as read_score
from comparing import stubbed
from hypothesis import given
from music21 import midi

from bachlit.errors import OptionError
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.keys import Key
from bachlit.music.notes import notes_of
from bachlit.scores import read_voices
from bachlit.scores.writing.midi import CHOIR_AAHS, TICKS_PER_FRAME, to_midi


def read(data: bytes) -> Any:
    file = midi.MidiFile()
    file.readstr(data)
    return file


def events(track: Any) -> list[tuple[int, Any]]:
    """Every event of a track with its time in ticks."""
    time, timed = 0, []
    for event in track.events:
        if event.isDeltaTime():
            time += event.time
        else:
            timed.append((time, event))
    return timed


def meta(track: Any) -> dict[str, Any]:
    return {event.type.name: event.data for _, event in events(track) if isinstance(event.type, midi.MetaEvents)}


def heard(track: Any) -> list[tuple[int, float, float]]:
    """(pitch, start, length) of every note, in sixteenths. A note must end before the next begins."""
    open_notes: dict[int, int] = {}
    notes = []
    for time, event in events(track):
        if event.isNoteOn():
            assert not open_notes
            open_notes[event.pitch] = time
        elif event.isNoteOff():
            start = open_notes.pop(event.pitch)
            notes.append((event.pitch, start / TICKS_PER_FRAME, (time - start) / TICKS_PER_FRAME))
    assert not open_notes
    return notes


@given(chorales())
def test_each_track_plays_the_notes_of_its_voice(chorale: Chorale) -> None:
    tracks = read(to_midi(chorale)).tracks
    assert len(tracks) == 5
    for track, voice in zip(tracks[1:], VOICES, strict=True):
        assert heard(track) == [(n.pitch, n.start, n.length) for n in notes_of(chorale, voice) if n.pitch != REST]


@given(chorales())
def test_every_track_ends_with_the_music(chorale: Chorale) -> None:
    for track in read(to_midi(chorale)).tracks:
        time, last = events(track)[-1]
        assert last.type == midi.MetaEvents.END_OF_TRACK
        assert time == chorale.num_frames * TICKS_PER_FRAME


@pytest.mark.parametrize(
    ("metre", "written"), [((4, 4), [4, 2, 24, 8]), ((3, 2), [3, 1, 24, 8]), ((6, 8), [6, 3, 36, 8])]
)
def test_the_conductor_gives_title_metre_key_and_tempo(metre: tuple[int, int], written: list[int]) -> None:
    chorale = random_chorale(3, num_frames=48, metre=metre, key=Key(-3, "minor"), title="„Erhalt uns, Herr“")
    file = read(to_midi(chorale, quarters_per_minute=96))
    conductor = meta(file.tracks[0])
    assert (file.format, file.ticksPerQuarterNote) == (1, 480)
    assert conductor["SEQUENCE_TRACK_NAME"].decode() == "„Erhalt uns, Herr“"
    assert list(conductor["TIME_SIGNATURE"]) == written
    assert list(conductor["KEY_SIGNATURE"]) == [256 - 3, 1]
    assert int.from_bytes(conductor["SET_TEMPO"], "big") == 625_000


def test_tracks_carry_the_names_of_their_voices_on_channels_of_their_own() -> None:
    piece = random_chorale(3, num_frames=48)
    tracks = read(to_midi(piece, voices=("tenor", "soprano"))).tracks[1:]
    assert [meta(track)["SEQUENCE_TRACK_NAME"] for track in tracks] == [b"Tenor", b"Soprano"]
    for channel, track in enumerate(tracks, start=1):  # music21 counts them from 1
        messages = [event for _, event in events(track) if isinstance(event.type, midi.ChannelVoiceMessages)]
        assert {event.channel for event in messages} == {channel}
        assert [event.data for event in messages if event.type.name == "PROGRAM_CHANGE"] == [CHOIR_AAHS]


def test_a_repeated_note_sounds_twice() -> None:
    track = read(to_midi(melody((60, 4), (60, 4)))).tracks[1]
    assert heard(track) == [(60, 0, 4), (60, 4, 4)]


def test_a_long_rest_takes_more_than_one_byte_of_time() -> None:
    track = read(to_midi(melody((0, 400), (60, 4)))).tracks[1]
    assert heard(track) == [(60, 400, 4)]


@pytest.mark.parametrize("tempo", [0, 3.9, -80, 1001, float("nan")])
def test_a_tempo_that_midi_cannot_hold_is_refused(tempo: float) -> None:
    with pytest.raises(OptionError, match="choose 4 to 1000"):
        to_midi(melody((60, 4)), quarters_per_minute=tempo)


@pytest.mark.parametrize("tempo", [4, 1000])
def test_the_slowest_and_the_fastest_tempo_can_be_written(tempo: float) -> None:
    conductor = meta(read(to_midi(melody((60, 4)), quarters_per_minute=tempo)).tracks[0])
    assert int.from_bytes(conductor["SET_TEMPO"], "big") == 60_000_000 // tempo


CHANGING = """X:1
M:3/4
L:1/8
Q:1/4=60
K:F
F2(3GAB c2|[Q:1/4=120][M:2/4]d4|[K:Em][M:6/8]e6|(3efg e4|]
"""


def test_tempos_metres_keys_and_triplets_stand_at_their_ticks(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text(CHANGING)
    conductor, soprano, *others = read(to_midi(stubbed(read_score(tmp_path / "tune.abc")))).tracks
    found: dict[str, list[tuple[int, tuple[int, ...]]]] = {}
    for time, event in events(conductor):
        found.setdefault(getattr(event.type, "name", ""), []).append((time, tuple(event.data or b"")))
    quarter = 4 * TICKS_PER_FRAME
    assert [(time, int.from_bytes(data, "big")) for time, data in found["SET_TEMPO"]] == [
        (0, 1_000_000), (3 * quarter, 500_000),
    ]  # fmt: skip
    assert [(time, data[:2]) for time, data in found["TIME_SIGNATURE"]] == [
        (0, (3, 2)), (3 * quarter, (2, 2)), (5 * quarter, (6, 3)),
    ]  # fmt: skip
    assert found["KEY_SIGNATURE"] == [(0, (255, 0)), (5 * quarter, (1, 1))]
    ticks = [
        (pitch, round(start * TICKS_PER_FRAME), round(length * TICKS_PER_FRAME))
        for pitch, start, length in heard(soprano)[1:4]
    ]
    assert ticks == [(67, 480, 160), (69, 640, 160), (70, 800, 160)]
    ends = {max(time for time, _ in events(track)) for track in (conductor, soprano, *others)}
    assert ends == {11 * quarter}


def test_a_source_whose_notes_pass_its_bars_ends(tmp_path: Path) -> None:
    """Its tracks once went back in time, and never ended."""
    (tmp_path / "tune.abc").write_text("X:1\nM:none\nL:1/4\nK:Am\nD2 ^G ^G\nC4|\n|: E/2 F3/2 :|\nV:2\nD2 | C F3/2 :|\n")
    assert to_midi(read_voices(tmp_path / "tune.abc", ["soprano"], part="1")).startswith(b"MThd")
