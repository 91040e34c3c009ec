#!/bin/sh
# A student for JSB-16th, from nothing, in four rounds:
# 1. Teachers 0 to 3 teach a student.
# 2. The student teaches itself on.
# 3. It does so again, with two seeds.
# 4. Both of these teach the mean of their weights on, with two seeds.
# The mean of the last two is the folder jsb16-taught.
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

# two_seeds NUMBER START RATE EPOCHS MEAN OPTION...: students NUMBERa and NUMBERb, and the folder of their mean
two_seeds() {
    number=$1 start=$2 rate=$3 epochs=$4 mean=$5
    shift 5
    taught_on "student-${number}a" "lessons-$number" "$start" "$rate" "$epochs" $large "$@" \
        --seed_everything 0 --data.seed 0 &
    first=$!
    taught_on "student-${number}b" "lessons-$number" "$start" "$rate" "$epochs" $large "$@" \
        --seed_everything 1 --data.seed 1 &
    both $first $!
    bachlit export --checkpoint "$name-student-${number}a" --checkpoint "$name-student-${number}b" --output "$name-$mean"
}

teachers "0 1" "$@" &
first=$!
teachers "2 3" "$@" &
both $first $!
lessons lessons 14 --teacher "$name-teacher-0" --teacher "$name-teacher-1" \
    --teacher "$name-teacher-2" --teacher "$name-teacher-3"
student student lessons $large --model.optimizer.init_args.lr 0.002 "$@"
lessons lessons-2 6 --seed 2 --teacher "$name-student"
taught_on student-2 lessons-2 student 0.001 14 $large "$@"
lessons lessons-3 4 --seed 3 --teacher "$name-student-2"
two_seeds 3 student-2 0.001 12 mean "$@"
lessons lessons-4 4 --seed 4 --teacher "$name-student-3a" --teacher "$name-student-3b"
two_seeds 4 mean 0.0008 10 taught "$@"
