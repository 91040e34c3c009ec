"""Prompts for a model: moved to its keys, as the tokens that may stand at each step and the grid behind them."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from bachlit.decoding import FREE, Enforced, Grammar, Grid, Ranges, Rule, Rules, TokenPrompt
from bachlit.encoding import SatbEncoding, prompt_mask
from bachlit.errors import PromptError, RangeWarning
from bachlit.generation.metre import heard, written_frames
from bachlit.music.chorale import RANGES, REST, VOICES, BoolArray, Chorale, Voice, move_into_range
from bachlit.music.keys import Keys, estimate_key, semitones_home
from bachlit.music.measures import Measure, whole_bars
from bachlit.music.notes import name_of
from bachlit.music.playing import interruptions, jumps, last_played
from bachlit.music.prompt import Prompt
from bachlit.tokens import END

_OCTAVES = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5)


@dataclass(frozen=True, eq=False)
class ModelPrompt:
    """One piece as a model is asked for it.

    Attributes:
        piece: The chorale, moved for the model: its measures, keys and order of playing.
        allowed: (N, V) the tokens that may stand at each step.
        given: (T, 4) the given pitches, 0 a rest, `FREE` where a cell is free.
        ending: The frame in which the last given note begins, in what is played last.
        end: The frame after the last that may sound, in what is played last.
        move: Semitones by which it was moved for the model.
        into_range: Those of them that brought it into the voices' ranges.
        scale: Frames for each written sixteenth.
        measures: Measures as written, in written sixteenths; those of the piece if None.
    """

    piece: Chorale
    allowed: BoolArray
    given: npt.NDArray[np.int64]
    ending: int
    end: int
    move: int = 0
    into_range: int = 0
    scale: Fraction = Fraction(1)
    measures: tuple[Measure, ...] | None = None

    @property
    def written_bars(self) -> tuple[Measure, ...]:
        """Bars as written, in written sixteenths."""
        return whole_bars(self.piece.measures if self.measures is None else self.measures)

    @property
    def written_frames(self) -> npt.NDArray[np.int64]:
        """Written sixteenth (T,) of each frame."""
        return written_frames(int(self.piece.num_frames / self.scale), self.scale)


def model_prompt(
    encoding: SatbEncoding, prompt: Prompt, moves: tuple[int, int] = (0, 0), scale: Fraction = Fraction(1)
) -> ModelPrompt:
    """Move a prompt to a model's keys, note values and bars.

    Args:
        encoding: The model's.
        prompt: What is given.
        moves: From `move_for`.
        scale: From `scale_of`.
    """
    move, into_range = moves
    measures = prompt.chorale.measures
    prompt = heard(_resting_together(prompt), scale)
    end = _end_of_given(prompt)
    moved = dataclasses.replace(prompt.chorale, source=None).transpose(move)
    return ModelPrompt(
        moved,
        prompt_mask(encoding, moved, prompt.given, prompt.rhythm, _unwritten(moved.num_frames, scale)),
        np.where(prompt.given, moved.pitches.astype(np.int64), FREE),
        _last_onset(prompt, end),
        end,
        move,
        into_range,
        scale,
        measures,
    )


def _unwritten(num_frames: int, scale: Fraction) -> BoolArray:
    """Mask (T,) of frames within a written sixteenth, in which no note begins."""
    within: BoolArray = np.diff(written_frames(int(num_frames / scale), scale), prepend=-1) == 0
    return within


def _resting_together(prompt: Prompt) -> Prompt:
    """Give rests to all voices before the given ones begin, after they end, and where they rest for a bar or more.

    Where voices are given in part, or their rhythm, the prompt stays as it is.
    """
    if prompt.rhythm.any() or (prompt.given.any(axis=0) & ~prompt.given.all(axis=0)).any():
        return prompt
    sounding = (prompt.given & (prompt.chorale.pitches != REST)).any(axis=1)
    silent = prompt.given.any(axis=1) & ~sounding
    edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)).tolist()
    tacet = np.zeros(len(silent), np.bool_)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        bar = next(measure.full for measure in prompt.chorale.measures if begin < measure.end)
        tacet[begin:end] = begin == 0 or end == len(silent) or end - begin >= bar
    cells = tacet[:, None] & ~prompt.given
    if not cells.any() or not sounding.any():
        return prompt
    onsets = prompt.chorale.onsets.copy()
    onsets[1:] |= cells[:-1] != cells[1:]
    chorale = dataclasses.replace(
        prompt.chorale, pitches=np.where(cells, REST, prompt.chorale.pitches), onsets=onsets, source=None
    )
    return dataclasses.replace(prompt, chorale=chorale, given=prompt.given | cells)


def _end_of_given(prompt: Prompt) -> int:
    """Find the end of the last given note, in what is played last; the end of the piece if the last isn't given."""
    first, end = last_played(prompt.chorale)
    open_cells = ~prompt.given | (prompt.chorale.pitches != REST)
    sounding = np.flatnonzero(open_cells[first:end].any(axis=1))
    return first + int(sounding[-1]) + 1 if sounding.size else end


