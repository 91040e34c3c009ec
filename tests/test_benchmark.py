"""The benchmarks run. What they measure is for people to read."""

import pytest

from bachlit.benchmark import main


def test_the_training_benchmark_prints_a_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    main(["training", "--steps", "2", "--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()[-4:]
    assert [line.split()[0] for line in lines] == ["1", "bare", "Trainer", "ratio"]
    assert float(lines[-1].split()[1]) > 0
