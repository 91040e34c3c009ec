"""The benchmark prints and keeps its figures, and counts right. What it measures is for people to read."""

import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sizes import LARGE
from torch.utils.flop_counter import FlopCounterMode

from bachlit.__main__ import main as run_command
from bachlit.benchmark import floors, programs
from bachlit.benchmark.__main__ import PARTS, main
from bachlit.benchmark.measuring import Cost, Seconds, best_of, program
from bachlit.benchmark.plain import PlainLoop
from bachlit.benchmark.report import Report, compare, read
from bachlit.benchmark.writing import melodies
from bachlit.decoding import LIVELY, BeamSearch, Decoder, Greedy, Rules
from bachlit.encoding import SatbEncoding
from bachlit.errors import BachlitError, OptionError
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.networks import FrameLSTM, TokenLSTM
from bachlit.networks.stepping import plain_kernels

COSTS = {"cpu_s", "wall_s"}
TO_FLOOR = {"floor_s", "times_floor"}
LOOPS = {"plain_loop_s", "plain_loop_times", "switched_loop_times"}
RATES = {"addmm_f32_gflops", "packed_f32_gflops"}
PROCESSES = {"apart_tokens_per_s", "together_tokens_per_s", "together_as_fast_times"}
WORKERS = {f"{workers}_{figure}" for workers in ("one_worker", "two_workers") for figure in ("s", "cpu_s", "peak_mb")}
STEPS = {"bare_step_cpu_s", "bare_tokens_per_s", "trainer_tokens_per_s", "trainer_as_fast_times"} | TO_FLOOR
STARTS = ("import_torch", "help", "fit_help", "load", "bar", "tune", "fit")
FIGURES: dict[str, dict[str, set[str]]] = {
    "machine": {"products": {"mflop"}, **{f"rows_{rows}": RATES for rows in (1, 16, 32)}},
    "piece": {
        **dict.fromkeys(("default", "beam", "greedy", "sampling"), COSTS | TO_FLOOR),
        **dict.fromkeys(("token_greedy", "token_beam"), COSTS | TO_FLOOR | LOOPS),
    },
    "bars": {
        "whole": COSTS,
        **{name: COSTS | {"share_of_whole"} for name in ("beginning", "middle", "end", "one", "four")},
    },
    "pieces": {
        name: {"together_cpu_s", "together_per_s", "alone_per_s", "times_alone"} for name in ("beam", "greedy")
    },
    "folder": {name: WORKERS | {"tunes_per_s", "two_as_fast_times"} for name in ("greedy", "default")},
    "start": {name: COSTS | {"times_import_torch"} for name in STARTS},
    "training": dict.fromkeys(("TokenLSTM", "FrameLSTM"), STEPS),
    "processes": dict.fromkeys(("TokenLSTM", "FrameLSTM"), PROCESSES),
}  # fmt: skip


