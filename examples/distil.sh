#!/bin/sh
# Three teachers, two fits at a time, and their student, from nothing. The first teacher is the config as it stands.
# Run it again to go on where it was stopped. The student is the run NAME-student.
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

teacher() {
    seed=$1
    shift
    fit "teacher-$seed" --config configs/teacher.yaml --seed_everything "$seed" --data.seed "$seed" "$@"
}

fit teacher-0 "$@" &
teacher 1 "$@"
teacher 2 "$@"
wait $!
python -m bachlit.distill --teacher "$name-teacher-0" --teacher "$name-teacher-1" --teacher "$name-teacher-2" \
    --views 3 --invented 10 --workers 2 --output "$name-lessons.safetensors"
fit student --config configs/student.yaml "$@" --data.lessons.path "$name-lessons.safetensors"
