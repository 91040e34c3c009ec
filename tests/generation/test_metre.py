"""Tunes are read in the note values and bars that models know, and come back in their own."""

import dataclasses
import warnings
from fractions import Fraction

import numpy as np
import pytest
from chorales import melody, random_chorale, repeated_chorale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import size

from bachlit.decoding import ChordTones, FiguredBass, Greedy, NoCrossing, Ranges, Rules, Sampling, Sounding
from bachlit.errors import HearingWarning, OptionError, RuleWarning
from bachlit.generation.harmonizing import write
from bachlit.generation.metre import SCALES, Beat, as_written, heard, scale_of, told_beat
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.measures import Measure
from bachlit.music.playing import played_frames
from bachlit.music.prompt import Prompt

ANY_SEED = st.integers(0, 2**32)
Metre = tuple[int, int]


def doubled(chorale: Chorale) -> Chorale:
    """A piece in which all values are twice as long, reckoned otherwise than the code does."""
    return dataclasses.replace(
        chorale,
        pitches=np.repeat(chorale.pitches, 2, axis=0),
        onsets=np.stack([chorale.onsets, np.zeros_like(chorale.onsets)], 1).reshape(-1, 4),
        fermatas=np.repeat(chorale.fermatas, 2),
        bars=tuple(
            Measure(number, 2 * start, 2 * length, 2 * position, (2 * metre[0], metre[1]))
            for number, start, length, position, metre in chorale.measures
        ),
        keys=tuple((2 * start, key) for start, key in chorale.keys),
    )


@given(ANY_SEED, st.sampled_from([Fraction(2), Fraction(1)]))
@settings(max_examples=60, deadline=None)
def test_what_is_heard_comes_back_as_it_was_written(seed: int, scale: Fraction) -> None:
    piece = repeated_chorale(seed)
    given_cells = np.random.default_rng(seed).random(piece.pitches.shape) < 0.5
    prompt = heard(Prompt(piece, given_cells), scale)
    pitches, onsets = as_written(prompt.chorale, scale)
    assert np.array_equal(pitches, piece.pitches)
    assert np.array_equal(onsets, piece.onsets)
    assert np.array_equal(prompt.given, np.repeat(given_cells, scale.numerator, axis=0))
    frames = played_frames(prompt.chorale)[:: scale.numerator] // scale.numerator
    assert np.array_equal(frames, played_frames(piece))


@given(ANY_SEED)
@settings(max_examples=40, deadline=None)
def test_halved_values_undo_doubled_ones(seed: int) -> None:
    piece = doubled(repeated_chorale(seed))
    prompt = heard(Prompt.voices(piece, "soprano", "alto", "tenor", "bass"), SCALES["half"])
    pitches, onsets = as_written(prompt.chorale, SCALES["half"])
    assert np.array_equal(pitches, piece.pitches)
    assert np.array_equal(onsets, piece.onsets)
    assert np.array_equal(np.repeat(played_frames(prompt.chorale), 2), played_frames(piece) // 2)


def test_free_notes_between_eighths_are_no_hindrance() -> None:
    """A given note may hold what a free one, left to be composed, began at an odd sixteenth."""
    piece = Chorale.from_pitches([[72, 60, 0, 0]] * 3 + [[72, 62, 0, 0]] * 5)
    cells = np.zeros_like(piece.onsets)
    cells[:, 0] = cells[4:, 1] = True
    prompt = heard(Prompt(piece, cells), scale_of(Prompt(piece, cells), "half"))
    assert prompt.chorale.pitches[:, 1].tolist() == [60, 62, 62, 62]
    assert prompt.chorale.onsets[:, 1].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("metre", "beat", "bars"),
    [
        ((6, 8), "eighth", [12] * 4),
        ((9, 8), "eighth", [12] * 6),
        ((12, 8), "eighth", [12] * 8),
        ((3, 8), "eighth", [12, 12]),
        ((2, 4), "eighth", [16, 16]),
        ((4, 8), "eighth", [16, 16]),
        ((2, 8), "eighth", [16]),
        ((5, 8), "eighth", [20, 20]),
        ((4, 4), "eighth", [16] * 4),
        ((4, 4), "quarter", [16, 16]),
        ((3, 4), "quarter", [12, 12]),
        ((2, 4), "quarter", [16]),
        ((6, 4), "quarter", [12] * 4),
        ((6, 8), "quarter", [12, 12]),
        ((2, 2), "half", [16]),
        ((4, 2), "half", [16, 16]),
        ((3, 2), "half", [12, 12]),
        ((6, 2), "half", [12] * 4),
    ],
)
def test_two_bars_are_heard_in_bars_that_models_know(metre: Metre, beat: Beat, bars: list[int]) -> None:
    full = 16 * metre[0] // metre[1]
    piece = random_chorale(0, num_frames=2 * full, metre=metre)
    measures = heard(Prompt(piece, np.zeros_like(piece.onsets)), SCALES[beat]).chorale.measures
    starts = [measure.start for measure in measures if not measure.position]
    assert np.diff([*starts, measures[-1].end]).tolist() == bars


