"""The laws of constraints, rules and decoders."""

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bachlit.decoding import (
    Constraint,
    Decoder,
    Enforced,
    Generation,
    Grid,
    Model,
    Predictor,
    RowGenerators,
    Rule,
    StepDecoder,
    TokenPrompt,
)
from bachlit.encoding import SatbEncoding
from bachlit.generation.grids import grid_behind
from bachlit.generation.prompts import model_prompt
from bachlit.music.chorale import VOICES, BoolArray, Chorale
from bachlit.music.prompt import Prompt
from bachlit.tokens import END, START

_TOLERANCE = 1e-4
_MARGIN = 1e-3  # nats within which single precision may decide otherwise


def enumerate_legal(prompt: TokenPrompt, row: int = 0) -> list[tuple[int, ...]]:
    """List all sequences that a row's prompt and its constraint allow. Only for toys: it tries them all.

    Args:
        prompt: Of a few tokens.
        row: The row.
    """
    options = [prompt.allowed[row, t].nonzero().flatten().tolist() for t in range(prompt.allowed.shape[1])]
    return [tokens for tokens in itertools.product(*options) if _fault(prompt, torch.tensor(tokens), row) is None]


def stepped_score(model: Model, tokens: Tensor, start: Tensor | None = None) -> Tensor:
    """Score sequences (B, N) to the first END, one step at a time, from a start (B,) or START: (B,) in nats.

    Args:
        model: Gives the log-probabilities.
        tokens: (B, N) sequences without their starts.
        start: (B,) first tokens; START if None.
    """
    predictor = model.predictor()
    memory = predictor.begin(len(tokens))
    last = torch.full_like(tokens[:, 0], START) if start is None else start
    total = torch.zeros(len(tokens), dtype=torch.float64)
    for t in range(tokens.shape[1]):
        log_probs, memory = predictor.step(last, memory)
        gained = log_probs.gather(1, tokens[:, t : t + 1])[:, 0].double()
        total += torch.where(last == END, 0.0, gained)
        last = tokens[:, t]
    return total


def check_constraint(constraint: Constraint, tokens: Tensor) -> None:
    """Check that a constraint changes no given state, composes by `&`, and keeps rows apart.

    Args:
        constraint: To be checked.
        tokens: (B, K, N) to advance it by.
    """
    batch_size, hypotheses, steps = tokens.shape
    both = constraint & constraint
    state = constraint.begin(batch_size, hypotheses, tokens.device)
    state_of_both = both.begin(batch_size, hypotheses, tokens.device)
    for t in range(steps):
        before = {name: part.clone() for name, part in state.items()}
        allowed = constraint.allowed(state, t)
        assert allowed.dtype == torch.bool, "what is allowed is a mask"
        assert allowed.shape[:2] == (batch_size, hypotheses), "what is allowed is (B, K, V)"
        assert torch.equal(both.allowed(state_of_both, t), allowed), "a constraint and itself allow what it allows"
        cost = constraint.cost(state, t)
        assert torch.equal(cost < torch.inf, allowed), "what isn't allowed costs infinitely much"
        assert not (constraint.idle(t) and cost.any()), "an idle constraint costs nothing"
        terms = list(constraint.terms(state, t))
        total = torch.stack([term.cost.expand_as(cost) for term in terms]).sum(0) if terms else torch.zeros_like(cost)
        assert torch.allclose(total, cost, atol=_TOLERANCE), "the terms' costs add up to the whole"
        for term in terms:
            soft = term.yielding is None or bool((term.yielding < torch.inf).all())
            assert soft, f"where {term.name} gives way, nothing costs infinitely much"
        for row in range(batch_size):
            own_state = {name: part[row : row + 1] for name, part in state.items()}
            alone = constraint.rows(torch.tensor([row])).cost(own_state, t)
            assert torch.equal(alone[0], cost[row]), f"row {row} is judged as it is alone"
        following = constraint.advance(state, tokens[:, :, t], t)
        for name, kept in state.items():
            assert kept.shape[:2] == (batch_size, hypotheses), "state can be gathered by hypothesis"
            assert torch.equal(kept, before[name]), "a constraint leaves the state it was given as it was"
        state, state_of_both = following, both.advance(state_of_both, tokens[:, :, t], t)


