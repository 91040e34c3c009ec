"""Horizon: choose free notes by the given ones soon after them, and weigh the choice by all.

A beam weighs the given tokens after its last choice once per hypothesis, only to rank what is written already. Of these
the nearest tell hypotheses apart. So a prompt is cut some way behind its last free cell; what follows is read once, for
the pieces that are kept.
"""

from dataclasses import replace

import numpy as np
import torch

from bachlit.decoding import Decoder, Generation, Rule, Rules, StepDecoder, TokenPrompt
from bachlit.decoding.walk import stepping
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import BoolArray

HORIZON = 16
"""Sixteenths of given music after the last free cell that still decide between hypotheses."""

# To score a piece of one row takes a quarter of the time of 16 rows, and an eighth of that of 32.
_ALONE = 4


def steps_to_decode(allowed: BoolArray, decoder: Decoder, rules: Rules | Rule, frame_size: int) -> int:
    """Count the steps of a prompt that a decoder must see: those up to the horizon, or all.

    It sees all if it may look far ahead, or the rules charge given tokens, as those that judge marks do, or if that is
    as fast.

    Args:
        allowed: (N, V) the tokens that may stand at each step.
        decoder: Chooses them.
        rules: What they must keep.
        frame_size: Tokens of a frame.
    """
    num_steps, free = len(allowed), np.flatnonzero(allowed.sum(1) > 1)
    if not (isinstance(decoder, StepDecoder) and decoder.shortsighted and free.size):
        return num_steps
    if any(rule.judges(None) for rule in Rules() & rules):
        return num_steps
    seen = (int(free[-1]) // frame_size + 1 + HORIZON) * frame_size
    return seen if (num_steps - seen) * decoder.hypotheses > _ALONE * num_steps else num_steps


def cut(prompt: TokenPrompt, num_steps: int) -> TokenPrompt:
    """Cut a prompt after some steps. Its rules still see what is given behind them."""
    return replace(prompt, allowed=prompt.allowed[:, :num_steps])


def completed(generation: Generation, prompt: TokenPrompt) -> Generation:
    """Append the given tokens behind a cut; the figures stay those of the cut prompt.

    Args:
        generation: Of the cut prompt, with a multiple of B rows.
        prompt: Of B rows, whole.
    """
    num = len(generation.tokens) // len(prompt.allowed)
    rest = prompt.allowed[:, generation.tokens.shape[1] :].byte().argmax(2).to(generation.tokens.device)
    forced = prompt.forced.repeat_interleave(num, 0).to(generation.forced.device)
    return replace(generation, tokens=torch.cat([generation.tokens, rest.repeat_interleave(num, 0)], 1), forced=forced)


def weighed(model: LanguageModel, generation: Generation, start: torch.Tensor | None) -> Generation:
    """Weigh completed pieces as wholes. What is given costs nothing.

    Args:
        model: Gives their log-probabilities.
        generation: From `completed`.
        start: (B,) the token before each piece; START if None.
    """
    with stepping():
        log_prob = model.score(generation.tokens, None if start is None else start.to(model.device))
    rest = log_prob.to(generation.log_prob) - generation.log_prob
    return replace(generation, log_prob=generation.log_prob + rest, score=generation.score + rest)
