"""Where a product comes from: enough to make it again."""

import datetime
import functools
import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
import time
from pathlib import Path

from fewtomany import __version__

_BEGAN = time.monotonic()
_PACKAGES = ("numpy", "scipy", "healpy", "litebird_sim", "tensorflow-cpu", "tensorflow", "h5py")


@functools.cache
def code_version() -> str:
    """Version of this package, with the git commit when run from a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return __version__
    git = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}+{commit.strip()}"


@functools.cache
def package_versions() -> dict[str, str]:
    """Installed versions of the packages that shape the numbers."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def processor() -> str:
    """Model of the processor, as far as the system tells."""
    return _of_processor("model name") or platform.machine()


def instructions() -> str:
    """Model of the processor and what it can do, as far as the system tells."""
    return f"{processor()} {_of_processor('flags') or _of_processor('Features')}"


def _of_processor(key: str) -> str:
    """What Linux says of the first processor; empty if nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    said = [line.partition(":")[2].strip() for line in lines if line.startswith(key)]
    return said[0] if said else ""


def job_id() -> str:
    """SLURM's number of this job or array task, empty without."""
    array, task = (os.environ.get(f"SLURM_ARRAY_{name}_ID", "") for name in ("JOB", "TASK"))
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "")


def record(**facts) -> dict:
    """Provenance of one product: code, command, packages, host, device, job, time, ``facts``.

    ``facts`` are JSON-serializable: the campaign's identity, which holds its whole
    configuration, the seed key that the product follows from, and what else is said about it.
    ``wall_s`` is the time since the program began (s), unless a fact is more exact.
    """
    return {
        "code": code_version(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "packages": package_versions(),
        "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "device": f"cpu, {processor()}",
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "job": job_id(),
        "wall_s": round(time.monotonic() - _BEGAN, 2),
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **facts,
    }
