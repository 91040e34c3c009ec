"""Candidates: a model's harmonisations of Bach's tunes, beside his own parts, with all figures of both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bachlit.calibrate.numbers import in_batches
from bachlit.decoding import Decoder, Greedy, Particles, Rules
from bachlit.files.keeping import Work
from bachlit.generation.given import with_phrases
from bachlit.generation.harmonizing import CANDIDATES, harmonizer, write, write_several
from bachlit.generation.merit import figures
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.prompt import Prompt


class Way(NamedTuple):
    """A way to harmonise.

    Attributes:
        decoder: Chooses the notes.
        num: Pieces per tune.
        stripped: Whether the tunes lose their fermatas, so that phrase ends are found.
    """

    decoder: Decoder
    num: int
    stripped: bool


WAYS = {
    "default": Way(harmonizer(), CANDIDATES, False),
    "default, no fermatas": Way(harmonizer(), CANDIDATES, True),
    "particles": Way(Particles(), 1, False),
    "particles, no fermatas": Way(Particles(), 1, True),
}
"""Ways of which candidates come, by name."""


class Piece(NamedTuple):
    """A finished piece.

    Attributes:
        chorale: With the phrase ends that its prompt has as fermatas.
        log_prob: The model's log-probability, in nats.
        figures: By name, of `bachlit.generation.merit`.
    """

    chorale: Chorale
    log_prob: float
    figures: Mapping[str, float]

    @classmethod
    def of(cls, chorale: Chorale, prompt: Prompt, log_prob: float) -> "Piece":
        """Count the figures of a chorale at the phrase ends of its prompt."""
        heard = replace(chorale, fermatas=prompt.heard.fermatas, source=None)
        return cls(heard, log_prob, figures(heard, None, log_prob))


class Rivals(NamedTuple):
    """Bach's setting of a tune, and the model's.

    Attributes:
        tune: Number of the tune; settings of one tune share it.
        way: Name of the way.
        bach: His piece.
        candidates: The model's.
    """

    tune: int
    way: str
    bach: Piece
    candidates: list[Piece]


def prompt_for(piece: Chorale, *, stripped: bool) -> Prompt:
    """Give a piece's soprano, with or without its fermatas."""
    if stripped:
        piece = replace(piece, fermatas=np.zeros(piece.num_frames, np.bool_))
    return with_phrases(Prompt.voices(piece, VOICES[0]))


def rivals(
    model: LanguageModel, pieces: Sequence[Chorale], tunes: Sequence[int], *, work: Work, seed: int
) -> list[Rivals]:
    """Harmonise tunes in all ways, or read what was harmonised earlier.

    Args:
        model: With the numbers of its rules.
        pieces: Bach's; the soprano of each is a tune.
        tunes: Number of each piece's tune.
        work: Where pieces are kept.
        seed: Of decoders that draw.
    """
    found = []
    for number, (name, way) in enumerate(WAYS.items()):
        prompts = [prompt_for(piece, stripped=way.stripped) for piece in pieces]
        first = 0
        for batch in in_batches(prompts):
            kept = work.arrays(f"way-{number}-{first}", lambda way=way, batch=batch: _written(model, batch, way, seed))  # type: ignore[misc]
            for index, prompt in enumerate(batch):
                bach = Piece.of(pieces[first + index], prompt, float(kept["bach"][index]))
                candidates = [
                    Piece.of(replace(prompt.chorale, pitches=pitches, onsets=onsets), prompt, float(log_prob))
                    for pitches, onsets, log_prob in zip(
                        kept[f"pitches-{index}"], kept[f"onsets-{index}"], kept[f"log_prob-{index}"], strict=True
                    )
                ]
                found.append(Rivals(tunes[first + index], name, bach, candidates))
            first += len(batch)
            print(f"{name}: {first} of {len(prompts)} tunes", flush=True)
    return found


def _written(model: LanguageModel, prompts: Sequence[Prompt], way: Way, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Harmonise a batch, and score Bach's own parts."""
    seeds = [seed] * len(prompts)
    whole = [replace(prompt, given=np.ones_like(prompt.given)) for prompt in prompts]
    bach = write(model, whole, decoder=Greedy(), seeds=seeds, rules=Rules())
    arrays: dict[str, npt.NDArray[Any]] = {"bach": np.array([one.log_prob for one in bach])}
    several = write_several(model, prompts, decoder=way.decoder, seeds=seeds, num=way.num)
    for index, pieces in enumerate(several):
        arrays[f"pitches-{index}"] = np.stack([one.chorale.pitches for one in pieces])
        arrays[f"onsets-{index}"] = np.stack([one.chorale.onsets for one in pieces])
        arrays[f"log_prob-{index}"] = np.array([one.log_prob for one in pieces])
    return arrays
