"""Several machines train one model, and a cluster's jobs follow each other: the examples, on pretended machines."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from forking import python
from processes import PAUSING, RUN, SHORT, TWO, assert_the_same_run, wait_for_pause, weights_in, write_pause

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"
FIT = [*SHORT, "--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--curves.picture=false"]

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
    path = os.pathsep.join(
        [str(folder), str(Path(python()).parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "ACCELERATOR": "cpu", **more}


def test_two_nodes_train_what_two_processes_of_one_do(
    tmp_path: Path, few: list[str], uninterrupted: Callable[..., Path]
) -> None:
    # As in a clone of the source, whose folder of this name isn't the whole package.
    (tmp_path / "nodes" / "bachlit").mkdir(parents=True)
    (tmp_path / "nodes" / "bachlit" / "__init__.py").write_text("raise ImportError")
    nodes = [
        subprocess.Popen(
            ["sh", CLUSTER / "torchrun.sh", *FIT, *few],
            cwd=tmp_path / "nodes",
            env=environment(
                tmp_path, RUN="run", NODES="2", NODE_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT="29517"
            ),
        )
        for rank in ("0", "1")
    ]
    assert [node.wait(timeout=300) for node in nodes] == [0, 0]
    folders = (uninterrupted(*TWO), tmp_path / "nodes")
    one, two = (weights_in(folder / RUN / "checkpoints" / "last.ckpt") for folder in folders)
    for name, part in one.items():
        assert torch.equal(two[name], part), name


def test_nodes_that_do_not_see_the_same_folder_are_refused(
    tmp_path: Path, few: list[str], uninterrupted: Callable[..., Path]
) -> None:
    """One would go on and the other begin, on other pieces."""
    shutil.copytree(uninterrupted(), tmp_path / "first")
    (tmp_path / "second").mkdir()
    nodes = [
        subprocess.Popen(
            ["sh", CLUSTER / "torchrun.sh", *FIT, *few, "--trainer.max_epochs=3"],
            cwd=tmp_path / folder,
            env=environment(
                tmp_path, RUN="run", NODES="2", NODE_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT="29518"
            ),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, folder in (("0", "first"), ("1", "second"))
    ]
    for node in nodes:
        _, told = node.communicate(timeout=300)
        assert node.returncode != 0
        assert "bachlit: The processes would go on from different checkpoints, or some would begin anew" in told


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[..., int]:
    """Runs a job of SLURM in a folder, by its number; perhaps its tasks are told to end after some steps."""
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def submit(folder: str, number: int, *fit: str, end: bool = False, **about: str) -> int:
        job = {
            "SLURM_JOB_ID": str(number), "SLURM_JOB_NAME": "bachlit", "SLURM_NNODES": "1",
            "SLURM_NTASKS_PER_NODE": "2", "SLURM_NODELIST": "127.0.0.1", "MASTER_ADDR": "127.0.0.1",
            "REQUEUED": str(tmp_path / "requeued"),
        }  # fmt: skip
        write_pause(tmp_path / folder)
        process = subprocess.Popen(
            ["bash", str(CLUSTER / "slurm.sh"), *FIT, *fit, *([PAUSING] if end else [])],
            cwd=tmp_path / folder,
            env=environment(tmp_path, **job | about),
            start_new_session=True,
        )
        if end:
            wait_for_pause(process, tmp_path / folder, 2)
            [srun] = subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()
            os.kill(int(srun), 15)
        return process.wait(timeout=300)

    return submit


def test_two_jobs_in_one_folder_go_on_with_their_own_runs(
    cluster: Callable[..., int], tmp_path: Path, few: list[str], uninterrupted: Callable[..., Path]
) -> None:
    """Told to end in turn they are queued again; the second goes on first, and the first by torchrun, by its name."""
    requeued, both = tmp_path / "requeued", tmp_path / "both"
    jobs: dict[str, list[str]] = {"named": [], "slurm-18": ["--data.seed=5"]}
    assert cluster("both", 17, *few, end=True, RUN="named") == 143
    assert cluster("both", 18, *few, *jobs["slurm-18"], end=True) == 143
    assert requeued.read_text() == "requeue 17\nrequeue 18\n"
    assert cluster("both", 18, *few, *jobs["slurm-18"]) == 0
    assert requeued.read_text() == "requeue 17\nrequeue 18\n"
    nodes = environment(tmp_path, RUN="named", PROCESSES="2", MASTER_PORT="29519")
    subprocess.run(["sh", CLUSTER / "torchrun.sh", *FIT, *few], cwd=both, env=nodes, check=True)
    assert {path.name for path in (both / "runs").iterdir()} == set(jobs)
    for name, options in jobs.items():
        shutil.copytree(both / "runs" / name, tmp_path / name / RUN)
        assert_the_same_run(uninterrupted(*TWO, *options), tmp_path / name)