def _last_onset(prompt: Prompt, end: int) -> int:
    """Find where the last given note begins, within a measure of the end; a quarter before it if none does."""
    chorale = prompt.chorale
    first, _ = last_played(chorale)
    closing = next(measure for measure in chorale.measures if end <= measure.end)
    first = max(first, end - max(closing.full, closing.length))
    begins = (prompt.given & chorale.onsets & (chorale.pitches != REST))[first:end].any(axis=1)
    return first + int(np.flatnonzero(begins)[-1]) if begins.any() else max(first, end - 4)


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
    start = torch.tensor([encoding.start(prompt.piece.key) for prompt in prompts])
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
    pieces = [one.piece for one in prompts]
    found = [jumps(piece) for piece in pieces]
    most = max(map(len, found))
    return Grid(
        voices=(None, *(VOICES.index(voice) for voice in encoding.order)),
        pitch=torch.from_numpy(encoding.token_pitch),
        holds=torch.from_numpy(encoding.token_holds),
        given=_batched([one.given for one in prompts], REST),
        num_frames=torch.tensor([piece.num_frames for piece in pieces]),
        end=torch.tensor([one.end for one in prompts]),
        ending=torch.tensor([one.ending for one in prompts]),
        keys=_keys(pieces),
        moved=torch.tensor([one.move for one in prompts]),
        shift=torch.tensor([one.move - one.into_range for one in prompts]),
        bars=_batched([_bars(whole_bars(piece.measures)) for piece in pieces], -1),
        written=_batched([_written(one) for one in prompts], -1),
        jumps=torch.tensor([[*row, *[(-1, -1)] * (most - len(row))] for row in found]).view(len(pieces), most, 2),
        interrupted=_batched([_interrupted(piece) for piece in pieces], 0),
    )


def _batched(rows: Sequence[npt.NDArray[Any]], padding: int) -> torch.Tensor:
    """Stack arrays (T, ...) of any lengths, (B, T, ...)."""
    return pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True, padding_value=padding)


def _keys(pieces: Sequence[Chorale]) -> torch.Tensor:
    """Tonic, 1 in minor, and sharps of the signature at each frame, (B, T, 3); the last key goes on beyond the end."""
    keys = torch.empty(len(pieces), max(piece.num_frames for piece in pieces), 3, dtype=torch.long)
    for row, piece in zip(keys, pieces, strict=True):
        for start, key in ((0, piece.key), *piece.keys):
            row[start:] = torch.tensor([key.tonic, key.parallel.mode == "minor", key.fifths])
    return keys


def _bars(whole: Sequence[Measure]) -> npt.NDArray[np.int64]:
    """Index of each frame's bar, its place in it, the bar's length, and that of a full one if it ends early: (T, 4)."""
    bars = np.empty((whole[-1].end, 4), np.int64)
    for index, bar in enumerate(whole):
        places = bars[bar.start : bar.end]
        places[:, [0, 2, 3]] = index, bar.length, bar.length if bar.position else max(bar.length, bar.full)
        places[:, 1] = np.arange(bar.length)
    return bars


def _written(prompt: ModelPrompt) -> npt.NDArray[np.int64]:
    """Make a `WrittenFrame` of each frame, (T, 6)."""
    frames = prompt.written_frames
    return np.column_stack([_bars(prompt.written_bars)[frames], frames, np.diff(frames, prepend=-1)])


