"""The laws of decoders, on a model small enough to enumerate."""

import math

import pytest
import torch

from bachlit.decoding import (
    BeamSearch,
    Choice,
    Decoder,
    Greedy,
    Particles,
    RowGenerators,
    Sampling,
    StepDecoder,
    TokenPrompt,
)
from bachlit.errors import DeadEndError, OptionError
from bachlit.testing import NoReturn, ToyModel, check_decoder, enumerate_legal, stepped_score, toy_prompt
from bachlit.tokens import END

VOCABULARY, TOKENS = 6, 4
DECODERS = [
    Greedy(),
    Sampling(0.5),
    Sampling(1.0),
    Sampling(5.0),
    Sampling(1e-308),
    BeamSearch(1),
    BeamSearch(3),
    BeamSearch(16),
    BeamSearch(6, groups=3),
    Sampling(1.0, top_k=2),
    Sampling(2.0, top_p=0.7),
    Sampling(1.0, min_p=0.3),
    Particles(1),
    Particles(8),
    Particles(8, lookahead=3, horizon=1),
    Particles(5, threshold=1.0, lookahead=2, temperature=2.0),
]


def model(seed: int = 0) -> ToyModel:
    return ToyModel(VOCABULARY, seed=seed)


def prompt(num_rows: int) -> TokenPrompt:
    return toy_prompt(num_rows=num_rows, num_tokens=TOKENS, vocabulary_size=VOCABULARY)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: f"{type(decoder).__name__}-{vars(decoder)}")
@pytest.mark.parametrize("seed", range(5))
def test_decoders_keep_the_laws(decoder: Decoder, seed: int) -> None:
    check_decoder(decoder, model(seed), prompt(5))


@pytest.mark.parametrize("seed", range(20))
def test_a_beam_as_wide_as_the_tree_is_the_exact_optimum(seed: int) -> None:
    legal = torch.tensor(enumerate_legal(prompt(1)))
    scores = stepped_score(model(seed), legal)
    generation = BeamSearch(VOCABULARY**TOKENS).decode(model(seed), prompt(1), RowGenerators([0]))
    assert generation.tokens[0].tolist() == legal[scores.argmax()].tolist()
    assert generation.score.item() == pytest.approx(scores.max().item(), abs=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    beam = BeamSearch(1).decode(model(seed), prompt(5), RowGenerators(range(5)))
    greedy = Greedy().decode(model(seed), prompt(5), RowGenerators(range(5)))
    assert torch.equal(beam.tokens, greedy.tokens)
    assert torch.allclose(beam.score, greedy.score)


def test_a_beam_looks_ahead_to_what_is_given() -> None:
    """Where greedy walks into an unlikely given token, the beam gives up a likely step to avoid it."""
    better = 0
    for seed in range(40):
        beam = BeamSearch(8).decode(model(seed), prompt(1), RowGenerators([0]))
        greedy = Greedy().decode(model(seed), prompt(1), RowGenerators([0]))
        assert beam.log_prob.item() >= greedy.log_prob.item() - 1e-6
        better += beam.log_prob.item() > greedy.log_prob.item() + 1e-6
    assert better > 10


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sampling_draws_from_the_renormalised_tempered_distribution(temperature: float) -> None:
    """Pearson's test against the enumerated distribution; a right sampler fails it once in a million seeds."""
    legal = enumerate_legal(prompt(1))
    expected = {tokens: math.exp(_tempered_log_prob(tokens, temperature)) for tokens in legal}
    assert sum(expected.values()) == pytest.approx(1.0, abs=1e-5)
    draws = 20_000
    many = TokenPrompt(prompt(1).allowed.expand(draws, -1, -1), NoReturn(VOCABULARY))
    drawn = Sampling(temperature).decode(model(), many, RowGenerators(range(draws))).tokens.tolist()
    counts = dict.fromkeys(legal, 0)
    for tokens in drawn:
        counts[tuple(tokens)] += 1
    chi_squared = sum((counts[tokens] - draws * p) ** 2 / (draws * p) for tokens, p in expected.items())
    freedom = len(legal) - 1
    # Wilson and Hilferty's approximation of the quantile at 1 - 1e-6.
    limit = freedom * (1 - 2 / (9 * freedom) + 4.753 * math.sqrt(2 / (9 * freedom))) ** 3
    assert chi_squared < limit


def _tempered_log_prob(tokens: tuple[int, ...], temperature: float) -> float:
    toy, given = model(), prompt(1)
    memory, last = toy.begin(1), torch.tensor([1])
    state = given.constraint.begin(1, 1, torch.device("cpu"))
    total = 0.0
    for t, token in enumerate(tokens):
        log_probs, memory = toy.step(last, memory)
        allowed = given.allowed[0, t] & given.constraint.allowed(state, t)[0, 0]
        weights = torch.where(allowed, (log_probs[0].double() / temperature).exp(), 0.0)
        total += math.log(weights[token] / weights.sum())
        last = torch.tensor([token])
        state = given.constraint.advance(state, torch.tensor([[token]]), t)
    return total


def test_rows_of_different_lengths_end_each_at_its_own_end() -> None:
    long, short = prompt(1).allowed, prompt(1).allowed[:, [0, 1, TOKENS]]
    padded = torch.zeros_like(long)
    padded[:, :, END] = True
    padded[:, : short.shape[1]] = short
    both = TokenPrompt(torch.cat([long, padded]), NoReturn(VOCABULARY))
    for decoder in DECODERS:
        generation = check_decoder(decoder, model(), both)
        assert (generation.tokens[1, 2:] == END).all()
        assert (generation.tokens[0, :TOKENS] != END).all()


def test_nothing_allowed_is_a_named_error_that_tells_row_step_and_constraint() -> None:
    impossible = prompt(3).allowed.clone()
    impossible[1, 2] = False
    with pytest.raises(DeadEndError, match=r"Row 1 came to step 2 .*NoReturn"):
        Greedy().decode(model(), TokenPrompt(impossible, NoReturn(VOCABULARY)), RowGenerators(range(3)))


def test_a_beam_survives_where_some_of_its_hypotheses_die() -> None:
    """If token 3 is given at the third step, hypotheses that began with it die there."""
    narrow = prompt(1).allowed.clone()
    narrow[0, 2] = False
    narrow[0, 2, 3] = True
    for seed in range(10):
        generation = check_decoder(BeamSearch(4), model(seed), TokenPrompt(narrow, NoReturn(VOCABULARY)))
        assert generation.tokens[0, 0] != 3


def test_a_step_may_not_change_the_log_probabilities_for_others() -> None:
    class Vandal(StepDecoder):
        def step(
            self, score: torch.Tensor, log_probs: torch.Tensor, allowed: torch.Tensor, generator: RowGenerators
        ) -> Choice:
            choice = Greedy().step(score, log_probs, allowed, generator)
            return Choice(choice.parent, choice.token, choice.score + 100.0)

    generation = Vandal().decode(model(), prompt(1), RowGenerators([0]))
    assert generation.log_prob.item() == pytest.approx(stepped_score(model(), generation.tokens).item())


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_temperatures_that_mean_nothing_are_refused(temperature: float) -> None:
    with pytest.raises(OptionError, match="above 0"):
        Sampling(temperature)


def test_an_empty_beam_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        BeamSearch(0)
