"""Measure decoding: one piece, bars anew, many pieces at once."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import cycle, islice

from bachlit.api import harmonize
from bachlit.benchmark.floors import floor, views
from bachlit.benchmark.measuring import Size, fastest
from bachlit.benchmark.plain import PlainLoop
from bachlit.benchmark.report import Report
from bachlit.corpus import BachCorpus
from bachlit.corpus.splits import split_by_tune
from bachlit.decoding import BeamSearch, Decoder, Greedy, Sampling, StepDecoder
from bachlit.generation.harmonizing import harmonizer, write_several
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt
from bachlit.networks import TokenLSTM

_WIDTH = 16
_BAR = 16


def piece(size: Size, report: Report) -> None:
    """Report the seconds of one piece by several decoders, against floors and plain loops."""
    chorale = held_out(size.frames)
    prompt = Prompt.voices(chorale, "soprano")
    report.begin(
        "piece",
        f"{size.frames} sixteenths under the soprano of {chorale.name}, one thread, fastest of {size.rounds} rounds; "
        "floor_s: its matrix products alone",
    )
    model = LanguageModel.load("bachlit")
    # The default decoder is asked for as by users: None takes the best of its pieces, too.
    rows: dict[str, tuple[Decoder | None, str]] = {
        "default": (None, "two groups of 16"),
        "beam": (BeamSearch(_WIDTH), f"BeamSearch({_WIDTH})"),
        "greedy": (Greedy(), "Greedy"),
        "sampling": (Sampling(), "Sampling"),
    }
    runs = {name: partial(harmonize, prompt, decoder=decoder, checkpoint=model) for name, (decoder, _) in rows.items()}
    measured = fastest(runs, size.rounds)
    for name, (decoder, meaning) in rows.items():
        used = decoder or harmonizer()
        hypotheses = used.hypotheses if isinstance(used, StepDecoder) else 1
        least = floor(model, hypotheses * views(model), size.frames, size.passes)
        report.row(
            name,
            f"{meaning}, {_network(model)}",
            cpu_s=measured[name].cpu,
            wall_s=measured[name].wall,
            floor_s=least,
            times_floor=measured[name].cpu / least,
        )
    _against_plain_loops(chorale, size, report)


def _against_plain_loops(chorale: Chorale, size: Size, report: Report) -> None:
    """Report the token network's seconds beside those of a loop that calls PyTorch's modules."""
    model = LanguageModel.load("bachbot")
    assert isinstance(model.network, TokenLSTM)
    for name, decoder, width, frames in (
        ("token_greedy", Greedy(), 1, size.frames),
        ("token_beam", BeamSearch(_WIDTH), _WIDTH, size.looped),
    ):
        prompt = Prompt.voices(cut(chorale, 0, frames), "soprano")
        decoders: dict[str, Decoder] = {
            "ours": decoder,
            "plain": PlainLoop(model.network, width),
            "plain_kernels": PlainLoop(model.network, width, onednn=False),
        }
        runs = {label: partial(harmonize, prompt, decoder=one, checkpoint=model) for label, one in decoders.items()}
        measured = fastest(runs, size.rounds)
        ours = measured["ours"].cpu
        least = floor(model, width, frames, size.passes)
        report.row(
            name,
            f"{type(decoder).__name__}, {_network(model)}, {frames} sixteenths; plain loops: as PyTorch comes, and "
            "with oneDNN off",
            cpu_s=ours,
            wall_s=measured["ours"].wall,
            floor_s=least,
            times_floor=ours / least,
            plain_loop_s=measured["plain"].cpu,
            plain_loop_times=measured["plain"].cpu / ours,
            switched_loop_times=measured["plain_kernels"].cpu / ours,
        )


def bars(size: Size, report: Report) -> None:
    """Report the seconds of some bars written anew, as shares of the whole piece's."""
    chorale = held_out(size.frames)
    last = size.frames // _BAR
    middle = max(1, last // 2)
    places = {
        "beginning": (1, min(2, last)),
        "middle": (middle, min(middle + 1, last)),
        "end": (max(1, last - 1), last),
        "one": (middle, middle),
        "four": (max(1, middle - 1), min(middle + 2, last)),
    }
    report.begin(
        "bars",
        f"of the {last} of {chorale.name} anew by the default decoder, its soprano given, one thread, fastest of "
        f"{size.rounds} rounds",
    )
    model = LanguageModel.load("bachlit")
    runs: dict[str, Callable[[], object]] = {
        "whole": partial(harmonize, chorale, voice="soprano", checkpoint=model),
        **{
            name: partial(harmonize, chorale, bars=place, voice="soprano", checkpoint=model)
            for name, place in places.items()
        },
    }
    measured = fastest(runs, size.rounds)
    whole = measured.pop("whole")
    report.row("whole", f"all bars, {_network(model)}", cpu_s=whole.cpu, wall_s=whole.wall)
    for name, seconds in measured.items():
        first, until = places[name]
        share = seconds.cpu / whole.cpu
        report.row(name, f"bars {first} to {until}", cpu_s=seconds.cpu, wall_s=seconds.wall, share_of_whole=share)


def pieces(size: Size, report: Report) -> None:
    """Report how many pieces a second are written at once, and one by one."""
    prompts = melodies(_test_chorales(), size.cut, size.together)
    report.begin(
        "pieces",
        f"{size.together} sopranos of {size.cut} sixteenths at once, and {size.alone} of them one by one; one thread, "
        f"fastest of {size.rounds} rounds",
    )
    model = LanguageModel.load("bachlit")
    for name, decoder in (("beam", BeamSearch(_WIDTH)), ("greedy", Greedy())):
        measured = fastest(
            {
                "together": partial(_write, model, prompts, decoder),
                "alone": lambda: [_write(model, [prompt], decoder) for prompt in prompts[: size.alone]],  # noqa: B023
            },
            size.rounds,
        )
        together, alone = size.together / measured["together"].cpu, size.alone / measured["alone"].cpu
        report.row(
            name,
            f"{type(decoder).__name__}, {_network(model)}; pieces a second of the processor",
            together_cpu_s=measured["together"].cpu,
            together_per_s=together,
            alone_per_s=alone,
            times_alone=together / alone,
        )


def _write(model: LanguageModel, prompts: Sequence[Prompt], decoder: Decoder) -> object:
    return write_several(model, prompts, decoder=decoder, seeds=range(len(prompts)), num=1)


@cache
def _test_chorales() -> Sequence[Chorale]:
    return split_by_tune(BachCorpus().chorales())["test"]


def held_out(frames: int) -> Chorale:
    """Cut the first held-out chorale in whole bars of 4/4 that is long enough; no model has heard it."""
    return next(
        cut(chorale, 0, frames)
        for chorale in _test_chorales()
        if chorale.num_frames >= frames and not chorale.pickup and {bar.full for bar in chorale.measures} == {_BAR}
    )


def melodies(chorales: Sequence[Chorale], frames: int, num: int) -> list[Prompt]:
    """Cut sopranos from the chorales: all beginnings first, then what follows the first cuts, and so on."""
    longest = max(chorale.num_frames for chorale in chorales)
    cuts = (
        cut(chorale, first, first + frames)
        for first in range(0, longest, frames)
        for chorale in chorales
        if first + frames <= chorale.num_frames
    )
    return [Prompt.voices(cut, "soprano") for cut in islice(cycle(cuts), num)]


def _network(model: LanguageModel) -> str:
    number = views(model)
    return f"{type(model.network).__name__} in {number} view{'s' * (number > 1)}"
