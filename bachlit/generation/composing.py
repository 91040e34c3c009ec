"""Composing: pieces from nothing."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from bachlit.decoding import FREE, Decoder, Generation, Rule, Rules, Yielded
from bachlit.encoding import open_mask
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import PromptBatch, Written
from bachlit.generation.prompts import ModelPrompt
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.keys import Key, estimate_key

# The keys in which pieces are composed freely: those with at most four sharps or flats.
_HOME = (Key(0, "major"), Key(0, "minor"))
_DRAWN = tuple(Key(fifths, mode) for fifths in range(-4, 5) for mode in ("major", "minor"))


_TRIES = 8

# Three of four of Bach's chorales in 4/4 begin with a quarter before the first bar line.
_PICKUP = 4


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

    Each is in 4/4 and in a key that its seed draws. Where its end is open, eight are drawn and the first that ends on
    its tonic is taken, unless there are no rules or strict ones. A model that knows bars gets them, with a pickup or
    none as its seed draws; else the bars are drawn afterwards, with the pickup under which most fermatas begin on a
    strong beat.

    Args:
        model: Predicts the tokens.
        decoder: Chooses the tokens.
        seeds: One per piece.
        min_frames: Sixteenths before which no piece ends.
        max_frames: Sixteenths after which every piece ends.
        rules: What the notes must keep; where they can't, the last gives way first, with a `RuleWarning`. If None,
            `usual_rules` applies; `Rules()` for none.
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
        ModelPrompt(
            _open_piece(max_frames, key, pickup if encoding.bars else 0, f"chorale-{seed}"),
            open_mask(encoding, min_frames, max_frames, pickup),
            np.full((max_frames, len(VOICES)), FREE),
            ending=max(0, max_frames - 4),
            end=max_frames,
        )
        for seed, key, pickup in zip(seeds, keys, pickups, strict=True)
    ]
    batch = PromptBatch(model, prompts, decoder, rules=rules, strict=strict)
    once = decoder.seeks_likeliest or strict or min_frames == max_frames or rules == Rules()
    tries = 1 if once else _TRIES
    drawn: list[list[tuple[Chorale, Generation, int]]] = [[] for _ in prompts]
    for index, generation, row in batch.decode(seeds, tries):
        drawn[index].append((encoding.decode(generation.tokens[row].cpu().numpy()), generation, row))
    pieces, yielded = [], list[Yielded]()
    for index, (seed, prompt) in enumerate(zip(seeds, prompts, strict=True)):
        home = (one for one in drawn[index] if _ends_on(one[0], prompt.piece.key.tonic))
        notes, generation, row = next(home, drawn[index][0])
        chorale = dataclasses.replace(
            notes,
            key=prompt.piece.key if encoding.keys else estimate_key(notes.pitches),
            time_signature=(4, 4),
            pickup=prompt.piece.pickup if encoding.bars else _likely_pickup(notes),
            title=f"Chorale {seed}",
            name=prompt.piece.name,
        )
        yielded += [one._replace(row=index) for one in generation.yielded if one.row == row]
        pieces.append(Written(chorale, generation, row))
    batch.warn(yielded)
    return pieces


def _open_piece(num_frames: int, key: Key, pickup: int, name: str) -> Chorale:
    """Make a piece of rests as long as the longest one to be written."""
    rests = Chorale.from_pitches(np.zeros((num_frames, len(VOICES)), np.int16), pickup=pickup, name=name)
    return dataclasses.replace(rests, key=key)


def _ends_on(chorale: Chorale, tonic: int) -> bool:
    bass = int(chorale.pitches[-1, VOICES.index("bass")])
    return bass != REST and bass % 12 == tonic


def _draw(seed: int, num: int, *, stream: int = 0) -> int:
    """Draw 0 to `num` - 1 by a seed; streams are independent of each other."""
    return int(np.random.default_rng([stream, seed % 2**63] if stream else seed % 2**63).integers(num))


def _likely_pickup(chorale: Chorale) -> int:
    """Choose no pickup or one of a quarter, whichever lets more fermatas begin on beats one and three."""
    begins = np.flatnonzero(chorale.fermatas & ~np.concatenate([[False], chorale.fermatas[:-1]]))
    return 4 if ((begins - 4) % 8 == 0).sum() > (begins % 8 == 0).sum() else 0
