"""What is given comes back; what is written is legal. On real melodies and random ones, with every decoder."""

import dataclasses
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import size

from bachlit.decoding import BeamSearch, Decoder, Greedy, NoCrossing, Ranges, Rules, Sampling, Sounding
from bachlit.encoding import BachBotEncoding
from bachlit.errors import CheckpointError, DeadEndError, PromptError, RangeWarning, RuleWarning
from bachlit.generation.composing import write_freely
from bachlit.generation.harmonizing import write
from bachlit.generation.prompts import move_for
from bachlit.generation.written import Written
from bachlit.metrics import rule_counts
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import PRETRAINED
from bachlit.music.chorale import RANGES, REST, VOICES, Chorale, Voice, cut
from bachlit.music.keys import Key, Keys
from bachlit.music.measures import Measure
from bachlit.music.prompt import Prompt
from bachlit.scores import read_melody, write_musicxml

DECODERS: list[Decoder] = [Greedy(), Sampling(0.7), Sampling(3.0), BeamSearch(1), BeamSearch(4)]


@st.composite
def melodies(draw: st.DrawFn, voice: Voice = "soprano") -> Chorale:
    """A tune in a voice's range, with rests, repeated notes and fermatas, in any key and metre."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    low, high = RANGES[voice]
    num_frames = draw(st.integers(1, size(60, 24)))
    pitches = np.zeros((num_frames, 4), np.int64)
    onsets = np.ones((num_frames, 4), np.bool_)
    fermatas = np.zeros(num_frames, np.bool_)
    frame, pitch = 0, int(random.integers(low, high + 1))
    while frame < num_frames:
        note = slice(frame, frame + int(random.choice([1, 2, 3, 4, 4, 4, 6, 8, 12])))
        pitches[note, VOICES.index(voice)] = REST if random.random() < 0.1 else pitch
        onsets[note, VOICES.index(voice)] = False
        onsets[frame, VOICES.index(voice)] = True
        fermatas[note] = random.random() < 0.2 and pitches[frame, VOICES.index(voice)] != REST
        pitch = int(np.clip(pitch + random.choice([-5, -2, -1, 0, 0, 1, 2, 4]), low, high))
        frame = note.stop
    numerator, denominator = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (3, 2), (2, 2)]))
    return Chorale(
        pitches=pitches,
        onsets=onsets,
        fermatas=fermatas,
        time_signature=(numerator, denominator),
        pickup=draw(st.integers(0, 16 * numerator // denominator - 1)),
        key=draw(st.sampled_from([(fifths, mode) for fifths in range(-6, 7) for mode in ("major", "minor")])),
        title="A tune",
        name="tune",
    )


def opening(piece: Chorale, num_frames: int = size(48, 24)) -> Chorale:
    return cut(piece, 0, num_frames)


@dataclasses.dataclass
class Score:
    """A source that mustn't be transposed for the model."""

    def transpose(self, semitones: int) -> "Score":
        raise AssertionError(f"the source was transposed by {semitones}")


def test_what_is_written_keeps_measures_keys_order_and_source(small_model: LanguageModel) -> None:
    """In a key far from the model's; the source isn't transposed for it, and errors count bars as printed."""
    model = LanguageModel(small_model.network, small_model.encoding, "home")
    numbers = ("0", "7", "8a", "8b", "9")
    bars = tuple(Measure(one, 8 * index, 8, 4 * (index == 0), (3, 4)) for index, one in enumerate(numbers))
    piece = dataclasses.replace(
        Chorale.from_pitches([[67, 0, 0, 0]] * 20 + [[57, 0, 0, 0]] * 20),
        key=Key(3, "mixolydian"),
        bars=bars,
        keys=((16, Key(2)),),
        order=(0, 1, 2, 1, 3, 4),
        source=Score(),
    )
    prompt = Prompt.voices(piece, "soprano")
    [written] = write(model, [prompt], decoder=Greedy(), seeds=[0], rules=Sounding())
    chorale = written.chorale
    assert dataclasses.replace(chorale, pitches=piece.pitches, onsets=piece.onsets) == piece
    assert chorale.source is piece.source
    high = Sounding() & Ranges(alto=(60, 74)) & NoCrossing()
    with pytest.warns(RuleWarning, match=r"alto of the piece at bar 8a \(frame 20\) has no note that keeps NoCrossing"):
        write(model, [prompt], decoder=Greedy(), seeds=[0], rules=high)
    with pytest.raises(DeadEndError, match=r"alto of the piece at bar 8a \(frame 20\)"):
        write(model, [prompt], decoder=Greedy(), seeds=[0], rules=high, strict=True)


