"""From prompts to chorales: decodes them, warns where rules gave way, and moves the result back to its key."""

import dataclasses
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    Decoder,
    Generation,
    Grid,
    RowGenerators,
    Rule,
    Rules,
    TokenPrompt,
    Yielded,
)
from bachlit.encoding import SatbEncoding, prompt_mask
from bachlit.errors import CheckpointError, DeadEndError, RuleWarning
from bachlit.generation.prompts import grid_of, move_for, token_prompt
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.prompt import Prompt


class Written:
    """A piece that a model wrote. No dataclass: Lightning takes those apart, and refuses frozen ones like a chorale.

    Attributes:
        chorale: The piece, given cells and metadata as they were.
        log_prob: The model's log-probability of the whole piece, given cells among it, in nats.
        score: The decoder's own.
        cost: What its rules charged, in nats; rewards are negative.
        yielded: How many tokens a rule had to give way to.
    """

    def __init__(self, chorale: Chorale, log_prob: float, score: float, cost: float = 0.0, yielded: int = 0) -> None:
        self.chorale, self.log_prob, self.score, self.cost = chorale, log_prob, score, cost
        self.yielded = yielded

    @property
    def merit(self) -> float:
        """By which pieces under the same prompt are ranked: the log-probability less the cost, in nats."""
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
        seeds: One a prompt; the same seed gives the same piece, whatever stands beside it.
        rules: What the free cells must keep; where they can't, the last gives way first, with a `RuleWarning`. If None,
            `usual_rules`; `Rules()` for none.
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
    """Fill the free cells of prompts, each in up to `num` different ways; see `write`.

    Returns:
        For each prompt its pieces, those of greater merit first.
    """
    encoding = writing_encoding(model)
    moves = [move_for(prompt, model.keys) for prompt in prompts]
    masks = [
        prompt_mask(encoding, prompt.chorale.transpose(move), prompt.given, rhythm=prompt.rhythm)
        for prompt, (move, _) in zip(prompts, moves, strict=True)
    ]
    keys = [prompt.chorale.key.transpose(move) for prompt, (move, _) in zip(prompts, moves, strict=True)]
    grid = grid_of(encoding, prompts, moves)
    names = [prompt.chorale.name for prompt in prompts]
    asked = token_prompt(encoding, masks, keys, grid, usual_rules(decoder) if rules is None else rules, strict)
    distinct: list[dict[bytes, Written]] = [{} for _ in prompts]
    yielded: dict[Yielded, None] = {}
    for generation in _batches(model, asked, decoder, seeds, num, names):
        part = len(generation.tokens) // len(prompts)
        yielded |= dict.fromkeys(one._replace(row=one.row // part) for one in generation.yielded)
        for row, tokens in enumerate(generation.tokens.cpu().numpy()):
            prompt, (move, _) = prompts[row // part], moves[row // part]
            known, key = distinct[row // part], sha256(tokens.tobytes()).digest()
            if generation.score[row] > -math.inf and key not in known:
                notes = encoding.decode(tokens).transpose(-move)
                known[key] = Written(
                    dataclasses.replace(prompt.chorale, pitches=notes.pitches, onsets=notes.onsets),
                    float(generation.log_prob[row]),
                    float(generation.score[row]),
                    float(generation.cost[row]),
                    len({one.t for one in generation.yielded if one.row == row}),
                )
    warn_of_yielding(grid, names, [*yielded])
    return [sorted(known.values(), key=lambda written: written.merit, reverse=True) for known in distinct]


def usual_rules(decoder: Decoder) -> Rules:
    """What a decoder's pieces must keep unless other rules are named: of one that seeks the likeliest, movement too."""
    return LIVELY if decoder.seeks_likeliest else PART_WRITING


def decode_prompt(
    model: LanguageModel,
    prompt: TokenPrompt,
    decoder: Decoder,
    seeds: Sequence[int],
    num: int,
    names: Sequence[str],
) -> Generation:
    """Decode up to `num` pieces a prompt, all at once."""
    with _decoding(model, prompt, names):
        generator = RowGenerators(seeds)
        if num == 1:
            generation = decoder.decode(model, prompt, generator)
        else:
            generation = decoder.decode_several(model, prompt, generator, num)
    return dataclasses.replace(generation, tokens=generation.tokens.cpu())


def _batches(
    model: LanguageModel,
    prompt: TokenPrompt,
    decoder: Decoder,
    seeds: Sequence[int],
    num: int,
    names: Sequence[str],
) -> Iterator[Generation]:
    """Decode up to `num` pieces a prompt, as many at once as memory holds."""
    if num == 1:
        yield decode_prompt(model, prompt, decoder, seeds, num, names)
        return
    with _decoding(model, prompt, names):
        yield from decoder.decode_batches(model, prompt, RowGenerators(seeds), num)


@contextmanager
def _decoding(model: LanguageModel, prompt: TokenPrompt, names: Sequence[str]) -> Iterator[None]:
    """Have a network neither drop nor learn while it writes, and name a dead end in musical terms."""
    training = model.network.training
    model.network.eval()  # no dropout, and no statistics of what is only being written
    grid = prompt.grid
    assert grid is not None
    try:
        yield
    except DeadEndError as error:
        raise DeadEndError(
            f"{_place(grid, names, error.row, error.t)} has no note that all rules and what is given allow; "
            "leave a rule out, make it soft by a number, or use a decoder that keeps more hypotheses.",
            error.row,
            error.t,
        ) from error
    finally:
        model.network.train(training)


def warn_of_yielding(grid: Grid, names: Sequence[str], yielded: Sequence[Yielded]) -> None:
    """Say where rules gave way, each rule of a piece once."""
    places: dict[tuple[int, str], dict[int, None]] = {}
    for row, t, rule in yielded:
        places.setdefault((row, rule), {})[t] = None
    for (row, rule), steps in places.items():
        others = f", nor at {len(steps) - 1} other places" if len(steps) > 1 else ""
        warnings.warn(
            f"{_place(grid, names, row, next(iter(steps)))} has no note that keeps {rule}{others}; it gave way there.",
            RuleWarning,
            stacklevel=3,
        )


def _place(grid: Grid, names: Sequence[str], row: int, t: int) -> str:
    """A step in musical terms."""
    frame, slot = divmod(t, len(grid.voices))
    column = grid.voices[slot]
    bar = (frame - int(grid.pickup[row])) // int(grid.measure[row]) + 1
    voice = "end" if column is None else VOICES[column]
    return f"The {voice} of {names[row] or 'the piece'} at bar {bar} (frame {frame})"


def writing_encoding(model: LanguageModel) -> SatbEncoding:
    """The encoding of a model that can write.

    Raises:
        CheckpointError: If its tokens don't tell the voices apart.
    """
    if not isinstance(model.encoding, SatbEncoding):
        raise CheckpointError(
            f"A model in {type(model.encoding).__name__} can be scored but can't write, since its tokens don't tell "
            "the voices apart; use one trained with SatbEncoding."
        )
    return model.encoding
