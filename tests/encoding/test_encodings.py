"""The laws of encodings, on all of Bach's chorales."""

import dataclasses

import numpy as np
import pytest
from chorales import barred_chorale, chorales, repeated_chorale
from hypothesis import given, settings
from hypothesis import strategies as st

from bachlit.encoding import BachBotEncoding, Encoding, SatbEncoding, prompt_mask
from bachlit.errors import EncodingError, OptionError
from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale
from bachlit.testing import check_encoding
from bachlit.tokens import END

ENCODINGS = [
    SatbEncoding(),
    SatbEncoding(bars=True),
    SatbEncoding(keys=False),
    SatbEncoding(order=("bass", "tenor", "alto", "soprano")),
    BachBotEncoding(),
]


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: f"{type(encoding).__name__}-{encoding.config}")
def test_every_chorale_of_bach_survives_encoding(encoding: Encoding, bach: list[Chorale]) -> None:
    assert len(bach) > 350
    check_encoding(encoding, bach)


@pytest.mark.parametrize("encoding", ENCODINGS[:4], ids=lambda encoding: str(encoding.config))
def test_every_chorale_survives_in_every_key(encoding: SatbEncoding, bach: list[Chorale]) -> None:
    check_encoding(encoding, [piece.transpose(move) for piece in bach[:20] for move in range(-6, 7)])


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: f"{type(encoding).__name__}-{encoding.config}")
def test_irregular_bars_and_church_modes_survive_encoding(encoding: Encoding) -> None:
    check_encoding(encoding, [barred_chorale(seed) for seed in range(40)])


def test_bars_of_bach_are_marked_where_his_metre_begins_them(bach: list[Chorale]) -> None:
    encoding = SatbEncoding(bars=True)
    regular = 0
    for piece in bach:
        begins = (np.arange(piece.num_frames) - piece.pickup) % piece.measure_length == 0
        marked = encoding.begins_bar[encoding.marks(piece)]
        regular += np.array_equal(marked, begins)
        assert np.flatnonzero(marked).tolist() == [bar.start for bar in piece.measures if not bar.position]
    assert (regular, len(bach)) == (387, 396)  # nine change their metre, or have a longer or shorter bar


def test_a_bar_is_marked_where_one_begins_not_in_the_middle() -> None:
    encoding, four_four = SatbEncoding(bars=True), (4, 4)
    bars = (
        ("0", 0, 4, 12, four_four),
        ("1", 4, 12, 0, four_four),
        ("X1", 16, 4, 12, four_four),
        ("2", 20, 6, 0, (3, 8)),
        ("3", 26, 9, 0, (3, 8)),
        ("4", 35, 5, 0, four_four),
    )
    piece = dataclasses.replace(Chorale.from_pitches([[67, 64, 60, 48]] * 40), bars=bars)  # type: ignore[arg-type]
    assert np.flatnonzero(encoding.begins_bar[encoding.marks(piece)]).tolist() == [4, 20, 26, 35]


@pytest.mark.parametrize("name", ["pitch", "onset"])
def test_a_slot_may_not_be_named_like_a_part_of_the_nats(name: str, bach: list[Chorale]) -> None:
    """Both are reported as `nats_per_frame/NAME`, where one would hide the other."""

    class Misnamed(BachBotEncoding):
        slot_names = ("mark", name)

    with pytest.raises(AssertionError, match=f"those of .*{name}"):
        check_encoding(Misnamed(), bach[:1])


def test_an_encoding_is_rebuilt_from_its_configuration() -> None:
    for encoding in ENCODINGS:
        assert type(encoding)(**encoding.config).config == encoding.config