def assert_given_back(written: Chorale, melody: Chorale, voice: Voice) -> None:
    column = VOICES.index(voice)
    assert np.array_equal(written.pitches[:, column], melody.pitches[:, column])
    assert np.array_equal(written.onsets[:, column], melody.onsets[:, column])
    assert np.array_equal(written.fermatas, melody.fermatas)
    for field in ("time_signature", "pickup", "key", "title", "name"):
        assert getattr(written, field) == getattr(melody, field)


@settings(max_examples=size(40, 5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**40), voice=st.sampled_from(VOICES), keys=st.sampled_from(["home", "all"]))
def test_every_decoder_gives_every_melody_back_note_for_note(
    small_model: LanguageModel, data: st.DataObject, seed: int, voice: Voice, keys: str
) -> None:
    melody = data.draw(melodies(voice).filter(lambda melody: melody.compass is not None))
    model = LanguageModel(small_model.network, small_model.encoding, keys)  # type: ignore[arg-type]
    for decoder in DECODERS:
        [written] = write(model, [Prompt.voices(melody, voice)], decoder=decoder, seeds=[seed])
        assert_given_back(written.chorale, melody, voice)
        for column, (low, high) in enumerate(RANGES.values()):
            sung = written.chorale.pitches[:, column]
            assert ((sung == REST) | ((low <= sung) & (sung <= high))).all()


@settings(max_examples=size(25, 5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), voice=st.sampled_from(VOICES), seed=st.integers(0, 2**40))
def test_a_melody_survives_the_whole_way_from_file_to_file(
    small_model: LanguageModel,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    voice: Voice,
    seed: int,
) -> None:
    """Its fermatas too, which scores draw by the soprano, even where the melody is another voice."""
    melody = data.draw(melodies(voice).filter(lambda melody: melody.compass is not None))
    folder = tmp_path_factory.getbasetemp()
    write_musicxml(melody, folder / "melody.musicxml")
    tune = read_melody(folder / "melody.musicxml", voice=voice)
    for decoder in DECODERS:
        [written] = write(small_model, [Prompt.voices(tune, voice)], decoder=decoder, seeds=[seed])
        write_musicxml(written.chorale, folder / "chorale.musicxml")
        again = read_melody(folder / "chorale.musicxml", voice=voice)
        assert_given_back(again, dataclasses.replace(tune, name="chorale"), voice)


@settings(max_examples=size(40, 8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**40))
def test_any_cells_that_are_given_come_back(
    small_model: LanguageModel, bach: list[Chorale], data: st.DataObject, seed: int
) -> None:
    piece = opening(bach[data.draw(st.integers(0, len(bach) - 1))])
    inside = all(
        np.isin(piece.pitches[:, column], [REST, *range(low, high + 1)]).all()
        for column, (low, high) in enumerate(RANGES.values())
    )
    if not inside:
        return
    mask = np.random.default_rng(seed).random(piece.pitches.shape) < data.draw(st.floats(0, 1))
    decoder = data.draw(st.sampled_from(DECODERS))
    [written] = write(small_model, [Prompt(piece, mask)], decoder=decoder, seeds=[seed])
    assert np.array_equal(written.chorale.pitches[mask], piece.pitches[mask])
    notes = mask & (piece.pitches != REST)  # whether a given rest begins depends on what is written before it
    assert np.array_equal(written.chorale.onsets[notes], piece.onsets[notes])


