"""A SLURM of two virtual nodes with two pretended GPUs each, on this machine.

    python tests/slurm/cluster.py start
    python tests/slurm/cluster.py stop

It needs root and Debian's slurm-wlm, which `start` installs if it is missing. The
configuration lies in /etc/slurm, as Snakemake's job steps clear SLURM_CONF.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ETC = Path("/etc/slurm")
STATE = Path("/var/tmp/fewtomany-slurm")
PROLOG = STATE / "prolog"  # what it prints, each task begins with
MARK = "# two virtual nodes for the tests of fewtomany"
NODES = ("n1", "n2")
CPUS = 2
HOST = socket.gethostname().split(".")[0]

CONFIGURATION = f"""{MARK}
ClusterName=ci
SlurmctldHost={HOST}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
AuthInfo=cred_expire=15
CredType=cred/none
MpiDefault=pmi2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={PROLOG}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=5,sched_min_interval=0
GresTypes=gpu
SlurmdParameters=config_overrides
DefMemPerCPU=500
MinJobAge=3600
KillWait=3
OverTimeLimit=0
ReturnToService=2
AccountingStorageType=accounting_storage/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
StateSaveLocation={STATE}/state
SlurmdSpoolDir={STATE}/spool.%n
SlurmctldPidFile={STATE}/slurmctld.pid
SlurmdPidFile={STATE}/slurmd.%n.pid
SlurmctldLogFile={STATE}/slurmctld.log
SlurmdLogFile={STATE}/slurmd.%n.log
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=60 DefaultTime=5 State=UP
PartitionName=gpu Nodes=n1,n2 MaxTime=60 DefaultTime=5 State=UP
PartitionName=spare Nodes=n1,n2 MaxTime=60 DefaultTime=5 State=UP PreemptMode=CANCEL
PartitionName=urgent Nodes=n1,n2 MaxTime=60 DefaultTime=5 State=UP PriorityTier=10
"""


def node_line(number: int, name: str) -> str:
    return (
        f"NodeName={name} NodeHostname={HOST} NodeAddr=127.0.0.1 Port={17001 + number} "
        f"CPUs={CPUS} Boards=1 SocketsPerBoard=1 CoresPerSocket={CPUS} ThreadsPerCore=1 "
        "RealMemory=16000 Gres=gpu:2 State=UNKNOWN\n"
    )


def start() -> None:
    """Install SLURM if it is missing, and start it; return when both nodes are idle."""
    _install()
    configured = ETC / "slurm.conf"
    if configured.exists() and MARK not in configured.read_text():
        raise SystemExit(f"{configured}: this machine belongs to a SLURM already")
    stop()
    for folder in (ETC, STATE / "state", *(STATE / f"spool.{name}" for name in NODES)):
        folder.mkdir(parents=True, exist_ok=True)
    lines = [node_line(number, name) for number, name in enumerate(NODES)]
    head, partitions = CONFIGURATION.split("PartitionName", 1)
    configured.write_text("".join([head, *lines, "PartitionName", partitions]))
    gpus = [f"NodeName={n} Name=gpu File={f}\n" for n in NODES for f in ("/dev/null", "/dev/zero")]
    (ETC / "gres.conf").write_text("".join(gpus))
    PROLOG.write_text("#!/bin/sh\n")
    PROLOG.chmod(0o755)
    subprocess.run(["slurmctld", "-c"], check=True)
    for name in NODES:
        subprocess.run(["slurmd", "-N", name], check=True)
    _wait(lambda: _states() == ["idle"] * len(NODES), "the nodes to be idle")


def stop() -> None:
    """End the daemons and their jobs, and remove what they wrote."""
    if _states():
        subprocess.run(["scancel", "--user", "root"], check=False)
        _wait(lambda: not _output("squeue", "--noheader"), "the jobs to end")
    for file in STATE.glob("*.pid"):
        try:
            os.kill(int(file.read_text()), signal.SIGTERM)
        except (ProcessLookupError, ValueError):
            file.unlink()
    _wait(lambda: not list(STATE.glob("*.pid")), "the daemons to end")
    shutil.rmtree(STATE, ignore_errors=True)


def _install() -> None:
    if shutil.which("slurmctld"):
        return
    words = ["apt-get", "install", "--yes", "--no-install-recommends", "slurm-wlm"]
    try:
        subprocess.run(["apt-get", "update", "--quiet=2"], check=True)
        subprocess.run(words, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"SLURM is not there and cannot be installed: {error}") from None


def _states() -> list[str]:
    return _output("sinfo", "--noheader", "--Node", "--partition=cpu", "--format=%t").split()


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _wait(condition, what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"waited {seconds} s for {what}; see the logs in {STATE}")
        time.sleep(0.2)


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
