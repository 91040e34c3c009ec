"""Batches of prompts: the tokens that may stand at each step, and the grid behind them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from bachlit.decoding import Enforced, Grammar, Grid, Rule, Rules, TokenPrompt
from bachlit.encoding import SatbEncoding
from bachlit.generation.prompts import ModelPrompt
from bachlit.music.chorale import FRAMES_PER_QUARTER, REST, VOICES, BoolArray, Chorale
from bachlit.music.measures import Measure, whole_bars
from bachlit.music.playing import interruptions, jumps
from bachlit.tokens import END


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
    return TokenPrompt(allowed, grammar_of(encoding) & Enforced(grid, rules, allowed), start, grid, strict)


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
        closing=torch.tensor([_closing(one) for one in prompts]),
        keys=_keys(pieces),
        moved=torch.tensor([one.move for one in prompts]),
        shift=torch.tensor([one.move - one.into_range for one in prompts]),
        bars=_batched([_bars(whole_bars(piece.measures)) for piece in pieces], -1),
        written=_batched([_written(one) for one in prompts], -1),
        jumps=torch.tensor([[*row, *[(-1, -1)] * (most - len(row))] for row in found]).view(len(pieces), most, 2),
        interrupted=_batched([_interrupted(piece) for piece in pieces], 0),
        beats=_batched([_beats(piece) for piece in pieces], -1),
        opening=torch.tensor([_opening(one) for one in prompts]),
        leads=_batched([_leads(one.given[:, 0]) for one in prompts], 0),
        arrivals=_batched([_arrivals(one) for one in prompts], -1),
        returns=_batched([_returns(one) for one in prompts], -1),
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


def _beats(piece: Chorale) -> npt.NDArray[np.int64]:
    """Sixteenths since each frame's beat began, (T,)."""
    places = [measure.position + np.arange(measure.length) for measure in piece.measures]
    return (np.concatenate(places) % FRAMES_PER_QUARTER).astype(np.int64)


def _opening(prompt: ModelPrompt) -> int:
    """First frame, of the piece or of its first full bar, with a given soprano in the tonic triad; -1 if neither is."""
    soprano = prompt.given[:, 0]
    sung: list[int] = np.flatnonzero(soprano > 0).tolist()
    bars = (measure.start for measure in prompt.piece.measures if not measure.position)
    for frame in sung[:1] + [bar for bar in bars if sung and bar >= sung[0]][:1]:
        key = prompt.piece.key_at(frame).parallel
        triad = (0, 3, 7) if key.mode == "minor" else (0, 4, 7)
        if soprano[frame] > 0 and (int(soprano[frame]) - key.tonic) % 12 in triad:
            return int(frame)
    return -1


def _leads(given: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Semitones (T,) from a given voice's pitch (T,) to its next other one; 0 where either isn't known.

    >>> _leads(np.array([67, 67, 65, 0, 64])).tolist()
    [-2, -2, 0, 0, 0]
    """
    leads = np.zeros_like(given)
    for frame in range(len(given) - 2, -1, -1):
        now, following = given[frame], given[frame + 1]
        if now > 0 and following > 0:
            leads[frame] = leads[frame + 1] if following == now else following - now
    return leads


def _arrivals(prompt: ModelPrompt) -> npt.NDArray[np.int64]:
    """Sixteenths since a phrase's last note began, (T,); -1 where none sounds.

    Phrases end under fermatas, over what is given of the soprano, and where the piece ends.
    """
    arrivals = np.full(prompt.piece.num_frames, -1)
    begins = prompt.piece.onsets[:, 0] & (prompt.given[:, 0] > 0)
    edges = np.flatnonzero(np.diff(prompt.piece.fermatas, prepend=False, append=False)).tolist()
    for begin, end in [*zip(edges[::2], edges[1::2], strict=True), (prompt.ending, prompt.end)]:
        notes = {begin, *(begin + np.flatnonzero(begins[begin:end])).tolist(), end}
        for start, stop in pairwise(sorted(notes)):
            arrivals[start:stop] = np.arange(stop - start)
    return arrivals


def _closing(prompt: ModelPrompt) -> int:
    """The frame in which the given soprano reaches its last pitch, up to a bar before it sings it again.

    Not an eighth before, which anticipates it; and not the fifth, which the dominant has, too.
    """
    soprano, last = prompt.given[: prompt.ending, 0], prompt.given[prompt.ending, 0]
    others = np.flatnonzero(soprano != last)
    reached = int(others[-1]) + 1 if others.size else 0
    again = FRAMES_PER_QUARTER // 2 < prompt.ending - reached <= 4 * FRAMES_PER_QUARTER
    fifth = (prompt.piece.key_at(prompt.ending).tonic + 7) % 12
    return reached if again and last > REST and last % 12 != fifth else prompt.ending


def _returns(prompt: ModelPrompt) -> npt.NDArray[np.int64]:
    """The earlier frame at the same place in the last bar with the same given soprano, (T,).

    -1 where there is none, and in cadences, which may be alike: from a quarter before a phrase's last note on, in
    doubled values from a dotted one as written.
    """
    returns = np.full(prompt.piece.num_frames, -1)
    seen: dict[bytes, int] = {}
    for bar in prompt.written_bars:
        span = slice(int(bar.start * prompt.scale), int(bar.end * prompt.scale))
        notes = np.where(prompt.piece.onsets[span, 0], prompt.given[span, 0], -2)
        if notes.size < FRAMES_PER_QUARTER or (prompt.given[span, 0] <= 0).any():
            continue
        key = notes.tobytes()
        if key in seen:
            returns[span] = seen[key] + np.arange(notes.size)
        seen[key] = span.start
    arrivals, cadence = _arrivals(prompt), FRAMES_PER_QUARTER * (3 if prompt.scale > 1 else 1)
    for frame in np.flatnonzero(arrivals == 0).tolist():
        returns[max(0, frame - cadence) : frame] = -1
    return np.where(arrivals >= 0, -1, returns)


def _interrupted(piece: Chorale) -> BoolArray:
    """Mask (T,) of the frames never heard after the one written before."""
    interrupted = np.zeros(piece.num_frames, np.bool_)
    interrupted[interruptions(piece)] = True
    return interrupted
