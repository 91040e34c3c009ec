"""Runs of given tokens are read as sequences, and give what steps give."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    BeamSearch,
    Choice,
    Decoder,
    Gibbs,
    Greedy,
    Model,
    Particles,
    RowGenerators,
    Rules,
    Sampling,
    StepDecoder,
    TokenPrompt,
    Walk,
)
from bachlit.encoding import SatbEncoding
from bachlit.generation.grids import token_prompt
from bachlit.generation.prompts import model_prompt
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt
from bachlit.networks import FrameLSTM, Memory, NormalisedStepper, Stepper
from bachlit.testing import ToyModel, check_decoder, toy_prompt

DECODERS: list[Decoder] = [
    Greedy(),
    Sampling(0.9),
    BeamSearch(5),
    BeamSearch(6, groups=2),
    Particles(5, threshold=0.9, temperature=0.8),
    Particles(4, lookahead=3),
    Gibbs(Sampling(), rounds=3, block=2, temperature=1.0),
]


def exact(model: LanguageModel) -> LanguageModel:
    """In double precision, where nothing is decided by rounding."""
    return LanguageModel(copy.deepcopy(model.network).double(), model.encoding, model.keys)


def two_views() -> LanguageModel:
    torch.manual_seed(0)
    encoding = SatbEncoding(bars=True)
    network = FrameLSTM(encoding, layers=2, hidden=8, embedding=4, head=8, projection=8, views=2)
    torch.nn.init.normal_(network.trust)
    return LanguageModel(network.eval(), encoding, "all")


def bars_anew(model: LanguageModel, pieces: list[Chorale], rules: Rules) -> TokenPrompt:
    """Free frames in the middle, of all voices in one piece, of two in another; what is around them is given."""
    prompts = []
    for piece, columns, length in zip(pieces, ([0, 1, 2, 3], [1, 3]), (14, 12), strict=False):
        given = np.ones((length, 4), np.bool_)
        given[5:8, columns] = False
        prompts.append(Prompt(cut(piece, 0, length), given))
    encoding = model.voiced_encoding
    return token_prompt(encoding, [model_prompt(encoding, one) for one in prompts], rules)


@pytest.fixture(params=["small_model", "framed_model", "two views"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return exact(two_views() if request.param == "two views" else request.getfixturevalue(request.param))


@pytest.mark.parametrize("decoder", DECODERS, ids=[f"{type(one).__name__}-{n}" for n, one in enumerate(DECODERS)])
def test_decoders_keep_the_laws_around_given_runs(decoder: Decoder, model: LanguageModel, bach: list[Chorale]) -> None:
    soft = Rules(tuple(rule for rule in (LIVELY if decoder.seeks_likeliest else PART_WRITING) if rule.weight < 1e6))
    check_decoder(decoder, model, bars_anew(model, bach[:2], soft))


class Last(StepDecoder):
    """Begins with its last hypothesis; the others are dead, and have other tokens."""

    hypotheses = 3

    def initial_score(self) -> Tensor:
        return torch.tensor([-torch.inf, -torch.inf, 0.0])

    def step(self, score: Tensor, log_probs: Tensor, allowed: Tensor, generator: RowGenerators) -> Choice:
        gained, token = log_probs.masked_fill(~allowed, -torch.inf).max(2)
        same = torch.arange(3).expand_as(token)
        return Choice(same, torch.where(score > -torch.inf, token, token + 1), score + gained)


def test_given_tokens_are_read_whichever_hypotheses_are_dead(framed_model: LanguageModel, bach: list[Chorale]) -> None:
    check_decoder(Last(), exact(framed_model), bars_anew(framed_model, bach[:2], Rules()))


def test_groups_see_the_choices_of_earlier_batches_at_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found in review: where a constraint forbids a given token to some, only some batches are asked about it."""
    asked = toy_prompt(num_rows=1, num_tokens=8, vocabulary_size=6, given=(2, 5))
    monkeypatch.setattr("bachlit.decoding.beam._TOGETHER", 2)
    passing = [written_by_groups(ToyModel(6, seed=seed), asked) for seed in range(4)]
    monkeypatch.setattr("bachlit.decoding.beam.Walk", asking_always)
    assert passing == [written_by_groups(ToyModel(6, seed=seed), asked) for seed in range(4)]


def asking_always(*args: Any, passes: bool) -> Walk:
    """A walk that passes nothing."""
    return Walk(*args)


def written_by_groups(model: Model, asked: TokenPrompt) -> list[list[int]]:
    """The best pieces of four groups of two hypotheses."""
    batches = BeamSearch(8, groups=4).decode_batches(model, asked, RowGenerators([0]), 4)
    return [tokens for batch in batches for tokens in batch.tokens.tolist()]


class Counted(Stepper):
    """Counts the tokens of all rows that another stepper was asked about."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper, self.rows, self.calls = stepper, 0, 0

    def begin(self, batch_size: int) -> Memory:
        return self.stepper.begin(batch_size)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        self.rows, self.calls = self.rows + tokens.numel(), self.calls + 1
        return self.stepper.step(tokens, memory)

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        self.rows, self.calls = self.rows + tokens.numel(), self.calls + 1
        return self.stepper.read(tokens, memory)

    def select(self, memory: Memory, index: Tensor) -> Memory:
        return self.stepper.select(memory, index)


class Asked:
    """A model whose predictor counts."""

    def __init__(self, model: LanguageModel) -> None:
        self.device, self.stepper = model.device, Counted(model.predictor())

    def predictor(self) -> Counted:
        return self.stepper


@pytest.fixture
def counted(framed_model: LanguageModel) -> Asked:
    return Asked(framed_model)


def test_one_row_reads_what_is_given_at_first(counted: Asked, framed_model: LanguageModel, bach: list[Chorale]) -> None:
    """However many hypotheses there are; and each run is one call."""
    asked = bars_anew(framed_model, bach[:1], Rules())
    beam = BeamSearch(7)
    beam.walk(counted, asked, None)  # type: ignore[arg-type]  # a beam draws nothing
    before, free, after = 5 * 5 + 1, 3 * 4, 6 * 5 + 1
    assert counted.stepper.rows <= before + 1 + 7 * (free + after + 3)
    assert counted.stepper.calls <= 2 + 3 * 4 + 2


def test_long_runs_are_read_in_parts(
    framed_model: LanguageModel, bach: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bars_anew(framed_model, bach[:2], Rules())
    whole = BeamSearch(3).decode(framed_model, asked, None)  # type: ignore[arg-type]
    monkeypatch.setattr("bachlit.decoding.predicting._MOST", 2 * 3 * 147 * 7)
    parts = BeamSearch(3).decode(framed_model, asked, None)  # type: ignore[arg-type]
    assert torch.equal(whole.tokens, parts.tokens)
    assert torch.allclose(whole.log_prob, parts.log_prob, atol=1e-4)


class Forgetful(NormalisedStepper):
    """Reads runs, but forgets their last token."""

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        log_probs, _ = super().read(tokens, memory)
        return log_probs, super().read(tokens[:, :-1], memory)[1]


def test_a_reader_that_breaks_the_law_is_found(framed_model: LanguageModel, bach: list[Chorale]) -> None:
    class Broken(LanguageModel):
        def predictor(self) -> Stepper:
            return Forgetful(super().predictor())

    asked = bars_anew(framed_model, bach[:2], Rules())
    check_decoder(BeamSearch(3), framed_model, asked)
    broken = Broken(framed_model.network, framed_model.encoding, framed_model.keys)
    with pytest.raises(AssertionError, match=r"log-probability is the model's|given tokens read"):
        check_decoder(BeamSearch(3), broken, asked)
