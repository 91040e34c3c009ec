#!/bin/sh
# Teachers and a student in three rounds, from nothing: three teachers and their student; two more teachers, who with the
# student itself teach it on; and itself with the first teacher, who teach it on with two seeds. The mean of these two is
# the folder NAME-taught. The first teacher is the config as it stands.
# Run it again to go on where it was stopped.
#     sh examples/distil.sh configs/bach.yaml
set -eu
config=${1:?expected a config, such as configs/bach.yaml}
shift
. "$(dirname "$0")/distil-steps.sh"

fit teacher-0 "$@" &
first=$!
{ teacher 1 80 "$@" && teacher 2 80 "$@"; } &
both $first $!
lessons lessons 10 --teacher "$name-teacher-0" --teacher "$name-teacher-1" --teacher "$name-teacher-2"
student student lessons "$@" &
first=$!
{ teacher 3 100 "$@" && teacher 4 100 "$@"; } &
both $first $!
# The student is the best of the three, and counts twice.
lessons lessons-2 10 --teacher "$name-student" --teacher "$name-student" \
    --teacher "$name-teacher-3" --teacher "$name-teacher-4"
taught_on student-2 lessons-2 student 0.0015 40 "$@"
# Other variants, since it knows those before; and two seeds, whose mean is better than either.
lessons lessons-3 10 --teacher "$name-student-2" --teacher "$name-student-2" --teacher "$name-teacher-0" --seed 7
taught_on student-3 lessons-3 student-2 0.0015 40 "$@" --seed_everything 0 --data.seed 0 &
first=$!
taught_on student-4 lessons-3 student-2 0.0015 40 "$@" --seed_everything 1 --data.seed 1 &
both $first $!
bachlit export --checkpoint "$name-student-3" --checkpoint "$name-student-4" --output "$name-taught"