@settings(max_examples=size(20, 5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**40))
def test_a_rhythm_that_is_given_is_kept_whatever_else_is(
    small_model: LanguageModel, bach: list[Chorale], data: st.DataObject, seed: int
) -> None:
    piece = opening(data.draw(st.sampled_from(in_range(bach))), 24)
    random = np.random.default_rng(seed)
    given, timed = (random.random(piece.pitches.shape) < data.draw(st.floats(0, 1)) for _ in range(2))
    decoder = data.draw(st.sampled_from(DECODERS))
    [written] = write(small_model, [Prompt(piece, given, timed)], decoder=decoder, seeds=[seed])
    assert np.array_equal(written.chorale.pitches[given], piece.pitches[given])
    fixed = given | timed
    assert np.array_equal(written.chorale.pitches[fixed] == REST, piece.pitches[fixed] == REST)
    notes = fixed & (piece.pitches != REST)
    assert np.array_equal(written.chorale.onsets[notes], piece.onsets[notes])


def test_voices_in_a_given_rhythm_sing_other_notes_at_the_same_times(
    small_model: LanguageModel, bach: list[Chorale]
) -> None:
    for seed, piece in enumerate(map(opening, in_range(bach)[:4])):
        prompt = Prompt.voices(piece, "bass").with_rhythm("alto", "tenor")
        [written] = write(small_model, [prompt], decoder=Sampling(), seeds=[seed])
        assert np.array_equal(written.chorale.onsets[:, 1:], piece.onsets[:, 1:])
        assert not np.array_equal(written.chorale.pitches[:, 1:3], piece.pitches[:, 1:3])


def test_recomposing_bars_changes_nothing_outside_of_them_and_something_inside(
    small_model: LanguageModel, bach: list[Chorale]
) -> None:
    for seed, piece in enumerate(opening(piece, 64) for piece in in_range(bach)[: size(4, 1)]):
        for prompt in (Prompt.bars(piece, 2, 3), Prompt.bars(piece, 2, 3, "soprano", "bass")):
            one, other = (
                write(small_model, [prompt], decoder=Sampling(), seeds=[each])[0].chorale for each in (seed, seed + 50)
            )
            for written in (one, other):
                outside = prompt.given
                assert np.array_equal(written.pitches[outside], piece.pitches[outside])
                notes = outside & (piece.pitches != REST)
                assert np.array_equal(written.onsets[notes], piece.onsets[notes])
                assert np.array_equal(written.fermatas, piece.fermatas)
                assert written.num_frames == piece.num_frames
            changed = one.pitches != other.pitches
            assert changed[~prompt.given].mean() > 0.2
            assert (one.pitches != piece.pitches)[~prompt.given].mean() > 0.2


def in_range(bach: list[Chorale]) -> list[Chorale]:
    """The chorales whose every voice stays in its range."""
    compasses = np.array(list(RANGES.values()))
    return [
        piece
        for piece in bach
        if ((piece.pitches == REST) | ((piece.pitches >= compasses[:, 0]) & (piece.pitches <= compasses[:, 1]))).all()
    ]


def test_pieces_written_together_are_those_written_alone(any_model: LanguageModel, bach: list[Chorale]) -> None:
    prompts = [Prompt.voices(opening(piece, 8 + 8 * i), "soprano") for i, piece in enumerate(bach[:3])]
    for decoder in DECODERS:
        together = write(any_model, prompts, decoder=decoder, seeds=range(3))
        for seed, (prompt, one) in enumerate(zip(prompts, together, strict=True)):
            [alone] = write(any_model, [prompt], decoder=decoder, seeds=[seed])
            assert alone.chorale == one.chorale


def test_more_pieces_leave_the_first_as_they_were(small_model: LanguageModel) -> None:
    two, four = (write_freely(small_model, decoder=Sampling(), seeds=range(num), max_frames=40) for num in (2, 4))
    assert [piece.chorale for piece in four[:2]] == [piece.chorale for piece in two]


