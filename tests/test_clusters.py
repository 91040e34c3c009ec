"""Several machines train one model, and a cluster's jobs follow each other: the examples, on pretended machines."""

import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from processes import QUIET, RUN, assert_the_same_run, few_pieces, run, weights_in

from bachlit.chorale import Chorale

CLUSTER = Path(__file__).parents[1] / "examples" / "cluster"
FIT = [
    "--trainer.logger=CSVLogger", "--trainer.max_epochs=8", "--trainer.log_every_n_steps=1", "--data.lanes=4",
    "--data.window=40", "--model.network.layers=1", "--model.network.hidden=12", "--model.network.embedding=4",
    "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false",
]  # fmt: skip

# Starts as many tasks as it is told, tells them which they are, and hands signals on; the last failure is its own.
SRUN = f"""#!{sys.executable}
import os, signal, subprocess, sys
tasks = []
for task in range(2):
    about = {{"SLURM_PROCID": str(task), "SLURM_LOCALID": str(task), "SLURM_NODEID": "0", "SLURM_NTASKS": "2"}}
    tasks.append(subprocess.Popen(sys.argv[1:], env=os.environ | about))
signal.signal(signal.SIGTERM, lambda *_: [task.terminate() for task in tasks])
sys.exit(max(task.wait() for task in tasks))
"""
SCONTROL = '#!/bin/sh\necho "$@" >> "$REQUEUED"\n'


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Of a machine whose commands are this Python's and those in a folder."""
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "ACCELERATOR": "cpu", "RUN": "run", **more}


def test_two_nodes_train_what_two_processes_of_one_do(tmp_path: Path, bach: list[Chorale]) -> None:
    corpus = few_pieces(tmp_path, bach)
    run(tmp_path / "one", "fit", *QUIET, *FIT, *corpus, "--trainer.devices=2", "--trainer.strategy=ddp")
    # As in a clone of the source, whose folder of this name isn't the whole package.
    (tmp_path / "nodes" / "bachlit").mkdir(parents=True)
    (tmp_path / "nodes" / "bachlit" / "__init__.py").write_text("raise ImportError")
    nodes = [
        subprocess.Popen(
            ["sh", CLUSTER / "torchrun.sh", *FIT, *corpus],
            cwd=tmp_path / "nodes",
            env=environment(tmp_path, NODES="2", NODE_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT="29517"),
        )
        for rank in ("0", "1")
    ]
    assert [node.wait(timeout=300) for node in nodes] == [0, 0]
    one, two = (weights_in(tmp_path / folder / RUN / "checkpoints" / "last.ckpt") for folder in ("one", "nodes"))
    for name, part in one.items():
        assert torch.equal(two[name], part), name


def test_nodes_that_do_not_see_the_same_folder_are_refused(tmp_path: Path, bach: list[Chorale]) -> None:
    """One would go on and the other begin, on other pieces."""
    corpus = few_pieces(tmp_path, bach)
    run(tmp_path / "first", "fit", *QUIET, *FIT, *corpus)
    (tmp_path / "second").mkdir()
    nodes = [
        subprocess.Popen(
            ["sh", CLUSTER / "torchrun.sh", *FIT, *corpus, "--trainer.max_epochs=9"],
            cwd=tmp_path / folder,
            env=environment(tmp_path, NODES="2", NODE_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT="29518"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, folder in (("0", "first"), ("1", "second"))
    ]
    for node in nodes:
        _, told = node.communicate(timeout=300)
        assert node.returncode != 0
        assert "bachlit: The processes would go on from different checkpoints, or some would begin anew" in told


def test_a_job_that_is_told_to_end_is_queued_again_and_goes_on(tmp_path: Path, bach: list[Chorale]) -> None:
    corpus = few_pieces(tmp_path, bach)
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    told = tmp_path / "requeued"
    job = {
        "SLURM_JOB_ID": "17", "SLURM_JOB_NAME": "bachlit", "SLURM_NNODES": "1", "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NODELIST": "127.0.0.1", "MASTER_ADDR": "127.0.0.1", "REQUEUED": str(told),
    }  # fmt: skip
    command = ["bash", str(CLUSTER / "slurm.sh"), *FIT, *corpus]

    def submit(folder: str, end: bool) -> int:
        """Run a job; perhaps its tasks are told to end after some steps."""
        (tmp_path / folder).mkdir(exist_ok=True)
        process = subprocess.Popen(
            command, cwd=tmp_path / folder, env=environment(tmp_path, **job), start_new_session=True
        )
        last = tmp_path / folder / RUN / "checkpoints" / "last.ckpt"
        while end and process.poll() is None:
            if last.is_file():
                [srun] = subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()
                os.kill(int(srun), 15)
                break
            time.sleep(0.02)
        return process.wait(timeout=300)

    assert submit("whole", end=False) == 0
    assert not told.exists()
    assert submit("parts", end=True) == 143
    assert told.read_text() == "requeue 17\n"
    assert submit("parts", end=False) == 0
    assert told.read_text() == "requeue 17\n"
    assert_the_same_run(tmp_path / "whole", tmp_path / "parts")