def test_a_pickup_lies_before_the_first_heard_bar() -> None:
    jig = dataclasses.replace(melody(*[(72, 2)] * 13, metre=(6, 8)), pickup=2)
    first, second, *_ = heard(Prompt.voices(jig, "soprano"), SCALES["eighth"]).chorale.measures
    assert (first.length, first.position, second.start, second.position) == (4, 8, 4, 0)
    march = dataclasses.replace(melody(*[(72, 4)] * 9, metre=(2, 4)), pickup=4)
    measures = heard(Prompt.voices(march, "soprano"), SCALES["quarter"]).chorale.measures
    assert [(measure.start, measure.position) for measure in measures] == [(0, 12), (4, 0), (12, 8), (20, 0), (28, 8)]


def test_pairs_of_bars_begin_anew_where_a_repeat_leads() -> None:
    tune = dataclasses.replace(melody(*[(72, 8)] * 6, metre=(2, 4)), order=(0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5))
    measures = heard(Prompt.voices(tune, "soprano"), SCALES["quarter"]).chorale.measures
    assert [measure.position for measure in measures] == [0, 8, 0, 0, 8, 0]


@pytest.mark.parametrize(
    ("metre", "length", "beat"),
    [
        ((6, 8), 2, "eighth"),
        ((3, 8), 2, "eighth"),
        ((2, 4), 2, "eighth"),
        ((2, 4), 4, "quarter"),
        ((4, 4), 2, "eighth"),
        ((4, 4), 3, "quarter"),
        ((4, 4), 8, "quarter"),
        ((4, 4), 16, "half"),
        ((3, 4), 2, "quarter"),
        ((2, 2), 4, "quarter"),
        ((2, 2), 8, "half"),
        ((3, 2), 8, "half"),
        ((4, 2), 8, "half"),
        ((4, 2), 9, "quarter"),  # which no grid of eighths holds
    ],
)
def test_the_beat_follows_from_metre_and_note_lengths(metre: Metre, length: int, beat: Beat) -> None:
    prompt = Prompt.voices(melody(*[(72, length)] * 24, metre=metre), "soprano")
    assert scale_of(prompt) == SCALES[beat]


def test_bachs_chorales_are_heard_as_they_are_written(bach: list[Chorale]) -> None:
    others = []
    for piece in bach:
        prompt = Prompt.voices(piece, "soprano")
        if heard(prompt, scale_of(prompt)) is not prompt:
            others.append(piece.time_signature)
    assert others == [(3, 2)]


def test_a_beat_that_notes_do_not_fit_is_refused() -> None:
    tune = dataclasses.replace(melody((72, 3), (74, 5)), name="tune")
    with pytest.raises(
        OptionError, match="tune has notes or bars that don't begin on an eighth, so its beat can't be a"
    ):
        scale_of(Prompt.voices(tune, "soprano"), "half")
    with pytest.raises(OptionError, match="A beat can't be 'third'; expected one of auto, eighth, quarter, half"):
        scale_of(Prompt.voices(tune, "soprano"), "third")  # type: ignore[arg-type]


def test_a_beat_that_is_chosen_is_told_once() -> None:
    prompt = Prompt.voices(dataclasses.replace(melody(*[(72, 2)] * 12, metre=(6, 8)), name="jig"), "soprano")
    with pytest.warns(HearingWarning, match="jig is heard with an eighth as its beat; --beat says otherwise."):
        assert told_beat(prompt) == "eighth"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told_beat(prompt, "eighth") == "eighth"
        assert told_beat(Prompt.voices(melody((72, 4)), "soprano")) == "quarter"


