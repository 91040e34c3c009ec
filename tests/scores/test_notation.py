"""Laws of written music, on random chorales in many metres. The other writers' tests use the same chorales."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bachlit.chorale import RANGES, REST, VOICES, Chorale, Voice
from bachlit.keys import Key
from bachlit.scores.notation import (
    VALUES,
    Note,
    Spelling,
    Symbol,
    beat_length,
    measures_of,
    notes_of,
    spell,
    split,
    write_voice,
)

METRES = [(4, 4), (3, 4), (2, 4), (2, 2), (3, 2), (4, 2), (5, 4), (6, 8), (3, 8), (9, 8), (12, 8), (5, 8), (6, 16)]
C_MAJOR = Key()
KEYS = [Key(fifths, mode) for fifths in range(-7, 8) for mode in ("major", "minor")]
LENGTHS = [1, 2, 2, 3, 4, 4, 4, 5, 6, 7, 8, 8, 10, 12, 16, 20]


def random_chorale(
    seed: int, *, num_frames: int, metre: tuple[int, int] = (4, 4), pickup: int = 0, key: Key = C_MAJOR, title: str = ""
) -> Chorale:
    """Four random walks with rests and repeated notes; one soprano note in five has a fermata."""
    random = np.random.default_rng(seed)
    pitches = np.zeros((num_frames, 4), dtype=int)
    onsets = np.zeros((num_frames, 4), dtype=bool)
    fermatas = np.zeros(num_frames, dtype=bool)
    for column, (low, high) in enumerate(RANGES.values()):
        frame, pitch = 0, int(random.integers(low, high + 1))
        while frame < num_frames:
            length = int(random.choice(LENGTHS))
            span = slice(frame, frame + length)
            onsets[frame, column] = True
            pitches[span, column] = REST if random.random() < 0.15 else pitch
            if column == 0 and pitches[frame, 0] != REST:
                fermatas[span] = random.random() < 0.2
            pitch = int(np.clip(pitch + random.choice([-4, -2, -1, -1, 0, 0, 1, 1, 2, 3]), low, high))
            frame += length
    return Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        time_signature=metre,
        pickup=pickup,
        key=key,
        title=title,
    )


@st.composite
def chorales(draw: st.DrawFn) -> Chorale:
    metre = draw(st.sampled_from(METRES))
    full = 16 * metre[0] // metre[1]
    pickup = draw(st.sampled_from([0, full // 4, full - 1]) | st.integers(0, full - 1))
    num_frames = pickup + full + draw(st.integers(0, 2 * full))
    title = draw(st.sampled_from(["", "Jesu, meine Freude", "Wachet auf, „ruft“ & <uns>"]))
    key = draw(st.sampled_from(KEYS))
    seed = draw(st.integers(0, 2**32))
    return random_chorale(seed, num_frames=num_frames, metre=metre, pickup=pickup, key=key, title=title)


voices = st.sampled_from(VOICES)


def midi_pitch(spelling: Spelling) -> int:
    """The MIDI pitch that a name stands for."""
    return (
        12 * (spelling.octave + 1)
        + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[spelling.step]
        + spelling.alter
    )


def melody(*notes: tuple[int, int], metre: tuple[int, int] = (4, 4), fermata_at: int | None = None) -> Chorale:
    """A soprano of (pitch, length), the fermata on the note at one index."""
    pitches = np.repeat([pitch for pitch, _ in notes], [length for _, length in notes])
    onsets = np.concatenate([np.arange(length) == 0 for _, length in notes])
    index = np.repeat(np.arange(len(notes)), [length for _, length in notes])
    four = np.zeros((len(pitches), 4), dtype=int)
    four[:, 0] = pitches
    return Chorale(
        pitches=four,
        onsets=np.repeat(onsets[:, None], 4, axis=1),
        fermatas=index == (-1 if fermata_at is None else fermata_at),
        time_signature=metre,
    )


def written(chorale: Chorale, voice: Voice = "soprano") -> list[Symbol]:
    return [symbol for measure in write_voice(chorale, voice) for symbol in measure]


@given(chorales(), voices)
def test_notes_and_rests_fill_the_grid_they_came_from(chorale: Chorale, voice: Voice) -> None:
    notes = notes_of(chorale, voice)
    column = VOICES.index(voice)
    assert (
        np.repeat([n.pitch for n in notes], [n.length for n in notes]).tolist() == chorale.pitches[:, column].tolist()
    )
    assert [n.start for n in notes] == np.flatnonzero(chorale.onsets[:, column]).tolist()


@given(chorales())
def test_measures_are_full_but_for_the_pickup_and_the_last(chorale: Chorale) -> None:
    measures = measures_of(chorale)
    assert [m.start + m.length for m in measures[:-1]] == [m.start for m in measures[1:]]
    assert (measures[0].start, measures[-1].start + measures[-1].length) == (0, chorale.num_frames)
    assert measures[0].number == (0 if chorale.pickup else 1)
    assert all(m.position + m.length == chorale.measure_length for m in measures[:-1])
    if chorale.pickup:
        assert measures[0].length == chorale.pickup


@given(chorales(), voices)
def test_values_add_up_to_their_measure(chorale: Chorale, voice: Voice) -> None:
    for measure, symbols in zip(measures_of(chorale), write_voice(chorale, voice), strict=True):
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
    ("metre", "position", "length", "values"),
    [
        ((4, 4), 0, 5, (4, 1)),
        ((4, 4), 0, 7, (4, 3)),
        ((4, 4), 0, 9, (8, 1)),
        ((4, 4), 0, 10, (8, 2)),
        ((4, 4), 4, 6, (6,)),  # dotted quarter on the second beat
        ((4, 4), 4, 8, (8,)),
        ((4, 4), 4, 12, (12,)),
        ((4, 4), 2, 4, (4,)),  # a syncopation over a beat
        ((4, 4), 6, 4, (2, 2)),  # but not over the half measure
        ((4, 4), 2, 6, (2, 4)),
        ((4, 4), 10, 4, (4,)),
        ((4, 4), 3, 2, (1, 1)),  # off the eighths a beat is always shown
        ((4, 4), 1, 2, (2,)),
        ((4, 4), 1, 3, (3,)),
        ((3, 4), 6, 4, (4,)),
        ((3, 4), 0, 12, (12,)),
        ((2, 4), 2, 4, (4,)),
        ((3, 2), 0, 24, (24,)),
        ((3, 2), 6, 4, (2, 2)),
        ((3, 2), 4, 20, (12, 8)),
        ((4, 2), 0, 32, (32,)),
        ((5, 4), 0, 20, (8, 12)),
        ((6, 8), 0, 12, (12,)),
        ((6, 8), 0, 8, (6, 2)),
        ((6, 8), 4, 8, (2, 6)),
        ((6, 8), 4, 4, (2, 2)),
        ((6, 8), 2, 4, (4,)),
        ((6, 8), 2, 3, (2, 1)),
        ((9, 8), 0, 18, (12, 6)),
        ((12, 8), 0, 24, (24,)),
        ((3, 8), 2, 4, (4,)),
        ((3, 8), 0, 6, (6,)),
    ],
)
def test_a_note_is_written_as_musicians_expect(
    metre: tuple[int, int], position: int, length: int, values: tuple[int, ...]
) -> None:
    assert split(position, length, metre) == values


@pytest.mark.parametrize(
    ("metre", "position", "length", "values"),
    [
        ((4, 4), 0, 12, (8, 4)),
        ((4, 4), 4, 12, (4, 8)),
        ((4, 4), 4, 8, (4, 4)),
        ((4, 4), 2, 6, (2, 4)),
        ((3, 4), 4, 8, (4, 4)),
        ((3, 4), 0, 8, (4, 4)),
        ((6, 8), 0, 6, (6,)),
        ((6, 8), 2, 4, (2, 2)),
        ((6, 8), 2, 10, (2, 2, 6)),
        ((12, 8), 12, 12, (12,)),
    ],
)
def test_a_rest_keeps_to_the_beats(metre: tuple[int, int], position: int, length: int, values: tuple[int, ...]) -> None:
    assert split(position, length, metre, rest=True) == values


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("leads", [-1, 0, 1])
def test_a_spelled_pitch_gives_back_its_pitch(key: Key, leads: int) -> None:
    assert [midi_pitch(spell(pitch, key, leads=leads)) for pitch in range(1, 128)] == list(range(1, 128))


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_scale_of_a_key_is_spelled_with_its_signature(key: Key) -> None:
    scale = [
        spell(60 + key.tonic + s, key)
        for s in ((0, 2, 4, 5, 7, 9, 11) if key.mode == "major" else (0, 2, 3, 5, 7, 8, 10))
    ]
    assert {name.step for name in scale} == set("ABCDEFG")
    assert sum(name.alter for name in scale) == key.fifths


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_double_accidentals_are_only_raised_degrees_of_minor(key: Key) -> None:
    doubles = {
        (p - key.tonic) % 12 for p in range(60, 72) for leads in (-1, 0, 1) if abs(spell(p, key, leads=leads).alter) > 1
    }
    assert doubles <= ({9, 11} if key.mode == "minor" else set())
    if key.mode == "minor":
        leading, tonic = spell(71 + key.tonic, key), spell(72 + key.tonic, key)
        assert "CDEFGABC".index(leading.step) + 1 in ("CDEFGABC".find(tonic.step), 7)


@pytest.mark.parametrize(
    ("key", "names"),
    [(Key(0, "major"), "C C# D Eb E F F# G G# A Bb B"), (Key(0, "minor"), "C C# D D# E F F# G G# A Bb B")],
)
def test_accidentals_are_the_near_ones_on_the_line_of_fifths(key: Key, names: str) -> None:
    spelled = [spell(pitch, key) for pitch in range(60, 72)]
    assert " ".join(name.step + ("b", "", "#")[name.alter + 1] for name in spelled) == names


def test_a_note_before_a_semitone_step_is_spelled_to_lead_there() -> None:
    up = written(melody((62, 4), (63, 2), (63, 2), (64, 8)))
    down = written(melody((64, 4), (63, 4), (62, 8)))
    assert [s.spelling.step for s in up if s.spelling] == list("DDDE")  # repeated notes keep their name
    assert [s.spelling.step for s in down if s.spelling] == list("EED")


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


def test_two_repeated_notes_with_fermatas_carry_one_each() -> None:
    chorale = Chorale(
        pitches=np.array([[67, 60, 0, 48]] * 8),
        onsets=np.array([[frame in (0, 4), frame == 0, frame == 0, frame in (0, 6)] for frame in range(8)]),
        fermatas=np.ones(8, dtype=bool),
    )
    assert [[note.fermata for note in notes_of(chorale, voice)] for voice in VOICES] == [
        [True, True],
        [True],
        [False],
        [True, True],
    ]


def test_a_fermata_over_a_soprano_that_rests_stands_where_it_ends() -> None:
    bass = melody((48, 4), (50, 4), (52, 4), (53, 4), fermata_at=1)
    chorale = Chorale(pitches=bass.pitches[:, ::-1], onsets=bass.onsets[:, ::-1], fermatas=bass.fermatas)
    assert [note.fermata for note in notes_of(chorale, "bass")] == [False, True, False, False]
    assert not any(note.fermata for note in notes_of(chorale, "soprano"))


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