def test_tokens_that_break_the_grammar_are_refused_with_their_place() -> None:
    encoding = SatbEncoding()
    tokens = encoding.encode(Chorale.from_pitches([[67, 64, 60, 48]] * 3))
    assert encoding.describe(tokens[0]) == "C major"
    assert tokens[-1] == END
    for index, token, reason in (
        (1, 4, "doesn't belong"),
        (2, 2, "doesn't belong"),
        (7, tokens[2] + 3, "didn't sound"),
    ):
        broken = tokens.copy()
        broken[index] = token
        with pytest.raises(EncodingError, match=reason):
            encoding.decode(broken)
    with pytest.raises(EncodingError, match="whole frames"):
        encoding.decode(tokens[:-2])


def test_a_pitch_without_a_token_is_refused_by_name() -> None:
    high = Chorale.from_pitches([[100, 64, 60, 48]], name="high")
    for encoding in ENCODINGS:
        with pytest.raises(EncodingError, match=r"high .*100"):
            encoding.encode(high)


def test_an_order_that_misses_a_voice_is_refused() -> None:
    with pytest.raises(OptionError, match="each of soprano"):
        SatbEncoding(order=("soprano", "soprano", "alto", "bass"))


def test_unisons_are_one_token_for_bachbot() -> None:
    encoding = BachBotEncoding()
    assert len(encoding.encode(Chorale.from_pitches([[60, 60, 60, 60]]))) == 3


def test_a_prompt_allows_the_given_chorale_and_forces_what_is_given(bach: list[Chorale]) -> None:
    encoding = SatbEncoding()
    random = np.random.default_rng(0)
    for piece in bach[:10]:
        given = random.random(piece.pitches.shape) < 0.5
        allowed = prompt_mask(encoding, piece, given)
        targets = encoding.encode(piece)[1:]
        assert allowed[np.arange(len(targets)), targets].all()
        cells = allowed[:-1].reshape(piece.num_frames, encoding.frame_size, -1)[:, 1:]
        order = [VOICES.index(voice) for voice in encoding.order]
        assert (cells.sum(2)[given[:, order]] == 1).all()


def test_a_free_cell_before_a_given_hold_may_only_sound_its_pitch() -> None:
    encoding = SatbEncoding()
    piece = Chorale.from_pitches([[67, 64, 60, 48]] * 4)
    given = np.zeros((4, 4), bool)
    given[2:, 0] = True  # the end of a held note, whose beginning is free
    allowed = prompt_mask(encoding, piece, given)
    soprano = allowed[1:-1:5]
    assert soprano[0].sum() > 50
    assert {encoding.describe(token) for token in np.flatnonzero(soprano[1])} == {"67 onset", "67 hold"}


def test_a_free_sopranos_notes_begin_and_end_with_the_fermatas() -> None:
    """Scores draw fermatas on the soprano's notes, so one that held across their edge would move them."""
    encoding = SatbEncoding()
    bass = Chorale.from_pitches([[0, 0, 0, 48]] * 6)
    bass = dataclasses.replace(bass, fermatas=np.array([False, False, True, True, False, False]))
    given = np.zeros((6, 4), bool)
    given[:, 3] = True
    soprano = prompt_mask(encoding, bass, given)[1:-1:5]
    begins = ~encoding.token_holds & (encoding.token_pitch > 0)
    assert [bool(soprano[frame][encoding.token_holds].any()) for frame in range(6)] == [0, 1, 0, 1, 0, 1]
    assert [bool(soprano[frame][begins].any()) for frame in range(6)] == [1, 1, 1, 0, 1, 1]


def sung_within(encoding: SatbEncoding, allowed: BoolArray, seed: int) -> Chorale:
    """A chorale of random tokens that a mask and the grammar allow, chosen from left to right."""
    random = np.random.default_rng(seed)
    stream = np.zeros(len(allowed), np.int64)
    for step, here in enumerate(allowed):
        before = encoding.token_pitch[stream[step - 5]] if step >= 5 else REST
        open_ = here & (~encoding.token_holds | (encoding.token_pitch == before))
        assert open_.any(), f"a dead end at step {step}"
        stream[step] = random.choice(np.flatnonzero(open_))
    return encoding.decode(stream)


