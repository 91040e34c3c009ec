"""Composing: pieces from nothing."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bachlit.decoding import FREE, Decoder, Rule, Rules, Yielded
from bachlit.encoding import SatbEncoding, open_mask
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import rules_for
from bachlit.generation.prompt_batch import Drawn, PromptBatch
from bachlit.generation.prompts import ModelPrompt
from bachlit.generation.written import Written
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.keys import Key, estimate_key

# The keys in which pieces are composed freely: those with at most four sharps or flats.
_HOME = (Key(0, "major"), Key(0, "minor"))
_DRAWN = tuple(Key(fifths, mode) for fifths in range(-4, 5) for mode in ("major", "minor"))


_TRIES = 8

# Three of four of Bach's chorales in 4/4 begin with a quarter before the first bar line.
_PICKUP = 4

_FIFTH = 7

# The least from the end of one phrase to the last note of the next: six quarters.
_PHRASE = 24


def write_freely(
    model: LanguageModel,
    *,
    decoder: Decoder,
    seeds: Sequence[int],
    min_frames: int = 1,
    max_frames: int = 640,
    rules: Rules | Rule | None = None,
    strict: bool = False,
) -> list[Written]:
    """Compose pieces from nothing.

    Each is in 4/4 and in a key that its seed draws. A decoder that draws writes eight, and the first with a whole
    cadence at its end is taken, else the one that comes nearest, unless there are no rules or strict ones. A piece of
    fixed length ends under a fermata. A model that knows bars gets them, with a pickup or none as its seed draws; else
    the bars are drawn afterwards, with the pickup under which most fermatas begin on a strong beat.

    Args:
        model: Predicts the tokens.
        decoder: Chooses the tokens.
        seeds: One per piece.
        min_frames: Sixteenths before which no piece ends.
        max_frames: Sixteenths after which every piece ends.
        rules: What the notes must keep; where they can't, the last gives way first, with a `RuleWarning`. If None,
            `rules_for` applies; `Rules()` for none.
        strict: Raise where a rule would have to give way.

    Returns:
        One piece per seed.

    Raises:
        OptionError: If there are no seeds, or the lengths contradict each other.
        DeadEndError: If nothing is left to choose.
    """
    if not 1 <= min_frames <= max_frames or not seeds:
        raise OptionError(
            f"{len(seeds)} pieces of {min_frames} to {max_frames} sixteenths can't be written; expected at least 1 "
            "piece of at least 1 sixteenth, and the longest no shorter than the shortest."
        )
    encoding = model.voiced_encoding
    pickups = [_PICKUP if _draw(seed, 4, stream=1) else 0 for seed in seeds]
    keys = [_HOME[seed % 2] if model.keys == "home" else _DRAWN[_draw(seed, len(_DRAWN))] for seed in seeds]
    prompts = [
        _open_prompt(encoding, (min_frames, max_frames), key, pickup, f"chorale-{seed}")
        for seed, key, pickup in zip(seeds, keys, pickups, strict=True)
    ]
    once = decoder.seeks_likeliest or strict or rules == Rules()
    rules = rules_for(decoder, calibration=model.calibration) if rules is None else rules
    batch = PromptBatch(model, prompts, decoder, rules=rules, strict=strict)
    tries = 1 if once else _TRIES
    drawn: list[list[tuple[Chorale, Drawn]]] = [[] for _ in prompts]
    for one in batch.decode(seeds, tries):
        drawn[one.prompt].append((encoding.decode(one.tokens), one))
    pieces, yielded = [], list[Yielded]()
    for index, (seed, prompt) in enumerate(zip(seeds, prompts, strict=True)):
        notes, one = max(drawn[index], key=lambda one: _closing(one[0], prompt.piece.key.tonic))
        chorale = dataclasses.replace(
            notes,
            key=prompt.piece.key if encoding.keys else estimate_key(notes.pitches),
            time_signature=(4, 4),
            pickup=prompt.piece.pickup if encoding.bars else _likely_pickup(notes),
            title=f"Chorale {seed}",
            name=prompt.piece.name,
        )
        yielded += one.yielded
        pieces.append(Written(chorale, one.generation, one.row))
    batch.warn(yielded)
    return pieces


def _open_prompt(encoding: SatbEncoding, length: tuple[int, int], key: Key, pickup: int, name: str) -> ModelPrompt:
    """Make a prompt that gives nothing but key, bars, and the least and greatest length.

    Where these are one, the last note lasts a quarter after a pickup of a quarter, as phrases in Bach do, else a half.
    """
    min_frames, max_frames = length
    closing = 0 if min_frames < max_frames else min(_PICKUP if pickup else 2 * _PICKUP, max_frames)
    rests = np.zeros((max_frames, len(VOICES)), np.int16)
    piece = dataclasses.replace(
        Chorale.from_pitches(rests, pickup=pickup if encoding.bars else 0, name=name),
        key=key,
        fermatas=np.arange(max_frames) >= max_frames - closing,
    )
    return ModelPrompt(
        piece,
        open_mask(encoding, min_frames, max_frames, pickup, closing),
        np.full(rests.shape, FREE),
        ending=max(0, max_frames - (closing or _PICKUP)),
        end=max_frames,
    )


def _closing(chorale: Chorale, tonic: int) -> int:
    """Count what a piece's end has of a whole cadence: tonic, dominant before, third, fermata, and a whole phrase."""
    soprano, bass = VOICES.index("soprano"), VOICES.index("bass")
    last = int(np.flatnonzero(chorale.onsets[:, soprano])[-1])
    chord, before = chorale.pitches[-1], chorale.pitches[max(0, last - 1)]
    if (chord == REST).any():
        return 0
    above = set(((chord - chord[bass]) % 12).tolist())
    ended = np.flatnonzero(np.diff(chorale.fermatas[:last].astype(np.int8), append=0) == -1)
    at_home = (chord[bass] - tonic) % 12 == 0
    return 4 * bool(at_home) + sum(
        (
            bool(before[bass] != REST and (before[bass] - chord[bass]) % 12 == _FIFTH),
            above in ({0, 3, 7}, {0, 4, 7}, {0, 3}, {0, 4}),
            bool(chorale.fermatas[last]),
            last - int(ended[-1] if ended.size else 0) >= _PHRASE,
        )
    )


def _draw(seed: int, num: int, *, stream: int = 0) -> int:
    """Draw 0 to `num` - 1 by a seed; streams are independent of each other."""
    return int(np.random.default_rng([stream, seed % 2**63] if stream else seed % 2**63).integers(num))


def _likely_pickup(chorale: Chorale) -> int:
    """Choose no pickup or one of a quarter, whichever lets more fermatas begin on beats one and three."""
    begins = np.flatnonzero(chorale.fermatas & ~np.concatenate([[False], chorale.fermatas[:-1]]))
    return 4 if ((begins - 4) % 8 == 0).sum() > (begins % 8 == 0).sum() else 0
