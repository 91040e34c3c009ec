"""A rule forbids what its counter in `bachlit.metrics` counts: one definition, held together here."""

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from chorales import random_chorale, repeated_chorale
from sizes import size

from bachlit.decoding import (
    PART_WRITING,
    Attack,
    BeamSearch,
    ChordTones,
    Decoder,
    Enforced,
    FinalTonic,
    Greedy,
    InKey,
    LargestLeap,
    NoCrossing,
    NoHidden,
    NoOverlap,
    NoParallels,
    Particles,
    Ranges,
    Rule,
    Rules,
    Sampling,
    Sounding,
    Spacing,
)
from bachlit.encoding import SatbEncoding
from bachlit.errors import DeadEndError, OptionError, RuleWarning
from bachlit.generation.harmonizing import write
from bachlit.metrics import rule_counts
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import REST, Chorale, cut
from bachlit.music.keys import Key, Keys
from bachlit.music.playing import interruptions
from bachlit.music.prompt import Prompt
from bachlit.testing import charges, check_constraint, check_rule, grid_of

COUNTERS: list[tuple[Rule, tuple[str, ...]]] = [
    (NoParallels(), ("parallel_fifths", "parallel_octaves")),
    (NoParallels(similar_only=True), ("similar_fifths", "similar_octaves")),
    (NoHidden(), ("hidden_fifths", "hidden_octaves")),
    (NoCrossing(), ("crossings",)),
    (NoOverlap(), ("overlaps",)),
    (Spacing(), ("wide_soprano_alto", "wide_alto_tenor")),
    (LargestLeap(), ("wide_leaps",)),
    (Ranges(), ("out_of_range",)),
]
ORDERS = [SatbEncoding(), SatbEncoding(order=("bass", "tenor", "alto", "soprano"))]


def count(chorale: Chorale, counters: tuple[str, ...]) -> int:
    return sum(getattr(rule_counts(chorale), name) for name in counters)


