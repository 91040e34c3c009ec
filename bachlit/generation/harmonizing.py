"""Harmonising: fill prompts with a model's tokens, and move the result back to its key."""

import dataclasses
import math
from collections.abc import Sequence
from hashlib import sha256

from bachlit.decoding import Decoder, Generation, Rule, Rules, Yielded
from bachlit.generation.batches import PromptBatch
from bachlit.generation.prompts import model_prompt, move_for
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt


class Written:
    """A piece that a model wrote, with its figures from a row of a generation.

    Attributes:
        chorale: The piece, given cells and metadata as they were.
        log_prob: The model's log-probability of the whole piece, given cells among it, in nats.
        score: The decoder's own.
        cost: What its rules charged, in nats; rewards are negative.
        yielded: How many tokens a rule had to give way to.
    """

    # No dataclass: Lightning takes those apart, and refuses frozen ones like a chorale.
    def __init__(self, chorale: Chorale, generation: Generation, row: int) -> None:
        self.chorale, self.log_prob = chorale, float(generation.log_prob[row])
        self.score, self.cost = float(generation.score[row]), float(generation.cost[row])
        self.yielded = len({one.t for one in generation.yielded if one.row == row})

    @property
    def merit(self) -> float:
        """Ranking score of pieces under the same prompt: log-probability minus rule cost, in nats."""
        return self.log_prob - self.cost


def write(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    *,
    decoder: Decoder,
    seeds: Sequence[int],
    rules: Rules | Rule | None = None,
    strict: bool = False,
) -> list[Written]:
    """Fill the free cells of prompts, all at once.

    Args:
        model: Predicts the tokens.
        prompts: B pieces with given and free cells.
        decoder: Chooses the tokens.
        seeds: One per prompt; the same seed gives the same piece, whatever stands beside it.
        rules: What the free cells must keep; where they can't, the last gives way first, with a `RuleWarning`. If None,
            `usual_rules` applies; `Rules()` for none.
        strict: Raise where a rule would have to give way.

    Returns:
        The pieces, in the prompts' order.

    Raises:
        PromptError: If a given note is out of its voice's range.
        DeadEndError: If nothing is left to choose.
    """
    several = write_several(model, prompts, decoder=decoder, seeds=seeds, num=1, rules=rules, strict=strict)
    return [pieces[0] for pieces in several]


def write_several(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    *,
    decoder: Decoder,
    seeds: Sequence[int],
    num: int,
    rules: Rules | Rule | None = None,
    strict: bool = False,
) -> list[list[Written]]:
    """Fill the free cells of prompts, each in up to `num` different ways.

    Args:
        model: As for `write`.
        prompts: Likewise.
        decoder: Likewise.
        seeds: Likewise.
        num: How many ways at most.
        rules: As for `write`.
        strict: Likewise.

    Returns:
        For each prompt its pieces, those of greater merit first.

    Raises:
        PromptError: If a given note is out of its voice's range.
        DeadEndError: If nothing is left to choose.
    """
    encoding = model.voiced_encoding
    moved = [model_prompt(encoding, prompt, move_for(prompt, model.keys)) for prompt in prompts]
    batch = PromptBatch(model, moved, decoder, rules=rules, strict=strict)
    distinct: list[dict[bytes, Written]] = [{} for _ in prompts]
    yielded: list[Yielded] = []
    for index, generation, row in batch.decode(seeds, num):
        yielded += [one._replace(row=index) for one in generation.yielded if one.row == row]
        tokens = generation.tokens[row].cpu().numpy()
        known, key = distinct[index], sha256(tokens.tobytes()).digest()
        if generation.score[row] > -math.inf and key not in known:
            notes = encoding.decode(tokens).transpose(-moved[index].move)
            written = dataclasses.replace(prompts[index].chorale, pitches=notes.pitches, onsets=notes.onsets)
            known[key] = Written(written, generation, row)
    batch.warn(yielded)
    return [sorted(known.values(), key=lambda written: written.merit, reverse=True) for known in distinct]
