"""PromptBatch: prompts that a model and a decoder fill together."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from bachlit.decoding import Decoder, Generation, Grid, RowGenerators, Rule, Rules, TokenPrompt, Yielded
from bachlit.errors import DeadEndError, RuleWarning
from bachlit.generation.grids import token_prompt
from bachlit.generation.horizon import completed, cut, steps_to_decode, weighed
from bachlit.generation.prompts import ModelPrompt
from bachlit.models.language_model import LanguageModel, evaluating
from bachlit.music.chorale import VOICES

_TOGETHER = 32  # most pieces weighed at once: some 100 MB


class Drawn(NamedTuple):
    """Piece that was decoded.

    Attributes:
        prompt: Index of its prompt.
        generation: It is one of the rows.
        row: Which.
    """

    prompt: int
    generation: Generation
    row: int

    @property
    def tokens(self) -> npt.NDArray[np.int64]:
        """Its tokens (N,)."""
        return self.generation.tokens[self.row].cpu().numpy()

    @property
    def yielded(self) -> list[Yielded]:
        """Places at which constraints gave way in it, with its prompt's index as the row."""
        return [one._replace(row=self.prompt) for one in self.generation.yielded if one.row == self.row]


class PromptBatch:
    """Prompts that a model and a decoder fill together.

    Args:
        model: Predicts the tokens.
        prompts: B pieces.
        decoder: Chooses the tokens.
        rules: What they must keep.
        strict: Whether a rule that can't be kept is an error.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompts: Sequence[ModelPrompt],
        decoder: Decoder,
        *,
        rules: Rules | Rule,
        strict: bool,
    ) -> None:
        self._model, self._decoder = model, decoder
        self._prompts = prompts
        encoding = model.voiced_encoding
        self._tokens = token_prompt(encoding, prompts, rules, strict=strict)
        self._num_steps = self._tokens.allowed.shape[1]
        seen = [steps_to_decode(prompt.allowed, decoder, rules, encoding.frame_size) for prompt in prompts]
        # A prompt that is seen whole is decoded to the end of the longest beside it.
        self._seen = [
            steps if steps < len(prompt.allowed) else self._num_steps
            for steps, prompt in zip(seen, prompts, strict=True)
        ]

    def decode(self, seeds: Sequence[int], num: int = 1) -> Iterator[Drawn]:
        """Write up to `num` pieces per prompt, as many at once as memory holds.

        Pieces of a prompt that isn't seen whole have the figures of a part: `weigh` those kept.

        Raises:
            DeadEndError: If nothing is left to choose.
        """
        for steps in sorted(set(self._seen), reverse=True):
            indices = [index for index, seen in enumerate(self._seen) if seen == steps]
            whole = self._rows(indices)
            with self._placing(indices), evaluating(self._model.network):
                generator = RowGenerators([seeds[index] for index in indices])
                for batch in self._decoder.decode_batches(self._model, cut(whole, steps), generator, num):
                    generation, part = completed(batch, whole), len(batch.tokens) // len(indices)
                    yield from (Drawn(indices[row // part], generation, row) for row in range(len(batch.tokens)))

    def sees_all(self, prompt: int) -> bool:
        """Check whether a prompt is decoded whole, not up to a horizon."""
        return self._seen[prompt] == self._num_steps

    def weigh(self, drawn: Sequence[Drawn]) -> Iterator[Drawn]:
        """Give pieces, in this order, with figures of all that is given."""
        start = self._tokens.start
        for first in range(0, len(drawn), _TOGETHER):
            part = drawn[first : first + _TOGETHER]
            prompts = torch.tensor([one.prompt for one in part])
            generation = weighed(self._model, _together(part), None if start is None else start[prompts])
            yield from (Drawn(one.prompt, generation, row) for row, one in enumerate(part))

    def warn(self, yielded: Sequence[Yielded]) -> None:
        """Warn where rules gave way, once per rule and piece."""
        for _, sentence in self.sentences(yielded):
            warnings.warn(sentence, RuleWarning, stacklevel=3)

    def sentences(self, yielded: Sequence[Yielded]) -> Iterator[tuple[int, str]]:
        """Tell where rules gave way: a prompt's index and a sentence, once per rule and piece."""
        places: dict[tuple[int, str], set[int]] = {}
        for row, t, rule in yielded:
            places.setdefault((row, rule), set()).add(t)
        for (row, rule), steps in places.items():
            others = f", nor at {len(steps) - 1} other places" if len(steps) > 1 else ""
            first = self._place(row, min(steps))
            yield row, f"{first} has no note that keeps {rule}{others}; it gave way there."

    def _place(self, row: int, t: int) -> str:
        """Name a step in musical terms."""
        grid: Grid = self._tokens.grid  # type: ignore[assignment]  # `token_prompt` gives one
        frame, slot = divmod(t, len(grid.voices))
        column = grid.voices[slot]
        prompt = self._prompts[row]
        piece, frame = prompt.piece, int(frame / prompt.scale)
        bars = prompt.written_bars
        bar = next((bar for bar in bars if frame < bar.end), bars[-1])
        name, voice = piece.name or "the piece", "end" if column is None else VOICES[column]
        return f"The {voice} of {name} at bar {bar.number} (frame {frame})"

    def _rows(self, indices: list[int]) -> TokenPrompt:
        """Select prompts, in this order."""
        every = list(range(len(self._prompts)))
        return self._tokens if indices == every else self._tokens.rows(torch.tensor(indices))

    @contextmanager
    def _placing(self, indices: Sequence[int]) -> Iterator[None]:
        """Name the place of a dead end; row r is the prompt `indices[r]`."""
        try:
            yield
        except DeadEndError as error:
            raise DeadEndError(
                f"{self._place(indices[error.row], error.t)} has no note that all rules and what is given allow; leave "
                "a rule out, make it soft by a number, or use a decoder that keeps more hypotheses.",
                indices[error.row],
                error.t,
            ) from error


def _together(drawn: Sequence[Drawn]) -> Generation:
    """Join rows of generations."""

    def rows(name: str) -> torch.Tensor:
        return torch.stack([getattr(one.generation, name)[one.row] for one in drawn])

    yielded = tuple(one._replace(row=row) for row, piece in enumerate(drawn) for one in piece.yielded)
    return Generation(rows("tokens"), rows("log_prob"), rows("score"), rows("cost"), rows("forced"), yielded)