def openings(bach: list[Chorale]) -> list[Chorale]:
    cuts = []
    for piece in bach[:: size(12, 30)]:
        first = (piece.num_frames // 16 // 2) * 16
        cuts.append(cut(piece, first, first + size(64, 48)))
    return cuts + [random_chorale(seed, num_frames=50).transpose(5 * (seed % 3 - 1)) for seed in range(size(12, 6))]


@pytest.mark.parametrize("share_given", [0.0, 0.5, "soprano", "outer voices", "bars"])
@pytest.mark.parametrize("encoding", ORDERS, ids=["SBAT", "BTAS"])
@pytest.mark.parametrize(
    ("rule", "counters"), COUNTERS, ids=lambda value: str(value) if isinstance(value, Rule) else ""
)
def test_a_rule_charges_to_free_cells_what_its_counter_counts_but_for_given_ones(
    rule: Rule, counters: tuple[str, ...], encoding: SatbEncoding, share_given: float | str, bach: list[Chorale]
) -> None:
    """Each breach once, whichever cells are given; those among given cells alone never. On Bach and on noise."""
    pieces = openings(bach)
    random = np.random.default_rng(0)
    given = []
    for piece in pieces:
        mask = np.zeros(piece.pitches.shape, np.bool_)
        if share_given == "soprano":
            mask[:, 0] = True
        elif share_given == "outer voices":
            mask[:, [0, 3]] = True
        elif share_given == "bars":
            mask[:16] = mask[32:] = True
        else:
            mask = random.random(piece.pitches.shape) < share_given
        given.append(mask)
    only_given = [
        dataclasses.replace(piece, pitches=np.where(mask, piece.pitches, REST), onsets=np.ones_like(piece.onsets))
        for piece, mask in zip(pieces, given, strict=True)
    ]
    expected = [count(piece, counters) - count(rest, counters) for piece, rest in zip(pieces, only_given, strict=True)]
    assert charges(rule, encoding, pieces, given).sum((1, 2)).tolist() == expected
    assert sum(count(piece, counters) for piece in pieces) > 0  # else nothing was tested


@pytest.mark.parametrize(("encoding", "share_given"), [(ORDERS[0], 0.0), (ORDERS[0], 0.5), (ORDERS[1], 0.5)])
@pytest.mark.parametrize(
    ("rule", "counters"), COUNTERS, ids=lambda value: str(value) if isinstance(value, Rule) else ""
)
def test_rules_and_counters_follow_the_order_of_playing_alike(
    rule: Rule, counters: tuple[str, ...], encoding: SatbEncoding, share_given: float
) -> None:
    """Repeats, endings and jumps at random, several pieces at once; in some a sixteenth is repeated by itself."""
    pieces = [repeated_chorale(seed) for seed in range(size(200, 40))]
    pieces = [piece for piece in pieces if interruptions(piece)] + [repeated_chorale(seed) for seed in (53, 86, 115)]
    random = np.random.default_rng(0)
    given = [random.random(piece.pitches.shape) < share_given for piece in pieces]
    only_given = [
        dataclasses.replace(piece, pitches=np.where(mask, piece.pitches, REST), onsets=np.ones_like(piece.onsets))
        for piece, mask in zip(pieces, given, strict=True)
    ]
    expected = [count(piece, counters) - count(rest, counters) for piece, rest in zip(pieces, only_given, strict=True)]
    assert charges(rule, encoding, pieces, given).sum((1, 2)).tolist() == expected


@pytest.mark.parametrize(
    "rule",
    [one for one, _ in COUNTERS] + [Sounding(), InKey(), FinalTonic(), Attack(1.0), ChordTones(chords="C | . F G7/B")],
    ids=str,
)
@pytest.mark.parametrize("encoding", ORDERS, ids=["SBAT", "BTAS"])
def test_rules_keep_the_laws(rule: Rule, encoding: SatbEncoding, bach: list[Chorale]) -> None:
    check_rule(rule, encoding, [*openings(bach)[:2], repeated_chorale(5)])


def test_rules_together_are_a_constraint(bach: list[Chorale]) -> None:
    pieces = openings(bach)[:3]
    grid = grid_of(ORDERS[0], pieces, [np.zeros(piece.pitches.shape, np.bool_) for piece in pieces])
    tokens = torch.randint(2, ORDERS[0].vocabulary_size, (3, 2, 60), generator=torch.Generator().manual_seed(0))
    check_constraint(Enforced(grid, PART_WRITING & NoHidden(2.0)), tokens)


@pytest.mark.parametrize(
    "decoder", [Greedy(), Sampling(3.0), BeamSearch(4), Particles(4)], ids=lambda value: type(value).__name__
)
def test_what_is_written_breaks_no_hard_rule_but_where_a_warning_says_so(
    decoder: Decoder, small_model: LanguageModel, bach: list[Chorale]
) -> None:
    """An untrained model breaks every rule it can: all that it keeps, the rules make it keep."""
    tunes = [piece for piece in openings(bach)[:30] if piece.pitches[:, 0].min() >= 57][: size(12, 5)]
    prompts = [Prompt.voices(tune, "soprano") for tune in tunes]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        written = write(small_model, prompts, decoder=decoder, seeds=range(len(prompts)))
    for rule, counters in COUNTERS:
        if rule in (NoParallels(), NoHidden(), NoCrossing(), Spacing(), LargestLeap(), Ranges()):
            for tune, piece in zip(tunes, written, strict=True):
                broken = count(piece.chorale, counters) - count(piece.chorale.only("soprano"), counters)
                named = [str(one.message) for one in told if f" of {tune.name} at" in str(one.message)]
                assert not broken or any(f" {rule}" in one for one in named), f"{tune.name} breaks {rule}: {named}"
    assert len(told) <= 3 * len(prompts)


def test_a_soft_rule_makes_breaches_rarer_and_a_heavier_one_rarer_still(
    small_model: LanguageModel, bach: list[Chorale]
) -> None:
    prompts = [Prompt.voices(piece, "soprano") for piece in openings(bach)[:10]]
    sums = []
    for weight in (0.0, 2.0, float("inf")):
        written = write(small_model, prompts, decoder=Sampling(), seeds=range(10), rules=NoCrossing(weight))
        sums.append(sum(rule_counts(piece.chorale).crossings for piece in written))
    assert sums[0] > 1.5 * sums[1] > 2 * sums[2]


def test_a_rule_that_can_not_be_kept_gives_way_with_a_warning_that_names_rule_voice_and_frame(
    small_model: LanguageModel,
) -> None:
    low = Chorale.from_pitches([[57, 0, 0, 0]] * 4, name="low")
    tight = Sounding() & Ranges(alto=(60, 74)) & NoCrossing()
    with pytest.warns(
        RuleWarning, match=r"alto of low at bar 1 \(frame 0\) .* NoCrossing, nor at 3 other places; it gave way"
    ):
        [written] = write(small_model, [Prompt.voices(low, "soprano")], decoder=Greedy(), seeds=[0], rules=tight)
    assert (written.chorale.pitches[:, 1] >= 60).all()
    assert written.yielded == 4
    with pytest.warns(RuleWarning, match=r"Ranges, nor .*; it gave way"):
        [written] = write(
            small_model, [Prompt.voices(low, "soprano")], decoder=Greedy(), seeds=[0],
            rules=Sounding() & NoCrossing() & Ranges(alto=(60, 74)),
        )  # fmt: skip


def test_strictness_makes_it_an_error(small_model: LanguageModel) -> None:
    low = Chorale.from_pitches([[57, 0, 0, 0]] * 4, name="low")
    tight = Sounding() & Ranges(alto=(60, 74)) & NoCrossing()
    with pytest.raises(DeadEndError, match=r"alto of low at bar 1 \(frame 0\)"):
        write(small_model, [Prompt.voices(low, "soprano")], decoder=Greedy(), seeds=[0], rules=tight, strict=True)


def test_rules_compose_in_their_order() -> None:
    rules = NoCrossing() & Spacing(2.0) & (NoOverlap(1.0) & LargestLeap())
    assert [str(rule) for rule in rules] == ["NoCrossing", "Spacing", "NoOverlap", "LargestLeap"]
    assert [rule.weight for rule in rules][1:3] == [2.0, 1.0]
    assert list(Rules() & Spacing()) == [Spacing()]


@pytest.mark.parametrize("decoder", [Greedy(), Sampling(2.0), BeamSearch(4)], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("keys", ["all", "home"])
def test_chord_symbols_are_obeyed_in_the_key_in_which_the_music_is_given(
    small_model: LanguageModel, decoder: Decoder, keys: Keys
) -> None:
    """A pickup of a quarter in 3/4, bars shared by chords, basses, and a bar left to the model; all in D minor."""
    tune = dataclasses.replace(
        Chorale.from_pitches([[74, 0, 0, 0]] * (4 + 4 * 12), pickup=0),
        time_signature=(3, 4),
        pickup=4,
        key=Key(-1, "minor"),
    )
    chords = ChordTones(chords="Dm | Gm/Bb A7 Dm | Bb | . | D")
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    given = np.zeros(tune.pitches.shape, np.bool_)
    rules = Sounding() & chords
    [written] = write(model, [Prompt(tune, given)], decoder=decoder, seeds=[1], rules=rules)
    classes = written.chorale.pitches % 12
    for span, tones in (((0, 4), {2, 5, 9}), ((4, 8), {7, 10, 2}), ((8, 12), {9, 1, 4, 7}), ((12, 16), {2, 5, 9}),
                        ((16, 28), {10, 2, 5}), ((40, 52), {2, 6, 9})):  # fmt: skip
        assert set(classes[slice(*span)].flatten().tolist()) <= tones
    assert set(classes[4:8, 3].tolist()) == {10}
    assert not set(classes[28:40].flatten().tolist()) <= {2, 6, 9}


@pytest.mark.parametrize("symbol", ["H", "C/", "c", "Cmin", "C | Xm", "C#b"])
def test_what_is_no_chord_is_refused(symbol: str) -> None:
    with pytest.raises(OptionError, match="There is no chord"):
        ChordTones(chords=symbol)


@pytest.mark.parametrize(
    ("symbol", "tones"),
    [
        ("C5", {0, 7}), ("Dm6", {2, 5, 9, 11}), ("Bb6/D", {10, 2, 5, 7}), ("G7sus4", {7, 0, 2, 5}),
        ("F#m7b5", {6, 9, 0, 4}), ("Gaug7", {7, 11, 3, 5}), ("G7#5", {7, 11, 3, 5}),
        ("E7b9", {4, 8, 11, 2, 5}), ("AmM7", {9, 0, 4, 8}),
        ("Cadd9", {0, 2, 4, 7}), ("G13", {7, 11, 2, 5, 9, 4}), ("Csus2", {0, 2, 7}), ("Fmaj9", {5, 9, 0, 4, 7}),
    ],
)  # fmt: skip
def test_chords_of_lead_sheets_are_known(symbol: str, tones: set[int]) -> None:
    assert ChordTones.knows(symbol)
    [[chord]] = ChordTones(chords=symbol).bars
    assert chord is not None
    assert chord[0] == tones


def test_chords_may_stand_at_frames_instead_of_bars(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 0]] * 24)
    chords = ChordTones(at=((4, "F/A"), (10, "."), (14, "C")))
    rules = Sounding() & chords
    [written] = write(small_model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[0], rules=rules)
    classes = written.chorale.pitches % 12
    assert set(classes[4:10].ravel().tolist()) <= {5, 9, 0}
    assert set(classes[4:10, 3].tolist()) == {9}
    assert set(classes[14:].ravel().tolist()) <= {0, 4, 7}
    for frames in (slice(0, 4), slice(10, 14)):
        assert not set(classes[frames].ravel().tolist()) <= {0, 4, 5, 7, 9}
    check_rule(chords, ORDERS[0], [written.chorale])


