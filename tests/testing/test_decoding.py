"""Each law of a decoder, a constraint and a rule finds the bug that it is there for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from bachlit.decoding import (
    Constraint,
    Decoder,
    Generation,
    Model,
    Position,
    RowGenerators,
    Rule,
    Sampling,
    State,
    TokenPrompt,
)
from bachlit.decoding.constraints import Term
from bachlit.encoding import SatbEncoding
from bachlit.music.chorale import Chorale, cut
from bachlit.testing import NoReturn, ToyModel, check_constraint, check_decoder, check_rule, toy_prompt

Change = Callable[[Generation], Generation]


class Changed(Decoder):
    """Draws, and changes what it drew."""

    def __init__(self, change: Change) -> None:
        self.change = change

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        return self.change(Sampling().decode(model, prompt, generator))


def lawless(drawn: Generation) -> Generation:
    return replace(drawn, tokens=drawn.tokens.roll(1, 1))


def boastful(drawn: Generation) -> Generation:
    return replace(drawn, log_prob=drawn.log_prob + 1)


class Careless(Decoder):
    """Draws by PyTorch's own generator."""

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        seeds = torch.randint(1000, (len(prompt.allowed),)).tolist()
        return Sampling().decode(model, prompt, RowGenerators(seeds))


class Crowded(Decoder):
    """Draws otherwise among neighbours."""

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        return Sampling(1.0 if len(prompt.allowed) == 1 else 3.0).decode(model, prompt, generator)


@pytest.mark.parametrize(
    ("decoder", "law"),
    [
        (Changed(lawless), "every output obeys the prompt"),
        (Changed(boastful), "the log-probability is the model's"),
        (Careless(), "the same seed gives the same tokens"),
        (Crowded(), "is what it is alone"),
    ],
    ids=["lawless", "boastful", "careless", "crowded"],
)
def test_a_decoder_that_breaks_a_law_is_found(decoder: Decoder, law: str) -> None:
    torch.manual_seed(0)
    prompt = toy_prompt(num_rows=4, num_tokens=8, vocabulary_size=6)
    check_decoder(Changed(lambda drawn: drawn), ToyModel(6), prompt)
    with pytest.raises(AssertionError, match=law):
        check_decoder(decoder, ToyModel(6), prompt)


class Graded(NoReturn):
    def allowed(self, state: State, t: int) -> Tensor:
        return super().allowed(state, t).float()


class Merged(NoReturn):
    def allowed(self, state: State, t: int) -> Tensor:
        return super().allowed(state, t)[:, :1]


@dataclass(frozen=True)
class Moody(NoReturn):
    """Forbids more each time that it is asked."""

    asked: list[int] = field(default_factory=list)

    def allowed(self, state: State, t: int) -> Tensor:
        self.asked.append(t)
        return super().allowed(state, t) & (torch.arange(self.vocabulary_size) != len(self.asked) % 4)


class Lenient(NoReturn):
    def cost(self, state: State, t: int) -> Tensor:
        return torch.zeros(super().cost(state, t).shape)


class Dearer(NoReturn):
    def terms(self, state: State, t: int) -> Iterator[Term]:
        cost = self.cost(state, t) + 1
        yield Term(str(self), cost, cost.clamp(max=20))


class Stubborn(NoReturn):
    def terms(self, state: State, t: int) -> Iterator[Term]:
        cost = self.cost(state, t)
        yield Term(str(self), cost, cost)


class Partial(NoReturn):
    """Forbids the first row more than the others."""

    def allowed(self, state: State, t: int) -> Tensor:
        allowed = super().allowed(state, t)
        allowed[1:, :, 2] = False
        return allowed


class Vandal(NoReturn):
    def advance(self, state: State, token: Tensor, t: int) -> State:
        before = state["last"].clone()
        state["last"].copy_(token)
        return {"last": token, "before": before}


class Idle(NoReturn):
    """Claims to cost nothing."""

    def idle(self, t: int) -> bool:
        return True


class Shared(NoReturn):
    """Counts steps for all hypotheses at once."""

    def begin(self, batch_size: int, hypotheses: int, device: torch.device) -> State:
        return {**super().begin(batch_size, hypotheses, device), "steps": torch.zeros(1)}


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (Graded, "is a mask"), (Merged, r"is \(B, K, V\)"), (Moody, "a constraint and itself"),
        (Lenient, "costs infinitely much"), (Dearer, "add up to the whole"), (Stubborn, "gives way, nothing costs"),
        (Partial, "is judged as it is alone"), (Idle, "an idle constraint"),
        (Vandal, "as it was"), (Shared, "can be gathered by hypothesis"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_constraint_that_breaks_a_law_is_found(kind: type[NoReturn], law: str) -> None:
    tokens = torch.randint(2, 6, (3, 2, 8), generator=torch.Generator().manual_seed(0))
    constraint: Constraint = kind(6)
    with pytest.raises(AssertionError, match=law):
        check_constraint(constraint, tokens)


@dataclass(frozen=True)
class NoTritone(Rule):
    """No voice leaps by a tritone, of which subclasses make something else."""

    def breaches(self, position: Position) -> Tensor:
        return self.of(position.melody(lambda before, after: (after - before).abs() == 6), position)

    def of(self, breaches: Tensor, position: Position) -> Tensor:
        return breaches


class Rewarding(NoTritone):
    def of(self, breaches: Tensor, position: Position) -> Tensor:
        return breaches - 1


class Halving(NoTritone):
    def of(self, breaches: Tensor, position: Position) -> Tensor:
        return breaches + 0.5 * position.begins


class Comparing(NoTritone):
    """Judges a row by its neighbours."""

    def of(self, breaches: Tensor, position: Position) -> Tensor:
        return breaches + (len(position.grid.given) > 1) * position.begins


@pytest.mark.parametrize(
    ("kind", "law"),
    [(Rewarding, "counted below 0"), (Halving, "breaches are counted"), (Comparing, "is judged as it is alone")],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_rule_that_breaks_a_law_is_found(kind: type[Rule], law: str, bach: list[Chorale]) -> None:
    pieces = [cut(bach[0], 0, 16), cut(bach[1], 0, 16)]
    with pytest.raises(AssertionError, match=law):
        check_rule(kind(1.0), SatbEncoding(), pieces)
