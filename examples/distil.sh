#!/bin/sh
# Two teachers, a student of the first, and a student of all three, from nothing, in three hours of two cores.
# Run it again to go on where it was stopped. The last student is the run NAME-student.
#     sh examples/distil.sh configs/bach.yaml
#     sh examples/distil.sh configs/jsb16.yaml --data.corpus.path FOLDER
set -eu
config=$1
shift
name=$(basename "$config" .yaml)
export OMP_NUM_THREADS=1
precision=$(python -c "
import torch
bfloat16 = any(has for kind, has in torch.cpu.get_capabilities().items() if 'bf16' in kind)
print('bf16-mixed' if bfloat16 or torch.cuda.is_available() else '32-true')")

fit() {
    run=$name-$1
    shift
    bachlit fit --config "$config" "$@" --trainer.precision "$precision" --run "$run" --ckpt_path last
}

first() {
    fit teacher-0 --config configs/teacher.yaml --seed_everything 0 --data.seed 0 "$@"
    python -m bachlit.distill --teacher "$name-teacher-0" --views 7 --invented 3 --output "$name-first.safetensors"
    fit first --config configs/student.yaml --trainer.max_epochs 30 --model.lr_scheduler.T_max 30 "$@" \
        --data.lessons.path "$name-first.safetensors"
}

first "$@" &
fit teacher-1 --config configs/teacher.yaml --seed_everything 1 --data.seed 1 "$@"
wait $!
python -m bachlit.distill --teacher "$name-teacher-0" --teacher "$name-teacher-1" --teacher "$name-first" \
    --views 3 --invented 8 --output "$name-lessons.safetensors"
fit student --config configs/student.yaml "$@" --data.lessons.path "$name-lessons.safetensors"