def test_free_pieces_end_and_are_no_longer_than_allowed(any_model: LanguageModel) -> None:
    for max_frames in (1, 2, 33):
        for decoder in (Sampling(), Greedy(), BeamSearch(3)):
            for piece in write_freely(any_model, decoder=decoder, seeds=range(3), max_frames=max_frames):
                assert 1 <= piece.chorale.num_frames <= max_frames
    for piece in write_freely(any_model, decoder=Sampling(), seeds=range(3), min_frames=30, max_frames=40):
        assert 30 <= piece.chorale.num_frames <= 40


def test_a_model_that_knows_bars_composes_in_the_metre_that_the_score_has(framed_model: LanguageModel) -> None:
    pieces = write_freely(framed_model, decoder=Sampling(), seeds=range(10), min_frames=40, max_frames=60)
    assert {piece.chorale.pickup for piece in pieces} == {0, 4}
    for piece in pieces:
        tokens = framed_model.encoding.encode(piece.chorale)
        score = framed_model.score(torch.from_numpy(tokens[None, 1:]), torch.from_numpy(tokens[:1]))
        assert float(score) == pytest.approx(piece.log_prob, abs=1e-2)


def test_a_tune_wider_than_its_voices_range_is_told_and_comes_back(small_model: LanguageModel) -> None:
    """Fiddle tunes are. It leaves the range as little as it can."""
    low = dataclasses.replace(Chorale.from_pitches([[50, 0, 0, 0]] * 4 + [[80, 0, 0, 0]] * 4), name="low")
    prompt = Prompt.voices(low, "soprano")
    with pytest.warns(RangeWarning, match=r"soprano of low goes from D3 to Ab5, which is wider than .* A3 to A5; its"):
        [written] = write(small_model, [prompt], decoder=Greedy(), seeds=[0])
    assert written.chorale.pitches[:, 0].tolist() == low.pitches[:, 0].tolist()
    with pytest.warns(RangeWarning):
        assert move_for(prompt, "all") == (1, 1)
    with pytest.warns(RangeWarning):
        assert move_for(prompt, "home")[1] == 1


def test_a_voice_that_only_rests_is_no_melody(small_model: LanguageModel) -> None:
    low = dataclasses.replace(Chorale.from_pitches([[60, 0, 0, 0]] * 4), name="low")
    with pytest.raises(PromptError, match="low gives only rests"):
        write(small_model, [Prompt.voices(low, "alto")], decoder=Greedy(), seeds=[0])


@pytest.mark.parametrize("decoder", [Greedy(), BeamSearch(4)], ids=["greedy", "beam"])
def test_a_piece_is_written_and_scored_from_its_keys_start(small_model: LanguageModel, decoder: Decoder) -> None:
    encoding = small_model.encoding
    tune = Chorale.from_pitches([[67, 0, 0, 0]] * 8)
    for key in (Key(0, "major"), Key(-3, "minor")):
        prompt = Prompt.voices(dataclasses.replace(tune, key=key), "soprano")
        [written] = write(small_model, [prompt], decoder=decoder, seeds=[0])
        tokens = torch.from_numpy(encoding.encode(written.chorale))[None, 1:]
        scores = [small_model.score(tokens, torch.tensor([start])).item() for start in (encoding.start(key), 1)]
        assert written.log_prob == pytest.approx(scores[0], abs=1e-3)
        assert written.log_prob != pytest.approx(scores[1], abs=1e-3)


def test_what_stands_in_free_cells_does_not_matter(small_model: LanguageModel) -> None:
    plain, odd = (
        dataclasses.replace(Chorale.from_pitches([row] * 8), key=Key()) for row in ([67, 0, 0, 0], [67, 100, 5, 20])
    )
    expected, same = write(
        small_model, [Prompt.voices(piece, "soprano") for piece in (plain, odd)], decoder=Greedy(), seeds=[0, 0]
    )
    assert np.array_equal(expected.chorale.pitches, same.chorale.pitches)


@pytest.mark.parametrize("keys", ["home", "all"])
def test_a_melody_a_little_too_low_is_moved_and_moved_back(small_model: LanguageModel, keys: Keys) -> None:
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    low = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (55, 55, 57, 55, 60, 59) for _ in range(4)])
    [written] = write(model, [Prompt.voices(low, "soprano")], decoder=Greedy(), seeds=[0])
    assert_given_back(written.chorale, low, "soprano")