@pytest.mark.parametrize(
    "wrong", [{"chords": "C", "at": ((0, "C"),)}, {"at": ((4, "C"), (4, "F"))}, {"at": ((-1, "C"),)}]
)
def test_chords_at_frames_that_contradict_each_other_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="expected one of the two"):
        ChordTones(**wrong)


def test_chords_are_sung_even_without_other_rules(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 0]] * 16)
    [written] = write(
        small_model, [Prompt.voices(tune, "soprano")], decoder=Greedy(), seeds=[0], rules=ChordTones(chords="F#")
    )
    assert (written.chorale.pitches > 0).all()
    assert set((written.chorale.pitches[:, 1:] % 12).flatten().tolist()) <= {6, 10, 1}


def test_a_bar_can_not_have_more_chords_than_sixteenths(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[72, 0, 0, 0]] * 16)
    with pytest.raises(OptionError, match="Bar 1 has 17 chords"):
        write(
            small_model, [Prompt.voices(tune, "soprano")], decoder=Greedy(), seeds=[0],
            rules=ChordTones(chords="C " * 17),
        )  # fmt: skip


@pytest.mark.parametrize("weight", [float("nan"), -float("inf"), 1e40])
def test_weights_that_mean_nothing_are_refused(weight: float) -> None:
    with pytest.raises(OptionError, match="has the weight"):
        NoCrossing(weight)


