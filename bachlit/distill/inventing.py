"""Inventing: unlabelled music near Bach's, drawn from the teachers, on which a student hears them as well."""

from collections.abc import Sequence

import numpy as np
import torch

from bachlit.decoding import RowGenerators, Sampling, TokenPrompt
from bachlit.encoding import SatbEncoding, Tokens
from bachlit.generation.grids import grammar_of
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, BoolArray, Chorale
from bachlit.tokens import END
from bachlit.training.transposing import singable_moves

_PASSAGE = 32  # sixteenths that are given or free together
_SOPRANO = VOICES.index("soprano")


def invent(
    model: LanguageModel, chorales: Sequence[Chorale], *, seeds: Sequence[int], together: int = 64
) -> list[Tokens]:
    """Write a variant of each chorale: some of its passages are kept, the others drawn from a model.

    A variant has the chorale's length, marks and, in a drawn key, a third each of the time: nothing else; its soprano;
    passages of two bars, voice by voice.

    Args:
        model: Its distribution is drawn from, at temperature 1.
        chorales: P pieces.
        seeds: (P,) one for each.
        together: Pieces at once.

    Returns:
        The tokens of each, from its start to END.
    """
    encoding, decoder = model.voiced_encoding, Sampling()
    order = sorted(range(len(chorales)), key=lambda index: chorales[index].num_frames)
    invented: dict[int, Tokens] = {}
    for first in range(0, len(order), together):
        some = order[first : first + together]
        randoms = [np.random.default_rng(seeds[index]) for index in some]
        pieces = [_moved(chorales[index], random) for index, random in zip(some, randoms, strict=True)]
        kept = [_kept(piece, random) for piece, random in zip(pieces, randoms, strict=True)]
        prompt = _prompt(encoding, pieces, kept)
        drawn = decoder.decode(model, prompt, RowGenerators([seeds[index] for index in some]))
        for row, (index, piece) in enumerate(zip(some, pieces, strict=True)):
            tokens = drawn.tokens[row, : piece.num_frames * encoding.frame_size + 1].numpy()
            invented[index] = np.concatenate([[encoding.start(piece.key)], tokens])
    return [invented[index] for index in range(len(chorales))]


def _moved(chorale: Chorale, random: np.random.Generator) -> Chorale:
    return chorale.transpose(int(random.choice(singable_moves(chorale))))


def _kept(chorale: Chorale, random: np.random.Generator) -> BoolArray:
    """Draw the cells (T, 4) that are kept."""
    shape = chorale.pitches.shape
    kind = random.integers(3)
    if kind < 2:
        kept = np.zeros(shape, np.bool_)
        kept[:, _SOPRANO] = kind == 1
        return kept
    passages = np.arange(chorale.num_frames) // _PASSAGE
    share = random.uniform(0.3, 0.9)
    kept = random.random((passages[-1] + 1, len(VOICES))) < share
    return kept[passages]


def _prompt(encoding: SatbEncoding, pieces: Sequence[Chorale], kept: Sequence[BoolArray]) -> TokenPrompt:
    """Allow what is kept, and in other cells anything."""
    longest = max(piece.num_frames for piece in pieces) * encoding.frame_size + 1
    allowed = torch.zeros(len(pieces), longest, encoding.vocabulary_size, dtype=torch.bool)
    allowed[:, :, END] = True
    for row, (piece, cells) in enumerate(zip(pieces, kept, strict=True)):
        # What sounds before a kept passage isn't known, so its first note begins there.
        begins = piece.onsets | (cells & ~np.vstack([np.zeros_like(cells[:1]), cells[:-1]]))
        given = np.column_stack([encoding.marks(piece), encoding.tokens_of(piece.pitches, begins, piece.name)])
        free = np.column_stack([np.zeros(piece.num_frames, np.bool_), ~cells[:, encoding.columns]])  # (T, 5)
        mask = np.where(free[:, :, None], encoding.slot_tokens, np.eye(encoding.vocabulary_size, dtype=np.bool_)[given])
        allowed[row, : given.size] = torch.from_numpy(mask).flatten(0, 1)
    start = torch.tensor([encoding.start(piece.key) for piece in pieces])
    return TokenPrompt(allowed, grammar_of(encoding), start)
