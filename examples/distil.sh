#!/bin/sh
# Teachers and a student in three rounds, from nothing: three teachers and their student; two more teachers, who with the
# student itself teach it on; and itself with the first teacher, who teach it on with two seeds. The mean of these two is
# the folder NAME-taught. The first teacher is the config as it stands.
# Run it again to go on where it was stopped.
#     sh examples/distil.sh configs/bach.yaml
#     sh examples/distil.sh configs/jsb16.yaml --data.corpus.path FOLDER
set -eu
config=${1:?expected a config, such as configs/bach.yaml}
shift
name=$(basename "$config" .yaml)
export OMP_NUM_THREADS=1
trap 'trap - INT TERM; kill 0' INT TERM  # what runs in the background doesn't hear Ctrl-C
precision=$(python -c "
import torch
bfloat16 = any(has for kind, has in torch.cpu.get_capabilities().items() if 'bf16' in kind)
print('bf16-mixed' if bfloat16 or torch.cuda.is_available() else '32-true')")

fit() {
    run=$name-$1
    shift
    bachlit fit --config "$config" --trainer.precision "$precision" "$@" --run "$run" --ckpt_path last
}

teacher() {
    seed=$1
    shift
    fit "teacher-$seed" --config configs/teacher.yaml "$@" --seed_everything "$seed" --data.seed "$seed"
}

lessons() {
    output=$name-$1.safetensors
    shift
    python -m bachlit.distill "$@" --views 3 --invented 10 --workers 2 --output "$output"
}

student() {
    run=$1 output=$name-$2.safetensors
    shift 2
    fit "$run" --config configs/student.yaml "$@" --data.lessons.path "$output"
}

taught_on() {
    run=$1 output=$2 start=$name-$3
    shift 3
    student "$run" "$output" --model.start "$start" --model.optimizer.init_args.lr 0.0015 \
        --trainer.max_epochs 40 --model.lr_scheduler.init_args.T_max 40 "$@"
}

long() {
    seed=$1
    shift
    teacher "$seed" --trainer.max_epochs 100 --model.lr_scheduler.init_args.T_max 100 "$@"
}

# Two fits at a time. If one fails, the other still ends.
both() {
    failed=0
    wait "$1" || failed=$?
    wait "$2" || failed=$?
    if [ "$failed" != 0 ]; then
        echo "distil.sh: a fit failed, as told above; run this again to go on." >&2
        exit "$failed"
    fi
}

fit teacher-0 "$@" &
first=$!
{ teacher 1 "$@" && teacher 2 "$@"; } &
both $first $!
lessons lessons --teacher "$name-teacher-0" --teacher "$name-teacher-1" --teacher "$name-teacher-2"
student student lessons "$@" &
first=$!
{ long 3 "$@" && long 4 "$@"; } &
both $first $!
# The student is the best of the three, and counts twice.
lessons lessons-2 --teacher "$name-student" --teacher "$name-student" \
    --teacher "$name-teacher-3" --teacher "$name-teacher-4"
taught_on student-2 lessons-2 student "$@"
# Other variants, since it knows those before; and two seeds, whose mean is better than either.
lessons lessons-3 --teacher "$name-student-2" --teacher "$name-student-2" --teacher "$name-teacher-0" --seed 7
taught_on student-3 lessons-3 student-2 "$@" --seed_everything 0 --data.seed 0 &
first=$!
taught_on student-4 lessons-3 student-2 "$@" --seed_everything 1 --data.seed 1 &
both $first $!
bachlit export --checkpoint "$name-student-3" --checkpoint "$name-student-4" --output "$name-taught"