@pytest.mark.parametrize("keys", ["all", "home"])
def test_ranges_hold_in_the_key_in_which_the_music_is_given(small_model: LanguageModel, keys: Keys) -> None:
    """A model of C major and A minor reads E flat major three semitones lower."""
    tune = dataclasses.replace(Chorale.from_pitches([[67, 0, 0, 0]] * 4 + [[70, 0, 0, 0]] * 4), key=Key(-3, "major"))
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    rules = Sounding() & Ranges(alto=(60, 62), tenor=(55, 56), bass=(40, 41))
    [written] = write(model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[0], rules=rules)
    assert [set(column) <= allowed for column, allowed in zip(
        written.chorale.pitches[:, 1:].T.tolist(), ({60, 61, 62}, {55, 56}, {40, 41}), strict=True
    )] == [True] * 3  # fmt: skip


@pytest.mark.parametrize(("key", "triad"), [(Key(0, "major"), {0, 4, 7}), (Key(-3, "minor"), {0, 3, 4, 7})])
def test_pieces_end_on_the_tonic_triad_over_its_root(small_model: LanguageModel, key: Key, triad: set[int]) -> None:
    """The bass from where the last note begins, the others in the last quarter; not where the tune ends elsewhere."""
    for last, ends in ((72, True), (74, False)):
        tune = dataclasses.replace(Chorale.from_pitches([[71, 0, 0, 0]] * 8 + [[last, 0, 0, 0]] * 8), key=key)
        closing = []
        for seed in range(4):
            rules = Sounding() & FinalTonic()
            [written] = write(
                small_model, [Prompt.voices(tune, "soprano")], decoder=Sampling(3.0), seeds=[seed], rules=rules
            )
            classes = written.chorale.pitches % 12
            closing.append(set(classes[-4:].flatten().tolist()) <= triad and set(classes[8:, 3].tolist()) == {0})
        assert all(closing) if ends else not any(closing)


