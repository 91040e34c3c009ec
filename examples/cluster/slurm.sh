#!/bin/bash
# Train on a SLURM cluster, for as many jobs as it takes:
#
#   sbatch examples/cluster/slurm.sh --config configs/bach.yaml
#
# Two minutes before its time is up a job is told to end; it saves where it is, and is put into the queue again, where
# it keeps its number, by which its run is named; RUN=wide sbatch ... names it otherwise. It must have as many tasks as
# GPUs.
#SBATCH --job-name=bachlit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append

srun bachlit fit --trainer.accelerator "${ACCELERATOR:-gpu}" --trainer.num_nodes "$SLURM_NNODES" \
    --trainer.devices "$SLURM_NTASKS_PER_NODE" --trainer.strategy ddp --run "${RUN:-slurm-$SLURM_JOB_ID}" \
    --ckpt_path last "$@"
code=$?
# 143 is what a fit ends with that was told to, and has written down where it was.
if [ "$code" -eq 143 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
