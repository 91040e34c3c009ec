#!/bin/sh
# Train on several machines that see the same folder. On each of them, at about the same time:
#
#   RUN=wide NODES=2 NODE_RANK=0 MASTER_ADDR=first.machine sh examples/cluster/torchrun.sh --config configs/bach.yaml
#
# with NODE_RANK=1 on the second. PROCESSES is how many GPUs each has, or with ACCELERATOR=cpu how many processes.
# The same command goes on with the run of that name where it was stopped.
set -eu
: "${RUN:?names the run; expected RUN=NAME before the command}"
: "${NODES:=1}" "${NODE_RANK:=0}" "${MASTER_ADDR:=localhost}" "${MASTER_PORT:=29500}" "${PROCESSES:=1}" "${ACCELERATOR:=gpu}"
exec python -m torch.distributed.run --nnodes "$NODES" --node-rank "$NODE_RANK" --nproc-per-node "$PROCESSES" \
    --master-addr "$MASTER_ADDR" --master-port "$MASTER_PORT" \
    --no-python -- bachlit fit --trainer.accelerator "$ACCELERATOR" --trainer.num_nodes "$NODES" --trainer.devices "$PROCESSES" \
    --trainer.strategy ddp --run "$RUN" --ckpt_path last "$@"
