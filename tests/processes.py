"""Fits in processes of their own, which can be killed."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
from forking import python

from bachlit.music.chorale import Chorale

QUIET = ["--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
RUN = Path("runs", "run")
TWO = ["--trainer.devices=2", "--trainer.strategy=ddp"]
# Two epochs of some ten steps.
SHORT = [
    "--trainer.logger=CSVLogger", "--trainer.max_epochs=2", "--trainer.log_every_n_steps=1", "--data.lanes=4",
    "--data.window=60", "--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4",
]  # fmt: skip
PAUSING = "--trainer.callbacks+=pausing.Pause"
_PAUSE = """
import time
from pathlib import Path
from pytorch_lightning.callbacks import Callback

class Pause(Callback):
    def on_train_batch_start(self, trainer, module, batch, index):
        if trainer.current_epoch == 1 and index == 3:
            paused = Path(f"paused-{trainer.global_rank}")
            paused.touch()
            while not (Path("go").exists() or any(getattr(one, "_received", 0) for one in trainer.callbacks)):
                time.sleep(0.01)
            paused.unlink()
"""


def few_pieces(folder: Path, bach: list[Chorale]) -> list[str]:
    """A corpus of a few chorales, cut to different lengths, as it is typed."""
    for fold, pieces in (("train", bach[:6]), ("valid", bach[6:8]), ("test", bach[8:10])):
        cut = [piece.pitches[: 40 + 14 * index].tolist() for index, piece in enumerate(pieces)]
        (folder / f"{fold}.json").write_text(json.dumps(cut))
    return ["--data.corpus=Jsb16Corpus", f"--data.corpus.path={folder}"]


def start(folder: Path, *args: str) -> subprocess.Popen[str]:
    """Begin a command in a folder; a fit is the folder's one run, if it doesn't say where it goes on."""
    folder.mkdir(exist_ok=True)
    named = [word for word in args if word.startswith("--ckpt_path") and not word.endswith("=last")]
    fits = ["--curves.picture=false", *([] if named else ["--run=run"])] if args[0] == "fit" else []
    command = [python(), "-m", "bachlit", *args, *fits]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def write_pause(folder: Path) -> None:
    """Write the callback that `PAUSING` names: a fit waits in its second epoch for a signal, or a file `go`."""
    folder.mkdir(exist_ok=True)
    (folder / "pausing.py").write_text(_PAUSE)


def wait_for_pause(process: subprocess.Popen[Any], folder: Path, num_processes: int) -> None:
    """Wait until all processes of a fit wait."""
    while len(list(folder.glob("paused-*"))) < num_processes:
        assert process.poll() is None
        time.sleep(0.01)


def run(folder: Path, *args: str) -> tuple[str, str]:
    """Run a command in a folder, which must succeed; its standard output and error."""
    process = start(folder, *args)
    out, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    return out, told


def weights_in(checkpoint: Path) -> dict[str, torch.Tensor]:
    """All weights in a checkpoint."""
    state: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return state


def assert_the_same_run(whole: Path, other: Path, *, may_miss: int = 0) -> None:
    """Two folders' only runs have the same last and best weights, bit for bit, and the same figures.

    A process that is killed may not have logged the last step before its checkpoint.
    """
    for folder in (whole, other):
        assert [path.name for path in (folder / RUN.parent).iterdir()] == [RUN.name]
    for name in ("last.ckpt", "best.ckpt"):
        one, two = (weights_in(folder / RUN / "checkpoints" / name) for folder in (whole, other))
        for part, weights in one.items():
            assert torch.equal(two[part], weights), (name, part)
    assert (whole / RUN / "curves.csv").read_text() == (other / RUN / "curves.csv").read_text()
    lines, others = ((folder / RUN / "metrics.csv").read_text().splitlines() for folder in (whole, other))
    missing = [line for line in lines if line not in others]
    assert len(missing) <= may_miss
    assert others == [line for line in lines if line not in missing]