def _interrupted(piece: Chorale) -> BoolArray:
    """Mask (T,) of the frames never heard after the one written before."""
    interrupted = np.zeros(piece.num_frames, np.bool_)
    interrupted[interruptions(piece)] = True
    return interrupted


def move_for(prompt: Prompt, keys: Keys, ranges: Mapping[Voice, tuple[int, int]] = RANGES) -> tuple[int, int]:
    """Find the semitones to move a prompt by, and those of them for the voices' ranges.

    Args:
        prompt: What is given.
        keys: Those that the model knows.
        ranges: Lowest and highest pitch of each voice.

    Raises:
        PromptError: If a voice that is given whole only rests.
    """
    octaves, rest = _move_into_range(prompt, ranges)
    into_range = 12 * octaves + rest
    if keys != "home":
        return into_range, into_range
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    return 12 * octaves + semitones_home(estimate_key(pitches, prompt.chorale.key)), into_range


def ranges_in(rules: Rules) -> dict[Voice, tuple[int, int]]:
    """Ranges of the voices under some rules; Bach's own where no rule has any.

    >>> ranges_in(Rules() & Ranges(tenor=(48, 67)))["tenor"]
    (48, 67)
    """
    rule = next((rule for rule in rules if isinstance(rule, Ranges)), Ranges())
    return {voice: getattr(rule, voice) for voice in VOICES}


def _move_into_range(prompt: Prompt, ranges: Mapping[Voice, tuple[int, int]]) -> tuple[int, int]:
    """Find the fewest octaves, and then semitones, that bring every given voice into its range."""
    pitches = np.where(prompt.given, prompt.chorale.pitches, REST)
    compasses: dict[Voice, tuple[int, int]] = {}
    for column, voice in enumerate(VOICES):
        sounding = pitches[:, column][pitches[:, column] != REST]
        if sounding.size:
            compasses[voice] = (int(sounding.min()), int(sounding.max()))
    name = prompt.chorale.name or "the prompt"
    if not compasses and prompt.given.all(axis=0).any():
        raise PromptError(
            f"The voice that {name} gives only rests; expected a melody in it. Name the voice that the melody is in."
        )
    for octaves in _OCTAVES:
        moved = {voice: (low + 12 * octaves, high + 12 * octaves) for voice, (low, high) in compasses.items()}
        rest = move_into_range(moved, ranges)
        if rest is not None:
            if octaves:
                _warn_of_octaves(name, list(compasses), octaves)
            return octaves, rest
    return _nearest_move(name, compasses, ranges)


def _nearest_move(
    name: str, compasses: Mapping[Voice, tuple[int, int]], ranges: Mapping[Voice, tuple[int, int]]
) -> tuple[int, int]:
    """Find the octaves and semitones after which voices of wide compass leave their ranges least, with a warning."""

    def outside(move: int) -> int:
        return sum(
            max(0, ranges[voice][0] - low - move) + max(0, high + move - ranges[voice][1])
            for voice, (low, high) in compasses.items()
        )

    move = min(range(-60, 61), key=lambda move: (outside(move), abs(move)))
    voice, (low, high) = max(compasses.items(), key=lambda item: item[1][1] - item[1][0])
    warnings.warn(
        f"The {voice} of {name} goes from {name_of(low)} to {name_of(high)}, which is wider than a voice's range, "
        f"{name_of(ranges[voice][0])} to {name_of(ranges[voice][1])}; its outermost notes stay outside.",
        RangeWarning,
        stacklevel=2,
    )
    octaves = round(move / 12)
    return octaves, move - 12 * octaves


def _warn_of_octaves(name: str, voices: Sequence[Voice], octaves: int) -> None:
    """Warn that all parts will lie octaves away from where voices sing."""
    distance = f"{abs(octaves)} octave{'s' * (abs(octaves) > 1)} {'below' if octaves > 0 else 'above'}"
    warnings.warn(
        f"The {' and '.join(voices)} of {name}: {distance} where voices sing, and so are the parts around it; "
        f"--transpose {12 * octaves} moves all.",
        RangeWarning,
        stacklevel=2,
    )
