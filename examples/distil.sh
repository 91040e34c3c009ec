#!/bin/sh
# Teachers, their lessons and a student, from nothing. Run it again to go on where it was stopped.
#     sh examples/distil.sh configs/bach.yaml
#     sh examples/distil.sh configs/jsb16.yaml --data.corpus.path FOLDER
# Two fits at a time, a thread each; JOBS=1 for one. The student is the run NAME-student.
set -eu
config=$1
shift
name=$(basename "$config" .yaml)
jobs=${JOBS:-2} seeds=${SEEDS:-"1 2 3 4"}
precision=$(python -c "
import torch
bf16 = any(on for name, on in torch.cpu.get_capabilities().items() if 'bf16' in name)
print('bf16-mixed' if bf16 or torch.cuda.is_available() else '32-true')")

fit() {
    OMP_NUM_THREADS=1 bachlit fit --config "$config" "$@" --trainer.precision "$precision" --ckpt_path last
}

running=0 teachers=""
for seed in $seeds; do
    fit --config configs/teacher.yaml "$@" --run "$name-teacher-$seed" --seed_everything "$seed" --data.seed "$seed" &
    teachers="$teachers --teacher $name-teacher-$seed"
    running=$((running + 1))
    [ $((running % jobs)) = 0 ] && wait
done
wait
# shellcheck disable=SC2086  # one word each
OMP_NUM_THREADS=$jobs python -m bachlit.distill $teachers --output "$name-lessons.safetensors"
fit --config configs/student.yaml "$@" --run "$name-student" --data.lessons.path "$name-lessons.safetensors"