@pytest.mark.parametrize("keys", ["all", "home"])
def test_ranges_move_with_a_melody_that_is_out_of_its_own(small_model: LanguageModel, keys: Keys) -> None:
    """A soprano's G3 is two semitones too low, so all the others may go two lower, and no higher."""
    low = dataclasses.replace(Chorale.from_pitches([[55, 0, 0, 0]] * 8), key=Key(-3, "major"))
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    rules = Sounding() & Ranges(alto=(56, 57), tenor=(55, 55), bass=(40, 41))
    [written] = write(model, [Prompt.voices(low, "soprano")], decoder=Sampling(3.0), seeds=[0], rules=rules)
    alto, tenor, bass = (set(column) for column in written.chorale.pitches[:, 1:].T.tolist())
    assert alto <= {54, 55}
    assert tenor == {53}
    assert bass <= {38, 39}


@pytest.mark.parametrize(
    "decoder", [Greedy(), Sampling(2.0), BeamSearch(4), Particles(4)], ids=lambda one: type(one).__name__
)
def test_what_a_piece_cost_is_what_its_rules_charge(
    decoder: Decoder, small_model: LanguageModel, bach: list[Chorale]
) -> None:
    [tune] = [piece for piece in openings(bach)[:12] if piece.pitches[:, 0].min() >= 60][:1]
    prompt = Prompt.voices(tune, "soprano")
    rules = NoCrossing(2.0) & Attack(-0.5) & NoOverlap(1.0)
    [written] = write(small_model, [prompt], decoder=decoder, seeds=[0], rules=rules)
    charged = [rule.weight * charges(rule, ORDERS[0], [written.chorale], [prompt.given]).sum().item() for rule in rules]
    assert charged[1] < 0
    assert written.cost == pytest.approx(sum(charged))
    assert written.merit == pytest.approx(written.log_prob - sum(charged))


def test_a_voice_leaves_room_for_those_between(small_model: LanguageModel, bach: list[Chorale]) -> None:
    """The bass is written before alto and tenor: were it above the soprano, they would have to cross it."""
    tunes = [piece for piece in openings(bach)[:30] if piece.pitches[:, 0].min() >= 60][:6]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        write(
            small_model,
            [Prompt.voices(tune, "soprano") for tune in tunes],
            decoder=Sampling(3.0),
            seeds=range(len(tunes)),
            rules=Sounding() & NoCrossing(),
        )


@pytest.mark.parametrize(
    ("key", "scale"),
    [
        (Key(0, "dorian"), {2, 4, 5, 7, 9, 11, 0} | {10, 1}),
        (Key(0, "phrygian"), {4, 5, 7, 9, 11, 0, 2} | {6, 1, 3}),
        (Key(0, "lydian"), {5, 7, 9, 11, 0, 2, 4} | {10}),
        (Key(0, "mixolydian"), {7, 9, 11, 0, 2, 4, 5} | {6}),
        (Key(0, "aeolian"), {9, 11, 0, 2, 4, 5, 7} | {6, 8}),
        (Key(1, "dorian"), {9, 11, 0, 2, 4, 6, 7} | {5, 8}),
        (Key(-2), {10, 0, 2, 3, 5, 7, 9}),
        (Key(-2, "minor"), {7, 9, 10, 0, 2, 3, 5} | {4, 6}),
    ],
    ids=str,
)
def test_a_key_has_its_scale_with_a_leading_tone(key: Key, scale: set[int]) -> None:
    pitches = np.array([[pitch] * 4 for pitch in range(48, 60)] * 2)
    for piece in (
        dataclasses.replace(Chorale.from_pitches(pitches), key=key),
        dataclasses.replace(Chorale.from_pitches(pitches), key=Key(6), keys=((12, key),)),
    ):
        foreign = charges(InKey(), ORDERS[0], [piece], [np.zeros(pitches.shape, np.bool_)])[0, 12:, 0]
        assert {int(pitch) % 12 for pitch in pitches[12:][foreign.numpy() == 0, 0]} == scale


