#!/bin/sh
# A student for JSB-16th, from nothing, in four rounds:
# 1. Teachers 0 to 3 teach a student.
# 2. The student teaches itself on, and with teachers 4 and 5 once more from where it stood.
# 3. and 4. Both of these teach their mean on, with two seeds.
# The means are the folders jsb16-mean-2, jsb16-mean-3 and jsb16-mean-4.
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

# round NUMBER RATE EPOCHS OPTION...: both students of the round before teach their mean on, with two seeds
round() {
    number=$1 before=$(($1 - 1)) rate=$2 epochs=$3
    shift 3
    lessons "lessons-$number" 4 --seed "$number" --teacher "$name-student-${before}a" --teacher "$name-student-${before}b"
    taught_on "student-${number}a" "lessons-$number" "mean-$before" "$rate" "$epochs" $large "$@" \
        --seed_everything 0 --data.seed 0 &
    first=$!
    taught_on "student-${number}b" "lessons-$number" "mean-$before" "$rate" "$epochs" $large "$@" \
        --seed_everything 1 --data.seed 1 &
    both $first $!
    mean "$number"
}

mean() {
    bachlit export --checkpoint "$name-student-${1}a" --checkpoint "$name-student-${1}b" --output "$name-mean-$1"
}

teachers "0 1" "$@" &
first=$!
teachers "2 3" "$@" &
both $first $!
lessons lessons 14 --teacher "$name-teacher-0" --teacher "$name-teacher-1" \
    --teacher "$name-teacher-2" --teacher "$name-teacher-3"
student student lessons $large --model.optimizer.init_args.lr 0.002 "$@" &
first=$!
teachers "4 5" "$@" &
both $first $!
lessons lessons-2a 6 --seed 2 --teacher "$name-student"
# The student is far better than the two, and counts three times.
lessons lessons-2b 6 --seed 1 --teacher "$name-student" --teacher "$name-student" --teacher "$name-student" \
    --teacher "$name-teacher-4" --teacher "$name-teacher-5"
taught_on student-2a lessons-2a student 0.001 14 $large "$@" --seed_everything 0 --data.seed 0 &
first=$!
taught_on student-2b lessons-2b student 0.001 14 $large "$@" --seed_everything 1 --data.seed 1 &
both $first $!
mean 2
round 3 0.0008 12 "$@"
round 4 0.0006 10 "$@"
