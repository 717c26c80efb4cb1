"""What the workflow itself costs: whole campaigns whose programs do nothing.

    python benchmarks/scheduling.py --maps 10000 100000 --batches-per-shard 10

The paper's campaign with one emulated dataset of so many maps, in a folder of its own. First a
dry run, the planning; then a run of every job with a program in place of all others that writes
empty products. CPU seconds (user and system) of Snakemake and all its children; wall-clock time
on two cores. What an empty program costs, started as often, is measured and taken off.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
INSTANT = ROOT / "tests/workflow/instant.py"
STARTS = 20


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--maps", type=int, nargs="+", default=[10_000], help="emulated maps")
    parser.add_argument("--batches-per-shard", type=int, default=20, help="batches of one job")
    return parser


def prepare(folder: Path, n_maps: int, batches_per_shard: int) -> Path:
    """The workflow with empty programs and a campaign of so many maps; the campaign's file."""
    for name in ("Snakefile", "workflow", "envs", "scripts/fewtomany"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    for program in (ROOT / "scripts").glob("*/*.py"):
        path = folder / program.relative_to(ROOT)
        if path.parent.name != "fewtomany":
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(INSTANT)
    content = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    (name,) = list(content["emulated"])[:1]
    content["emulated"] = {name: {**content["emulated"][name], "n_maps": n_maps}}
    content.setdefault("sharding", {})["batches_per_shard"] = batches_per_shard
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def timed(folder: Path, *words: str) -> tuple[float, float, str]:
    """CPU and wall-clock seconds of a command, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.stdout[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - began, done.stdout


def empty_program(folder: Path) -> float:
    """CPU seconds of an empty program."""
    command = (sys.executable, str(INSTANT), "--output", str(folder / "nothing"))
    return sum(timed(folder, *command)[0] for _ in range(STARTS)) / STARTS


def main(arguments: argparse.Namespace) -> None:
    snakemake = (sys.executable, "-m", "snakemake")
    titles = ("maps", "jobs", "plan CPU s", "run CPU s", "run wall s", "CPU ms/job", "wall ms/job")
    sys.stdout.write("".join(f"{title:>13}" for title in titles) + "\n")
    for n_maps in arguments.maps:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = prepare(folder, n_maps, arguments.batches_per_shard)
            words = (*snakemake, "--cores", "2", "--configfile", str(file), "--quiet", "rules")
            plan, _, _ = timed(folder, *words, "--dry-run")
            cpu, wall, printed = timed(folder, *words[:-2])
            n_jobs = int(re.findall(r"of (\d+) steps", printed)[-1])
            cpu -= n_jobs * empty_program(folder)
        sys.stdout.write(
            f"{n_maps:13d}{n_jobs:13d}{plan:13.1f}{cpu:13.1f}{wall:13.1f}"
            f"{1e3 * cpu / n_jobs:13.1f}{1e3 * wall / n_jobs:13.1f}\n"
        )


if __name__ == "__main__":
    main(get_parser().parse_args())
