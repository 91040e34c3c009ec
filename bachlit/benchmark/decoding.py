"""What decoding costs, against a plain loop and against what the machine could do, all in the same run."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from typing import cast

import torch
from torch import Tensor, nn

from bachlit.benchmark.plain import PlainBeam, PlainGreedy, PlainSampling
from bachlit.corpus import BachCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.decoding import BeamSearch, Decoder, Gibbs, Greedy, Particles, Sampling
from bachlit.errors import OptionError
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt
from bachlit.networks import FrameLSTM, Memory, Network, Stepper, TokenLSTM

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


class Floor:
    """The least time that a step of a network can take on this machine, as measured now.

    A step reads every weight once that isn't looked up in a table, and multiplies each with every row: it can't be
    faster than memory, or the caches where the weights fit in, brings the weights, nor than the fastest product of
    matrices. The five steps of a `FrameLSTM`'s frame do so together, with a row for each key that it listens in.

    Args:
        network: Whose step.

    Attributes:
        num_bytes: Of the weights.
        num_products: Multiply-adds a row.
        num_views: Rows that one is made of.
        num_steps: Steps, one a token, that share them.
        bandwidth: Bytes a second, of a tensor of the weights' size that is summed again and again.
        rate: Multiply-adds a second, of two square matrices of 1,024: by `torch.mm` or by oneDNN, which may be twice as
            fast, whichever wins.
    """

    def __init__(self, network: Network) -> None:
        weights = _read_in_a_step(network)
        self.num_steps, self.num_views = 1, 1
        if isinstance(network, FrameLSTM):
            self.num_steps, self.num_views = network.reader.size, network.views.num
        self.num_bytes = sum(weight.numel() * weight.element_size() for weight in weights)
        self.num_products = sum(weight.numel() for weight in weights if weight.dim() == 2)
        read = torch.rand(self.num_bytes // 4)
        self.bandwidth = 4 * read.numel() / _fastest(read.sum, 200)
        self.rate = 1024**3 / min(_fastest(product, 20) for product in _products(torch.rand(1024, 1024)))

    def seconds(self, num_rows: int) -> float:
        """For one step of so many rows."""
        products = num_rows * self.num_views * self.num_products
        return max(self.num_bytes / self.bandwidth, products / self.rate) / self.num_steps


def _read_in_a_step(network: Network) -> list[Tensor]:
    """The weights that aren't looked up in tables, embeddings and what is projected beforehand."""
    looked_up: set[nn.Module] = {module for module in network.modules() if isinstance(module, nn.Embedding)}
    read: list[Tensor] = []
    if isinstance(network, FrameLSTM):
        looked_up |= {network.projection, *network.hears}
        # What heads hear of chosen voices is looked up; what all of them hear isn't.
        size = network.hidden + network.projection.out_features
        for hear in cast(list[nn.Linear], list(network.hears)):
            read += [hear.weight[:, :size], hear.bias]
    for module in network.modules():
        if module not in looked_up:
            read += module.parameters(recurse=False)
    return read


class _Counted(LanguageModel):
    """Counts its steps by their rows."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(model.network, model.encoding, model.keys)
        self.steps: Counter[int] = Counter()

    def stepper(self) -> Stepper:
        """See `LanguageModel.stepper`."""
        return _CountedStepper(super().stepper(), self.steps)


class _CountedStepper(Stepper):
    """Counts another stepper's steps by their rows."""

    def __init__(self, stepper: Stepper, steps: Counter[int]) -> None:
        self.stepper, self.steps = stepper, steps

    def begin(self, batch_size: int) -> Memory:
        """See `Stepper.begin`."""
        return self.stepper.begin(batch_size)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """See `Stepper.step`."""
        self.steps[len(tokens)] += 1
        return self.stepper.step(tokens, memory)


