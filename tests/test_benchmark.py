"""The benchmarks run, and what they compare with does the same work. What they measure is for people to read."""

import math
import re

import numpy as np
import pytest

from bachlit.api import PRETRAINED
from bachlit.benchmark.__main__ import main
from bachlit.benchmark.decoding import DECODERS, PLAIN, Floor, cut, melodies
from bachlit.benchmark.harmonizing import Row, figures
from bachlit.benchmark.plain import PlainBeam, PlainGreedy
from bachlit.chorale import Chorale
from bachlit.decoding import BeamSearch, Decoder, Greedy, Rules
from bachlit.errors import OptionError
from bachlit.language_model import LanguageModel
from bachlit.metrics import cadences, rule_counts, texture, total
from bachlit.networks import TokenLSTM
from bachlit.prompt import Prompt
from bachlit.splits import split_by_tune
from bachlit.writing import write


def test_the_training_benchmark_prints_a_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    main(["training", "--steps", "2", "--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()[-4:]
    assert [line.split()[0] for line in lines] == ["1", "bare", "Trainer", "ratio"]
    assert float(lines[-1].split()[1]) > 0


def test_the_decoding_benchmark_prints_each_decoders_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    main(["decoding", "--frames", "4", "--pieces", "3", "--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 thread, 3 sopranos of 4 frames, TokenLSTM")
    assert [line.split()[0] for line in lines[2:]] == [
        name for name in DECODERS for _ in range(4 if name in PLAIN else 2)
    ]
    for line in lines[2:]:
        assert int(re.search(r"(\d+) frames/s", line)[1]) > 0
        assert float(re.search(r"([\d.]+) x ", line)[1]) > 0


def table(said: str) -> dict[str, dict[str, str]]:
    """The cells of a table in Markdown, by row and column."""
    lines = [line for line in said.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1  # aligned
    heads, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {label: dict(zip(heads[1:], cells, strict=True)) for label, *cells in rows}


def test_the_harmonizing_benchmark_sets_decoders_beside_bach(
    bach: list[Chorale], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["harmonizing", "--pieces", "2", "--frames", "8", "--decoders", "beam-strict", "greedy"])
    said = capsys.readouterr().out
    assert said.startswith("2 pieces of the fold test, 16 frames\n")
    assert re.search(r"beam-strict is likelier than greedy, under the same rules, in (0|50|100)\.0% of", said)
    shown = table(said)
    pieces = [cut(chorale, 0, 8) for chorale in split_by_tune(bach)["test"][:2]]
    heard = texture(*pieces)
    nats = 0.0
    model = LanguageModel.load(PRETRAINED)
    for piece in pieces:
        rerun = write(model, [Prompt(piece, np.ones((8, 4), np.bool_))], decoder=Greedy(), seeds=[0], rules=Rules())
        nats += rerun[0].log_prob / 16
    its = {label: cells["Bach"] for label, cells in shown.items()}
    assert its["overlaps in 1,000 frames"] == f"{sum(rule_counts(piece).overlaps for piece in pieces) * 1000 / 16:.1f}"
    assert its["attacks a bar, bass"] == f"{heard.attacks[3]:.2f}"
    assert its["notes of length 4"] == f"{heard.lengths[3]:.1%}"
    assert its["pieces that end on the tonic"] == f"{sum(cadences(piece).ends_on_tonic for piece in pieces) / 2:.1%}"
    assert its["pitches of A, T, B not Bach's"] == "0.000"
    assert float(its["log-probability a frame"]) == pytest.approx(nats, abs=2e-3)
    for name in ("beam-strict", "greedy"):
        assert shown["parallel fifths a piece"][name] == "0.00"
        assert 0 < float(shown["pitches of A, T, B not Bach's"][name]) <= 1


def test_bachs_own_figures_are_what_the_metrics_count(bach: list[Chorale]) -> None:
    pieces = bach[:12]
    counts, closes = total([rule_counts(piece) for piece in pieces]), [cadences(piece) for piece in pieces]
    shown = figures(Row(pieces, [-piece.num_frames / 2 for piece in pieces], 3, 1.6), pieces)
    assert counts.parallel_fifths
    assert counts.crossings
    assert shown["parallel fifths a piece"] == f"{counts.parallel_fifths / 12:.2f}"
    assert shown["crossings in 1,000 frames"] == f"{counts.crossings / counts.frames * 1000:.1f}"
    closed = sum(close.in_root_position for close in closes) / sum(close.fermatas for close in closes)
    assert shown["root-position triads at fermatas"] == f"{closed:.1%}"
    assert [shown[label] for label in ("log-probability a frame", "rules that gave way", "seconds")] == [
        "-0.500", "3", "2",
    ]  # fmt: skip


def test_the_harmonizing_benchmark_refuses_numbers_below_0() -> None:
    with pytest.raises(OptionError, match="-1 pieces, cut to 0 frames, can't be written; expected at least 0"):
        main(["harmonizing", "--pieces", "-1"])


def test_the_harmonizing_benchmark_leaves_voices_out(capsys: pytest.CaptureFixture[str]) -> None:
    main(["harmonizing", "--fold", "valid", "--pieces", "2", "--frames", "8", "--masks", "--decoders", "greedy"])
    shown = table(capsys.readouterr().out)
    assert [*shown["TER"]] == [*shown["FER"]] == ["S", "A", "T", "B", "AT", "ATB"]
    for missing, wrong in shown["TER"].items():
        of_frames = float(shown["FER"][missing])
        assert 0 <= float(wrong) <= of_frames <= min(1, len(missing) * float(wrong) + 1e-3)


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("width", [None, 1, 5])
def test_the_plain_loop_writes_what_the_decoder_writes(
    small_model: LanguageModel, bach: list[Chorale], width: int | None, onednn: bool
) -> None:
    assert isinstance(small_model.network, TokenLSTM)
    decoder: Decoder = BeamSearch(width) if width else Greedy()
    network = small_model.network
    plain: Decoder = PlainBeam(network, width, onednn=onednn) if width else PlainGreedy(network, onednn=onednn)
    prompts = melodies(bach, 12, 4)
    ours, its = (write(small_model, prompts, decoder=one, seeds=[0] * 4) for one in (decoder, plain))
    for one, other in zip(ours, its, strict=True):
        assert other.chorale == one.chorale
        assert other.score == pytest.approx(one.score, abs=1e-3)


def test_a_floor_counts_the_weights_that_a_step_reads() -> None:
    network = TokenLSTM(50, layers=1, hidden=8, embedding=4, batch_norm=False)
    floor = Floor(network)
    matrices = 32 * 4 + 32 * 8 + 50 * 8
    assert floor.num_products == matrices
    assert floor.num_bytes == 4 * (matrices + 2 * 32 + 50)
    assert math.isclose(floor.seconds(10**6), 10**6 * matrices / floor.rate)


def test_melodies_are_cut_one_after_another(bach: list[Chorale]) -> None:
    few = bach[:2]
    prompts = melodies(few, 32, 4)
    assert [prompt.chorale.num_frames for prompt in prompts] == [32] * 4
    assert (prompts[0].chorale.pitches == few[0].pitches[:32]).all()
    assert (prompts[2].chorale.pitches == few[0].pitches[32:64]).all()
    assert prompts[2].chorale.onsets[0].all() == (prompts[2].chorale.pitches[0] > 0).all()
