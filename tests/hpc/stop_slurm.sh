#!/bin/bash
# Stops the daemons that start_slurm.sh started in FOLDER, by their numbers.
set -u
for name in slurmd slurmctld; do
    if [ -s "$1/$name.pid" ]; then
        kill "$(cat "$1/$name.pid")" 2>/dev/null
    fi
done
exit 0
