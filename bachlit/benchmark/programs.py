"""Measure commands from a cold start: folders of tunes by workers, and what people wait for first."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from bachlit.benchmark.measuring import Seconds, Size, bachlit, best_of, program
from bachlit.benchmark.report import Report
from bachlit.errors import CorpusError
from bachlit.scores import read_melody, tunes_of, write_musicxml

_PHRASES = ("CCGG|AAG2|FFEE|DDC2|", "GGFF|EED2|GGFF|EED2|", "CCGG|AAG2|FFEE|DDC2|]")
_TWINKLE = f"X:1\nT:Twinkle\nM:4/4\nL:1/4\nK:C\n{''.join(_PHRASES)}\n"
_LOADS = "from bachlit.models.language_model import LanguageModel; LanguageModel.load('bachlit')"


def folder(size: Size, report: Report) -> None:
    """Report the seconds of folders of folk tunes, by one worker and by two."""
    report.begin(
        "folder", "folk songs of the Essen collection, `bachlit harmonize FOLDER --workers 1` and 2, one round"
    )
    for name, number, options in (
        ("greedy", size.tunes, ("--decoder", "Greedy")),
        ("default", max(1, size.tunes // 4), ()),
    ):
        with tempfile.TemporaryDirectory() as place:
            tunes = Path(place) / "tunes"
            tunes.mkdir()
            for index, text in enumerate(islice(folk_tunes(), number), start=1):
                (tunes / f"{index}.abc").write_text(text, encoding="utf-8")
            one, two = (
                bachlit("harmonize", tunes, "--output", f"by{workers}/", "--workers", str(workers), *options,
                        folder=Path(place))
                for workers in (1, 2)
            )  # fmt: skip
        report.row(
            name,
            f"{number} tunes; peaks: of the largest process",
            one_worker_s=one.seconds.wall,
            two_workers_s=two.seconds.wall,
            tunes_per_s=number / two.seconds.wall,
            two_as_fast_times=one.seconds.wall / two.seconds.wall,
            one_worker_cpu_s=one.seconds.cpu,
            two_workers_cpu_s=two.seconds.cpu,
            one_worker_peak_mb=one.peak,
            two_workers_peak_mb=two.peak,
        )


def folk_tunes() -> Iterator[str]:
    """Yield folk songs in ABC, from the collection that music21 has.

    Raises:
        CorpusError: If it isn't there.
    """
    package = find_spec("music21")
    place = Path(package.origin).parent / "corpus" / "essenFolksong" if package and package.origin else Path()
    files = sorted(place.glob("erk*.abc"))
    if not files:
        raise CorpusError(
            f"There are no songs in {place}; expected the Essen collection in ABC; install music21 whole, which has it."
        )
    yield from (tune.text for file in files for tune in tunes_of(file))


def start(size: Size, report: Report) -> None:
    """Report the seconds of fresh processes, as multiples of `import torch`."""
    report.begin(
        "start",
        f"fresh processes of one thread, fastest of {size.rounds} rounds; ratios by processor seconds",
    )
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        _write_tune(home / "twinkle.musicxml", _TWINKLE)
        _write_tune(home / "bar.musicxml", _TWINKLE[: _TWINKLE.index("|") + 1] + "]\n")
        written = ("--overwrite", "true", "--output", "written.musicxml")
        programs: dict[str, tuple[str, Callable[..., object]]] = {
            "import_torch": ("import torch, the baseline", partial(program, "-c", "import torch")),
            "help": ("bachlit --help", partial(bachlit, "--help")),
            "fit_help": ("bachlit fit --help", partial(bachlit, "fit", "--help")),
            "load": ("import bachlit's models and load the one that ships", partial(program, "-c", _LOADS)),
            "bar": ("bachlit harmonize, a bar", partial(bachlit, "harmonize", "bar.musicxml", *written)),
            "tune": (
                "bachlit harmonize, a tune of 12 bars, by the default decoder",
                partial(bachlit, "harmonize", "twinkle.musicxml", *written),
            ),
            "fit": (
                "bachlit fit, to the end of its first step",
                partial(bachlit, "fit", "--trainer.max_steps", "1", "--trainer.accelerator", "cpu"),
            ),
        }
        runs: dict[str, Callable[[], Seconds]] = {
            name: lambda run=run: run(folder=home).seconds  # type: ignore[misc]
            for name, (_, run) in programs.items()
        }
        measured = best_of(runs, size.rounds)
    baseline = measured["import_torch"].cpu
    for name, (meaning, _) in programs.items():
        seconds = measured[name]
        report.row(name, meaning, cpu_s=seconds.cpu, wall_s=seconds.wall, times_import_torch=seconds.cpu / baseline)


def _write_tune(path: Path, text: str) -> None:
    """Write a tune in ABC as MusicXML."""
    abc = path.with_suffix(".abc")
    abc.write_text(text, encoding="utf-8")
    write_musicxml(read_melody(abc), path)
    abc.unlink()
