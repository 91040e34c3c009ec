"""Gibbs: refine a whole piece by recomposing random blocks."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from bachlit.decoding.base import Decoder, RowGenerators
from bachlit.decoding.beam import BeamSearch
from bachlit.decoding.contracts import Choice, Generation, Model, TokenPrompt
from bachlit.decoding.sampling import draw, relative
from bachlit.decoding.walk import Walk, stepping
from bachlit.errors import OptionError


class Gibbs(Decoder):
    """Start from another decoder's piece and recompose blocks: some frames of some voices.

    A block is drawn from the model with all the rest fixed, and accepted by the Metropolis-Hastings rule on the whole
    piece's probability and rule cost (Hastings 1970). At temperature 1 this converges to sampling from the model given
    the prompt; lower temperatures prefer likely pieces, and 0 accepts only improvements.

    Args:
        start: Decoder of the first piece; a beam if None.
        rounds: Blocks to try, one after another. Each takes as long as writing a piece.
        block: Frames per block; tokens where a prompt has no grid.
        temperature: Of the acceptance rule.

    Raises:
        OptionError: If an option is outside its range.
    """

    def __init__(
        self, start: Decoder | None = None, rounds: int = 16, block: int = 8, temperature: float = 0.0
    ) -> None:
        if rounds < 0 or block < 1 or not 0 <= temperature < math.inf:
            raise OptionError(
                f"Gibbs got {rounds} rounds, block {block}, temperature {temperature}; expected 0, 1, 0 or more."
            )
        self.start = start or BeamSearch()
        self.rounds, self.block, self.temperature = rounds, block, temperature
        self.seeks_likeliest = temperature < 1

    def decode(self, model: Model, prompt: TokenPrompt, generator: RowGenerators) -> Generation:
        """Write one piece per row and refine it; the score is log-probability minus rule cost."""
        prompt = prompt.to(model.device)
        generation = self.start.decode(model, prompt, generator)
        with stepping():
            for number in range(self.rounds):
                # Each with streams of its own: beside longer pieces, more of a stream is drawn.
                own = generator.repeat(1, first=-1 - number)
                generation = self._refine(model, prompt, generation.tokens, own)
        return replace(generation, score=generation.log_prob - generation.cost)

    def _refine(self, model: Model, prompt: TokenPrompt, old: Tensor, generator: RowGenerators) -> Generation:
        """Propose a block on each row and accept or reject it. Constraints may give way in both pieces."""
        allowed = prompt.allowed & self._free(prompt, old, generator)
        walk = Walk(model, replace(prompt, allowed=allowed, strict=False), torch.zeros(2), passes=True)
        drawn = torch.zeros_like(walk.score)  # (B, 2) the log-probabilities with which the blocks are drawn
        same = torch.arange(2, device=old.device).expand_as(walk.score)
        for log_probs, may in walk:
            generator.uniform(2 * walk.passed)  # a row's stream goes on as if it had been asked at each step
            # The first hypothesis is the old piece, the second is drawn.
            legal = log_probs.to(walk.precision).masked_fill(~may, -torch.inf)  # (B, 2, V)
            token = torch.stack([old[:, walk.t], draw(relative(legal).exp(), generator)[:, 1]], 1)
            gained = legal.gather(2, token.unsqueeze(2)).squeeze(2)
            share = gained - legal.logsumexp(2)
            drawn = drawn + torch.where(gained > -torch.inf, share, 0.0)
            walk.take(Choice(same, token, walk.score + gained))
        generator.uniform(2 * walk.passed)
        odds = walk.score[:, 1] - walk.score[:, 0]  # (B,), infinite where only the new piece keeps the constraints
        if self.temperature:
            chance = odds / self.temperature + drawn[:, 0] - drawn[:, 1]
            better = generator.uniform(1)[:, 0].to(chance).log() < chance
        else:
            better = odds > 0
        return walk.finish((better & (walk.score[:, 1] > -torch.inf)).long().unsqueeze(1))

    def _free(self, prompt: TokenPrompt, old: Tensor, generator: RowGenerators) -> Tensor:
        """Mask (B, N, V): the old tokens, and one free block per row."""
        size = prompt.allowed.shape[2]
        kept = torch.nn.functional.one_hot(old, size).bool()
        first, which = generator.uniform(2).float().to(old.device).unbind(1)  # (B,) each
        step = torch.arange(old.shape[1], device=old.device)
        if prompt.grid is None:
            begin = ((1 - first) * old.shape[1]).long().unsqueeze(1)
            return kept | ((step >= begin) & (step < begin + self.block)).unsqueeze(2)
        grid = prompt.grid
        begin = ((1 - first) * grid.num_frames).long().unsqueeze(1)
        voices = ((1 - which) * 15).long() + 1  # (B,) a set of voices as bits, at least one
        slots = len(grid.voices)
        bits = torch.tensor([0 if voice is None else 1 << voice for voice in grid.voices], device=old.device)
        chosen = (voices.unsqueeze(1) & bits[step % slots]) > 0  # (B, N)
        frame = step // slots
        inside = chosen & (frame >= begin) & (frame < begin + self.block)
        # The cell after a block keeps its pitch, but may become an onset if the block ends on another pitch.
        after = chosen & (frame == begin + self.block)
        alike = (grid.pitch == grid.pitch[old].unsqueeze(2)) & (grid.pitch > 0)
        return kept | inside.unsqueeze(2) | (after.unsqueeze(2) & alike)