@settings(max_examples=size(12, 3), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=ANY_SEED.filter(lambda seed: repeated_chorale(seed).num_frames < 64),
    beat=st.sampled_from(["eighth", "quarter", "half"]),
)
def test_any_given_cells_come_back_at_any_beat(framed_model: LanguageModel, seed: int, beat: Beat) -> None:
    """With repeats, split bars, and changes of key and metre; free cells at frames of their own."""
    piece = repeated_chorale(seed)
    piece = doubled(piece) if beat == "half" else piece
    cells = np.repeat(np.random.default_rng(seed).random((piece.num_frames // 2 + 1, 4)) < 0.3, 2, axis=0)
    prompt = Prompt(piece, cells[: piece.num_frames])
    [written] = write(framed_model, [prompt], decoder=Sampling(2.0), seeds=[seed], rules=Rules(), beat=beat)
    assert np.array_equal(written.chorale.pitches[prompt.given], piece.pitches[prompt.given])
    sung = prompt.given & (piece.pitches > 0)  # a rest begins where what is before it ends
    assert np.array_equal(written.chorale.onsets[sung], piece.onsets[sung])
    same = dataclasses.replace(written.chorale, pitches=piece.pitches, onsets=piece.onsets)
    assert same == piece


@pytest.mark.parametrize(("beat", "unit"), [("eighth", 1), ("quarter", 1), ("half", 2)])
def test_notes_begin_on_the_grid_of_the_beat(framed_model: LanguageModel, beat: Beat, unit: int) -> None:
    tune = melody(*[(72, 4)] * 8)
    [written] = write(
        framed_model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[1], rules=Rules(), beat=beat
    )
    begins = np.flatnonzero(written.chorale.onsets[:, 1:].any(axis=1))
    assert (begins % unit == 0).all()
    assert (begins % 2 == 0).all() == (unit == 2)


@pytest.mark.parametrize("beat", ["eighth", "quarter", "half"])
@pytest.mark.parametrize(
    "chords",
    [ChordTones(chords="C F | G . C"), ChordTones(at=((0, "C"), (8, "F"), (16, "G"), (22, "."), (26, "C")))],
    ids=["in bars", "at frames"],
)
def test_chords_hold_where_they_are_written(framed_model: LanguageModel, beat: Beat, chords: ChordTones) -> None:
    tune = melody(*[(72, 4)] * 8)
    rules = Sounding() & chords
    [written] = write(
        framed_model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[0], rules=rules, beat=beat
    )
    lower = written.chorale.pitches[:, 1:] % 12
    for first, last, tones in ((0, 8, {0, 4, 7}), (8, 16, {5, 9, 0}), (16, 20, {7, 11, 2}), (28, 32, {0, 4, 7})):
        assert set(lower[first:last].ravel().tolist()) <= tones
    assert lower[[0, 8, 16]].tolist() != [lower[0].tolist()] * 3


@pytest.mark.parametrize("beat", ["eighth", "quarter", "half"])
def test_figures_hold_where_they_are_written(framed_model: LanguageModel, beat: Beat) -> None:
    bass = dataclasses.replace(melody(*[(48, 8)] * 2), pitches=np.array([[0, 0, 0, 48]] * 16))
    figures = FiguredBass(spans=((0, 6, (0, 4, 7)), (8, 16, (0, 5, 9))))
    rules = Sounding() & figures
    [written] = write(
        framed_model, [Prompt.voices(bass, "bass")], decoder=Sampling(3.0), seeds=[0], rules=rules, beat=beat
    )
    upper = written.chorale.pitches[:, :3] % 12
    assert set(upper[:6].ravel().tolist()) <= {0, 4, 7}
    assert set(upper[8:].ravel().tolist()) <= {0, 5, 9}
    assert written.chorale.onsets[8, :3].any()


def test_where_a_rule_gives_way_goes_by_written_bars(framed_model: LanguageModel) -> None:
    jig = dataclasses.replace(melody(*[(72, 2)] * 9, (57, 2), (57, 2), (57, 2), metre=(6, 8)), name="jig")
    high = Sounding() & Ranges(alto=(60, 74)) & NoCrossing()
    with pytest.warns(RuleWarning, match=r"alto of jig at bar 2 \(frame 18\) has no note that keeps NoCrossing"):
        write(framed_model, [Prompt.voices(jig, "soprano")], decoder=Greedy(), seeds=[0], rules=high)
