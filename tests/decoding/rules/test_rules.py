"""A rule forbids what its counter in `bachlit.metrics` counts: one definition, held together here."""

import dataclasses
import warnings

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
    FinalDominant,
    FinalThird,
    FinalTonic,
    Gibbs,
    Greedy,
    InKey,
    LargestLeap,
    Motion,
    NoCrossing,
    NoHidden,
    NoOscillation,
    NoOverlap,
    NoParallels,
    NoteAgainstNote,
    OpeningTonic,
    Particles,
    Passing,
    PhraseCadence,
    PhraseRest,
    PhraseTriad,
    Position,
    Ranges,
    Rule,
    Rules,
    Sampling,
    Sevenths,
    Sounding,
    Spacing,
    Suspension,
    Variety,
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
    [
        *(one for one, _ in COUNTERS),
        Sounding(),
        InKey(),
        FinalTonic(),
        FinalThird(),
        FinalDominant(),
        PhraseTriad(),
        PhraseCadence(),
        PhraseRest(),
        OpeningTonic(),
        Sevenths(),
        Motion(1.0),
        Passing(1.0),
        Suspension(1.0),
        NoOscillation(),
        NoteAgainstNote(),
        Variety(),
        Attack(1.0),
        ChordTones(chords="C | . F G7/B"),
    ],
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


@dataclasses.dataclass(frozen=True)
class Wide(Rule):
    """No high notes: in any shape and type that a rule may return."""

    steady = True

    def breaches(self, position: Position) -> torch.Tensor:
        return (position.pitch > 70).double().expand(*position.now.shape[:2], -1)


def test_a_rules_counts_may_have_any_type_and_shape(small_model: LanguageModel, bach: list[Chorale]) -> None:
    """Found in review: one that doesn't change was kept for as many hypotheses as asked for it first."""
    check_rule(Wide(1.0), small_model.voiced_encoding, bach[:1])
    prompt = Prompt.voices(cut(bach[0], 0, 8), "soprano")
    for weight in (1.0, float("inf")):
        [piece] = write(small_model, [prompt], decoder=Gibbs(BeamSearch(4), rounds=2), seeds=[0], rules=Wide(weight))
        assert (piece.chorale.pitches[:, 1:] <= 70).all() or weight == 1.0