def decoding(
    *, frames: int, pieces: int, rounds: int, decoders: Sequence[str], checkpoints: Sequence[str]
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
        OptionError: If no chorale has so many frames.
    """
    torch.set_num_threads(1)
    prompts = melodies(split_by_tune(BachCorpus().chorales())["test"], frames, pieces)
    yield f"1 thread, {pieces} sopranos of {frames} frames, fastest of {rounds} rounds"
    first: dict[str, list[_Run]] = {}
    for checkpoint in checkpoints:
        model = LanguageModel.load(checkpoint)
        floor = Floor(model.network)
        yield f"{checkpoint}: {type(model.network).__name__} of {floor.num_bytes / 1e6:.1f} MB"
        yield (
            f"floor: so many bytes, read again and again (from cache, if they fit), come at "
            f"{floor.bandwidth / 1e9:.0f} GB/s; a product of large matrices runs at {2 * floor.rate / 1e9:.0f} Gflop/s"
        )
        for name in decoders:
            runs = [_Run(DECODERS[name], model, some, floor) for some in (prompts[:1], prompts)]
            yield from _compare(name, runs, rounds)
            for run, other in zip(runs, first.setdefault(name, runs), strict=True):
                if run is not other:
                    which = "one piece" if len(run.prompts) == 1 else "all at once"
                    yield _line(name, which, run, f"{other.seconds / run.seconds:.2f} x as fast as {checkpoints[0]}")


def melodies(chorales: Sequence[Chorale], frames: int, num: int) -> list[Prompt]:
    """So many sopranos, cut from the chorales' beginnings first, then from where the first cuts end, and so on."""
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
    """The frames from the first to before the last, where all voices begin anew."""
    onsets = chorale.onsets[first:last].copy()
    onsets[0] = True
    return replace(chorale, pitches=chorale.pitches[first:last], onsets=onsets, fermatas=chorale.fermatas[first:last])


def _compare(name: str, runs: Sequence["_Run"], rounds: int) -> Iterator[str]:
    """One decoder's lines, of one piece and of all at once."""
    single, together = runs
    plain = {}
    network = single.model.network
    if name in PLAIN and isinstance(network, TokenLSTM):
        plain = {
            label: _Run(PLAIN[name](network, onednn), single.model, single.prompts, single.floor)
            for label, onednn in (("plain loop", True), ("plain loop, oneDNN off", False))
        }
    for _ in range(rounds):
        for run in (single, together, *plain.values()):
            run.turn()
    yield _line(name, "one piece", single, f"{single.times_floor:.1f} x its floor")
    ratio = single.seconds / together.seconds
    yield _line(
        name, "all at once", together, f"{together.times_floor:.1f} x its floor; {ratio:.2f} x as fast as one piece"
    )
    for label, run in plain.items():
        alone, batched = run.seconds / single.seconds, run.seconds / together.seconds
        same = "; the same notes" if run.notes == single.notes else ""
        yield _line(name, label, run, f"one piece is {alone:.2f} x as fast, all at once {batched:.1f} x{same}")


def _line(name: str, label: str, run: "_Run", ratios: str) -> str:
    frames = run.prompts[0].chorale.num_frames
    return f"{name:<11}{label:<24}{frames / run.seconds:8.0f} frames/s   {ratios}"


class _Run:
    """A decoder on some prompts, timed.

    Attributes:
        seconds: A piece took in the fastest turn.
        times_floor: The same as a multiple of the least time that its steps can take.
        notes: What it wrote last.
    """

    def __init__(self, decoder: Decoder, model: LanguageModel, prompts: Sequence[Prompt], floor: Floor) -> None:
        self.decoder, self.prompts, self.floor = decoder, prompts, floor
        self.model = model if isinstance(model, _Counted) else _Counted(model)
        self.seconds, self.times_floor = math.inf, math.nan
        self.notes: list[Chorale] = []

    def turn(self) -> None:
        """Decode once more."""
        self.model.steps.clear()
        begun = time.perf_counter()
        written = write(self.model, self.prompts, decoder=self.decoder, seeds=range(len(self.prompts)))
        seconds = time.perf_counter() - begun
        self.notes = [one.chorale for one in written]
        if seconds / len(self.prompts) < self.seconds:
            self.seconds = seconds / len(self.prompts)
            least = sum(calls * self.floor.seconds(rows) for rows, calls in self.model.steps.items())
            self.times_floor = seconds / least if least else math.nan


def _products(square: Tensor) -> Iterator[Callable[[], Tensor]]:
    """The ways in which PyTorch multiplies matrices."""
    yield lambda: square.mm(square)
    if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        packed = square.to_mkldnn()
        yield lambda: nn.functional.linear(packed, packed)


def _fastest(work: Callable[[], object], times: int) -> float:
    """Seconds that it takes at best."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)
