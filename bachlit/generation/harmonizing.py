"""Harmonising: fill prompts with a model's tokens, and move the result back to its key."""

import dataclasses
import math
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from bachlit.decoding import (
    LIVELY,
    PART_WRITING,
    PLAIN,
    BeamSearch,
    Decoder,
    Rule,
    Rules,
    Yielded,
)
from bachlit.generation.choices import Style
from bachlit.generation.merit import figures, merit, require_known
from bachlit.generation.metre import Beat, as_written, scale_of
from bachlit.generation.prompt_batch import Drawn, PromptBatch
from bachlit.generation.prompts import ModelPrompt, model_prompt, move_for, ranges_in
from bachlit.generation.written import Filled, Written
from bachlit.models.calibration import Calibration
from bachlit.models.language_model import LanguageModel
from bachlit.music.prompt import Prompt

CANDIDATES = 16
"""Pieces among which the default of `harmonize` takes the one of most merit: the best of each of two groups."""


def harmonizer(num: int = 1) -> BeamSearch:
    """Make the default decoder: a beam of 16 per way, and of two groups for one."""
    groups = max(num, 2)
    return BeamSearch(16 * groups, groups=groups)


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
    tried: int | None = None,
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
        tried: Pieces of which the `num` of most merit are taken; `num` if None.
        strict: Raise where a rule would have to give way.

    Raises:
        DeadEndError: If nothing is left to choose.
    """
    require_known(model.calibration.figures)
    batch = PromptBatch(model, [one.moved for one in asked], decoder, rules=rules, strict=strict)
    weighs = _soft(rules) == _soft(rules_for(decoder, calibration=model.calibration))
    distinct: list[dict[bytes, tuple[Written, Drawn | None]]] = [{} for _ in asked]
    yielded: list[Yielded] = []
    for drawn in batch.decode(seeds, num if tried is None else tried):
        yielded += drawn.yielded
        known, key = distinct[drawn.prompt], sha256(drawn.tokens.tobytes()).digest()
        if drawn.generation.score[drawn.row] > -math.inf and key not in known:
            piece = _written(model, asked[drawn.prompt], drawn, weighs=weighs)
            known[key] = piece, None if batch.sees_all(drawn.prompt) else drawn
    best = [sorted(known.values(), key=lambda one: one[0].merit, reverse=True)[:num] for known in distinct]
    filled = [[piece for piece, drawn in pieces if drawn is None] for pieces in best]
    for drawn in batch.weigh([drawn for pieces in best for _, drawn in pieces if drawn is not None]):
        filled[drawn.prompt].append(_written(model, asked[drawn.prompt], drawn, weighs=weighs))
    sentences = list(batch.sentences(yielded))
    return [
        Filled(
            sorted(pieces, key=lambda written: written.merit, reverse=True),
            [sentence for row, sentence in sentences if row == index],
        )
        for index, pieces in enumerate(filled)
    ]


def _written(model: LanguageModel, asked: Asked, drawn: Drawn, *, weighs: bool) -> Written:
    """Move a piece back to its prompt's key and note values; find its merit if the model weighs its figures."""
    prompt, moved = asked
    notes = model.voiced_encoding.decode(drawn.tokens).transpose(-moved.move)
    pitches, onsets = as_written(notes, moved.scale)
    chorale = dataclasses.replace(prompt.chorale, pitches=pitches, onsets=onsets)
    piece = Written(chorale, drawn.generation, drawn.row)
    if weighs and model.calibration.figures:
        heard = dataclasses.replace(chorale, fermatas=prompt.heard.fermatas)
        piece.figures = figures(heard, None, piece.log_prob)
        piece.merit = merit(piece.figures, model.calibration.figures)
    return piece


def _soft(rules: Rules) -> list[Rule]:
    """Rules that cost; pieces that paid others than the usual ones are ranked by what they paid."""
    return [rule for rule in rules if math.isfinite(rule.weight) and rule.weight != 0]
