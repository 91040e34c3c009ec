"""What a fit leaves: its card and curves, the CSV and W&B's run."""

import base64
import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fits import QUICK, SMALL, TINY, TWINKLE

from bachlit.__main__ import main
from bachlit.scores import read_chorale

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    """The folder of a finished run that W&B kept offline, and another validation of it."""
    folder = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("WANDB_MODE", "offline")
        args = ["fit", *QUICK, *SMALL, *corpus, "--trainer.max_epochs=3", "--trainer.log_every_n_steps=1"]
        options = {"decoders": "Greedy,greedy-free", "every_n_epochs": 2, "num_shown": 1}
        judged = [f"--trainer.callbacks.{name}={value}" for name, value in options.items()]
        args += ["--trainer.logger.group=widths", "--trainer.logger.tags=[small,first]", "--run=tracked"]
        assert main([*args, "--trainer.callbacks+=DecodingEvaluation", *judged]) == 0
    return folder / "runs" / "tracked"


@pytest.fixture(scope="module")
def kept(tracked: Path) -> list[dict[str, Any]]:
    """What W&B would upload of it, record by record, by wandb's own reader."""
    (file,) = tracked.glob("wandb/offline-run-*/*.wandb")
    read = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(read, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def history(kept: list[dict[str, Any]], name: str) -> list[Any]:
    """All that W&B kept under a name, oldest first."""
    return [record["history"]["item"][name] for record in kept if name in record.get("history", {}).get("item", {})]


def test_wandb_keeps_the_curves_that_the_csv_has(tracked: Path, kept: list[dict[str, Any]]) -> None:
    logged = rows(tracked / "metrics.csv")
    for name in ("train/loss_step", "train/loss_epoch", "val/nats_per_frame", "val/accuracy/alto"):
        figures = [float(row[name]) for row in logged if row[name]]
        assert figures, name
        assert history(kept, name) == pytest.approx(figures, rel=1e-6), name


def test_wandb_keeps_the_options_the_group_and_the_tags(kept: list[dict[str, Any]]) -> None:
    run = next(record["run"] for record in kept if "run" in record)
    assert (run["project"], run["run_group"], run["tags"]) == ("bachlit", "widths", ["small", "first"])
    told = json.dumps([record for record in kept if "config" in record or "config" in record.get("run", {})])
    assert '"hidden": 12' in told
    assert '"max_epochs": 3' in told
    assert "SatbEncoding" in told


def test_wandb_keeps_the_picture_and_the_card_but_no_copy_of_the_weights(
    tracked: Path, kept: list[dict[str, Any]]
) -> None:
    assert history(kept, "curves._type") == ["image-file"]
    assert history(kept, "model_card._type") == ["html-file"]
    (files,) = tracked.glob("wandb/offline-run-*/files")
    assert (files / history(kept, "curves.path")[0]).read_bytes() == (tracked / "curves.png").read_bytes()
    assert list(files.rglob("*.ckpt")) == []


def test_wandb_keeps_what_decoders_wrote_as_pictures_sound_and_files(tracked: Path, kept: list[dict[str, Any]]) -> None:
    logged = [row["decoding/greedy-free/pitch_error"] for row in rows(tracked / "metrics.csv")]
    assert history(kept, "decoding/greedy-free/pitch_error") == pytest.approx([float(one) for one in logged if one])
    (files,) = tracked.glob("wandb/offline-run-*/files")
    (path,) = history(kept, "decoding/pieces.path")
    table = json.loads((files / path).read_text())
    lines = [dict(zip(table["columns"], line, strict=True)) for line in table["data"]]
    assert [(line["decoder"], line["which"]) for line in lines] == [
        (decoder, which) for decoder in ("Greedy", "greedy-free") for which in ("best", "worst", "piece 1")
    ]
    # What its cells show lies beside the run and not in the user's home, to be uploaded with it.
    (artifact,) = [record["artifact"] for record in kept if "artifact" in record]
    contents = {Path(entry["path"]): Path(entry["local_path"]) for entry in artifact["manifest"]["contents"]}
    assert all(path.is_relative_to(tracked) for path in contents.values())
    media = [path.read_bytes() for path in contents.values()]
    distinct = len({(line["piece"], line["decoder"]) for line in lines})
    assert sum(content.startswith(b"\x89PNG") for content in media) == distinct
    sounds = [re.search(rb"data:audio/wav;base64,([^\"]+)", content) for content in media]
    assert sum(base64.b64decode(sound[1]).startswith(b"RIFF") for sound in sounds if sound) == distinct
    scores = [re.search(rb"data:application/xml;base64,([^\"]+)", content) for content in media]
    for number, score in enumerate(score for score in scores if score):
        (tracked / f"{number}.musicxml").write_bytes(base64.b64decode(score[1]))
        assert (read_chorale(tracked / f"{number}.musicxml").pitches.max(axis=0) > 0).all()
    for line in lines:
        assert line["log-probability, nats"] == pytest.approx(-64 * line["nats per frame"])
    for decoder in ("Greedy", "greedy-free"):
        for which in ("best", "worst"):
            (page,) = history(kept, f"decoding/{decoder}/{which}.path")
            assert "data:image/png;base64" in (files / page).read_text()


def test_a_fit_leaves_a_model_card_and_its_curves(tracked: Path) -> None:
    card = (tracked / "model_card.md").read_text()
    for said in ("TokenLSTM", "SatbEncoding", "6 train, 2 valid, 2 test", "parameters", "torch 2", "hidden: 12"):
        assert said in card
    curve = [float(row["val/nats_per_frame"]) for row in rows(tracked / "metrics.csv") if row["val/nats_per_frame"]]
    assert f"{min(curve):.4f}" in card
    assert [float(row["val/nats_per_frame"]) for row in rows(tracked / "curves.csv")] == pytest.approx(curve)
    assert (tracked / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_fit_without_loggers_leaves_all_in_its_run_and_no_users_config_is_touched(
    corpus: list[str], tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text("seed_everything: 5\n")
    args = ["--config=config.yaml", *QUICK, *SMALL, *corpus, "--trainer.logger=false"]
    assert main(["fit", *args, "--trainer.max_epochs=1", "--run=quiet"]) == 0
    left = {path.relative_to(tmp_path / "runs/quiet").as_posix() for path in tmp_path.glob("runs/quiet/**/*")}
    assert left >= {"checkpoints/best.ckpt", "config.yaml", "curves.csv", "model_card.md"}
    assert main(["validate", *args]) == 2  # a network that the weights that ship don't fit
    assert main(["validate", *QUICK, *corpus, "--config=config.yaml", "--ckpt_path=quiet"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "runs"}
    assert (tmp_path / "config.yaml").read_text() == "seed_everything: 5\n"
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"quiet"}


@pytest.mark.parametrize("typed", ["CSVLogger", "AutoWandbLogger", "bachlit.training.wandb_logger.AutoWandbLogger"])
def test_a_csv_is_there_whatever_logger_is_typed(typed: str, corpus: list[str], tmp_path: Path) -> None:
    short = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--trainer.log_every_n_steps=1"]
    assert main(["fit", *QUICK, *TINY, *corpus, *short, f"--trainer.logger={typed}"]) == 0
    (metrics,) = tmp_path.rglob("metrics.csv")
    assert metrics.parent.parent == tmp_path / "runs"
    assert {path.name for path in metrics.parent.iterdir()} >= {"checkpoints", "config.yaml", "curves.csv"}
    assert list(tmp_path.rglob("wandb")) == []


def test_predictions_are_the_same_whatever_logs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    args = ["predict", *QUICK, "--data.prompts", str(TWINKLE), "--decoder=Greedy"]
    written = set()
    for logger in ("CSVLogger", "false", "AutoWandbLogger"):
        assert main([*args, f"--trainer.logger={logger}", f"--output={logger}"]) == 0
        written.add((tmp_path / logger / "twinkle.musicxml").read_bytes())
    assert len(written) == 1
    assert len(list(tmp_path.glob("logs/bachlit/version_1/wandb/offline-run-*/*.wandb"))) == 1
