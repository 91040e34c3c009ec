"""Masks of allowed tokens per step, from a prompt or for free composition."""

import numpy as np
import numpy.typing as npt

from bachlit.encoding.base import Kind
from bachlit.encoding.satb import SatbEncoding
from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale
from bachlit.music.playing import interruptions, jumps
from bachlit.tokens import END


def prompt_mask(
    encoding: SatbEncoding,
    chorale: Chorale,
    given: BoolArray,
    rhythm: BoolArray | None = None,
    holding: BoolArray | None = None,
) -> BoolArray:
    """Mask of the tokens allowed at each step where some cells are given.

    Marks and length are the chorale's. A given cell allows only its own token; a cell with given rhythm only onsets,
    holds or the rest; a free cell every token of its voice. Tokens that no token of the next frame can follow are
    excluded, so that no hold lacks its note. Where a repeat or a jump leads, free notes begin.

    Args:
        encoding: Encoding of the tokens.
        chorale: Holds the given cells; free cells are ignored.
        given: (T, 4) true where a cell is given.
        rhythm: (T, 4) true where a free cell has the chorale's rhythm; None for no cells.
        holding: (T,) true where free notes can't begin; None for nowhere.

    Returns:
        (5 T + 1, V) bool.

    Raises:
        EncodingError: If a given pitch has no token.
    """
    num_frames = chorale.num_frames
    allowed = np.zeros((num_frames + 1, encoding.frame_size, encoding.vocabulary_size), np.bool_)
    allowed[np.arange(num_frames), 0, encoding.marks(chorale)] = True
    allowed[num_frames, 0, END] = True
    silent = np.where(given, chorale.pitches, REST)
    cells = encoding.tokens_of(silent, chorale.onsets, chorale.name)
    timed = np.zeros_like(given) if rhythm is None else rhythm
    landings = np.array(sorted({*interruptions(chorale), *(frame for _, frame in jumps(chorale))}), np.int64)
    for slot, column in enumerate(encoding.columns, start=1):
        voice = VOICES[column]
        cell_allowed = allowed[:num_frames, slot]
        cell_allowed[:] = encoding.slot_tokens[slot]
        cell_allowed[timed[:, column]] &= _in_rhythm(encoding, chorale, column)[timed[:, column]]
        if holding is not None:
            cell_allowed[holding] &= encoding.token_holds | (encoding.token_pitch == REST)
        fixed = np.flatnonzero(given[:, column])
        cell_allowed[fixed] = False
        cell_allowed[fixed, cells[fixed, slot - 1]] = True
        if voice == "soprano":
            _sing_fermatas(encoding, cell_allowed, chorale, ~(given | timed)[:, column])
        _begin_notes(encoding, cell_allowed, landings[~(given | timed)[landings, column]])
        _look_ahead(encoding, cell_allowed)
    return allowed.reshape(-1, encoding.vocabulary_size)[: num_frames * encoding.frame_size + 1]


def _in_rhythm(encoding: SatbEncoding, chorale: Chorale, column: int) -> BoolArray:
    """Mask (T, V) of the tokens with a voice's rhythm: rests, onsets or holds."""
    sung = np.where(chorale.onsets[:, column], Kind.ONSET, Kind.HOLD)
    kinds = np.where(chorale.pitches[:, column] == REST, Kind.REST, sung)  # (T,)
    in_rhythm: BoolArray = kinds[:, None] == encoding.kinds()
    return in_rhythm


def _sing_fermatas(encoding: SatbEncoding, allowed: BoolArray, chorale: Chorale, free: BoolArray) -> None:
    """Restrict the soprano's free notes, in place, to begin and end where fermatas do.

    Under a fermata only the first note begins, unless other fixed pitches there need one between.
    """
    soprano = VOICES.index("soprano")
    edges = np.flatnonzero(np.diff(chorale.fermatas, prepend=~chorale.fermatas[:1]))
    allowed[edges[free[edges]]] &= ~encoding.token_holds
    for begin, end in zip(edges, [*edges[1:], len(free)], strict=True):
        held_on = end < len(free) and not chorale.onsets[end, soprano]
        span = slice(begin, end + held_on)
        fixed = chorale.pitches[span, soprano][~free[span]]
        if chorale.fermatas[begin] and np.unique(fixed).size <= 1:
            inside = begin + 1 + np.flatnonzero(free[begin + 1 : end])
            allowed[inside] &= encoding.token_holds | (encoding.token_pitch == REST)


def _begin_notes(encoding: SatbEncoding, allowed: BoolArray, frames: npt.NDArray[np.int64]) -> None:
    """Exclude holds, in place, from frames in which a note may begin instead."""
    for frame in frames:
        begins = allowed[frame] & ~encoding.token_holds
        if (encoding.token_pitch[begins] != REST).any():
            allowed[frame] = begins


def _look_ahead(encoding: SatbEncoding, allowed: BoolArray) -> None:
    """Exclude, in place and from the last frame back, tokens that no allowed token of the next frame can follow."""
    allowed[0] &= ~encoding.token_holds
    can_begin = (allowed & ~encoding.token_holds).any(axis=1)
    for frame in range(len(allowed) - 2, -1, -1):
        if not can_begin[frame + 1]:
            held = np.unique(encoding.token_pitch[allowed[frame + 1]])
            allowed[frame] &= np.isin(encoding.token_pitch, held)
            can_begin[frame] = (allowed[frame] & ~encoding.token_holds).any()


def open_mask(encoding: SatbEncoding, min_frames: int, max_frames: int, pickup: int, closing: int = 0) -> BoolArray:
    """Mask of the tokens allowed at each step of a free composition in 4/4.

    Args:
        encoding: Encoding of the tokens.
        min_frames: Shortest length.
        max_frames: Greatest length, T.
        pickup: Frames before the first full measure, if the encoding has bars.
        closing: Frames under a fermata at the end, which are the soprano's last note; 0 leaves the end open.

    Returns:
        (5 T + 1, V) bool.
    """
    mask = np.tile(encoding.slot_tokens, (max_frames + 1, 1))[: max_frames * encoding.frame_size + 1]
    if encoding.bars:
        begins_bar = (np.arange(max_frames + 1) - pickup) % 16 == 0
        mask[:: encoding.frame_size] &= (begins_bar[:, None] == encoding.begins_bar) | (np.arange(mask.shape[1]) == END)
    if encoding.unknown_fermatas:
        mask[0, encoding.marks_with_fermata] = False
    mask[: min_frames * encoding.frame_size, END] = False
    mask[-1] = False
    mask[-1, END] = True
    if closing:
        _close(encoding, mask, max_frames - closing)
    return mask


def _close(encoding: SatbEncoding, mask: BoolArray, start: int) -> None:
    """Let the soprano's last note, in place, be all that is under a fermata from a frame on."""
    marks, size = encoding.marks_with_fermata, encoding.frame_size
    others = np.setdiff1d(np.flatnonzero(encoding.slot_tokens[0]), marks)
    mask[start * size :: size, others[others != END]] = False
    soprano = encoding.slot_names.index("soprano")
    mask[start * size + soprano, encoding.token_holds | (encoding.token_pitch == REST)] = False
    mask[(start + 1) * size + soprano :: size, ~encoding.token_holds] = False
    if start:
        mask[(start - 1) * size, marks] = False
