#!/bin/sh
# A student for JSB-16th, from nothing, in three rounds:
# 1. Teachers 0 to 3 teach a student.
# 2. The student and teachers 4 and 5 teach it on, with two seeds; the mean of both is the folder jsb16-mean.
# 3. Both of these and teachers 6 and 7 teach the mean on, with two seeds; the mean of both is the folder jsb16-taught.
# Run it again to go on where it was stopped.
#     sh examples/distil-jsb16.sh --data.corpus.path FOLDER
set -eu
: "${1:?expected --data.corpus.path FOLDER}"
config=configs/jsb16.yaml
. "$(dirname "$0")/distil-steps.sh"

# teachers "SEED..." OPTION...: one after another
teachers() {
    seeds=$1
    shift
    for one in $seeds; do
        teacher "$one" 60 --trainer.check_val_every_n_epoch 3 "$@"
    done
}

large="--model.network.init_args.hidden 768 --model.network.init_args.head 448 --trainer.check_val_every_n_epoch 2"

teachers "0 1" "$@" &
first=$!
teachers "2 3" "$@" &
both $first $!
lessons lessons 14 --teacher "$name-teacher-0" --teacher "$name-teacher-1" \
    --teacher "$name-teacher-2" --teacher "$name-teacher-3"
student student lessons $large --model.optimizer.init_args.lr 0.002 "$@" &
first=$!
teachers "4 5 6 7" "$@" &
both $first $!
# The student is far better than the two, and counts three times.
lessons lessons-2 6 --seed 7 --teacher "$name-student" --teacher "$name-student" --teacher "$name-student" \
    --teacher "$name-teacher-4" --teacher "$name-teacher-5"
taught_on student-2 lessons-2 student 0.001 20 $large "$@" --seed_everything 0 --data.seed 0 &
first=$!
taught_on student-3 lessons-2 student 0.001 20 $large "$@" --seed_everything 1 --data.seed 1 &
both $first $!
bachlit export --checkpoint "$name-student-2" --checkpoint "$name-student-3" --output "$name-mean"
lessons lessons-3 4 --seed 8 --teacher "$name-student-2" --teacher "$name-student-3" \
    --teacher "$name-student-2" --teacher "$name-student-3" --teacher "$name-teacher-6" --teacher "$name-teacher-7"
taught_on student-4 lessons-3 mean 0.0007 14 $large "$@" --seed_everything 0 --data.seed 0 &
first=$!
taught_on student-5 lessons-3 mean 0.0007 14 $large "$@" --seed_everything 1 --data.seed 1 &
both $first $!
bachlit export --checkpoint "$name-student-4" --checkpoint "$name-student-5" --output "$name-taught"
