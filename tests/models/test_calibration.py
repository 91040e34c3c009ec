"""Calibrations beside a model's weights."""

import json
from pathlib import Path

import pytest

from bachlit.errors import CheckpointError
from bachlit.models.calibration import CALIBRATION, Calibration, Weighed, calibration_of
from bachlit.models.language_model import LanguageModel

CALIBRATED = Calibration({"Motion": [-0.7, -0.25], "InKey": [0.125]}, {"bare": Weighed(0.5, 0.01, 0.02)})


def test_a_calibration_travels_with_its_model(framed_model: LanguageModel, tmp_path: Path) -> None:
    model = LanguageModel(framed_model.network, framed_model.encoding, "all", CALIBRATED)
    model.save(tmp_path)
    assert LanguageModel.load(tmp_path).calibration == calibration_of(tmp_path) == CALIBRATED


def test_a_model_without_a_calibration_has_an_empty_one(saved: Path) -> None:
    assert not (saved / CALIBRATION).exists()
    assert LanguageModel.load(saved).calibration == calibration_of("no such model") == Calibration()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"rules": {"Motion": -0.5}},
        {"rules": {"Motion": ["-0.5"]}},
        {"rules": {"Motion": [float("nan")]}},
        {"rules": {"Motion": [1e9]}},
        {"rules": {"Motion": [10**400]}},
        {"rules": {"Motion": [True]}},
        {"figures": {"bare": {"weight": 1.0}}},
        {"figures": {"bare": {"weight": 1.0, "mean": 0.0, "deviation": 0.0}}},
        {"figures": {"bare": {"weight": 1.0, "mean": 0.0, "deviation": 5e-324}}},
        {"figures": {"bare": {"weight": -1.0, "mean": 0.0, "deviation": 1.0}}},
        {"figures": []},
    ],
    ids=lambda change: str(change)[:60],
)
def test_anything_but_numbers_by_name_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    content = json.loads(CALIBRATED.described()) | change
    (tmp_path / CALIBRATION).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"damaged .*; expected numbers .*; calibrate the model anew"):
        Calibration.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000], ids=len)
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / CALIBRATION).write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        Calibration.load(tmp_path)
