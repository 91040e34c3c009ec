"""The laws of encodings and networks."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from bachlit.encoding import Encoding, Kind, SatbEncoding, Tokens
from bachlit.metrics import PARTS
from bachlit.music.chorale import REST, Chorale
from bachlit.music.keys import Key
from bachlit.networks import Network, SequenceStepper, rebuilding_fault
from bachlit.tokens import END

_NEVER = -1e3  # nats
_TOLERANCE = 1e-4


def check_encoding(encoding: Encoding, chorales: Sequence[Chorale]) -> None:
    """Check that an encoding frames pieces with a start and END, counts frames and, if it decodes, loses no note.

    Its class and `config` must rebuild it.

    Args:
        encoding: The encoding.
        chorales: Pieces that it can encode.
    """
    rebuilt = _rebuilt(encoding)
    shared = set(encoding.slot_names).intersection(PARTS) - {"mark"}
    assert not shared, f"a slot's figures go by its name, those of {sorted(shared)} are of the nats' parts"
    for chorale in chorales:
        tokens = encoding.encode(chorale)
        targets = tokens[1:]
        assert np.array_equal(rebuilt.encode(chorale), tokens), f"{chorale.name}: `config` rebuilds the encoding"
        assert tokens[0] == encoding.start(chorale.key), f"{chorale.name}: a piece begins with its key's start"
        assert targets[-1] == END, f"{chorale.name}: a piece ends with END"
        assert not np.isin(targets[:-1], [tokens[0], END]).any(), f"{chorale.name}: start and END stand nowhere else"
        assert targets.max() < encoding.vocabulary_size, f"{chorale.name}: ids are below the vocabulary's size"
        frames = encoding.completes_frame()[targets].sum()
        assert frames == chorale.num_frames, f"{chorale.name}: frames are counted"
        slots = encoding.slots(targets)
        assert slots.shape == targets.shape, f"{chorale.name}: every target has a slot"
        assert slots.max() < len(encoding.slot_names), f"{chorale.name}: every slot has a name"
        _check_kinds(encoding, chorale, targets, slots)
        if isinstance(encoding, SatbEncoding):
            decoded = encoding.decode(tokens)
            for field in ("pitches", "onsets", "fermatas"):
                same = np.array_equal(getattr(decoded, field), getattr(chorale, field))
                assert same, f"{chorale.name}: {field} survive encoding and decoding"
            if encoding.bars and not chorale.bars and chorale.num_frames > 2 * chorale.measure_length:
                for field in ("measure_length", "pickup"):
                    same = getattr(decoded, field) == getattr(chorale, field)
                    assert same, f"{chorale.name}: {field} survives encoding and decoding"


def _rebuilt(encoding: Encoding) -> Encoding:
    """Rebuild an encoding as a checkpoint does: from its configuration, written as JSON."""
    try:
        rebuilt = type(encoding)(**json.loads(json.dumps(encoding.config)))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"its class and `config`, as plain data, rebuild an encoding: {error}") from error
    assert rebuilt.config == encoding.config, "its class and `config` rebuild an encoding"
    return rebuilt


def _check_kinds(encoding: Encoding, chorale: Chorale, targets: Tokens, slots: Tokens) -> None:
    """Check that the slot `mark` holds the marks alone, and that notes begin and are held as in the chorale."""
    kinds = encoding.kinds()
    assert kinds.shape == (encoding.vocabulary_size,), "every token has a kind"
    marks = slots == encoding.slot_names.index("mark")
    assert np.array_equal(kinds[targets] == Kind.MARK, marks), f"{chorale.name}: the slot `mark` holds the marks"
    sounding = chorale.pitches != REST
    for kind, cells in (
        (Kind.ONSET, chorale.onsets & sounding),
        (Kind.HOLD, ~chorale.onsets & sounding),
        (Kind.REST, ~sounding),
    ):
        tokens = (kinds[targets] == kind).sum()
        # Unisons may share a token, and rests may have none.
        fewest = 0 if kind == Kind.REST else cells.any(axis=1).sum()
        assert fewest <= tokens <= cells.sum(), f"{chorale.name}: as many tokens as cells are of the kind {kind.name}"


@torch.no_grad()
def check_network(network: Network, encoding: Encoding, *, batch_size: int = 3, num_tokens: int = 23) -> None:
    """Check that a network carries its memory and sees no future.

    Windows equal the whole, and rows can be gathered. It runs on streams that obey the grammar, if there is one, and on
    random ones. And the network's class and `config` must rebuild it.

    Args:
        network: The network, with any weights.
        encoding: That of its tokens.
        batch_size: B, the number of streams.
        num_tokens: N, the length of each.
    """
    fault = rebuilding_fault(network, encoding)
    assert not fault, f"its class and `config` rebuild a network: {fault}"
    network.eval()
    for tokens, others in _streams(encoding, (batch_size, num_tokens)):
        _check_on(network, encoding, tokens, others)


def _streams(encoding: Encoding, shape: tuple[int, int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Draw streams (B, N), each with another that may replace its end."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, encoding.vocabulary_size, shape, generator=generator)
    yield tokens, tokens % (encoding.vocabulary_size - 1) + 1
    if isinstance(encoding, SatbEncoding):
        allowed = torch.from_numpy(encoding.slot_tokens).float()  # (S, V)
        allowed[:, END] = 0.0
        slots = allowed[(torch.arange(shape[1]) - 1) % encoding.frame_size]  # after the start a mark comes first
        one, other = (torch.multinomial(slots, shape[0], replacement=True, generator=generator).t() for _ in range(2))
        one[:, 0] = other[:, 0] = encoding.start(Key(0))
        yield one, other


def _check_on(network: Network, encoding: Encoding, tokens: torch.Tensor, others: torch.Tensor) -> None:
    """Check a network on one stream."""
    batch_size, num_tokens = tokens.shape
    whole, after_whole = network(tokens, network.initial_memory(batch_size))
    assert whole.shape == (batch_size, num_tokens, encoding.vocabulary_size), "logits are (B, N, V)"
    half = num_tokens // 2
    first, memory = network(tokens[:, :half], network.initial_memory(batch_size))
    second, after = network(tokens[:, half:], memory)
    _check_close(torch.cat([first, second], 1), whole, "two windows with carried memory equal one")
    for part, other in zip(after, after_whole, strict=True):
        assert part.shape[0] == batch_size, "memory has the batch first"
        _check_close(part, other, "two windows leave the memory that one leaves")
    alone, _ = network(tokens[:1], network.initial_memory(1))
    _check_close(alone, whole[:1], "a row's logits are what they are alone")
    order = torch.arange(batch_size).flip(0)
    gathered, _ = network(tokens[order][:, half:], tuple(part[order] for part in memory))
    _check_close(gathered, second[order], "memory can be gathered by row")
    for cut in range(1, num_tokens):
        changed = torch.cat([tokens[:, :cut], others[:, cut:]], 1)
        blind, _ = network(changed, network.initial_memory(batch_size))
        _check_close(blind[:, :cut], whole[:, :cut], "no logit depends on later tokens")
    stepper, whole = network.stepper() or SequenceStepper(network), _log_probs(whole)
    steps, memory = [], stepper.begin(batch_size)
    for t in range(num_tokens):
        if t == half:  # beams gather memory by row between steps
            memory = stepper.select(memory, order)
        last = tokens[:, t] if t < half else tokens[order, t]
        logits, memory = stepper.step(last, memory)
        steps.append(logits if t < half else logits[order])
    _check_close(_log_probs(torch.stack(steps, 1)), whole, "token by token gives what the whole sequence gives")
    for first in (1, half):  # in the middle of a frame, and elsewhere
        memory = stepper.begin(batch_size)
        for last in tokens[:, :first].unbind(1):
            _, memory = stepper.step(last, memory)
        read, memory = stepper.read(tokens[order, first:-1], stepper.select(memory, order))
        after_read, _ = stepper.step(tokens[order, -1], memory)
        read = _log_probs(torch.cat([read, after_read.unsqueeze(1)], 1))
        _check_close(read[order], whole[:, first:], "tokens read at once give what steps give")


def _log_probs(logits: torch.Tensor) -> torch.Tensor:
    """Normalise logits; all that is never chosen is alike."""
    return logits.log_softmax(-1).clamp(min=_NEVER)


def _check_close(found: torch.Tensor, expected: torch.Tensor, law: str) -> None:
    assert torch.allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE), law