@pytest.fixture
def small(small_model: LanguageModel, framed_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small models in place of those that ship."""
    models = {"bachbot": small_model, "bachlit": framed_model}
    monkeypatch.setattr(LanguageModel, "load", models.__getitem__)


def require_figures(parts: list[str], kept: Path, printed: str) -> None:
    """Require that parts kept and printed all of their figures, and no others."""
    contents = read(kept)
    names = {f"{part}.{row}.{figure}" for part in parts for row, some in FIGURES[part].items() for figure in some}
    figures = {name: value for name, value in contents.items() if "." in name and not name.endswith("bf16_gflops")}
    assert set(figures) == names
    assert all(math.isfinite(value) and value >= 0 for value in figures.values())
    for name, value in figures.items():
        part, row, figure = name.split(".")
        rows = printed.partition(f"\n{part}: ")[2].split(f"\n  {row}: ")[1].split("\n  ")[:3]
        shown = next(word for line in rows for word in line.split("  ") if word.strip().startswith(f"{figure} "))
        assert float(shown.split()[1]) == pytest.approx(value, rel=0.01, abs=1)


def test_every_part_has_its_figures_here() -> None:
    assert list(FIGURES) == list(PARTS)


@pytest.mark.usefixtures("small")
def test_parts_in_this_process_print_and_keep_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = ["machine", "piece", "bars", "pieces", "training"]
    main([*parts, "--quick", "true", "--output", str(tmp_path / "now.json")])
    require_figures(parts, tmp_path / "now.json", capsys.readouterr().out)


def in_this_process(*words: str | Path, folder: Path) -> Cost:
    """Run a command as `measuring.bachlit` does, without a new process."""
    begun = Seconds.now()
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = run_command([str(word) for word in words])
        except SystemExit as ended:  # of a parser's help
            code = int(ended.code or 0)
    assert code == 0, words
    return Cost(begun.since(), 1.0)


@pytest.mark.usefixtures("with_a_small_default")
def test_parts_of_programs_print_and_keep_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of new processes where tests are large; else of this one, with a bar of a tune."""
    if not LARGE:
        bar = programs._TWINKLE[: programs._TWINKLE.index("|") + 1] + "]\n"
        monkeypatch.setattr(programs, "_TWINKLE", bar)
        monkeypatch.setattr(programs, "folk_tunes", lambda: iter([bar]))
        monkeypatch.setattr(programs, "bachlit", in_this_process)
        monkeypatch.setattr(programs, "program", lambda *_, folder: Cost(Seconds(1.0, 1.0), 1.0))
    main(["folder", "start", "--quick", "true", "--tunes", "2" if LARGE else "1", "--output", f"{tmp_path}/now.json"])
    require_figures(["folder", "start"], tmp_path / "now.json", capsys.readouterr().out)


def test_processes_print_and_keep_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes where tests are large; else of this one alone, since new ones take their time to start."""
    if not LARGE:
        monkeypatch.setattr("bachlit.benchmark.processes._PROCESSES", 1)
        monkeypatch.setattr("bachlit.benchmark.processes.spawn", lambda train, given, nprocs: train(0, *given))
        monkeypatch.setattr("os.environ", dict(os.environ))
    main(["processes", "--quick", "true", "--output", str(tmp_path / "now.json")])
    require_figures(["processes"], tmp_path / "now.json", capsys.readouterr().out)


def test_multiply_adds_equal_those_counted_by_hand() -> None:
    encoding = SatbEncoding()
    size = encoding.vocabulary_size
    tokens = LanguageModel(TokenLSTM(encoding, layers=2, hidden=3, embedding=7), encoding)
    assert floors.work_of(tokens).multiply_adds == 5 * (3 * 12 + (3 + 3) * 12 + 3 * size)
    frames = FrameLSTM(encoding, layers=2, hidden=3, embedding=7, projection=5, head=4, head_layers=2, views=3)
    marks, *voices = encoding.slot_tokens.sum(axis=1).tolist()
    lstms = (5 + 3) * 12 + (3 + 3) * 12
    heads = 5 * ((3 + 5) * 4 + 4 * 4) + 4 * (marks + sum(voices) + 4 * 2)  # two echoes a voice
    assert floors.work_of(LanguageModel(frames, encoding)).multiply_adds == lstms + heads


def test_floor_is_the_work_by_the_fastest_float32_rate(
    framed_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floors, "rates", lambda *_: {"addmm_f32": 2.0, "packed_f32": 4.0, "packed_bf16": 9.0})
    work = floors.work_of(framed_model).multiply_adds
    assert floors.floor(framed_model, 48, 10, 1) == pytest.approx(2 * work * 48 * 10 / 4e9)


@pytest.mark.parametrize("network", [TokenLSTM, FrameLSTM])
def test_products_of_training_equal_pytorchs_count(network: Callable[..., TokenLSTM | FrameLSTM]) -> None:
    torch.manual_seed(0)
    model = network(SatbEncoding(), layers=2, hidden=8, embedding=4).train()
    tokens = torch.randint(5, 100, (3, 25))
    memory = model.initial_memory(3)
    with floors.Products() as found, plain_kernels():
        model(tokens, memory)
    with FlopCounterMode(display=False) as counter, plain_kernels():
        model(tokens, memory)
    flop = sum(2 * math.prod(shape) * number for shape, number in found.counts.items())
    assert flop == counter.get_total_flops() > 0


def test_the_fastest_turn_counts_and_turns_alternate() -> None:
    order: list[str] = []

    def run(name: str, turns: list[Seconds]) -> Seconds:
        order.append(name)
        return turns.pop()

    one, other = [Seconds(1, 5), Seconds(2, 4)], [Seconds(3, 3), Seconds(9, 9)]
    best = best_of({"one": lambda: run("one", one), "other": lambda: run("other", other)}, 2)
    assert best == {"one": Seconds(1, 4), "other": Seconds(3, 3)}
    assert order == ["one", "other", "other", "one"]


@pytest.mark.skipif(sys.platform != "linux", reason="where memory is told in other units")
def test_a_programs_cost_counts_its_processes_not_its_starter(tmp_path: Path) -> None:
    held = bytearray(2**28)  # as a starter that has loaded much
    small = program("-S", "-c", "pass", folder=tmp_path)
    assert 0 < small.peak < len(held) / 1e6
    works = "import time\nwhile time.process_time() < 0.3: pass\nlarge = b'x' * 10 ** 8"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {works!r}], check=True)"
    large = program("-S", "-c", starts, folder=tmp_path)
    assert large.seconds.cpu > 0.3
    assert large.peak > 100


def test_a_program_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BachlitError, match=r"failed \(no such luck\); expected it to run; run"):
        program("-S", "-c", "raise SystemExit('no such luck')", folder=tmp_path)


def made(**seconds: float) -> Report:
    report = Report(tunes=2, quick=True)
    report.begin("piece", "a trial")
    for name, value in seconds.items():
        report.row(name, "", cpu_s=value, floor_s=0.5, lost_s=math.nan)
    return report


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    report = made(default=2.25, beam=1.0)
    report.save(tmp_path / "one.json")
    assert read(tmp_path / "one.json") == report.contents()
    assert report.figures == {
        f"piece.{row}.{key}": value
        for row, cpu in (("default", 2.25), ("beam", 1.0))
        for key, value in (("cpu_s", cpu), ("floor_s", 0.5))
    }
    assert report.about["quick"] is True


@pytest.mark.usefixtures("small")
def test_a_doubled_time_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = made(default=1.0, beam=3.0), made(default=2.0, greedy=1.0)
    lines = list(compare(before.contents(), after.contents()))
    assert not any(line.startswith("warning") for line in lines)
    assert {line.split()[0]: line.split()[1:] for line in lines if line.startswith("piece.")} == {
        "piece.default.cpu_s": ["1.00", "2.00", "2.00", "x"],
        "piece.default.floor_s": ["0.500", "0.500", "1.00", "x"],
    }
    assert lines[-2:] == ["new: piece.greedy.cpu_s, piece.greedy.floor_s", "gone: piece.beam.cpu_s, piece.beam.floor_s"]
    main(["machine", "--quick", "true", "--output", str(tmp_path / "one.json")])
    contents = json.loads((tmp_path / "one.json").read_text())
    other = contents | {"torch": "1.0", "machine.products.mflop": contents["machine.products.mflop"] / 2}
    (tmp_path / "other.json").write_text(json.dumps(other))
    capsys.readouterr()
    main(["machine", "--quick", "true", "--against", str(tmp_path / "other.json")])
    printed = capsys.readouterr().out
    assert f"warning: torch was 1.0, is {torch.__version__}" in printed
    assert [line.split()[-2:] for line in printed.splitlines() if line.startswith("machine.products")] == [
        ["2.00", "x"]
    ]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": 0}', '{"format": 1, "piece.beam.cpu_s": "fast"}'])
def test_what_holds_no_figures_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "other.json").write_text(content)
    with pytest.raises(OptionError, match=r"other.json .*; expected what --output wrote; "):
        read(tmp_path / "other.json")
    with pytest.raises(SystemExit) as ended:
        main(["machine", "--against", str(tmp_path / "other.json")])
    assert ended.value.code == 2


@pytest.mark.parametrize(("width", "onednn"), [(None, True), (1, False), (5, True)])
def test_the_plain_loop_writes_what_the_decoder_writes(
    small_model: LanguageModel, bach: list[Chorale], width: int | None, onednn: bool
) -> None:
    assert isinstance(small_model.network, TokenLSTM)
    decoder: Decoder = BeamSearch(width) if width else Greedy()
    plain = PlainLoop(small_model.network, width or 1, onednn=onednn)
    prompts = melodies(bach, 8, 3)
    rules = Rules(tuple(rule for rule in LIVELY if not str(rule).startswith("Final")))  # these would give way
    ours, its = (write(small_model, prompts, decoder=one, seeds=[0] * 3, rules=rules) for one in (decoder, plain))
    for one, other in zip(ours, its, strict=True):
        assert other.chorale == one.chorale
        assert other.score == pytest.approx(one.score, abs=1e-3)


def test_melodies_are_cut_one_after_another(bach: list[Chorale]) -> None:
    few = bach[:2]
    prompts = melodies(few, 32, 4)
    assert [prompt.chorale.num_frames for prompt in prompts] == [32] * 4
    assert (prompts[0].chorale.pitches == few[0].pitches[:32]).all()
    assert (prompts[2].chorale.pitches == few[0].pitches[32:64]).all()
    assert prompts[2].chorale.onsets[0].all() == (prompts[2].chorale.pitches[0] > 0).all()
