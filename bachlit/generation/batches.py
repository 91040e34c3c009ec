"""Batches: prompts decoded together, with dead ends and yielding rules located in musical terms."""

import warnings
from collections.abc import Iterator, Sequence

from bachlit.decoding import LIVELY, PART_WRITING, Decoder, Generation, Grid, RowGenerators, Rule, Rules, Yielded
from bachlit.errors import DeadEndError, RuleWarning
from bachlit.generation.prompts import ModelPrompt, token_prompt
from bachlit.models.language_model import LanguageModel, evaluating
from bachlit.music.chorale import VOICES


class PromptBatch:
    """Prompts that a model and a decoder fill together.

    Args:
        model: Predicts the tokens.
        prompts: B pieces.
        decoder: Chooses the tokens.
        rules: What they must keep; `usual_rules` if None.
        strict: Whether a rule that can't be kept is an error.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompts: Sequence[ModelPrompt],
        decoder: Decoder,
        *,
        rules: Rules | Rule | None,
        strict: bool,
    ) -> None:
        self._model, self._decoder = model, decoder
        self._names = [prompt.name or "the piece" for prompt in prompts]
        rules = usual_rules(decoder) if rules is None else rules
        self._tokens = token_prompt(model.voiced_encoding, prompts, rules, strict=strict)

    def decode(self, seeds: Sequence[int], num: int = 1) -> Iterator[tuple[int, Generation, int]]:
        """Write up to `num` pieces per prompt, as many at once as memory holds.

        Yields:
            For each piece the index of its prompt, and a generation with the piece's row.

        Raises:
            DeadEndError: If nothing is left to choose.
        """
        try:
            with evaluating(self._model.network):
                for batch in self._decoder.decode_batches(self._model, self._tokens, RowGenerators(seeds), num):
                    part = len(batch.tokens) // len(self._names)
                    yield from ((row // part, batch, row) for row in range(len(batch.tokens)))
        except DeadEndError as error:
            raise DeadEndError(
                f"{self._place(error.row, error.t)} has no note that all rules and what is given allow; leave a rule "
                "out, make it soft by a number, or use a decoder that keeps more hypotheses.",
                error.row,
                error.t,
            ) from error

    def warn(self, yielded: Sequence[Yielded]) -> None:
        """Warn where rules gave way, once per rule and piece."""
        places: dict[tuple[int, str], set[int]] = {}
        for row, t, rule in yielded:
            places.setdefault((row, rule), set()).add(t)
        for (row, rule), steps in places.items():
            others = f", nor at {len(steps) - 1} other places" if len(steps) > 1 else ""
            first = self._place(row, min(steps))
            warnings.warn(
                f"{first} has no note that keeps {rule}{others}; it gave way there.", RuleWarning, stacklevel=3
            )

    def _place(self, row: int, t: int) -> str:
        """Name a step in musical terms."""
        grid: Grid = self._tokens.grid  # type: ignore[assignment]  # `token_prompt` gives one
        frame, slot = divmod(t, len(grid.voices))
        column = grid.voices[slot]
        bar = (frame - int(grid.pickup[row])) // int(grid.measure[row]) + 1
        return f"The {'end' if column is None else VOICES[column]} of {self._names[row]} at bar {bar} (frame {frame})"


def usual_rules(decoder: Decoder) -> Rules:
    """Give the rules that a decoder's pieces keep by default; if it seeks the likeliest, movement too."""
    return LIVELY if decoder.seeks_likeliest else PART_WRITING
