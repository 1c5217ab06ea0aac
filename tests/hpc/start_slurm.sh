#!/bin/bash
# A real SLURM of one node on a machine that will be thrown away: Debian packages, root, no systemd.
#
#   tests/hpc/start_slurm.sh FOLDER     installs what is missing, writes /etc/slurm, starts the daemons
#   tests/hpc/stop_slurm.sh FOLDER      stops them
#
# FOLDER gets state, logs and the numbers of the processes.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
host=$(hostname -s)

if ! command -v slurmctld >/dev/null || ! command -v munged >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends munge slurm-wlm slurm-client
fi

# One node knows itself by its name.
getent hosts "$host" >/dev/null || echo "127.0.0.1 $host" >> /etc/hosts

install -d -m 755 -o munge -g munge /run/munge
install -d -m 700 -o munge -g munge /var/lib/munge /var/log/munge
if [ ! -s /etc/munge/munge.key ]; then
    (umask 077; head -c 1024 /dev/urandom > /etc/munge/munge.key)
    chown munge:munge /etc/munge/munge.key
fi

mkdir -p "$folder/state" "$folder/spool"
cpus=$(nproc)
memory=$(awk '/^MemTotal/ {print int($2 / 1024) - 512}' /proc/meminfo)
cat > /etc/slurm/slurm.conf <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
MaxArraySize=10001
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
# SLURM 22.05 wants a control group plugin even when nothing is constrained; later ones know "disabled".
if slurmctld -V | grep -qE 'slurm(-wlm)? (19|20|21|22)\.'; then plugin=cgroup/v1; else plugin=disabled; fi
printf 'CgroupPlugin=%s\nConstrainCores=no\nConstrainRAMSpace=no\n' "$plugin" > /etc/slurm/cgroup.conf

if ! munge -n >/dev/null 2>&1; then
    su -s /bin/sh munge -c /usr/sbin/munged
    for _ in $(seq 20); do
        [ -s /run/munge/munged.pid ] && break
        sleep 0.2
    done
    cp /run/munge/munged.pid "$folder/munged.pid"
fi
slurmctld
slurmd -N "$host"
for _ in $(seq 120); do
    if sinfo --noheader --format=%T 2>/dev/null | grep -qE 'idle|mixed|alloc'; then
        exit 0
    fi
    sleep 0.5
done
echo "SLURM did not come up; see $folder/*.log" >&2
exit 1