def grid_of(encoding: SatbEncoding, chorales: Sequence[Chorale], given: Sequence[BoolArray]) -> Grid:
    """Make the grid behind prompts that give some cells, (T, 4) masks, of chorales as they stand.

    Args:
        encoding: Gives the order of the voices.
        chorales: B pieces of equal length.
        given: A mask (T, 4) for each.
    """
    prompts = [Prompt(chorale, mask) for chorale, mask in zip(chorales, given, strict=True)]
    return grid_behind(encoding, [model_prompt(encoding, prompt) for prompt in prompts])


def charges(rule: Rule, encoding: SatbEncoding, chorales: Sequence[Chorale], given: Sequence[BoolArray]) -> Tensor:
    """Count a rule's breaches in the cells of chorales as they stand: (B, T, 4) in the encoding's order.

    Args:
        rule: The rule.
        encoding: Gives the order of the voices.
        chorales: B pieces of equal length.
        given: A mask (T, 4) for each: what counts as given.
    """
    grid = grid_of(encoding, chorales, given)
    batch, num_frames, _ = grid.given.shape
    slots = torch.from_numpy(encoding.slot_tokens).repeat(num_frames, 1)  # (N, V)
    constraint = Enforced(grid, replace(rule, weight=1.0), slots.unsqueeze(0))
    tokens = torch.zeros(batch, num_frames * encoding.frame_size, dtype=torch.long)
    for row, piece in enumerate(chorales):
        tokens[row, : piece.num_frames * encoding.frame_size] = torch.from_numpy(encoding.encode(piece)[1:-1])
    state = constraint.begin(batch, 1, torch.device("cpu"))
    charged = torch.zeros(tokens.shape)
    for t in range(tokens.shape[1]):
        now = tokens[:, t : t + 1]
        charged[:, t] = constraint.cost(state, t)[:, 0].gather(1, now)[:, 0]
        state = constraint.advance(state, now, t)
    return charged.view(batch, num_frames, encoding.frame_size)[:, :, 1:]


def check_rule(rule: Rule, encoding: SatbEncoding, chorales: Sequence[Chorale]) -> None:
    """Check that a rule is a value, charges whole breaches, no given cells, and each row alone.

    Args:
        rule: To be checked.
        encoding: Of the tokens.
        chorales: To be judged, as they stand.
    """
    nothing = [np.zeros(piece.pitches.shape, np.bool_) for piece in chorales]
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(
        2, encoding.vocabulary_size, (len(chorales), 2, 8 * encoding.frame_size), generator=generator
    )
    check_constraint(Enforced(grid_of(encoding, chorales, nothing), rule), tokens)
    together = charges(rule, encoding, chorales, nothing)
    assert (together >= 0).all(), "no breach is counted below 0"
    assert torch.equal(together, together.round()), "breaches are counted"
    for row, piece in enumerate(chorales):
        alone = charges(rule, encoding, [piece], nothing[row : row + 1])[0]
        assert torch.equal(alone, together[row, : piece.num_frames]), f"{piece.name} is judged as it is alone"
    columns = [VOICES.index(voice) for voice in encoding.order]
    random = np.random.default_rng(0)
    masks = [random.random(piece.pitches.shape) < 0.5 for piece in chorales]
    charged = charges(rule, encoding, chorales, masks)
    for row, (piece, mask) in enumerate(zip(chorales, masks, strict=True)):
        assert (charged[row, : piece.num_frames].numpy()[mask[:, columns]] == 0).all(), (
            "given cells are charged nothing"
        )


