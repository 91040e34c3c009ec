"""The laws of decoders, on a model small enough to enumerate."""

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Thread

import pytest
import torch
from sizes import size

from bachlit.decoding import (
    PART_WRITING,
    BeamSearch,
    Choice,
    Decoder,
    Generation,
    Gibbs,
    Greedy,
    Model,
    Particles,
    RowGenerators,
    Rules,
    Sampling,
    State,
    StepDecoder,
    TokenPrompt,
    Walk,
)
from bachlit.encoding import SatbEncoding
from bachlit.errors import DeadEndError, OptionError
from bachlit.generation.grids import token_prompt
from bachlit.generation.prompts import model_prompt
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt
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
    Gibbs(Sampling(), rounds=5, block=2, temperature=1.0),
    Gibbs(rounds=3, block=3),
]


def model(seed: int = 0) -> ToyModel:
    return ToyModel(VOCABULARY, seed=seed)


def prompt(num_rows: int, given: Sequence[int] = (1,)) -> TokenPrompt:
    return toy_prompt(num_rows=num_rows, num_tokens=TOKENS, vocabulary_size=VOCABULARY, given=given)


@pytest.mark.parametrize(
    "decoder", DECODERS, ids=[f"{type(one).__name__}-{index}" for index, one in enumerate(DECODERS)]
)
@pytest.mark.parametrize("seed", range(size(5, 2)))
def test_decoders_keep_the_laws(decoder: Decoder, seed: int) -> None:
    check_decoder(decoder, model(seed), prompt(5))


@pytest.mark.parametrize("seed", range(size(20, 5)))
def test_a_beam_as_wide_as_the_tree_is_the_exact_optimum(seed: int) -> None:
    legal = torch.tensor(enumerate_legal(prompt(1)))
    scores = stepped_score(model(seed), legal)
    generation = BeamSearch(VOCABULARY**TOKENS).decode(model(seed), prompt(1), RowGenerators([0]))
    assert generation.tokens[0].tolist() == legal[scores.argmax()].tolist()
    assert generation.score.item() == pytest.approx(scores.max().item(), abs=1e-5)


@pytest.mark.parametrize("seed", range(size(20, 5)))
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


def exact(seed: int, given: TokenPrompt) -> tuple[list[tuple[int, ...]], torch.Tensor, float]:
    """Every legal sequence, its probability given that it is legal, and the log-probability of being legal."""
    legal = enumerate_legal(given)
    scores = stepped_score(model(seed), torch.tensor(legal))
    evidence = scores.logsumexp(0)
    return legal, (scores - evidence).exp(), evidence.item()


def draw_many(decoder: Decoder, seed: int, draws: int, given: TokenPrompt | None = None) -> Generation:
    many = (given or prompt(1)).rows(torch.zeros(draws, dtype=torch.long))
    return decoder.decode(model(seed), many, RowGenerators(range(draws)))


def distance(decoder: Decoder, seed: int, draws: int = size(10_000, 4_000), given: TokenPrompt | None = None) -> float:
    """The total variation between what a decoder draws and the exact conditional distribution."""
    legal, probability, _ = exact(seed, given or prompt(1))
    counts = Counter(tuple(tokens) for tokens in draw_many(decoder, seed, draws, given).tokens.tolist())
    drawn = torch.tensor([counts[tokens] / draws for tokens in legal], dtype=torch.float64)
    return (drawn - probability).abs().sum().item() / 2


@pytest.mark.parametrize("seed", range(size(6, 2)))
@pytest.mark.parametrize(
    "decoder",
    [Particles(32), Particles(16, lookahead=4), Particles(32, lookahead=3, horizon=1, threshold=0.9)],
    ids=["plain", "lookahead", "short lookahead"],
)
def test_particles_are_five_times_closer_to_the_exact_conditional_than_masking(decoder: Decoder, seed: int) -> None:
    """4,000 draws of some 50 sequences are off by about 0.03 by chance alone; masking is off by 0.34 to 0.86."""
    assert 5 * distance(decoder, seed) < distance(Sampling(), seed)


@pytest.mark.parametrize("seed", range(size(3, 1)))
def test_particles_come_to_the_exact_conditional_where_several_tokens_are_given_in_a_row(seed: int) -> None:
    given = toy_prompt(num_rows=1, num_tokens=5, vocabulary_size=VOCABULARY, given=(1, 2, 4))
    for horizon in (1, 2, 3):
        assert distance(Particles(32, lookahead=4, horizon=horizon), seed, given=given) < 0.05


