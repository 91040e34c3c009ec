# Steps of a distillation: distil.sh and distil-jsb16.sh set $config and read this.
: "${config:?expected distil.sh or distil-jsb16.sh, which set it}"
name=$(basename "$config" .yaml)
export OMP_NUM_THREADS=1
trap 'trap - INT TERM; kill 0' INT TERM  # what runs in the background may not hear Ctrl-C
precision=$(python -c "
import torch
bfloat16 = any(has for kind, has in torch.cpu.get_capabilities().items() if 'bf16' in kind)
print('bf16-mixed' if bfloat16 or torch.cuda.is_available() else '32-true')")

# fit RUN OPTION...
fit() {
    run=$name-$1
    shift
    bachlit fit --config "$config" --trainer.precision "$precision" "$@" --run "$run" --ckpt_path last
}

# teacher SEED EPOCHS OPTION...
teacher() {
    seed=$1 epochs=$2
    shift 2
    fit "teacher-$seed" --config configs/teacher.yaml --trainer.max_epochs "$epochs" \
        --model.lr_scheduler.init_args.T_max "$epochs" "$@" --seed_everything "$seed" --data.seed "$seed"
}

# lessons FILE VARIANTS OPTION..., such as --teacher RUN
lessons() {
    output=$name-$1.safetensors variants=$2
    shift 2
    python -m bachlit.distill "$@" --views 3 --invented "$variants" --workers 2 --output "$output"
}

# student RUN FILE OPTION...
student() {
    run=$1 output=$name-$2.safetensors
    shift 2
    fit "$run" --config configs/student.yaml "$@" --data.lessons.path "$output"
}

# taught_on RUN FILE START RATE EPOCHS OPTION...
taught_on() {
    run=$1 output=$2 start=$name-$3 rate=$4 epochs=$5
    shift 5
    student "$run" "$output" --model.start "$start" --model.optimizer.init_args.lr "$rate" \
        --trainer.max_epochs "$epochs" --model.lr_scheduler.init_args.T_max "$epochs" "$@"
}

# both PROCESS PROCESS: waits for two. If one fails, the other still ends.
both() {
    failed=0
    wait "$1" || failed=$?
    wait "$2" || failed=$?
    if [ "$failed" != 0 ]; then
        echo "$0: a fit failed; put right what is said above, and run this again to go on." >&2
        exit "$failed"
    fi
}
