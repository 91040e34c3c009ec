"""Floors: the multiply-adds that a network can't do without, and the rate at which this machine does them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple, cast

import torch
from torch import nn
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode

from bachlit.benchmark.measuring import Size, shortest
from bachlit.benchmark.report import Report
from bachlit.models.language_model import LanguageModel
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.networks.stepping import Product, plain_kernels

Shape = tuple[int, int]
"""Inputs and outputs of a matrix product on some rows."""

_ROWS = (1, 16, 32)  # hypotheses: greedy, a beam of 16, two groups
_PLAIN, _PACKED, _HALF = "addmm_f32", "packed_f32", "packed_bf16"


class Work(NamedTuple):
    """Matrix products that a frame needs, for one hypothesis in one view.

    Attributes:
        products: Of a step of the recurrent layers.
        steps: How many of these a frame takes.
    """

    products: tuple[Shape, ...]
    steps: int

    @property
    def multiply_adds(self) -> int:
        """Number of multiply-adds of a frame."""
        return self.steps * sum(inputs * outputs for inputs, outputs in self.products)


def work_of(model: LanguageModel) -> Work:
    """List the matrix products of a frame.

    Whatever reads a token or a feature is a table's row instead, which costs none: embeddings, the projection of a
    frame's features, the first LSTM's inputs of a `TokenLSTM`, the tokens already chosen in a head of a `FrameLSTM`.
    """
    network = model.network
    lstms = [cast(nn.LSTM, lstm) for lstm in cast(nn.ModuleList, network.lstms)]
    gates = [(lstm.input_size + lstm.hidden_size, 4 * lstm.hidden_size) for lstm in lstms]
    if isinstance(network, TokenLSTM):
        gates[0] = lstms[0].hidden_size, gates[0][1]
        return Work((*gates, _shape(network.head)), model.encoding.frame_size)
    assert isinstance(network, FrameLSTM)
    heard = network.hidden + network.projection.out_features
    heads = [
        shape
        for hear, thinks, say in zip(network.hears, network.thinks, network.says, strict=True)
        for shape in ((heard, _shape(hear)[1]), *map(_shape, cast(nn.ModuleList, thinks)), _shape(say))
    ]
    return Work((*gates, *heads), 1)


def _shape(layer: nn.Module) -> Shape:
    return cast(int, layer.in_features), cast(int, layer.out_features)


def views(model: LanguageModel) -> int:
    """Count the keys in which a model listens at once."""
    return int(model.network.config.get("views", 1))


@cache
def rates(shapes: tuple[Shape, ...], rows: int, passes: int) -> dict[str, float]:
    """Measure in how many GFLOP/s products run one after another, by each way to do them, in one thread.

    Args:
        shapes: The products.
        rows: Of their inputs.
        passes: The fastest counts.
    """
    flop = 2e-9 * rows * sum(inputs * outputs for inputs, outputs in shapes)
    return {way: flop / shortest(run, passes) for way, run in _ways(shapes, rows)}


def _ways(shapes: tuple[Shape, ...], rows: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Prepare the products by plain `addmm`, as steppers do them, and by oneDNN in bfloat16 if the processor has it."""
    inputs = [torch.randn(rows, size) for size, _ in shapes]
    weights = [torch.randn(out, size) for size, out in shapes]
    biases = [torch.randn(out) for _, out in shapes]
    turned = [weight.t().contiguous() for weight in weights]
    yield _PLAIN, lambda: [torch.addmm(*of) for of in zip(biases, inputs, turned, strict=True)]
    products = [Product(*of) for of in zip(weights, biases, strict=True)]
    yield _PACKED, lambda: [product(x) for product, x in zip(products, inputs, strict=True)]
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    half = [[part.to(torch.bfloat16) for part in some] for some in (inputs, weights, biases)]
    given = list(zip(half[0], *([part.to_mkldnn() for part in some] for some in half[1:]), strict=True))

    def in_halves() -> None:
        for x, weight, bias in given:
            linear(x.to_mkldnn(), weight, bias).to_dense()

    with suppress(RuntimeError):  # oneDNN raises it where the processor lacks the type
        in_halves()
        yield _HALF, in_halves


def floor(model: LanguageModel, rows: int, frames: int, passes: int) -> float:
    """Seconds in which one thread does a decoding's products in float32, by the fastest way, and nothing else.

    Args:
        model: Decodes.
        rows: Hypotheses times views.
        frames: Sixteenths.
        passes: As of `rates`.
    """
    work = work_of(model)
    known = rates(work.products, rows, passes)
    rate = max(known[way] for way in (_PLAIN, _PACKED) if way in known)
    return 2e-9 * work.multiply_adds * rows * frames / rate


def machine(size: Size, report: Report) -> None:
    """Report at which rates the machine does the products of the model that ships."""
    about = report.about
    report.begin(
        "machine",
        f"{about['processor']}, {about['cores']} cores, {about['system']}; Python {about['python']}, "
        f"torch {about['torch']}, {about['threads']} thread; bachlit {about['bachlit']}",
    )
    model = LanguageModel.load("bachlit")
    work = work_of(model)
    report.row(
        "products",
        f"of a frame of {type(model.network).__name__}, per hypothesis and view; below, all of these on so many rows",
        mflop=2e-6 * work.multiply_adds,
    )
    for rows in _ROWS:
        known = rates(work.products, rows, size.passes)
        report.row(f"rows_{rows}", "", **{f"{way}_gflops": rate for way, rate in known.items()})


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]  # it has no types
    """Count the matrix products that PyTorch does, by (batch, rows, inputs, outputs)."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[tuple[int, int, int, int]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm", "bmm"):
            first, second = args[-2:]
            self.counts[first.shape[0] if name == "bmm" else 1, *first.shape[-2:], second.shape[-1]] += 1
        return func(*args, **(kwargs or {}))


_MANY_ROWS = 2000  # from here on more rows at once are no faster


def training_floor(forward: Callable[[], object], passes: int) -> float:
    """Seconds of three times the multiply-adds of a forward pass: forward, and backward to inputs and to weights.

    They are done at the rate of the same products on all of their rows at once. The steps of an LSTM must wait for each
    other, but the gradients of its weights needn't.

    Args:
        forward: Runs the pass.
        passes: The fastest of each product's counts.
    """
    with Products() as found, plain_kernels(), torch.no_grad():
        forward()
    seconds = 0.0
    for (batch, rows, inputs, outputs), number in found.counts.items():
        num = batch * rows * number
        one, other = torch.randn(min(num, _MANY_ROWS), inputs), torch.randn(inputs, outputs)
        fastest = shortest(lambda one=one, other=other: one @ other, passes)  # type: ignore[misc]
        seconds += fastest * num / len(one)
    return 3 * seconds