@pytest.mark.parametrize("keys", ["all", "home"])
@pytest.mark.parametrize(("key", "last"), [(Key(0, "dorian"), 62), (Key(1, "mixolydian"), 74)], ids=str)
def test_a_modal_tune_ends_on_its_own_tonic(small_model: LanguageModel, key: Key, last: int, keys: Keys) -> None:
    """The signature's major or minor key would end it on a seventh chord over G or C."""
    pitches = [[pitch, 0, 0, 0] for pitch in (69, 67, 65, 64, last, last) for _ in range(4)]
    tune = dataclasses.replace(Chorale.from_pitches(pitches), key=key)
    model = LanguageModel(small_model.network, small_model.encoding, keys)
    for seed in range(3):
        [written] = write(
            model,
            [Prompt.voices(tune, "soprano")],
            decoder=Sampling(3.0),
            seeds=[seed],
            rules=Sounding() & FinalTonic(),
        )
        closing = written.chorale.pitches[-4:]
        assert set((closing[:, 3] % 12).tolist()) == {2}
        assert set((closing % 12).ravel().tolist()) <= {2, 5, 6, 9}


def test_the_final_chord_is_where_the_piece_is_played_to_an_end(small_model: LanguageModel) -> None:
    """At a fine, and in the last ending, in the key in force there; not where the writing ends."""
    tune = dataclasses.replace(Chorale.from_pitches([[72, 0, 0, 0]] * 32 + [[67, 0, 0, 0]] * 32), keys=((32, Key(1)),))
    for order, end, tonic in ((0, 1, 2, 3, 0, 1), 32, 0), ((0, 2, 0, 1, 3), 64, 7), ((), 64, 7):
        piece = dataclasses.replace(tune, order=order)
        prompt = Prompt.voices(piece, "soprano")
        grid = grid_of(ORDERS[0], [piece], [prompt.given])
        assert (grid.end.tolist(), grid.tonic.tolist()) == ([end], [tonic])
        [written] = write(small_model, [prompt], decoder=Sampling(3.0), seeds=[0], rules=Sounding() & FinalTonic())
        assert set((written.chorale.pitches[end - 4 : end, 3] % 12).tolist()) == {tonic}
        if end == 32:
            assert not set((written.chorale.pitches[-4:, 3] % 12).tolist()) <= {7}


@pytest.mark.parametrize(
    "decoder", [Greedy(), Sampling(2.0), BeamSearch(4), Particles(4)], ids=lambda one: type(one).__name__
)
def test_repeats_are_written_so_that_they_can_be_sung(decoder: Decoder, small_model: LanguageModel) -> None:
    """No forbidden step into the repeat or the second ending, and a note begins there in each free voice."""
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 69, 71, 72, 71, 69, 67, 65) * 2 for _ in range(4)])
    piece = dataclasses.replace(tune, order=(0, 1, 0, 2, 3))
    rules = Sounding() & Ranges() & NoParallels() & LargestLeap() & NoHidden()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        [written] = write(small_model, [Prompt.voices(piece, "soprano")], decoder=decoder, seeds=[0], rules=rules)
    assert not told
    for name in ("parallel_fifths", "parallel_octaves", "wide_leaps", "hidden_fifths", "hidden_octaves"):
        assert count(written.chorale, (name,)) == count(piece, (name,))
    assert written.chorale.order == piece.order
    assert written.chorale.onsets[[0, 32], 1:].all()


def test_chords_follow_the_printed_bars() -> None:
    """A pickup, a metre that changes, a split bar and one cut short by its ending."""
    metre, other = (4, 4), (3, 4)
    bars = [("0", 0, 4, 12, metre), ("1", 4, 16, 0, metre), ("2", 20, 12, 0, other), ("3", 32, 8, 0, metre)]
    bars += [("X1", 40, 8, 8, metre), ("4", 48, 12, 0, metre)]
    pitches = np.full((60, 4), 60)
    piece = Chorale(pitches=pitches, onsets=pitches, fermatas=np.zeros(60), bars=tuple(bars))  # type: ignore[arg-type]
    chords = ChordTones(chords="G | C F | F G C | G C | F C")
    fits = charges(chords, ORDERS[0], [piece], [np.zeros((60, 4), np.bool_)])[0, :, 1] == 0  # C in the bass
    expected = np.zeros(60, bool)
    expected[4:24] = expected[28:32] = expected[40:60] = True
    assert fits.tolist() == expected.tolist()
