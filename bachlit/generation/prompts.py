"""Prompts for a model: moved to its keys, as the tokens that may stand at each step and the grid behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from bachlit.decoding import FREE, Enforced, Grammar, Grid, Rule, Rules, TokenPrompt
from bachlit.encoding import SatbEncoding, prompt_mask
from bachlit.errors import PromptError
from bachlit.music.chorale import RANGES, REST, VOICES, BoolArray, move_into_range
from bachlit.music.keys import Key, Keys, estimate_key, semitones_home
from bachlit.music.prompt import Prompt
from bachlit.tokens import END


@dataclass(frozen=True, eq=False)
class ModelPrompt:
    """One piece as a model is asked for it.

    Attributes:
        name: What errors and warnings call it.
        key: That of its start.
        allowed: (N, V) the tokens that may stand at each step.
        given: (T, 4) the given pitches, 0 a rest, `FREE` where a cell is free.
        ending: The frame in which the last given note begins.
        measure: Sixteenths in a measure.
        pickup: Sixteenths before the first full one.
        move: Semitones by which it was moved for the model.
        into_range: Those of them that brought it into the voices' ranges.
    """

    name: str
    key: Key
    allowed: BoolArray
    given: npt.NDArray[np.int64]
    ending: int
    measure: int
    pickup: int
    move: int = 0
    into_range: int = 0


def model_prompt(encoding: SatbEncoding, prompt: Prompt, moves: tuple[int, int] = (0, 0)) -> ModelPrompt:
    """Move a prompt to a model's keys.

    Args:
        encoding: The model's.
        prompt: What is given.
        moves: From `move_for`.
    """
    move, into_range = moves
    moved = prompt.chorale.transpose(move)
    return ModelPrompt(
        prompt.chorale.name,
        prompt.chorale.key.transpose(move),
        prompt_mask(encoding, moved, prompt.given, rhythm=prompt.rhythm),
        np.where(prompt.given, moved.pitches.astype(np.int64), FREE),
        _last_onset(prompt),
        prompt.chorale.measure_length,
        prompt.chorale.pickup,
        move,
        into_range,
    )


def _last_onset(prompt: Prompt) -> int:
    """Find where the last given note begins, within the last measure; a quarter before the end if none does."""
    chorale = prompt.chorale
    num_frames = chorale.num_frames
    first = max(0, num_frames - chorale.measure_length)
    begins = (prompt.given & chorale.onsets & (chorale.pitches != REST))[first:].any(axis=1)
    return first + int(np.flatnonzero(begins)[-1]) if begins.any() else max(first, num_frames - 4)


def token_prompt(
    encoding: SatbEncoding, prompts: Sequence[ModelPrompt], rules: Rules | Rule, *, strict: bool = False
) -> TokenPrompt:
    """Batch prompts of any lengths, the shorter ones filled with END.

    Args:
        encoding: Of the tokens.
        prompts: B pieces.
        rules: What the free cells must keep.
        strict: Whether a rule that can't be kept is an error.
    """
    longest = max(len(prompt.allowed) for prompt in prompts)
    allowed = torch.zeros(len(prompts), longest, encoding.vocabulary_size, dtype=torch.bool)
    allowed[:, :, END] = True
    for row, prompt in enumerate(prompts):
        allowed[row, : len(prompt.allowed)] = torch.from_numpy(prompt.allowed)
    grid = grid_behind(encoding, prompts)
    start = torch.tensor([encoding.start(prompt.key) for prompt in prompts])
    return TokenPrompt(allowed, grammar_of(encoding) & Enforced(grid, rules), start, grid, strict)


def grammar_of(encoding: SatbEncoding) -> Grammar:
    """Make an encoding's grammar a constraint on decoding."""
    return Grammar(
        torch.from_numpy(encoding.slot_tokens),
        torch.from_numpy(encoding.token_pitch),
        torch.from_numpy(encoding.token_holds),
    )


def grid_behind(encoding: SatbEncoding, prompts: Sequence[ModelPrompt]) -> Grid:
    """Make the grid behind a batch of prompts."""
    return Grid(
        voices=(None, *(VOICES.index(voice) for voice in encoding.order)),
        pitch=torch.from_numpy(encoding.token_pitch),
        holds=torch.from_numpy(encoding.token_holds),
        given=pad_sequence([torch.from_numpy(one.given) for one in prompts], batch_first=True, padding_value=REST),
        num_frames=torch.tensor([len(one.given) for one in prompts]),
        ending=torch.tensor([one.ending for one in prompts]),
        tonic=torch.tensor([one.key.tonic for one in prompts]),
        minor=torch.tensor([one.key.mode == "minor" for one in prompts]),
        moved=torch.tensor([one.move for one in prompts]),
        shift=torch.tensor([one.move - one.into_range for one in prompts]),
        measure=torch.tensor([one.measure for one in prompts]),
        pickup=torch.tensor([one.pickup for one in prompts]),
    )


def move_for(prompt: Prompt, keys: Keys) -> tuple[int, int]:
    """Find the semitones to move a prompt by, and those of them for the voices' ranges.

    Raises:
        PromptError: If no move brings the given voices into their ranges, or one that is given whole only rests.
    """
    into_range = _move_into_range(prompt)
    if keys != "home":
        return into_range, into_range
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    return semitones_home(estimate_key(pitches, prompt.chorale.key)), into_range


def _move_into_range(prompt: Prompt) -> int:
    """Find the smallest move that brings every given voice into its range."""
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    compasses = {}
    for column, voice in enumerate(VOICES):
        sounding = pitches[:, column][pitches[:, column] != REST]
        if sounding.size:
            compasses[voice] = (int(sounding.min()), int(sounding.max()))
    if not compasses and prompt.given.all(axis=0).any():
        raise PromptError(
            f"The voice that {prompt.chorale.name or 'the prompt'} gives only rests; expected a melody in it. Name the "
            "voice that the melody is in."
        )
    move = move_into_range(compasses)
    if move is not None:
        return move
    voice, (low, high) = next(
        (voice, compass)
        for voice, compass in compasses.items()
        if compass[0] < RANGES[voice][0] or compass[1] > RANGES[voice][1]
    )
    raise PromptError(
        f"The {voice} of {prompt.chorale.name or 'the prompt'} goes from {_name(low)} to {_name(high)}; expected "
        f"{_name(RANGES[voice][0])} to {_name(RANGES[voice][1])}, or at most six semitones off. Transpose it, or "
        "give it to another voice."
    )


def _name(pitch: int) -> str:
    """Write a pitch: 60 is C4."""
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    return f"{names[pitch % 12]}{pitch // 12 - 1}"
