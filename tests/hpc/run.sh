#!/usr/bin/env bash
# Sweeps on a real SLURM, Dask and MPI, on a machine that will be thrown away.
#
#   tests/hpc/run.sh [PYTHON]     PYTHON has the package with its test tools; .venv/bin/python when omitted
#
# Installs what is missing (Debian packages), starts a SLURM of one node unless one answers already, runs the
# tests of this folder and stops what it started.  Ends with the status of the tests; where nothing can be
# installed it says so and ends with 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}
start_seconds=120 test_seconds=${ABM_HPC_SECONDS:-2400}

note() { echo "NOTE: $*"; exit 0; }

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || note "not root, and sudo asks for a password: sweeps on SLURM and MPI are not tried"
    as_root=(sudo -n)
fi

packages=()
for pair in slurmctld:slurm-wlm slurmd:slurm-wlm sbatch:slurm-client munged:munge mpirun:openmpi-bin; do
    PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null || packages+=("${pair##*:}")
done
if [ ${#packages[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || note "no ${packages[*]} and no apt-get: sweeps on SLURM and MPI are not tried"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

folder=$(mktemp -d)
started=
stop() {
    local status=$?
    trap - EXIT
    if [ -n "$started" ]; then
        timeout 20 scancel --user "$(id -un)" 2>/dev/null || true
        if [ "$status" -ne 0 ]; then
            for log in "$folder"/*.log; do
                [ -e "$log" ] && echo "--- $log" && "${as_root[@]}" tail -n 40 "$log"
            done
        fi
        "${as_root[@]}" timeout 90 bash tests/hpc/stop_slurm.sh "$folder" || status=1
    fi
    "${as_root[@]}" rm -rf "$folder"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if timeout 10 sinfo >/dev/null 2>&1; then
    echo "a SLURM answers already: it is used, and left as it is"
else
    started=yes
    # The daemons must not hold the pipe that this script may be read through.
    "${as_root[@]}" timeout --kill-after=10 "$start_seconds" bash tests/hpc/start_slurm.sh "$folder" \
        </dev/null >"$folder/start.log" 2>&1 || { echo "SLURM did not start within $start_seconds s"; exit 1; }
    sinfo
fi

timeout --kill-after=60 "$test_seconds" "$python" -m pytest -n 0 -q -m slow --durations=0 tests/hpc
