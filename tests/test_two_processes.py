"""Two processes log what one logs, and only the first writes."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bachlit.__main__ import main
from bachlit.chorale import Chorale

QUIET = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
TINY = ["--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4", "--data.lanes=2"]
JUDGED = [
    "--trainer.callbacks+=DecodingEvaluation",
    "--trainer.callbacks.decoders=Greedy,Sampling",
    "--trainer.callbacks.num_pieces=3",
]


def test_two_processes_share_the_pieces_and_log_what_one_logs(
    tmp_path: Path, bach: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for fold, pieces in (("train", bach[:4]), ("valid", bach[4:7]), ("test", bach[7:9])):
        (tmp_path / f"{fold}.json").write_text(json.dumps([piece.pitches[:48].tolist() for piece in pieces]))
    corpus = ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={tmp_path}"]
    assert main(["fit", *QUIET, *TINY, *corpus, "--trainer.max_epochs=1", "--trainer.logger=CSVLogger"]) == 0
    checkpoint = f"--ckpt_path={tmp_path}/runs/bachlit/version_0/checkpoints/best.ckpt"
    both = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    figures = []
    for folder, processes in (("one", ["--trainer.devices=1"]), ("two", both)):
        (tmp_path / folder).mkdir()
        # In processes of their own: Lightning runs the second one by the first one's command line.
        command = [sys.executable, "-m", "bachlit", "validate", *QUIET, checkpoint, *JUDGED, *processes]
        subprocess.run(command, cwd=tmp_path / folder, check=True, capture_output=True, timeout=300)
        [metrics] = (tmp_path / folder).rglob("metrics.csv")
        with metrics.open() as file:
            [row] = csv.DictReader(file)
        figures.append({name: float(value) for name, value in row.items() if value})
    assert len([name for name in figures[0] if name.startswith("decoding/")]) > 50
    assert figures[0].keys() == figures[1].keys()
    for name, value in figures[0].items():
        assert figures[1][name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
    files = [
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.musicxml")}
        for folder in ("one", "two")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 2 * 4
    assert np.isfinite(list(figures[1].values())).all()