def check_decoder(
    decoder: Decoder, model: Model, prompt: TokenPrompt, *, seeds: Sequence[int] | None = None
) -> Generation:
    """Check that a decoder's output is legal, re-scores, repeats by seed, and keeps rows apart.

    Two decodings interleaved give what each gives alone, so threads may share a decoder and a model.

    Args:
        decoder: To be checked.
        model: To decode with.
        prompt: Of B rows.
        seeds: One per row; 0 to B - 1 if None.

    Returns:
        What was decoded.
    """
    num_rows = len(prompt.allowed)
    seeds = list(seeds) if seeds is not None else list(range(num_rows))
    generation = decoder.decode(model, prompt, RowGenerators(seeds))
    for row in range(num_rows):
        fault = _fault(prompt, generation.tokens[row].cpu(), row)
        assert fault is None, f"every output obeys the prompt and its constraint: {fault}"
    rescored = stepped_score(model, generation.tokens, prompt.start)
    assert torch.allclose(generation.log_prob, rescored, rtol=_TOLERANCE, atol=_TOLERANCE), (
        f"the log-probability is the model's: {generation.log_prob.tolist()} reported, {rescored.tolist()} re-scored"
    )
    if hasattr(model.predictor(), "read"):
        _check_reading(decoder, model, prompt, seeds, generation)
    again = decoder.decode(model, prompt, RowGenerators(seeds))
    assert torch.equal(again.tokens, generation.tokens), "the same seed gives the same tokens"
    for row in range(num_rows):
        own_prompt = prompt.rows(torch.tensor([row]))
        alone = decoder.decode(model, own_prompt, RowGenerators(seeds[row : row + 1]))
        assert torch.equal(alone.tokens[0], generation.tokens[row]), f"row {row} is what it is alone"
    order = torch.arange(num_rows).flip(0)
    others: list[Tensor] = []

    def decode_others() -> None:
        others.append(decoder.decode(model, prompt.rows(order), RowGenerators(seeds[::-1])).tokens[order])

    others.append(decoder.decode(_Interrupted(model, decode_others), prompt, RowGenerators(seeds)).tokens)
    for tokens in others:
        assert torch.equal(tokens, generation.tokens), "two decodings interleaved give what each gives alone"
    if isinstance(decoder, StepDecoder) and decoder.shortsighted:
        assert decoder.passes_given, "a shortsighted decoder passes given tokens"
    if isinstance(decoder, StepDecoder) and decoder.passes_given:
        asked = copy.copy(decoder)
        asked.passes_given = False
        everywhere = asked.decode(model, prompt, RowGenerators(seeds))
        same = torch.equal(everywhere.tokens, generation.tokens) and torch.allclose(everywhere.score, generation.score)
        assert same, "a decoder that passes given tokens gives what it gives when asked about them"
    return generation


def _check_reading(
    decoder: Decoder, model: Model, prompt: TokenPrompt, seeds: Sequence[int], generation: Generation
) -> None:
    """Check that given tokens read as sequences give the generation that they give step by step.

    In single precision, pieces may differ whose scores are as good as equal.
    """
    stepped = decoder.decode(_Stepwise(model), prompt, RowGenerators(seeds))
    same = (stepped.tokens == generation.tokens).all(1)
    alike = same | ((stepped.score - generation.score).abs() < _MARGIN)
    assert bool(alike.all()), "given tokens read as sequences give the tokens that steps give"
    for name in ("log_prob", "score", "cost"):
        read, expected = (getattr(one, name)[same] for one in (generation, stepped))
        assert torch.allclose(read, expected, rtol=_TOLERANCE / 10, atol=_TOLERANCE), (
            f"given tokens read as sequences give the {name} that steps give: {read.tolist()}, {expected.tolist()}"
        )


class _Stepwise:
    """Step a model one token at a time, given ones too; it is the predictor, too."""

    def __init__(self, model: Model) -> None:
        self.device, self._predictor = model.device, model.predictor()

    def predictor(self) -> Predictor:
        return self

    def begin(self, batch_size: int) -> tuple[Tensor, ...]:
        return self._predictor.begin(batch_size)

    def select(self, memory: tuple[Tensor, ...], index: Tensor) -> tuple[Tensor, ...]:
        if hasattr(self._predictor, "select"):
            selected: tuple[Tensor, ...] = self._predictor.select(memory, index)
            return selected
        return tuple(part.index_select(0, index) for part in memory)

    def step(self, tokens: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self._predictor.step(tokens, memory)


class _Interrupted(_Stepwise):
    """Interrupt a model's decoding, once, after two steps."""

    def __init__(self, model: Model, interrupt: Callable[[], object]) -> None:
        super().__init__(model)
        self._interrupt, self._steps_left = interrupt, 2

    def step(self, tokens: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        stepped = self._predictor.step(tokens, memory)
        self._steps_left -= 1
        if self._steps_left == 0:
            self._interrupt()
        return stepped


def _fault(prompt: TokenPrompt, tokens: Tensor, row: int) -> str | None:
    """Describe where tokens (N,) break a row's prompt or the constraint; None if nowhere."""
    constraint = prompt.constraint.rows(torch.tensor([row]))
    state = constraint.begin(1, 1, tokens.device)
    for t, token in enumerate(tokens.tolist()):
        if t and tokens[t - 1] == END:
            if token != END:
                return f"row {row} goes on after END at step {t}"
            continue
        if not prompt.allowed[row, t, token]:
            return f"row {row} has the token {token} at step {t}, which the prompt forbids"
        if not constraint.allowed(state, t)[0, 0, token]:
            return f"row {row} has the token {token} at step {t}, which {constraint} forbids"
        state = constraint.advance(state, torch.tensor([[token]]), t)
    return None
