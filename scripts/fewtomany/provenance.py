"""Where a product comes from: enough to make it again."""

import datetime
import functools
import importlib.metadata
import os
import platform
import socket
import subprocess
from pathlib import Path

from fewtomany import __version__

_PACKAGES = ("numpy", "scipy", "healpy", "litebird_sim", "tensorflow-cpu", "tensorflow", "h5py")


@functools.cache
def code_version() -> str:
    """Version of this package, with the git commit when run from a checkout."""
    root = Path(__file__).resolve().parents[2]
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


def record(**facts) -> dict:
    """Provenance of one product: code, packages, host, job, time, and ``facts``.

    ``facts`` are JSON-serializable: the campaign, the configuration section and
    the seed key that the product follows from.
    """
    return {
        "code": code_version(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "host": socket.gethostname(),
        "job": os.environ.get("SLURM_JOB_ID", ""),
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **facts,
    }
