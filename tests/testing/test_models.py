"""Each law of a network and of an encoding finds the bug that it is there for."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bachlit.encoding import Encoding, SatbEncoding
from bachlit.encoding.base import Kind, Tokens
from bachlit.encoding.satb import REST_TOKEN
from bachlit.music.chorale import BoolArray, Chorale
from bachlit.networks import Memory, Network, SequenceStepper, Stepper
from bachlit.testing import check_encoding, check_network

ENCODING = SatbEncoding()


class GRU(Network):
    """A small network, of which subclasses make something else."""

    def __init__(self, encoding: Encoding) -> None:
        super().__init__()
        self.config: dict[str, Any] = {}
        self.embedding = nn.Embedding(encoding.vocabulary_size, 8)
        self.gru = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, encoding.vocabulary_size)

    def initial_memory(self, batch_size: int) -> Memory:
        return (self.head.weight.new_zeros(batch_size, 8),)

    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        outputs, state = self.gru(self.embedding(tokens), memory[0].unsqueeze(0))
        return self.of(outputs), (state[0],)

    def of(self, outputs: Tensor) -> Tensor:
        logits: Tensor = self.head(outputs)
        return logits


class Short(GRU):
    def of(self, outputs: Tensor) -> Tensor:
        return super().of(outputs)[:, :, :-1]


class Amnesic(GRU):
    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        return super().forward(tokens, self.initial_memory(len(tokens)))


class Upright(GRU):
    """Memory with the layer first, as PyTorch has it."""

    def initial_memory(self, batch_size: int) -> Memory:
        return (self.head.weight.new_zeros(1, batch_size, 8),)

    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        outputs, state = self.gru(self.embedding(tokens), memory[0])
        return self.of(outputs), (state,)


class Counting(GRU):
    """Leaves another memory after two windows than after one."""

    def forward(self, tokens: Tensor, memory: Memory, prompt: Tensor | None = None) -> tuple[Tensor, Memory]:
        logits, (state,) = super().forward(tokens, memory[:1])
        return logits, (state, memory[1] + 1)

    def initial_memory(self, batch_size: int) -> Memory:
        return (*super().initial_memory(batch_size), torch.zeros(batch_size))


class Sociable(GRU):
    """Normalises over the batch, as batch normalisation in training does."""

    def of(self, outputs: Tensor) -> Tensor:
        return super().of(outputs - outputs.mean(0, keepdim=True))


class Foreseeing(GRU):
    def of(self, outputs: Tensor) -> Tensor:
        return super().of(outputs.flip(1).cumsum(1).flip(1))


class Hasty(GRU):
    """Steps otherwise than it reads."""

    def stepper(self) -> Stepper:
        return Louder(self)


class Louder(SequenceStepper):
    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        logits, memory = super().step(tokens, memory)
        return 1.1 * logits, memory


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (Short, "logits are"), (Amnesic, "two windows with carried memory"), (Upright, "memory has the batch first"),
        (Counting, "two windows leave the memory"), (Sociable, "are what they are alone"),
        (Foreseeing, "two windows|later tokens"), (Hasty, "token by token"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_network_that_breaks_a_law_is_found(kind: type[GRU], law: str) -> None:
    torch.manual_seed(0)
    check_network(GRU(ENCODING), ENCODING, num_tokens=9)
    with pytest.raises(AssertionError, match=law):
        check_network(kind(ENCODING), ENCODING, num_tokens=9)


class Startless(SatbEncoding):
    def encode(self, chorale: Chorale) -> Tokens:
        return super().encode(chorale)[1:]


class Endless(SatbEncoding):
    def encode(self, chorale: Chorale) -> Tokens:
        return super().encode(chorale)[:-1]


class Twofold(SatbEncoding):
    def encode(self, chorale: Chorale) -> Tokens:
        tokens = super().encode(chorale)
        return np.concatenate([tokens[:6], tokens])


class Larger(SatbEncoding):
    def encode(self, chorale: Chorale) -> Tokens:
        tokens = super().encode(chorale)
        tokens[2] = self.vocabulary_size
        return tokens


class Miscounting(SatbEncoding):
    def completes_frame(self) -> BoolArray:
        return np.arange(self.vocabulary_size) == REST_TOKEN


class Slotless(SatbEncoding):
    def slots(self, targets: Tokens) -> Tokens:
        return super().slots(targets)[:-1]


class Nameless(SatbEncoding):
    def slots(self, targets: Tokens) -> Tokens:
        return super().slots(targets) + 1


class Unmarked(SatbEncoding):
    def kinds(self) -> Tokens:
        return np.where(super().kinds() == Kind.MARK, Kind.REST, super().kinds())


class Unheld(SatbEncoding):
    def kinds(self) -> Tokens:
        return np.where(super().kinds() == Kind.HOLD, Kind.ONSET, super().kinds())


class Restless(SatbEncoding):
    """Loses the fermatas."""

    def marks(self, chorale: Chorale) -> Tokens:
        return np.full(chorale.num_frames, self._marks[0, 0])


class Muddled(SatbEncoding):
    """Loses which voice is which."""

    def cells(self, chorale: Chorale) -> Tokens:
        return super().cells(chorale)[:, ::-1]


ENCODINGS: list[tuple[type[SatbEncoding], str]] = [
    (Startless, "begins with its key's start"),
    (Endless, "ends with END"),
    (Twofold, "stand nowhere else"),
    (Larger, "below the vocabulary's size"),
    (Miscounting, "frames are counted"),
    (Slotless, "every target has a slot"),
    (Nameless, "every slot has a name"),
    (Unmarked, "the slot `mark` holds the marks"),
    (Unheld, "as many tokens as cells"),
    (Restless, "fermatas survive"),
    (Muddled, "pitches survive"),
]


@pytest.mark.parametrize(("kind", "law"), ENCODINGS, ids=[kind.__name__ for kind, _ in ENCODINGS])
def test_an_encoding_that_breaks_a_law_is_found(kind: type[SatbEncoding], law: str, bach: list[Chorale]) -> None:
    piece = next(piece for piece in bach if piece.fermatas.any())
    with pytest.raises(AssertionError, match=law):
        check_encoding(kind(), [piece])


class Narrow(SatbEncoding):
    """Its configuration lacks an argument."""

    def __init__(self, highest: int = 80) -> None:
        super().__init__(highest=highest)

    @property
    def config(self) -> dict[str, Any]:
        return {}


class Wide(Narrow):
    @property
    def config(self) -> dict[str, Any]:
        return {"highest": torch.tensor(self.highest)}


@pytest.mark.parametrize("encoding", [Narrow(87), Wide(87)], ids=lambda one: type(one).__name__)
def test_an_encoding_that_its_config_does_not_rebuild_is_found(encoding: SatbEncoding, bach: list[Chorale]) -> None:
    with pytest.raises(AssertionError, match="rebuild"):
        check_encoding(encoding, bach[:2])
