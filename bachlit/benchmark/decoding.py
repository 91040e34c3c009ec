"""Cost of decoding, as ratios to a plain loop in the same run."""

import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import torch

from bachlit.benchmark.plain import PlainLoop
from bachlit.corpus import BachCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.decoding import BeamSearch, Decoder, Gibbs, Greedy, Particles, Sampling
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt
from bachlit.networks import TokenLSTM

WIDTH = 16
DECODERS: dict[str, Decoder] = {
    "Greedy": Greedy(),
    "Sampling": Sampling(),
    "BeamSearch": BeamSearch(WIDTH),
    "Particles": Particles(WIDTH),
    "Gibbs": Gibbs(rounds=4),
}
PLAIN: dict[str, dict[str, Any]] = {"Greedy": {}, "Sampling": {"draws": True}, "BeamSearch": {"width": WIDTH}}
"""Options of `PlainLoop` for the decoders that it can replace."""


def decoding(
    *,
    frames: int = 32,
    pieces: int = 64,
    rounds: int = 3,
    decoders: Sequence[str] = tuple(DECODERS),
    checkpoints: Sequence[str] = ("bachbot", "bachlit"),
) -> Iterator[str]:
    """Harmonise the sopranos of held-out chorales with some models, under the default rules, in one thread.

    Args:
        frames: Sixteenths of each piece, cut from a chorale.
        pieces: How many are written at once.
        rounds: Turns of each loop. The fastest is reported: whatever else a machine does only makes a turn slower.
        decoders: Names among `DECODERS`.
        checkpoints: Names of models that ship, or files; the first is what the others are compared with.

    Yields:
        Lines of the report.

    Raises:
        OptionError: If no chorale has so many frames, or a decoder isn't in `DECODERS`.
    """
    unknown = [name for name in decoders if name not in DECODERS]
    if unknown:
        raise OptionError(f"There is no decoder {unknown[0]!r}; expected {', '.join(DECODERS)}.")
    torch.set_num_threads(1)
    prompts = melodies(split_by_tune(BachCorpus().chorales())["test"], frames, pieces)
    yield f"1 thread, {pieces} sopranos of {frames} frames, fastest of {rounds} rounds"
    first: dict[str, dict[str, float]] = {}
    for checkpoint in checkpoints:
        model = LanguageModel.load(checkpoint)
        yield f"{checkpoint}: {type(model.network).__name__}"
        for name in decoders:
            speeds = {label: frames / seconds for label, seconds in _fastest(name, model, prompts, rounds).items()}
            others = first.setdefault(name, speeds)
            for label, speed in speeds.items():
                ratio = f"{speed / speeds['one piece']:.2f} x as fast as one piece"
                if label.startswith("plain"):
                    ratio = f"one piece is {speeds['one piece'] / speed:.2f} x as fast"
                elif others is not speeds:
                    ratio += f", {speed / others[label]:.2f} x as fast as {checkpoints[0]}"
                yield f"{name:<11}{label:<24}{speed:8.0f} frames/s   {ratio}"


def _fastest(name: str, model: LanguageModel, prompts: Sequence[Prompt], rounds: int) -> dict[str, float]:
    """Seconds per piece of a decoder and of the plain loop, each in its fastest turn."""
    runs = {"one piece": (DECODERS[name], prompts[:1]), "all at once": (DECODERS[name], prompts)}
    if name in PLAIN and isinstance(model.network, TokenLSTM):
        for label, onednn in (("plain loop", True), ("plain loop, oneDNN off", False)):
            runs[label] = PlainLoop(model.network, **PLAIN[name], onednn=onednn), prompts[:1]
    seconds: dict[str, list[float]] = {label: [] for label in runs}
    for _ in range(rounds):
        for label, (decoder, some) in runs.items():
            begun = time.perf_counter()
            write(model, some, decoder=decoder, seeds=range(len(some)))
            seconds[label].append((time.perf_counter() - begun) / len(some))
    return {label: min(turns) for label, turns in seconds.items()}


def melodies(chorales: Sequence[Chorale], frames: int, num: int) -> list[Prompt]:
    """Cut sopranos from the chorales: all beginnings first, then what follows the first cuts, and so on."""
    longest = max(chorale.num_frames for chorale in chorales)
    if not 1 <= frames <= longest:
        raise OptionError(f"No chorale can be cut to {frames} frames; expected 1 to {longest}.")
    cuts = [
        cut(chorale, first, first + frames)
        for first in range(0, longest, frames)
        for chorale in chorales
        if first + frames <= chorale.num_frames
    ]
    return [Prompt.voices(cut, "soprano") for cut in islice(cycle(cuts), num)]
