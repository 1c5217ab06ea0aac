#!/bin/bash
# Stops the daemons that start_slurm.sh started in FOLDER, by their numbers, and waits until they are gone.
set -u
pids=()
for name in slurmd slurmctld munged; do
    if [ -s "$1/$name.pid" ]; then
        pids+=("$(cat "$1/$name.pid")")
    fi
done
[ ${#pids[@]} -eq 0 ] && exit 0

alive() {
    for pid in "${pids[@]}"; do
        # A process that ended, but whose parent has not noticed, is gone too.
        state=$(awk '/^State/ {print $2}' "/proc/$pid/status" 2>/dev/null)
        [ -n "$state" ] && [ "$state" != Z ] && return 0
    done
    return 1
}
kill "${pids[@]}" 2>/dev/null
for _ in $(seq 60); do
    alive || exit 0
    sleep 0.5
done
kill -KILL "${pids[@]}" 2>/dev/null
sleep 1
! alive
