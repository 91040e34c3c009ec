"""Laws of written music, on random chorales in many metres."""

from itertools import pairwise

import pytest
from chorales import METRES, chorales, melody, midi_pitch, voices
from hypothesis import given

from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.notes import Note, notes_of
from bachlit.scores.writing.durations import VALUES, beat_length
from bachlit.scores.writing.notation import Symbol, write_voice


def written(chorale: Chorale, voice: Voice = "soprano") -> list[Symbol]:
    return [symbol for measure in write_voice(chorale, voice) for symbol in measure]


@given(chorales(), voices)
def test_values_add_up_to_their_measure(chorale: Chorale, voice: Voice) -> None:
    for measure, symbols in zip(chorale.measures, write_voice(chorale, voice), strict=True):
        assert symbols[0].position == measure.position
        assert all(one.position + one.length == next_one.position for one, next_one in pairwise(symbols))
        assert sum(symbol.length for symbol in symbols) == measure.length


@given(chorales(), voices)
def test_every_value_has_a_name_or_is_a_full_measure_of_rest(chorale: Chorale, voice: Voice) -> None:
    for symbol in written(chorale, voice):
        if symbol.fills_measure:
            assert symbol.spelling is None
            assert symbol.length == chorale.measure_length
        else:
            assert symbol.length in VALUES


@given(chorales(), voices)
def test_tied_pieces_make_up_the_notes_that_sound(chorale: Chorale, voice: Voice) -> None:
    notes: list[Note] = []
    start = 0
    for symbol in written(chorale, voice):
        pitch = midi_pitch(symbol.spelling) if symbol.spelling else REST
        goes_on = symbol.tied_back or (pitch == REST and bool(notes) and notes[-1].pitch == REST)
        if goes_on:
            assert not notes[-1].fermata, "a fermata stands on the last tied piece"
            assert notes[-1].pitch == pitch
            note = notes.pop()
            notes.append(Note(pitch, note.start, note.length + symbol.length, symbol.fermata))
        else:
            notes.append(Note(pitch, start, symbol.length, symbol.fermata))
        start += symbol.length
    assert notes == notes_of(chorale, voice)
    pieces = [symbol for symbol in written(chorale, voice) if symbol.spelling]
    assert (
        sum(s.tied_on for s in pieces)
        == sum(s.tied_back for s in pieces)
        == len(pieces) - sum(note.pitch != REST for note in notes)
    )


@pytest.mark.parametrize(
    ("metre", "notes", "beams"),
    [
        ((4, 4), [(60, 2), (60, 2), (60, 2), (60, 2), (60, 8)], ["begin", "end", "begin", "end", ""]),
        ((4, 4), [(60, 3), (60, 1), (60, 12)], ["begin", "end+backward hook", ""]),
        ((4, 4), [(60, 1), (60, 3), (60, 12)], ["begin+forward hook", "end", ""]),
        ((4, 4), [(60, 1), (60, 2), (60, 1), (60, 12)], ["begin+forward hook", "continue", "end+backward hook", ""]),
        ((4, 4), [(60, 2), (60, 1), (60, 1), (60, 12)], ["begin", "continue+begin", "end+end", ""]),
        ((4, 4), [(60, 1), (0, 1), (60, 1), (60, 1), (60, 12)], ["", "", "begin+begin", "end+end", ""]),
        ((4, 4), [(60, 2), (60, 4), (60, 2), (60, 8)], ["", "", "", ""]),
        ((6, 8), [(60, 2), (60, 2), (60, 2), (60, 4), (60, 2)], ["begin", "continue", "end", "", ""]),
        ((6, 8), [(60, 3), (60, 1), (60, 2), (60, 6)], ["begin", "continue+backward hook", "end", ""]),
        ((3, 8), [(60, 2), (60, 2), (60, 1), (60, 1)], ["begin", "continue", "continue+begin", "end+end"]),
    ],
)
def test_short_notes_are_beamed_within_a_beat(
    metre: tuple[int, int], notes: list[tuple[int, int]], beams: list[str]
) -> None:
    assert ["+".join(symbol.beams) for symbol in written(melody(*notes, metre=metre))] == beams


@given(chorales(), voices)
def test_every_beam_begins_and_ends_within_a_beat(chorale: Chorale, voice: Voice) -> None:
    beat = beat_length(chorale.time_signature)
    for measure in write_voice(chorale, voice):
        for level in (0, 1):
            begun: int | None = None  # the beat in which a beam is open
            for symbol in measure:
                mark = symbol.beams[level] if level < len(symbol.beams) else None
                assert (mark in ("continue", "end")) == (begun is not None)
                assert begun in (None, symbol.position // beat)
                assert mark is None or (symbol.spelling is not None and symbol.length < 4)
                assert level == 0 or (mark is not None) == (symbol.length == 1 and bool(symbol.beams))
                if mark == "begin":
                    begun = symbol.position // beat
                elif mark == "end":
                    begun = None
            assert begun is None


@given(chorales())
def test_each_soprano_fermata_stands_once_in_every_voice_that_sounds_there(chorale: Chorale) -> None:
    ends = [n.start + n.length - 1 for n in notes_of(chorale, "soprano") if n.pitch and chorale.fermatas[n.start]]
    for voice in VOICES:
        expected = [
            n.pitch != REST and any(n.start <= e < n.start + n.length for e in ends) for n in notes_of(chorale, voice)
        ]
        assert [note.fermata for note in notes_of(chorale, voice)] == expected
        assert sum(symbol.fermata for symbol in written(chorale, voice)) == sum(expected)


def test_rests_keep_to_the_beats_where_notes_may_cross_them() -> None:
    syncopated = [(60, 2), (60, 4), (60, 10)]
    resting = [(60, 2), (0, 4), (60, 10)]
    assert [symbol.length for symbol in written(melody(*syncopated))] == [2, 4, 2, 8]
    assert [symbol.length for symbol in written(melody(*resting))] == [2, 2, 2, 2, 8]


@given(chorales(), voices)
def test_rests_are_never_tied(chorale: Chorale, voice: Voice) -> None:
    assert not any(symbol.tied_back or symbol.tied_on for symbol in written(chorale, voice) if symbol.spelling is None)


def test_a_full_measure_of_rest_is_one_rest_in_any_metre() -> None:
    for metre in METRES:
        full = 16 * metre[0] // metre[1]
        rests = written(melody((60, full), (0, full), (60, full), metre=metre))
        assert [symbol.length for symbol in rests if symbol.fills_measure] == [full]
