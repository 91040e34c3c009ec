"""Bars anew are chosen by what is near them, and weighed by the whole piece."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
from torch import Tensor

from bachlit.decoding import (
    PART_WRITING,
    Attack,
    BeamSearch,
    Decoder,
    Gibbs,
    Greedy,
    NoCrossing,
    Particles,
    Position,
    Ranges,
    RowGenerators,
    Rule,
    Rules,
    Sampling,
    Sounding,
)
from bachlit.errors import DeadEndError
from bachlit.generation import horizon
from bachlit.generation.grids import token_prompt
from bachlit.generation.harmonizing import ask, fill, rules_for, write_several
from bachlit.generation.horizon import steps_to_decode
from bachlit.generation.requests import Request
from bachlit.generation.written import Written
from bachlit.metrics import rule_counts
from bachlit.models.calibration import Calibration, Weighed
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt

BEAM = BeamSearch(16, groups=2)
RULES = rules_for(BEAM)


@pytest.fixture
def chorale(bach: list[Chorale]) -> Chorale:
    """Ten bars without a pickup."""
    return cut(next(piece for piece in bach if not piece.pickup and piece.num_frames > 160), 0, 160)


def anew(chorale: Chorale, first: int, last: int) -> Prompt:
    return Prompt.bars(chorale, first, last, "soprano")


def steps(model: LanguageModel, prompt: Prompt, decoder: Decoder, rules: Rules = RULES) -> tuple[int, int]:
    """How many steps a decoder sees, and how many there are."""
    allowed = ask(model, prompt, rules).moved.allowed
    return steps_to_decode(allowed, decoder, rules, model.voiced_encoding.frame_size), len(allowed)


def weighed_again(
    model: LanguageModel, prompt: Prompt, piece: Written, rules: Rules = RULES
) -> tuple[float, float, int]:
    """Log-probability, cost and places that gave way, of a finished piece read token by token under the rules."""
    whole = Prompt(dataclasses.replace(piece.chorale, source=None), np.ones_like(prompt.given))
    free = token_prompt(model.voiced_encoding, [ask(model, prompt, rules).moved], rules)
    given = token_prompt(model.voiced_encoding, [ask(model, whole, rules).moved], rules)
    fixed = dataclasses.replace(free, allowed=given.allowed)
    generation = Greedy().decode(model, fixed, RowGenerators([0]))
    return float(generation.log_prob), float(generation.cost), len({one.t for one in generation.yielded})


@pytest.mark.filterwarnings("ignore::bachlit.errors.RuleWarning")
@pytest.mark.parametrize(("bars", "rules"), [((1, 1), RULES & Attack(float("inf"))), ((5, 6), RULES)])
def test_the_figures_are_those_of_the_whole_piece(
    framed_model: LanguageModel, chorale: Chorale, bars: tuple[int, int], rules: Rules
) -> None:
    """And what was given comes back, though most of it stood behind the horizon. The first rules often give way."""
    prompt = anew(chorale, *bars)
    seen, num_steps = steps(framed_model, prompt, BEAM)
    assert seen == 5 * (16 * bars[1] + horizon.HORIZON) < num_steps
    [pieces] = write_several(framed_model, [prompt], decoder=BEAM, seeds=[0], num=3, rules=rules)
    assert len({piece.chorale.pitches.tobytes() + piece.chorale.onsets.tobytes() for piece in pieces}) == 3
    assert [piece.merit for piece in pieces] == sorted((piece.merit for piece in pieces), reverse=True)
    for piece in pieces:
        assert np.array_equal(piece.chorale.pitches[prompt.given], chorale.pitches[prompt.given])
        assert np.array_equal(piece.chorale.onsets[prompt.given], chorale.onsets[prompt.given])
        log_prob, cost, num_yielded = weighed_again(framed_model, prompt, piece, rules)
        assert piece.log_prob == pytest.approx(log_prob, abs=1e-3)
        assert piece.cost == pytest.approx(cost, abs=1e-3)
        assert piece.yielded == num_yielded
        assert bool(piece.yielded) == (bars == (1, 1))
        assert piece.score == pytest.approx(log_prob - cost, abs=1e-3)
        assert piece.merit == piece.log_prob - piece.cost


def test_merit_counts_the_log_probability_of_the_whole(framed_model: LanguageModel, chorale: Chorale) -> None:
    """Where a calibration weighs nats per frame, those of all frames."""
    weights = {"nats": Weighed(1.0, 0.0, 1.0), "bare": Weighed(0.5, 0.1, 0.1)}
    model = LanguageModel(framed_model.network, framed_model.encoding, "all", Calibration({}, weights))
    prompt = anew(chorale, 2, 2)
    [filled] = fill(model, [ask(model, prompt, RULES)], decoder=BEAM, seeds=[0], num=2, tried=8, rules=RULES)
    assert len(filled.pieces) == 2
    for piece in filled.pieces:
        log_prob, *_ = weighed_again(model, prompt, piece)
        assert piece.figures["nats"] == pytest.approx(-log_prob / 160, abs=1e-5)


def test_bars_anew_together_are_what_each_is_alone(framed_model: LanguageModel, chorale: Chorale) -> None:
    """Where one ends early, one later, and one goes to the end, of pieces of different lengths."""
    shorter = cut(chorale, 0, 144)
    prompts = [anew(chorale, 4, 5), anew(shorter, 1, 1), anew(shorter, 9, 9)]
    first, *others = (
        Request(framed_model, prompt, 2, decoder=BEAM, rules=RULES, seed=seed) for seed, prompt in enumerate(prompts)
    )
    for together, request in zip(first.fill(*others), [first, *others], strict=True):
        [alone] = request.fill()
        assert together.yielded == alone.yielded
        for piece, same in zip(together.pieces, alone.pieces, strict=True):
            assert piece.chorale == same.chorale
            assert piece.log_prob == pytest.approx(same.log_prob, abs=1e-3)


def test_what_is_free_to_the_end_is_written_as_without(
    framed_model: LanguageModel, chorale: Chorale, monkeypatch: pytest.MonkeyPatch
) -> None:
    for prompt in (anew(chorale, 10, 10), Prompt.voices(cut(chorale, 0, 24), "soprano")):
        [pieces] = write_several(framed_model, [prompt], decoder=BEAM, seeds=[0], num=4)
        with monkeypatch.context() as patched:
            patched.setattr(horizon, "HORIZON", 10**6)
            [others] = write_several(framed_model, [prompt], decoder=BEAM, seeds=[0], num=4)
        assert [one.chorale for one in pieces] == [one.chorale for one in others]
        for name in ("log_prob", "score", "cost", "merit"):
            assert [getattr(one, name) for one in pieces] == [getattr(one, name) for one in others]


@dataclass(frozen=True)
class Ending(Rule):
    """Judges marks, given ones too."""

    def judges(self, voice: int | None) -> bool:
        return voice is None

    def breaches(self, position: Position) -> Tensor:
        return position.nothing


def test_only_what_looks_no_further_is_cut(framed_model: LanguageModel, chorale: Chorale) -> None:
    prompt = anew(chorale, 1, 1)
    for decoder in (Greedy(), Sampling(), BeamSearch(1), Particles(16), Gibbs()):
        seen, num_steps = steps(framed_model, prompt, decoder)
        assert seen == num_steps
    for beam in (BeamSearch(16), BEAM):
        seen, num_steps = steps(framed_model, prompt, beam)
        assert seen < num_steps
        seen, num_steps = steps(framed_model, prompt, beam, RULES & Ending(1.0))
        assert seen == num_steps


def test_hard_rules_hold_where_the_new_meets_the_old(
    framed_model: LanguageModel, chorale: Chorale, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if nothing that follows was seen by the model."""
    monkeypatch.setattr(horizon, "HORIZON", 0)
    before = rule_counts(chorale)
    for bar in range(1, 7):
        prompt = anew(chorale, bar, bar)
        request = Request(framed_model, prompt, 1, decoder=BEAM, rules=PART_WRITING)
        [filled] = request.fill()
        [piece] = filled.pieces
        if not filled.yielded:
            after = rule_counts(piece.chorale)
            assert after.parallel_fifths <= before.parallel_fifths
            assert after.parallel_octaves <= before.parallel_octaves
            assert after.wide_leaps <= before.wide_leaps
            assert after.crossings <= before.crossings


@pytest.mark.filterwarnings("ignore::bachlit.errors.RangeWarning")
def test_a_dead_end_before_a_horizon_names_its_piece(framed_model: LanguageModel, chorale: Chorale) -> None:
    """Prompts that end elsewhere are decoded apart; rows are counted anew there."""
    other = dataclasses.replace(chorale, name="other")
    high = Sounding() & Ranges(alto=(72, 74)) & NoCrossing()
    prompts = [anew(chorale, 1, 1), anew(other, 4, 4)]
    with pytest.raises(DeadEndError, match=r"of other at bar 4"):
        write_several(framed_model, prompts, decoder=BEAM, seeds=[0, 1], num=1, rules=high, strict=True)