def random_mask(shape: tuple[int, ...], seed: int) -> BoolArray:
    """Cells by chance: one by one, in stretches of some frames, or whole voices; few or many."""
    random = np.random.default_rng(seed)
    length = int(random.choice([1, 2, 5, shape[0]]))
    cells = random.random((-(-shape[0] // length), shape[1])) < random.choice([0.1, 0.5, 0.9])
    return np.repeat(cells, length, axis=0)[: shape[0]]


@settings(max_examples=150, deadline=None)
@given(
    chorale=chorales() | st.integers(0, 2**32).map(repeated_chorale),
    seed=st.integers(0, 2**32),
    fermatas=st.sampled_from(["its own", "of another tune"]),
)
def test_any_cells_and_any_rhythm_can_be_given_without_a_dead_end(chorale: Chorale, seed: int, fermatas: str) -> None:
    encoding = SatbEncoding()
    shape = chorale.pitches.shape
    if fermatas == "of another tune":
        chorale = dataclasses.replace(chorale, fermatas=random_mask((shape[0], 1), seed + 3)[:, 0])
    given, timed = random_mask(shape, seed), random_mask(shape, seed + 1)
    allowed = prompt_mask(encoding, chorale, given, timed)
    sung = sung_within(encoding, allowed, seed + 2)
    assert np.array_equal(sung.fermatas, chorale.fermatas)
    assert np.array_equal(sung.pitches[given], chorale.pitches[given])
    fixed = given | timed
    assert np.array_equal(sung.pitches[fixed] == REST, chorale.pitches[fixed] == REST)
    notes = fixed & (chorale.pitches != REST)  # whether a rest begins depends on what is sung before it
    assert np.array_equal(sung.onsets[notes], chorale.onsets[notes])


def test_free_notes_begin_where_a_repeat_leads() -> None:
    """The second ending isn't heard after the first, so nothing can be held into it."""
    encoding = SatbEncoding()
    piece = dataclasses.replace(Chorale.from_pitches([[67, 64, 60, 48]] * 64), order=(0, 1, 0, 2, 3))
    given, rhythm = np.zeros((64, 4), bool), np.zeros((64, 4), bool)
    given[:, 0] = rhythm[:, 1] = True
    allowed = prompt_mask(encoding, piece, given, rhythm)[:-1].reshape(64, 5, -1)
    for frame in range(1, 64):
        holds = [bool((cell & encoding.token_holds).any()) for cell in allowed[frame, 1:]]  # S, B, A, T
        assert holds == [True, frame != 32, True, frame != 32], frame


def test_what_stands_in_a_cell_of_which_the_rhythm_is_given_does_not_matter() -> None:
    encoding = SatbEncoding()
    piece = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 64, 60, 48]] * 4)
    other = Chorale.from_pitches([[70, 127, 1, 48]] * 4 + [[62, 127, 1, 48]] * 4)
    timed = np.ones((8, 4), bool)
    nothing = np.zeros((8, 4), bool)
    masks = [prompt_mask(encoding, chorale, nothing, timed) for chorale in (piece, other)]
    assert np.array_equal(*masks)
    assert not np.array_equal(masks[0], prompt_mask(encoding, piece, nothing))


def test_fermatas_bound_the_free_notes_of_a_soprano_that_is_given_in_part() -> None:
    encoding = SatbEncoding()
    piece = Chorale.from_pitches([[67, 64, 60, 48]] * 4 + [[69, 64, 60, 48]] * 4 + [[71, 64, 60, 48]] * 4)
    piece = dataclasses.replace(piece, fermatas=np.repeat([False, True, False], 4))
    begins = ~encoding.token_holds & (encoding.token_pitch > 0)
    given = np.ones((12, 4), bool)
    given[6:, 0] = False  # from the middle of the fermata
    soprano = prompt_mask(encoding, piece, given)[1:-1:5]
    assert [bool(soprano[frame][begins].any()) for frame in range(5, 9)] == [0, 0, 0, 1]
    assert not soprano[8][encoding.token_holds].any()
