"""A campaign of hundreds of jobs through SLURM, disturbed every minute, beside one left alone.

    python benchmarks/disturbed.py local FOLDER
    python benchmarks/disturbed.py slurm FOLDER --minutes 40
    python benchmarks/disturbed.py same FOLDER OTHER

The tiny campaign in many small jobs, on the SLURM of tests/slurm (two virtual nodes; root). After
each pause one of DISTURBANCES falls on a job, a node, the controller or Snakemake itself, until
the time is over; then the campaign ends in peace. `same` compares every dataset, covariance and
metric of two folders, to the bit. With `--long` there are two thousand jobs, most of which cost
their start and little else, and a disturbance every few minutes; the scan is simulated before.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
NAME = "disturbed"
AVERAGE = {"input": "input-10", "strategy": "average-target", "n_maps": 500}
CHANGES = {
    "campaign": NAME,
    "inputs": {"input-10": {"n_maps": 10}},
    "gaussian": {},
    "emulated": {"average-10": AVERAGE, "single-10": {**AVERAGE, "strategy": "single-target"}},
    "emulator": {
        "n_scales": 2,
        "batch_size": 10,
        "n_steps": 300,
        "start": "white",
        "variances": "inputs",
    },
    "sharding": {"chunks_per_shard": 60, "maps_per_shard": 50, "batches_per_shard": 1},
}
LONG = {
    **CHANGES,
    "gaussian": {"gaussian-10": {"input": "input-10", "n_maps": 4700}},
    "emulated": {"average-10": {**AVERAGE, "n_maps": 100}},
    "emulator": {**CHANGES["emulator"], "n_steps": 100},
    "sharding": {"chunks_per_shard": 60, "maps_per_shard": 5, "batches_per_shard": 1},
}
PAUSE_S = {False: (45, 90), True: (120, 240)}
"""Between two disturbances, of few and of two thousand jobs."""

SNAKEMAKE = "Snakemake killed"


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["local", "slurm", "same"], help="what to do")
    parser.add_argument("folder", type=Path, help="where the campaign runs, or ran")
    parser.add_argument("other", type=Path, nargs="?", help="of same: the folder to compare with")
    parser.add_argument("--long", action="store_true", help="two thousand jobs, a night of them")
    parser.add_argument("--minutes", type=float, default=40, help="of disturbances")
    parser.add_argument("--seed", type=int, default=1, help="of their order")
    return parser


def prepare(folder: Path, changes: dict) -> None:
    folder.mkdir(parents=True)
    tiny = yaml.safe_load((ROOT / "tests/workflow/tiny.yaml").read_text())
    (folder / "campaign.yaml").write_text(yaml.safe_dump({**tiny, **changes}))


def start(folder: Path, *words: str) -> subprocess.Popen:
    """Snakemake in a folder; its words go to snakemake.log there."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "snakemake.log").open("a") as log:
        return subprocess.Popen(
            [*command, "--configfile", "campaign.yaml", *words],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def slurm(folder: Path) -> subprocess.Popen:
    """The documented command, with shorter waits."""
    profile = ["--profile", str(ROOT / "profiles/slurm")]
    return start(folder, *profile, "--slurm-init-seconds-before-status-checks=5")


def called(*command: str) -> str:
    """What a command says; nothing where it fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def tasks(state: str = "RUNNING") -> list[str]:
    return called("squeue", "--array", "--noheader", f"--states={state}", "--format=%i").split()


def programs(folder: Path) -> list[int]:
    """Processes of the folder's jobs that compute."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            where = Path(os.readlink(path / "cwd"))
        except OSError:
            continue
        if where == folder and words[0].endswith(b"python") and b"--config" in words:
            found.append(int(path.name))
    return found


def daemon(file: str, *again: str) -> None:
    """Kill a daemon, and start it again after some seconds."""
    path = Path("/var/tmp/fewtomany-slurm") / file
    os.kill(int(path.read_text()), signal.SIGKILL)
    time.sleep(random.uniform(3, 20))
    subprocess.run(again, check=True)


def cancel(_: Path) -> None:
    subprocess.run(["scancel", random.choice(tasks())], check=True)


def kill(folder: Path) -> None:
    os.kill(random.choice(programs(folder)), signal.SIGKILL)


def requeue(_: Path) -> None:
    subprocess.run(["scontrol", "requeue", random.choice(tasks())], check=True)


def controller(_: Path) -> None:
    daemon("slurmctld.pid", "slurmctld")


def node(_: Path) -> None:
    name = random.choice(["n1", "n2"])
    daemon(f"slurmd.{name}.pid", "slurmd", "-N", name)


def down(_: Path) -> None:
    name = random.choice(["n1", "n2"])
    subprocess.run(
        ["scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=disturbed"], check=True
    )
    time.sleep(random.uniform(5, 20))
    called("scontrol", "update", f"NodeName={name}", "State=RESUME")  # it may be back by itself


def urgent(_: Path) -> None:
    """A job of a higher partition takes a node for a moment."""
    words = ["--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 5"]
    subprocess.run(["sbatch", *words], check=True, stdout=subprocess.DEVNULL)


DISTURBANCES = {
    "task cancelled": (cancel, 4),
    "program killed": (kill, 4),
    "task requeued": (requeue, 3),
    "controller killed": (controller, 2),
    "node's daemon killed": (node, 2),
    "node down": (down, 2),
    "preempted": (urgent, 2),
    SNAKEMAKE: (None, 1),
}
"""What is done to it, and how often in relation to the others."""


def disturb(folder: Path, process: subprocess.Popen, what: str) -> subprocess.Popen:
    """Do one of them; the process of Snakemake that goes on."""
    if what != SNAKEMAKE:
        DISTURBANCES[what][0](folder)
        return process
    process.kill()
    process.wait()
    start(folder, "--unlock", "--cores=1").wait()
    return slurm(folder)


def run(folder: Path, minutes: float, seed: int, pause_s: tuple[float, float]) -> Iterator[str]:
    """The campaign through SLURM; what was done to it, one after the other."""
    random.seed(seed)
    names, weights = zip(*((name, w) for name, (_, w) in DISTURBANCES.items()), strict=True)
    process, until, again = slurm(folder), time.monotonic() + 60 * minutes, 0
    while True:
        pause = time.monotonic() + random.uniform(*pause_s)
        while time.monotonic() < pause and process.poll() is None:
            time.sleep(1)
        if process.poll() == 0:
            return
        if process.poll() is not None:
            again += 1
            yield f"ended with {process.returncode}"
            if again > 5:
                return
            process = slurm(folder)
        elif time.monotonic() < until:
            (what,) = random.choices(names, weights)
            try:
                process = disturb(folder, process, what)
            except (IndexError, OSError, subprocess.CalledProcessError) as error:
                what = f"nothing to do it to: {what} ({error})"
            yield what


def counts(folder: Path) -> dict:
    """Jobs by what became of them, and how often SLURM or Snakemake started them again."""
    states = called("squeue", "--array", "--noheader", "--states=all", "--format=%T|%i|%k")
    rows = [line.split("|") for line in states.splitlines()]
    shown = called("scontrol", "show", "job")
    log = (folder / "snakemake.log").read_text()
    return {
        "states": Counter(state for state, _, comment in rows if comment.startswith("rule_")),
        "requeued": sum(map(int, re.findall(r"Restarts=(\d+)", shown))),
        "started again by Snakemake": log.count("Trying to restart job"),
        "finished jobs": len(re.findall(r"^Finished jobid: ", log, re.MULTILINE)),
    }


def differences(one: Path, other: Path) -> Iterator[str]:
    """Products of two folders that differ in any bit of their numbers."""
    for pattern in ("datasets/*/*.h5", "covariances/*.h5", "recommended/*.h5", "symmetry/*.h5"):
        names = [
            {str(path.relative_to(folder / "results" / NAME)) for path in found}
            for folder, found in (
                (folder, (folder / "results" / NAME).glob(pattern)) for folder in (one, other)
            )
        ]
        if not names[0]:
            yield f"{pattern}: none"
        yield from sorted(names[0] ^ names[1])
        for name in sorted(names[0] & names[1]):
            left, right = (arrays(folder / "results" / NAME / name) for folder in (one, other))
            if left.keys() != right.keys() or any(
                not np.array_equal(left[key], right[key], equal_nan=left[key].dtype.kind == "f")
                for key in left
            ):
                yield name
    judged = [
        json.loads((folder / "results" / NAME / "validation/metrics.json").read_text())["metrics"]
        for folder in (one, other)
    ]
    if judged[0] != judged[1]:
        yield "validation/metrics.json"


def arrays(path: Path) -> dict[str, np.ndarray]:
    """All datasets of an HDF5 file by their names."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return {name: np.asarray(values) for name, values in found.items()}


def main(arguments: argparse.Namespace) -> None:
    if arguments.what == "same":
        wrong = list(differences(arguments.folder, arguments.other))
        print("\n".join([*wrong, f"{len(wrong)} products differ"]))
        sys.exit(bool(wrong))
    prepare(arguments.folder, LONG if arguments.long else CHANGES)
    folder, began = arguments.folder.resolve(), time.monotonic()
    if arguments.what == "local":
        sys.exit(start(folder, "--cores=1").wait())
    sys.path.insert(0, str(ROOT / "tests/slurm"))
    import cluster

    if arguments.long:
        start(folder, "--cores=1", "--until", "merge_response").wait()
    cluster.start()
    done = Counter()
    for what in run(folder, arguments.minutes, arguments.seed, PAUSE_S[arguments.long]):
        done[what] += 1
        print(f"{(time.monotonic() - began) / 60:6.1f} min  {what}", flush=True)
    print(json.dumps({"disturbances": done, **counts(folder)}, indent=2))
    cluster.stop()


if __name__ == "__main__":
    main(get_parser().parse_args())