@pytest.mark.parametrize("given", [(1, 2), (0, 2, 3), (1,), (1, 2, 3)][: size(4, 2)], ids=str)
@pytest.mark.parametrize(("lookahead", "horizon"), [(0, 1), (3, 1), (3, 2), (2, 3)])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_the_evidence_is_estimated_without_bias(
    given: tuple[int, ...], lookahead: int, horizon: int, temperature: float
) -> None:
    """Of few particles, whose estimates vary: the mean is within 5 standard errors (missed once in 1.7 million)."""
    decoder = Particles(3, lookahead=lookahead, horizon=horizon, temperature=temperature)
    estimates = draw_many(decoder, 0, size(20_000, 5_000), prompt(1, given)).score.exp()
    legal = torch.tensor(enumerate_legal(prompt(1, given)))
    cooled = model(0)
    cooled._log_probs = (cooled._log_probs / temperature).log_softmax(-1)
    evidence = stepped_score(cooled, legal).exp().sum()
    error = estimates.std() / math.sqrt(len(estimates))
    assert abs(estimates.mean() - evidence) < 5 * error + 1e-9


def test_more_particles_estimate_the_evidence_better() -> None:
    few, many = (draw_many(Particles(num), 0, 2_000).score.exp().std() for num in (4, 64))
    assert many < few / 2


@pytest.mark.parametrize("seed", range(size(3, 1)))
def test_gibbs_comes_to_draw_from_the_exact_conditional(seed: int) -> None:
    """Its blocks are as long as the piece, so that no given token separates what it can reach."""
    start, refined = (distance(Gibbs(Sampling(), rounds, TOKENS, 1.0), seed, 2_000) for rounds in (0, 100))
    assert refined < start / 2.5


@pytest.mark.parametrize("seed", range(size(10, 3)))
def test_cold_gibbs_never_comes_to_a_less_likely_piece(seed: int) -> None:
    before = Sampling().decode(model(seed), prompt(5), RowGenerators(range(5)))
    after = Gibbs(Sampling(), rounds=20, block=3).decode(model(seed), prompt(5), RowGenerators(range(5)))
    assert (after.log_prob >= before.log_prob - 1e-6).all()
    assert (after.log_prob > before.log_prob + 1e-6).any()


def test_groups_of_a_beam_differ_and_the_first_is_the_beam_alone() -> None:
    given = prompt(5)
    alone = BeamSearch(4).decode(model(), given, RowGenerators(range(5)))
    [several] = BeamSearch(12, groups=3, diversity=50.0).decode_batches(model(), given, RowGenerators(range(5)), 3)
    for row in range(5):
        three = [tuple(tokens) for tokens in several.tokens[3 * row : 3 * row + 3].tolist()]
        assert tuple(alone.tokens[row].tolist()) in three
        assert len(set(three)) == 3


def test_without_diversity_every_group_is_the_same_beam() -> None:
    """So that five groups of one hypothesis hold one piece, and it is given five times."""
    [several] = BeamSearch(5, groups=5, diversity=0.0).decode_batches(model(), prompt(2), RowGenerators(range(2)), 5)
    greedy = Greedy().decode(model(), prompt(2), RowGenerators(range(2)))
    assert torch.equal(several.tokens, greedy.tokens.repeat_interleave(5, 0))


def test_the_best_of_a_beam_are_the_best_of_all() -> None:
    legal = torch.tensor(enumerate_legal(prompt(1)))
    best = stepped_score(model(), legal).topk(5)
    [wide] = BeamSearch(VOCABULARY**TOKENS).decode_batches(model(), prompt(1), RowGenerators([0]), 5)
    assert wide.tokens.tolist() == legal[best.indices].tolist()
    assert torch.allclose(wide.log_prob, best.values)


def test_several_random_pieces_begin_with_the_one_that_is_drawn_alone() -> None:
    for decoder in (Sampling(), Particles(4)):
        alone = decoder.decode(model(), prompt(3), RowGenerators(range(3)))
        [several] = decoder.decode_batches(model(), prompt(3), RowGenerators(range(3)), 4)
        assert torch.equal(several.tokens[::4], alone.tokens)
        assert not torch.equal(several.tokens[1::4], alone.tokens)


