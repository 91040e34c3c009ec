"""The benchmarks run, and what they compare with does the same work. What they measure is for people to read."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sizes import LARGE

from bachlit.benchmark.__main__ import main
from bachlit.benchmark.corpus import copies
from bachlit.benchmark.decoding import DECODERS, PLAIN, melodies
from bachlit.benchmark.plain import PlainLoop
from bachlit.decoding import LIVELY, BeamSearch, Decoder, Greedy, Rules
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.networks import TokenLSTM


def test_the_training_benchmark_prints_each_networks_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    main(["training", "--steps", "2", "--rounds", "1"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[-6:]]
    assert [line[0] for line in lines] == ["TokenLSTM"] * 3 + ["FrameLSTM"] * 3
    assert [line[1] for line in lines] == ["bare", "Trainer", "ratio"] * 2
    assert all(float(line[2]) >= 0 for line in lines if line[1] == "ratio")


def test_the_processes_benchmark_prints_speeds_and_ratios(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes where tests are large; else of this one alone, since new ones take their time to start."""
    if not LARGE:
        monkeypatch.setattr("bachlit.benchmark.processes._PROCESSES", 1)
        monkeypatch.setattr("bachlit.benchmark.processes.spawn", lambda train, given, nprocs: train(0, *given))
        monkeypatch.setattr("os.environ", dict(os.environ))
    main(["processes", "--steps", "2", "--rounds", "1", "--lanes", "[3]"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[12] processes of 1 thread, 2 windows each, 1 rounds", head)
    heads = ["beside", "together", "together / beside"]
    assert [line[:21] for line in lines] == ["TokenLSTM, 375 tokens"] * 3 + ["FrameLSTM, 375 tokens"] * 3
    for line, what in zip(lines, heads * 2, strict=True):
        assert re.search(rf" {what} +[\d.]+", line)


def test_the_decoding_benchmark_prints_each_decoders_ratios(
    framed_model: LanguageModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    framed_model.save(tmp_path)
    options = ["--frames", "4", "--pieces", "3", "--rounds", "1", "--checkpoints", f"[bachbot, {tmp_path}]"]
    main(["decoding", *options])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 thread, 3 sopranos of 4 frames")
    assert lines[1] == "bachbot: TokenLSTM"
    theirs = [name for name in DECODERS for _ in range(4 if name in PLAIN else 2)]
    other = 2 + len(theirs)
    assert lines[other] == f"{tmp_path}: FrameLSTM"
    ours = [name for name in DECODERS for _ in range(2)]
    assert [line.split()[0] for line in lines[2:other] + lines[other + 1 :]] == theirs + ours
    assert sum("x as fast as bachbot" in line for line in lines) == 2 * len(DECODERS)
    for line in lines[2:other] + lines[other + 1 :]:
        assert re.search(r"\d+ frames/s", line)
        assert ("one piece" in line) or re.search(r"\d x ", line)


def test_the_corpus_benchmark_prints_figures_and_ratios(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bachlit.benchmark.corpus.ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))  # no start
    monkeypatch.setattr("bachlit.benchmark.corpus._peak", count(1).__next__)
    main(["corpus", "--times", "[2]"])
    heads, *lines = capsys.readouterr().out.splitlines()
    assert heads.split()[:4] == ["pieces", "opening", "epoch", "memory"]
    figures = [re.fullmatch(r" *(\d+) +[\d.]+ s +[\d.]+ s +1 MB" + 3 * r" +([\d.]+)x", line) for line in lines]
    assert [figure and figure[1] for figure in figures] == ["396", "792"]
    assert figures[0]
    assert figures[0].groups()[1:] == ("1.0", "1.0", "1.0")


def test_copies_of_chorales_are_whole_in_other_keys(bach: list[Chorale]) -> None:
    made = dict(copies(bach[:5], 6))
    assert len(made) == 30
    for name, piece in made.items():
        (original,) = (piece for piece in bach[:5] if name.startswith(f"{piece.name}-"))
        assert piece.name == name
        assert np.array_equal(piece.onsets, original.onsets)
        assert np.ptp((piece.pitches - original.pitches)[original.pitches > 0]) == 0
    assert [name.rpartition("-")[0] for name in made] != [piece.name for piece in bach[:5]] * 6


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
