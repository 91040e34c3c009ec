"""Cost of decoding, as ratios to a plain loop in the same run."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice

import torch

from bachlit.benchmark.plain import PlainBeam, PlainGreedy, PlainSampling
from bachlit.corpus import BachCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.decoding import BeamSearch, Decoder, Gibbs, Greedy, Particles, Sampling
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
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
PLAIN: dict[str, Callable[[TokenLSTM, bool], Decoder]] = {
    "Greedy": lambda network, onednn: PlainGreedy(network, onednn=onednn),
    "Sampling": lambda network, onednn: PlainSampling(network, onednn=onednn),
    "BeamSearch": lambda network, onednn: PlainBeam(network, WIDTH, onednn=onednn),
}


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
    first: dict[str, list[_Run]] = {}
    for checkpoint in checkpoints:
        model = LanguageModel.load(checkpoint)
        yield f"{checkpoint}: {type(model.network).__name__}"
        for name in decoders:
            runs = [_Run(DECODERS[name], model, some) for some in (prompts[:1], prompts)]
            yield from _compare(name, runs, rounds)
            for run, other in zip(runs, first.setdefault(name, runs), strict=True):
                if run is not other:
                    which = "one piece" if len(run.prompts) == 1 else "all at once"
                    yield _line(name, which, run, f"{other.seconds / run.seconds:.2f} x as fast as {checkpoints[0]}")


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


def cut(chorale: Chorale, first: int, last: int) -> Chorale:
    """Cut the frames from the first to before the last; all voices begin anew there."""
    onsets = chorale.onsets[first:last].copy()
    onsets[0] = True
    return replace(chorale, pitches=chorale.pitches[first:last], onsets=onsets, fermatas=chorale.fermatas[first:last])


def _compare(name: str, runs: Sequence["_Run"], rounds: int) -> Iterator[str]:
    """Yield one decoder's lines: one piece, all at once, and the plain loop."""
    single, together = runs
    plain = {}
    network = single.model.network
    if name in PLAIN and isinstance(network, TokenLSTM):
        plain = {
            label: _Run(PLAIN[name](network, onednn), single.model, single.prompts)
            for label, onednn in (("plain loop", True), ("plain loop, oneDNN off", False))
        }
    for _ in range(rounds):
        for run in (single, together, *plain.values()):
            run.turn()
    yield _line(name, "one piece", single, "")
    yield _line(name, "all at once", together, f"{single.seconds / together.seconds:.2f} x as fast as one piece")
    for label, run in plain.items():
        alone, batched = run.seconds / single.seconds, run.seconds / together.seconds
        same = "; the same notes" if run.notes == single.notes else ""
        yield _line(name, label, run, f"one piece is {alone:.2f} x as fast, all at once {batched:.1f} x{same}")


def _line(name: str, label: str, run: "_Run", ratios: str) -> str:
    frames = run.prompts[0].chorale.num_frames
    return f"{name:<11}{label:<24}{frames / run.seconds:8.0f} frames/s   {ratios}".rstrip()


class _Run:
    """Timed decoder on some prompts.

    Attributes:
        seconds: Per piece, in the fastest turn.
        notes: Pieces of the last turn.
    """

    def __init__(self, decoder: Decoder, model: LanguageModel, prompts: Sequence[Prompt]) -> None:
        self.decoder, self.model, self.prompts = decoder, model, prompts
        self.seconds = math.inf
        self.notes: list[Chorale] = []

    def turn(self) -> None:
        """Decode once more."""
        begun = time.perf_counter()
        written = write(self.model, self.prompts, decoder=self.decoder, seeds=range(len(self.prompts)))
        self.seconds = min(self.seconds, (time.perf_counter() - begun) / len(self.prompts))
        self.notes = [one.chorale for one in written]