@pytest.mark.parametrize(
    ("decoder", "kept"),
    [
        (Sampling(top_k=2), lambda p: p >= p.sort(descending=True).values[1]),
        (Sampling(top_p=0.3), lambda p: torch.stack([p[p > one].sum() for one in p]) < 0.3),
        (Sampling(top_p=0.9), lambda p: torch.stack([p[p > one].sum() for one in p]) < 0.9),
        (Sampling(min_p=0.4), lambda p: p >= 0.4 * p.max()),
    ],
    ids=["top_k", "top_p", "wide top_p", "min_p"],
)
def test_cuts_draw_the_likeliest_alone_in_their_proportions(
    decoder: Decoder, kept: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    """The first token, drawn 20,000 times: each share within 5 standard errors."""
    log_probs, _ = model().step(torch.tensor([1]), model().begin(1))
    legal = torch.where(prompt(1).allowed[0, 0], log_probs[0].exp(), 0.0)
    legal = legal / legal.sum()
    expected = torch.where(kept(legal), legal, 0.0)
    assert 0 < (expected > 0).sum() < (legal > 0).sum()
    expected = expected / expected.sum()
    first = draw_many(decoder, 0, 20_000).tokens[:, 0]
    shares = torch.bincount(first, minlength=VOCABULARY) / 20_000
    assert ((shares - expected).abs() <= 5 * (expected * (1 - expected) / 20_000).sqrt()).all()


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
    with pytest.raises(DeadEndError, match=r"At step 2 of row 1 .*NoReturn"):
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


class Forgetful(Greedy):
    """Keeps between its steps how many it took, and chooses by it."""

    def walk(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Walk:
        self.taken = 0
        return super().walk(model, prompt, generator)

    def step(
        self, score: torch.Tensor, log_probs: torch.Tensor, allowed: torch.Tensor, generator: RowGenerators
    ) -> Choice:
        self.taken += 1
        return super().step(score, -log_probs if self.taken > 3 else log_probs, allowed, generator)


class Sharing(ToyModel):
    """Its memory is its own, not its decodings'."""

    def step(
        self, tokens: torch.Tensor, memory: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        log_probs, self.memory = super().step(tokens, self.memory)
        return log_probs, memory

    def begin(self, batch_size: int) -> tuple[torch.Tensor, ...]:
        self.memory = super().begin(batch_size)
        return self.memory


@pytest.mark.parametrize(("decoder", "toy"), [(Forgetful(), model()), (Greedy(), Sharing(VOCABULARY))])
def test_state_that_decodings_share_breaks_a_law(decoder: Decoder, toy: ToyModel) -> None:
    """A model once had one stepper for all, which whoever began last had made."""
    with pytest.raises(AssertionError, match="two decodings interleaved give what each gives alone"):
        check_decoder(decoder, toy, prompt(3))


def test_an_empty_beam_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        BeamSearch(0)


class Watched(ToyModel):
    """Remembers on how many threads it was stepped, and waits now and then."""

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__(VOCABULARY)
        self.pause = pause
        self.seen: set[int] = set()

    def step(
        self, tokens: torch.Tensor, memory: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        self.seen.add(torch.get_num_threads())
        time.sleep(self.pause)
        return super().step(tokens, memory)


@pytest.mark.parametrize("decoder", [Greedy(), Particles(2), Gibbs(rounds=1)], ids=lambda one: type(one).__name__)
def test_decoders_run_on_one_thread_and_leave_others_as_they_were(decoder: Decoder) -> None:
    """Another that decodes at the same time and ends first or last as well."""
    torch.set_num_threads(2)
    try:
        for mine, its in ((0.02, 0.0), (0.0, 0.02)):
            watched, other = Watched(mine), Watched(its)
            thread = Thread(target=decoder.decode, args=(other, prompt(1), RowGenerators([0])))
            thread.start()
            decoder.decode(watched, prompt(1), RowGenerators([0]))
            thread.join()
            assert watched.seen == other.seen == {1}
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


LSTM_DECODERS = [
    Greedy(),
    Sampling(0.9),
    BeamSearch(5),
    BeamSearch(6, groups=2),
    Particles(5, threshold=0.9),
    Particles(4, lookahead=3),
    Gibbs(Sampling(), rounds=3, block=2),
]


SOFT = Rules(tuple(dataclasses.replace(rule, weight=min(rule.weight, 3.0)) for rule in PART_WRITING))


@pytest.mark.parametrize("rules", [SOFT, Rules()], ids=["soft rules", "no rules"])
@pytest.mark.parametrize(
    "decoder", LSTM_DECODERS, ids=[f"{type(one).__name__}-{n}" for n, one in enumerate(LSTM_DECODERS)]
)
def test_decoders_keep_the_laws_on_the_network(
    decoder: Decoder, rules: Rules, small_model: LanguageModel, bach: list[Chorale]
) -> None:
    """Whose memory must be gathered with its hypotheses; pieces of different lengths, other voices given in each."""
    prompts = []
    for piece, voices, num_frames in zip(bach[:3], (["soprano"], ["bass", "alto"], []), (8, 6, 4), strict=True):
        prompts.append(Prompt.voices(cut(piece, 0, num_frames), *voices))
    encoding = small_model.encoding
    assert isinstance(encoding, SatbEncoding)
    asked = token_prompt(encoding, [model_prompt(encoding, one) for one in prompts], rules, strict=True)
    check_decoder(decoder, small_model, asked)


def test_a_beam_gives_as_many_different_pieces_as_are_asked_for_where_it_holds_them() -> None:
    for groups in (1, 2, 4):
        [several] = BeamSearch(16, groups=groups, diversity=50.0).decode_batches(
            model(), prompt(3), RowGenerators(range(3)), 6
        )
        for row in range(3):
            six = {tuple(tokens) for tokens in several.tokens[6 * row : 6 * row + 6].tolist()}
            assert len(six) == 6


@dataclasses.dataclass(frozen=True)
class Forbids(NoReturn):
    """Some tokens, always."""

    tokens: tuple[int, ...] = ()

    def allowed(self, state: State, t: int) -> torch.Tensor:
        ids = torch.arange(self.vocabulary_size)
        return (~torch.isin(ids, torch.tensor(self.tokens))).expand(*state["last"].shape, -1)

    def __str__(self) -> str:
        return f"no {self.tokens}"


def test_the_last_constraints_give_way_first_and_no_more_of_them_than_must() -> None:
    """At the first step 2, 3, 4 and 5 may stand. Only the first constraint alone would open it, but the two last do."""
    constraint = (
        Forbids(VOCABULARY, (2, 3, 4, 5))
        & Forbids(VOCABULARY, (3,))
        & Forbids(VOCABULARY, (2,))
        & Forbids(VOCABULARY, (5,))
    )
    given = TokenPrompt(prompt(1, ()).allowed, constraint)
    generation = Greedy().decode(model(), given, RowGenerators([0]))
    assert {one.constraint for one in generation.yielded} == {"no (2, 3, 4, 5)"}
    first = Forbids(VOCABULARY, (3, 4)) & Forbids(VOCABULARY, (2, 4, 5)) & Forbids(VOCABULARY, (2, 3, 5))
    generation = Greedy().decode(model(), TokenPrompt(prompt(1, ()).allowed, first), RowGenerators([0]))
    assert {one.constraint for one in generation.yielded} == {"no (2, 4, 5)", "no (2, 3, 5)"}
    assert set(generation.tokens[0, :TOKENS].tolist()) <= {2, 5}


def test_gibbs_forgets_what_gave_way_in_a_piece_that_it_replaced() -> None:
    """At cost 20 a breach the second token's 3 is worse than any piece without; a block of two can mend it."""
    constraint = NoReturn(VOCABULARY) & Forbids(VOCABULARY, (3,))

    class Stubborn(Greedy):
        def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
            only_three = prompt.allowed.clone()
            only_three[:, 2] = False
            only_three[:, 2, 3] = True
            return super().decode(model, TokenPrompt(only_three, prompt.constraint), generator)

    given = TokenPrompt(prompt(1).allowed, constraint)
    assert Stubborn().decode(model(), given, RowGenerators([0])).yielded
    generation = Gibbs(Stubborn(), rounds=20, block=4).decode(model(), given, RowGenerators([0]))
    assert 3 not in generation.tokens[0].tolist()
    assert not generation.yielded


@pytest.mark.parametrize("rows", [1, 3])
def test_groups_that_walk_in_batches_write_what_they_write_together(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10,000 groups at once, none had memory."""
    decoder, generator = BeamSearch(14, groups=7), RowGenerators(range(rows))
    [together] = decoder.decode_batches(model(), prompt(rows), generator, 14)
    monkeypatch.setattr("bachlit.decoding.beam._TOGETHER", 4 * rows)
    batches = list(decoder.decode_batches(model(), prompt(rows), generator, 14))
    assert [len(batch.tokens) for batch in batches] == [4 * rows, 4 * rows, 4 * rows, 2 * rows]
    for row in range(rows):
        apart = [tuple(one) for batch in batches for one in batch.tokens.view(rows, -1, TOKENS + 1)[row].tolist()]
        assert {*apart} == {tuple(one) for one in together.tokens[14 * row : 14 * row + 14].tolist()}
    assert sum(len(batch.tokens) for batch in decoder.decode_batches(model(), prompt(rows), generator, 10)) == 10 * rows


@pytest.mark.parametrize("decoder", [Sampling(), Particles(4)], ids=lambda one: type(one).__name__)
def test_random_pieces_are_the_same_in_batches(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    [together] = decoder.decode_batches(model(), prompt(2), RowGenerators(range(2)), 7)
    monkeypatch.setattr("bachlit.decoding.base._BATCH", 6)
    batches = list(decoder.decode_batches(model(), prompt(2), RowGenerators(range(2)), 7))
    assert [len(batch.tokens) for batch in batches] == [6, 6, 2]
    apart = torch.cat([batch.tokens.view(2, -1, TOKENS + 1) for batch in batches], 1)
    assert torch.equal(apart.flatten(0, 1), together.tokens)
