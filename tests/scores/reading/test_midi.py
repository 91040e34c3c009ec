"""MIDI files as MusicXML trees: parts, names, tempos, metres, keys, words, voices."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import converter
from performances import Event, key, meta, metre, midi_file, note, number, sung, tempo

from bachlit.scores.reading import limits
from bachlit.scores.reading.midi.bars import bars_of
from bachlit.scores.reading.midi.document import midi_document
from bachlit.scores.reading.midi.grid import Rounded
from bachlit.scores.reading.midi.voices import MOST_VOICES, voices_of
from bachlit.scores.reading.musicxml import read_tree

SCALE = [
    event for place, pitch in enumerate((62, 64, 66, 67, 69, 71, 73, 74)) for event in note(place, place + 1, pitch)
]
TEXT, NAME, LYRIC, MARKER = 0x01, 0x03, 0x05, 0x06


def tree(*tracks: Sequence[Event]) -> Element:
    root, told = midi_document(midi_file(*tracks))
    assert told == []
    return root


def texts(root: Element, path: str) -> list[str | None]:
    return [element.text for element in root.iterfind(path)]


def test_each_track_and_channel_is_a_part_with_its_sound() -> None:
    flute = [(0, b"\xc3\x49"), *note(0, 4, 72, channel=4)]
    root = tree(
        [meta(0, NAME, b"A song")],
        [meta(0, NAME, b"Piano right"), *SCALE],
        [meta(0, NAME, b"Band"), *flute, *note(0, 4, 36, channel=10), *note(0, 4, 48, channel=2)],
    )
    assert root.findtext("work/work-title") == "A song"
    assert texts(root, "part-list/score-part/part-name") == ["Piano right", "Track 3, channel 2", "Flute"]
    assert [part.get("id") for part in root.iterfind("part")] == ["T2-C1", "T3-C2", "T3-C4"]
    sound = root.find("part-list/score-part[@id='T3-C4']/midi-instrument")
    assert sound is not None
    assert (sound.findtext("midi-channel"), sound.findtext("midi-program")) == ("4", "74")


def test_parts_of_one_name_are_told_apart() -> None:
    tracks = [[meta(0, NAME, b"Voice"), *note(0, 4, pitch, channel)] for pitch, channel in ((72, 1), (60, 2))]
    assert texts(tree(*tracks), "part-list/score-part/part-name") == [
        "Voice (track 1, channel 1)", "Voice (track 2, channel 2)"
    ]  # fmt: skip


def test_metres_keys_and_tempos_stand_in_their_bars() -> None:
    conductor = [
        *(metre(0, 1, 4), metre(480, 2, 4), metre(5 * 480, 6, 8)),
        *(key(0, 2), key(480, -1, minor=True), key(3 * 480, -1, minor=True)),
        *(tempo(0, 100), tempo(5 * 480, 60), tempo(5.5 * 480, 61), meta(480, MARKER, b"A")),
    ]
    root = tree(conductor, SCALE)
    measures = root.findall("part/measure")
    times = [(m.findtext("attributes/time/beats"), m.findtext("attributes/time/beat-type")) for m in measures]
    assert times == [("1", "4"), ("2", "4"), (None, None), ("6", "8")]
    keys = [(m.findtext("attributes/key/fifths"), m.findtext("attributes/key/mode")) for m in measures]
    assert keys == [("2", "major"), ("-1", "minor"), (None, None), (None, None)]
    assert [(m.findtext("direction/direction-type/metronome/per-minute")) for m in measures] == [
        "100",
        None,
        None,
        "40",
    ]
    assert [sound.get("tempo") for sound in root.iter("sound")] == ["100", "60", "61"]
    assert root.findtext("part/measure[4]/sound/offset") == "1"
    assert root.findtext("part/measure[2]/direction/direction-type/rehearsal") == "A"
    [part] = read_tree(midi_document(midi_file(conductor, SCALE))[0]).parts
    assert [(measure.metre, measure.length) for measure in part.measures] == [
        ((1, 4), 4),
        ((2, 4), 8),
        ((2, 4), 8),
        ((6, 8), 12),
    ]


def test_a_key_that_is_not_written_is_estimated() -> None:
    root = tree(SCALE)
    assert (root.findtext(".//fifths"), root.findtext(".//mode")) == ("2", None)  # the reader of the tune says the mode
    assert root.find(".//accidental") is None


def test_the_lowest_and_highest_pitch_of_midi_are_notes() -> None:
    root = tree([*note(0, 2, 0), *note(2, 4, 127)])
    assert [(note.findtext("step"), note.findtext("octave")) for note in root.iter("pitch")] == [
        ("C", "-1"),
        ("G", "9"),
    ]


def test_silence_before_the_music_is_bars_of_rest() -> None:
    root = tree([event for place in range(4) for event in note(9 + place, 10 + place, 60)])
    assert [measure.find("note/rest[@measure='yes']") is not None for measure in root.iterfind("part/measure")] == [
        True, True, False, False
    ]  # fmt: skip


def syllables(root: Element) -> list[tuple[str | None, str | None]]:
    return [(lyric.findtext("text"), lyric.findtext("syllabic")) for lyric in root.iter("lyric")]


SUNG = [("Glo", "begin"), ("ri", "middle"), ("a", "end"), ("in", "single")]


@pytest.mark.parametrize(
    "written",
    [["Glo-", "ri-", "a", "in"], ["Glo", "ri", "a ", "in "], [" Glo", "ri", "a", " in"]],
    ids=["hyphens", "spaces after words", "spaces before words"],
)
def test_words_are_sung_on_their_notes(written: list[str]) -> None:
    words = [meta(480 * place + 3, LYRIC, text.encode()) for place, text in enumerate(written)]
    root = tree([*SCALE, *words])
    assert syllables(root) == SUNG
    assert [note.findtext("pitch/step") for note in root.iter("note") if note.find("lyric") is not None] == list("DEFG")


def test_karaoke_words_belong_to_the_part_that_begins_with_them() -> None:
    texts = ["@KMIDI KARAOKE FILE", "@TGloria", "\\Glo", "ri", "a", "/in"]
    times = [0, 0, 0, 480, 960, 1440]
    karaoke = [meta(time, TEXT, text.encode()) for time, text in zip(times, texts, strict=True)]
    bass = [event for bar in range(2) for event in note(4 * bar, 4 * bar + 4, 38, channel=2)]
    root = tree(bass, SCALE, [meta(0, NAME, b"Words"), *karaoke])
    assert root.findtext("work/work-title") == "Gloria"
    assert syllables(root) == SUNG
    assert root.find("part[@id='T2-C1']/measure/note/lyric") is not None


def test_a_song_is_the_same_to_music21() -> None:
    lengths = [Fraction(1, 3)] * 3 + [Fraction(1, 8)] * 2 + [Fraction(1, 4), Fraction(1, 2)] + [Fraction(2, 3)] * 3
    edges = [*accumulate(lengths, initial=Fraction(0)), Fraction(13, 2)]
    melody = {(start, end, 60 + place) for place, (start, end) in enumerate(pairwise(edges))}
    held = {(Fraction(start), Fraction(end), pitch) for start, end, pitch in ((0, 3, 48), (0, 3, 52), (3, 5, 47))}
    events = [event for start, end, pitch in melody | held for event in note(float(start), float(end), pitch)]
    text = ElementTree.tostring(tree([metre(0, 3, 4), *events]), encoding="unicode")
    piece = converter.parseData(f'<?xml version="1.0"?>{text}', format="musicxml")
    found = {
        (Fraction(written.offset), Fraction(written.offset) + Fraction(written.quarterLength), pitch.midi)
        for written in piece.parts[0].stripTies().flatten().notes
        for pitch in written.pitches
    }
    assert found == melody | held
    score = read_tree(midi_document(midi_file([metre(0, 3, 4), *events]))[0])
    assert {(start, start + length, pitch) for start, length, pitch in sung(score.parts[0])} == melody | held


rounded = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 8), st.integers(50, 60)).map(
        lambda drawn: Rounded(12 * drawn[0], 12 * (drawn[0] + drawn[1]), drawn[2], 0)
    ),
    min_size=1,
    max_size=16,
)


@settings(deadline=None)
@given(rounded)
def test_each_voice_has_one_chord_at_a_time_and_no_note_is_lost(notes: list[Rounded]) -> None:
    voices = voices_of(notes)
    assert 1 <= len(voices) <= MOST_VOICES
    for voice in voices:
        assert all(chord.start < chord.end for chord in voice)
        assert all(one.end <= other.start for one, other in pairwise(voice))
        assert all(chord.pitches == sorted(set(chord.pitches), reverse=True) for chord in voice)
    begun = {(chord.start, pitch) for voice in voices for chord in voice for pitch in chord.pitches}
    assert begun == {(note.start, note.pitch) for note in notes}


def test_notes_held_by_more_than_ten_fingers_are_kept() -> None:
    notes = [Rounded(12 * place, 1200, 40 + place, 0) for place in range(40)]
    pitches = sorted(pitch for voice in voices_of(notes) for chord in voice for pitch in chord.pitches)
    assert pitches == list(range(40, 80))


def test_a_metre_within_a_bar_begins_a_bar() -> None:
    bars = bars_of([(0, (4, 4)), (96, (3, 4)), (100, (3, 4)), (300, (3, 4))], 400)
    assert [(bar.start, bar.length) for bar in bars] == [(0, 96), (96, 144), (240, 144), (384, 144)]


def test_a_melody_above_a_held_note_is_the_first_voice() -> None:
    notes = [Rounded(0, 192, 48, 0), *(Rounded(48 * place, 48 * place + 48, 72 - place, 0) for place in range(1, 4))]
    first, second = voices_of(notes)
    assert [chord.pitches for chord in first] == [[71], [70], [69]]
    assert [(chord.start, chord.end) for chord in second] == [(0, 192)]


def test_notes_that_run_a_little_into_the_next_are_one_voice() -> None:
    [voice] = voices_of([Rounded(48 * place, 48 * place + 60, 60 + place, 0) for place in range(4)])
    assert [(chord.start, chord.end) for chord in voice] == [(0, 48), (48, 96), (96, 144), (144, 204)]


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        ([SCALE] * (limits.MAX_MIDI_PARTS + 1), "more than 256 parts"),
        ([[note(0, 1, 60)[0]] * (limits.MAX_MIDI_NOTES + 1) + [note(0, 1, 60)[1]]], "more than 30000 notes"),
        ([[*note(0, 1, 60), *note(4990, 4991, 60)]] * 50, "more than 60000 measures and note heads"),
        ([[event for pitch in range(60) for event in note(0, 4990, pitch)]], "more than 60000 measures and note heads"),
        ([[metre(0, 1, 32), *SCALE]], "it is in 1/32"),
        ([[metre(0, 255, 4), *SCALE]], "it is in 255/4"),
    ],
    ids=["parts", "notes", "measures", "held chord", "small metre", "large metre"],
)
def test_what_no_score_holds_is_refused(tracks: list[list[Event]], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        midi_document(midi_file(*tracks))


def test_many_notes_held_at_once_take_no_time() -> None:
    events = b"".join(number(1) + bytes([0x90, 40 + place % 60, 80]) for place in range(8000))
    root, _ = midi_document(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(events).to_bytes(4, "big") + events)
    assert root.find("part") is not None