def test_an_encoding_without_voices_can_not_write(small_model: LanguageModel, bach: list[Chorale]) -> None:
    model = LanguageModel(small_model.network, BachBotEncoding(), "all")
    with pytest.raises(CheckpointError, match="SatbEncoding"):
        write(model, [Prompt.voices(bach[0], "soprano")], decoder=Greedy(), seeds=[0])


def test_a_mask_of_another_shape_is_refused(bach: list[Chorale]) -> None:
    with pytest.raises(PromptError, match="shape"):
        Prompt(bach[0], np.ones((3, 4), np.bool_))


def test_free_pieces_end_on_their_tonic_far_more_often_than_they_would(small_model: LanguageModel) -> None:
    """Of eight drafts the first that does is taken: if each does by chance in one of twelve, half of the pieces do."""

    def home(piece: Written) -> bool:
        return piece.chorale.pitches[-1, 3] % 12 == piece.chorale.key.tonic

    options = {"decoder": Sampling(), "seeds": range(40), "min_frames": 8, "max_frames": 64}
    ruled, free = (
        sum(home(piece) for piece in write_freely(small_model, rules=rules, **options))
        for rules in (Sounding(), Rules())
    )
    assert ruled > 2 * free


def test_nobody_is_warned_of_drafts_that_were_thrown_away(small_model: LanguageModel) -> None:
    """Every warning names a piece that breaks the rule: here, one that crosses voices."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rules = Sounding() & Ranges(alto=(60, 62), tenor=(60, 62)) & NoCrossing()
        pieces = write_freely(small_model, decoder=Sampling(), seeds=range(6), min_frames=8, max_frames=24, rules=rules)
    for one in told:
        [piece] = [piece for piece in pieces if f" of {piece.chorale.name} at" in str(one.message)]
        assert rule_counts(piece.chorale).crossings
        assert piece.yielded
    assert sum(piece.yielded > 0 for piece in pieces) == len({str(one.message).split(" at")[0] for one in told})


@pytest.mark.parametrize("decoder", [Sampling(), BeamSearch(3)], ids=lambda one: type(one).__name__)
def test_threads_that_share_a_model_write_what_each_writes_alone(
    decoder: Decoder, any_model: LanguageModel, bach: list[Chorale]
) -> None:
    prompts = [Prompt.voices(cut(piece, 0, 8), "soprano") for piece in bach[:4]]

    def written(index: int) -> Written:
        return write(any_model, [prompts[index]], decoder=decoder, seeds=[index])[0]

    alone = [written(index) for index in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(pool.map(written, range(4)), alone, strict=True):
            assert one.chorale == other.chorale
            assert one.log_prob == other.log_prob


def test_a_piece_of_fixed_length_ends_on_a_note_under_a_fermata(framed_model: LanguageModel) -> None:
    """From an untrained model, too: the soprano's last note is all that is under it."""
    for frames in (3, 32, 64):
        pieces = write_freely(framed_model, decoder=Sampling(), seeds=range(6), min_frames=frames, max_frames=frames)
        for chorale in (piece.chorale for piece in pieces):
            last = int(np.flatnonzero(chorale.onsets[:, 0])[-1])
            assert frames - last == min(4 if chorale.pickup else 8, frames)
            assert chorale.fermatas[last:].all()
            assert not chorale.fermatas[max(0, last - 1) : last].any()


def test_of_several_draws_the_one_with_a_whole_cadence_is_taken() -> None:
    """Of the shipped model's chorales most end on the tonic, from the dominant, under a fermata."""
    model = LanguageModel.load(PRETRAINED)
    pieces = write_freely(model, decoder=Sampling(0.9), seeds=range(4), min_frames=64, max_frames=64)
    whole = 0
    for chorale in (piece.chorale for piece in pieces):
        last = int(np.flatnonzero(chorale.onsets[:, 0])[-1])
        bass = [(int(chorale.pitches[frame, 3]) - chorale.key.tonic) % 12 for frame in (last - 1, -1)]
        whole += bass == [7, 0]
    assert whole >= 3
