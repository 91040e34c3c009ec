"""Masks: what is given of a piece, as the tokens that may stand at each step."""

import numpy as np

from bachlit.encoding.base import Kind
from bachlit.encoding.satb import SatbEncoding
from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale
from bachlit.tokens import END


def prompt_mask(
    encoding: SatbEncoding, chorale: Chorale, given: BoolArray, rhythm: BoolArray | None = None
) -> BoolArray:
    """Which tokens may stand at each step if some cells are given: a prompt, as a mask.

    Marks and length are the chorale's. A given cell allows its own token alone; one whose rhythm is given, the
    onsets, the holds or the rest; a free one, every token of its voice. Of those stay the tokens that some token of
    the next frame can follow, so that no hold is ever stranded.

    Args:
        encoding: Of the tokens.
        chorale: Holds the given cells; what stands in the free ones doesn't matter.
        given: (T, 4) true where a cell is given.
        rhythm: (T, 4) true where a cell, if it isn't given, has the chorale's rhythm; no cell without.

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
    for slot, column in enumerate(encoding.columns, start=1):
        voice = VOICES[column]
        cell_allowed = allowed[:num_frames, slot]
        cell_allowed[:] = encoding.slot_tokens[slot]
        cell_allowed[timed[:, column]] &= _in_rhythm(encoding, chorale, column)[timed[:, column]]
        fixed = np.flatnonzero(given[:, column])
        cell_allowed[fixed] = False
        cell_allowed[fixed, cells[fixed, slot - 1]] = True
        if voice == "soprano":
            _sing_fermatas(encoding, cell_allowed, chorale, ~(given | timed)[:, column])
        _look_ahead(encoding, cell_allowed)
    return allowed.reshape(-1, encoding.vocabulary_size)[: num_frames * encoding.frame_size + 1]


def _in_rhythm(encoding: SatbEncoding, chorale: Chorale, column: int) -> BoolArray:
    """(T, V) the tokens that have the rhythm of a voice: rests, onsets or holds."""
    sung = np.where(chorale.onsets[:, column], Kind.ONSET, Kind.HOLD)
    kinds = np.where(chorale.pitches[:, column] == REST, Kind.REST, sung)  # (T,)
    in_rhythm: BoolArray = kinds[:, None] == encoding.kinds()
    return in_rhythm


def _sing_fermatas(encoding: SatbEncoding, allowed: BoolArray, chorale: Chorale, free: BoolArray) -> None:
    """Let a soprano's free notes begin and end, in place, where the fermatas do: a fermata is a soprano note's.

    Under a fermata no note begins but the first, unless other pitches are fixed there: they may need one between.
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


def _look_ahead(encoding: SatbEncoding, allowed: BoolArray) -> None:
    """Keep, in place and from the last frame back, what some allowed token of the next frame can follow."""
    allowed[0] &= ~encoding.token_holds
    can_begin = (allowed & ~encoding.token_holds).any(axis=1)
    for frame in range(len(allowed) - 2, -1, -1):
        if not can_begin[frame + 1]:
            held = np.unique(encoding.token_pitch[allowed[frame + 1]])
            allowed[frame] &= np.isin(encoding.token_pitch, held)
            can_begin[frame] = (allowed[frame] & ~encoding.token_holds).any()


def open_mask(encoding: SatbEncoding, min_frames: int, max_frames: int, pickup: int) -> BoolArray:
    """Which tokens may stand at each step of a piece in 4/4 of which nothing is given: a mask.

    Args:
        encoding: Of the tokens.
        min_frames: It has at least so many.
        max_frames: And at most so many.
        pickup: So many stand before the first full measure, if the encoding tells bars.

    Returns:
        (5 T + 1, V) bool, T being `max_frames`.
    """
    mask = np.tile(encoding.slot_tokens, (max_frames + 1, 1))[: max_frames * encoding.frame_size + 1]
    if encoding.bars:
        begins_bar = (np.arange(max_frames + 1) - pickup) % 16 == 0
        mask[:: encoding.frame_size] &= (begins_bar[:, None] == encoding.begins_bar) | (np.arange(mask.shape[1]) == END)
    mask[: min_frames * encoding.frame_size, END] = False
    mask[-1] = False
    mask[-1, END] = True
    return mask
