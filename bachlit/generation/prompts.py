"""From prompts to what decoders take: moved to the model's keys, as masks over tokens, with the grid behind them."""

from collections.abc import Sequence

import numpy as np
import torch

from bachlit.decoding import FREE, Enforced, Grammar, Grid, Rule, Rules, TokenPrompt
from bachlit.encoding import SatbEncoding
from bachlit.errors import PromptError
from bachlit.music.chorale import RANGES, REST, VOICES, BoolArray, move_into_range
from bachlit.music.keys import Key, Keys, estimate_key, semitones_home
from bachlit.music.prompt import Prompt
from bachlit.tokens import END


def grammar_of(encoding: SatbEncoding) -> Grammar:
    """The encoding's grammar as a constraint on decoding."""
    return Grammar(
        torch.from_numpy(encoding.slot_tokens),
        torch.from_numpy(encoding.token_pitch),
        torch.from_numpy(encoding.token_holds),
    )


def token_prompt(
    encoding: SatbEncoding,
    masks: Sequence[BoolArray],
    keys: Sequence[Key],
    grid: Grid,
    rules: Rules | Rule,
    strict: bool,
) -> TokenPrompt:
    """Masks (N, V) of any lengths as one batch, the shorter ones filled with END.

    Args:
        encoding: Of the tokens.
        masks: One a piece.
        keys: The keys with which the pieces start.
        grid: The frames and voices behind the masks.
        rules: What the free cells must keep.
        strict: Whether a rule that can't be kept is an error.
    """
    allowed = torch.zeros(len(masks), max(len(mask) for mask in masks), encoding.vocabulary_size, dtype=torch.bool)
    allowed[:, :, END] = True
    for row, mask in enumerate(masks):
        allowed[row, : len(mask)] = torch.from_numpy(mask)
    constraint = grammar_of(encoding) & Enforced(grid, rules)
    return TokenPrompt(allowed, constraint, torch.tensor([encoding.start(key) for key in keys]), grid, strict)


def grid_of(encoding: SatbEncoding, prompts: Sequence[Prompt], moves: Sequence[tuple[int, int]]) -> Grid:
    """The grid behind prompts, each moved as `move_for` says."""
    longest = max(prompt.chorale.num_frames for prompt in prompts)
    given = torch.full((len(prompts), longest, len(VOICES)), REST)
    for row, (prompt, (move, _)) in enumerate(zip(prompts, moves, strict=True)):
        pitches = prompt.chorale.transpose(move).pitches.astype(np.int64)
        given[row, : len(pitches)] = torch.from_numpy(np.where(prompt.given, pitches, FREE))
    return new_grid(
        encoding,
        given=given,
        num_frames=[prompt.chorale.num_frames for prompt in prompts],
        ending=[_last_onset(prompt) for prompt in prompts],
        keys=[prompt.chorale.key.transpose(move) for prompt, (move, _) in zip(prompts, moves, strict=True)],
        moves=moves,
        measure=[prompt.chorale.measure_length for prompt in prompts],
        pickup=[prompt.chorale.pickup for prompt in prompts],
    )


def _last_onset(prompt: Prompt) -> int:
    """Where the last given note begins, within the last measure; a quarter before the end if none is given there."""
    chorale = prompt.chorale
    num_frames = chorale.num_frames
    first = max(0, num_frames - chorale.measure_length)
    begins = (prompt.given & chorale.onsets & (chorale.pitches != REST))[first:].any(axis=1)
    return first + int(np.flatnonzero(begins)[-1]) if begins.any() else max(first, num_frames - 4)


def new_grid(
    encoding: SatbEncoding,
    *,
    given: torch.Tensor,
    num_frames: Sequence[int],
    ending: Sequence[int],
    keys: Sequence[Key],
    moves: Sequence[tuple[int, int]],
    measure: Sequence[int],
    pickup: Sequence[int],
) -> Grid:
    """A grid from what differs between pieces, as `Grid` describes it; `moves` as `move_for` gives them."""
    return Grid(
        voices=(None, *(VOICES.index(voice) for voice in encoding.order)),
        pitch=torch.from_numpy(encoding.token_pitch),
        holds=torch.from_numpy(encoding.token_holds),
        given=given,
        num_frames=torch.tensor(num_frames),
        ending=torch.tensor(ending),
        tonic=torch.tensor([key.tonic for key in keys]),
        minor=torch.tensor([key.mode == "minor" for key in keys]),
        moved=torch.tensor([move for move, _ in moves]),
        shift=torch.tensor([move - into_range for move, into_range in moves]),
        measure=torch.tensor(measure),
        pickup=torch.tensor(pickup),
    )


def move_for(prompt: Prompt, keys: Keys) -> tuple[int, int]:
    """Semitones to move a prompt by for the model, and those of them that bring it into the voices' ranges."""
    into_range = _move_into_range(prompt)
    if keys != "home":
        return into_range, into_range
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    return semitones_home(estimate_key(pitches, prompt.chorale.key)), into_range


def _move_into_range(prompt: Prompt) -> int:
    """The smallest move, as `move_into_range` finds it, that brings every given voice into its range.

    Raises:
        PromptError: If there is none, or nothing is given that sounds in a voice that is given whole.
    """
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
    """A pitch as people write it: 60 is C4."""
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    return f"{names[pitch % 12]}{pitch // 12 - 1}"
