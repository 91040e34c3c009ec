"""Harmonising: fill prompts with a model's tokens, and move the result back to its key."""

import dataclasses
import math
import warnings
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    PLAIN,
    BeamSearch,
    Decoder,
    Generation,
    Grid,
    RowGenerators,
    Rule,
    Rules,
    Yielded,
)
from bachlit.errors import DeadEndError, RuleWarning
from bachlit.generation.choices import Style
from bachlit.generation.grids import token_prompt
from bachlit.generation.merit import figures, merit, require_known
from bachlit.generation.metre import Beat, as_written, scale_of
from bachlit.generation.prompts import ModelPrompt, model_prompt, move_for, ranges_in
from bachlit.generation.written import Filled, Written
from bachlit.models.calibration import Calibration
from bachlit.models.language_model import LanguageModel, evaluating
from bachlit.music.chorale import VOICES
from bachlit.music.prompt import Prompt

CANDIDATES = 16
"""Pieces among which the default of `harmonize` takes the one of most merit: the best of each of two groups."""


def harmonizer(num: int = 1) -> BeamSearch:
    """Make the default decoder: a beam of 16 per way, and of two groups for one."""
    groups = max(num, 2)
    return BeamSearch(16 * groups, groups=groups)


class PromptBatch:
    """Prompts that a model and a decoder fill together.

    Args:
        model: Predicts the tokens.
        prompts: B pieces.
        decoder: Chooses the tokens.
        rules: What they must keep; `rules_for` if None.
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
        self._prompts = prompts
        rules = rules_for(decoder, calibration=model.calibration) if rules is None else rules
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
                    part = len(batch.tokens) // len(self._prompts)
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


def rules_for(decoder: Decoder, style: Style = "chorale", calibration: Calibration | None = None) -> Rules:
    """Give the rules that a decoder's pieces keep by default; if it seeks the likeliest, movement too.

    Args:
        decoder: Chooses the notes.
        style: Of the parts.
        calibration: Of a model, whose numbers replace those of soft rules.

    >>> from bachlit.decoding import BeamSearch
    >>> rules = rules_for(BeamSearch(), calibration=Calibration({"Motion": (-0.7, -0.3)}))
    >>> [rule.weight for rule in rules if type(rule).__name__ == "Motion"]
    [-0.7, -0.3]
    """
    if style == "plain":
        return PLAIN
    if not decoder.seeks_likeliest:
        return PART_WRITING
    numbers = {name: iter(weights) for name, weights in (calibration.rules if calibration else {}).items()}
    return Rules(
        tuple(
            dataclasses.replace(rule, weight=next(numbers.get(str(rule), iter(())), rule.weight))
            if math.isfinite(rule.weight)
            else rule
            for rule in LIVELY
        )
    )


def write(
    model: LanguageModel,
    prompts: Sequence[Prompt],
    *,
    decoder: Decoder,
    seeds: Sequence[int],
    rules: Rules | Rule | None = None,
    strict: bool = False,
    beat: Beat = "auto",
) -> list[Written]:
    """Fill the free cells of prompts, all at once.

    Args:
        model: Predicts the tokens.
        prompts: B pieces with given and free cells.
        decoder: Chooses the tokens.
        seeds: One per prompt; the same seed gives the same piece, whatever stands beside it.
        rules: What the free cells must keep; where they can't, the last gives way first, with a `RuleWarning`. If None,
            `rules_for` applies; `Rules()` for none. The ranges of the rule `Ranges` are those that the given voices
            are moved into, too.
        strict: Raise where a rule would have to give way.
        beat: The note value that is read as a beat; if auto, each prompt's own.

    Returns:
        The pieces, in the prompts' order.

    Raises:
        PromptError: If a voice that is given whole only rests.
        OptionError: If something given is too short for the beat.
        DeadEndError: If nothing is left to choose.
    """
    several = write_several(model, prompts, decoder=decoder, seeds=seeds, num=1, rules=rules, strict=strict, beat=beat)
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
    beat: Beat = "auto",
) -> list[list[Written]]:
    """Fill the free cells of prompts, each in up to `num` different ways.

    Args:
        model: Predicts the tokens.
        prompts: B pieces with given and free cells.
        decoder: Chooses the tokens.
        seeds: One per prompt; the same seed gives the same pieces, whatever stands beside it.
        num: How many ways at most.
        rules: What the free cells must keep; where they can't, the last gives way first, with a `RuleWarning`. If None,
            `rules_for` applies; `Rules()` for none.
        strict: Raise where a rule would have to give way.
        beat: The note value that is read as a beat; if auto, each prompt's own.

    Returns:
        For each prompt its pieces, those of greater merit first.

    Raises:
        PromptError: If a voice that is given whole only rests.
        OptionError: If something given is too short for the beat.
        DeadEndError: If nothing is left to choose.
    """
    rules = rules_for(decoder, calibration=model.calibration) if rules is None else Rules() & rules
    asked = [ask(model, prompt, rules, beat) for prompt in prompts]
    filled = fill(model, asked, decoder=decoder, seeds=seeds, num=num, rules=rules, strict=strict)
    for one in filled:
        one.warn()
    return [one.pieces for one in filled]


class Asked(NamedTuple):
    """Prompt, as given and as a model is asked for it."""

    prompt: Prompt
    moved: ModelPrompt


def ask(model: LanguageModel, prompt: Prompt, rules: Rules, beat: Beat = "auto") -> Asked:
    """Move a prompt to a model's keys and note values.

    Args:
        model: Predicts the tokens.
        prompt: What is given.
        rules: Their ranges are those that the given voices are moved into.
        beat: The note value that is read as a beat; if auto, the prompt's own.

    Raises:
        PromptError: If a voice that is given whole only rests.
        OptionError: If something given is too short for the beat.
    """
    moves = move_for(prompt, model.keys, ranges_in(rules))
    return Asked(prompt, model_prompt(model.voiced_encoding, prompt, moves, scale_of(prompt, beat)))


def fill(
    model: LanguageModel,
    asked: Sequence[Asked],
    *,
    decoder: Decoder,
    seeds: Sequence[int],
    num: int,
    rules: Rules,
    strict: bool = False,
) -> list[Filled]:
    """Fill the free cells of prompts, each in up to `num` different ways; warnings are left to the caller.

    Args:
        model: Predicts the tokens.
        asked: B prompts.
        decoder: Chooses the tokens.
        seeds: One per prompt; the same seed gives the same pieces, whatever stands beside it.
        num: How many ways at most.
        rules: What the free cells must keep.
        strict: Raise where a rule would have to give way.

    Raises:
        DeadEndError: If nothing is left to choose.
    """
    require_known(model.calibration.figures)
    batch = PromptBatch(model, [one.moved for one in asked], decoder, rules=rules, strict=strict)
    distinct: list[dict[bytes, Written]] = [{} for _ in asked]
    yielded: list[Yielded] = []
    for index, generation, row in batch.decode(seeds, num):
        yielded += [one._replace(row=index) for one in generation.yielded if one.row == row]
        tokens = generation.tokens[row].cpu().numpy()
        known, key = distinct[index], sha256(tokens.tobytes()).digest()
        if generation.score[row] > -math.inf and key not in known:
            prompt, moved = asked[index]
            notes = model.voiced_encoding.decode(tokens).transpose(-moved.move)
            pitches, onsets = as_written(notes, moved.scale)
            known[key] = Written(dataclasses.replace(prompt.chorale, pitches=pitches, onsets=onsets), generation, row)
    if model.calibration.figures and _soft(rules) == _soft(rules_for(decoder, calibration=model.calibration)):
        for one, known in zip(asked, distinct, strict=True):
            for piece in known.values():
                heard = dataclasses.replace(piece.chorale, fermatas=one.prompt.heard.fermatas)
                piece.figures = figures(heard, None, piece.log_prob)
                piece.merit = merit(piece.figures, model.calibration.figures)
    sentences = list(batch.sentences(yielded))
    return [
        Filled(
            sorted(known.values(), key=lambda written: written.merit, reverse=True),
            [sentence for row, sentence in sentences if row == index],
        )
        for index, known in enumerate(distinct)
    ]


def _soft(rules: Rules) -> list[Rule]:
    """Rules that cost; pieces that paid others than the usual ones are ranked by what they paid."""
    return [rule for rule in rules if math.isfinite(rule.weight) and rule.weight != 0]
