"""CPU seconds from nothing to the first step of a descent, of a first and of a second job.

    python benchmarks/starts.py
    python benchmarks/starts.py --beside OTHER/CHECKOUT --repeat 3
    python benchmarks/starts.py --at-once 10

A job is ``emulate.py`` with one batch of ten maps of Q and U at nside 16 and one step, from
a model of twenty random maps: imports, reading, tracing, compilation. The second job finds the
programs that the first one compiled (FEWTOMANY_COMPILED). ``--beside`` names a checkout of
another version, which is measured in turn with this one. One thread; medians of the repetitions.
With ``--at-once`` so many first jobs start together on one empty folder of compiled programs, and
one job after them: whether all end, with the same bits.
"""

import argparse
import concurrent.futures
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
CAMPAIGN = {
    "campaign": "starts",
    "seed": 1,
    "maps": {"nside": 16, "stokes": "QU"},
    "inputs": {"random": {"files": "none", "n_maps": 20}},
    "emulated": {"emulated": {"input": "random", "strategy": "drawn-target", "n_maps": 200}},
    "emulator": {"n_steps": 1, "variances": "inputs", "start": "white"},
}
COMMON = ("--config", "campaign.yaml", "--quiet", "--dataset", "emulated")
MAPS = """
import sys
import numpy as np
from fewtomany.files import store
maps = np.random.default_rng(0).normal(size=(20, 2, 12 * 16**2)).astype(np.float32)
store.write_maps(sys.argv[1], store.MapSet(maps, "QU", "random"))
"""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beside", metavar="CHECKOUT", help="of another version")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions")
    parser.add_argument("--at-once", type=int, help="jobs that start together")
    return parser


def main(arguments: argparse.Namespace) -> None:
    if arguments.at_once:
        at_once(arguments.at_once)
        return
    trees = {"this version": ROOT}
    if arguments.beside:
        trees["beside it"] = Path(arguments.beside).resolve()
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(arguments.repeat):
        for name, tree in trees.items():
            for job, taken in jobs(tree).items():
                seconds.setdefault((name, job), []).append(taken)
    for (name, job), taken in seconds.items():
        sys.stdout.write(f"{name:14}{job:10}{statistics.median(taken):7.2f} CPU s\n")


def jobs(tree: Path) -> dict[str, float]:
    """CPU seconds of a first and of a second job of a checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(tree, folder)
        return {job: run(tree, folder, *words(job)) for job in ("first", "second")}


def at_once(n_jobs: int) -> None:
    """Jobs that start together on one empty folder, and one after them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(ROOT, folder)
        with concurrent.futures.ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(lambda k: run(ROOT, folder, *words(f"job-{k}")), range(n_jobs)))
        after = run(ROOT, folder, *words("after"))
        maps = []
        for job in (*(f"job-{k}" for k in range(n_jobs)), "after"):
            (path,) = (path for path in (folder / job).rglob("*.h5"))
            with h5py.File(path) as file:
                maps.append(file["maps"][:])
        same = all(np.array_equal(maps[0], other) for other in maps)
        kept = sum(path.is_file() for path in (folder / "compiled").rglob("*"))
        sys.stdout.write(
            f"{len(maps)} jobs ended, {'the same' if same else 'OTHER'} bits; {kept} files kept; "
            f"the last job took {after:.2f} CPU s\n"
        )


def prepare(tree: Path, folder: Path) -> None:
    """A campaign, its inputs and its model in a folder."""
    (folder / "campaign.yaml").write_text(yaml.safe_dump(CAMPAIGN))
    run(ROOT, folder, "-c", MAPS, "maps.h5")
    run(tree, folder, "prepare_emulation.py", *COMMON, "--output", "model.h5", "maps.h5")


def words(job: str) -> tuple[str, ...]:
    """The program of a job and its options."""
    batch = ("--start", "0", "--stop", "1", "--model", "model.h5", "--batches", job)
    return ("emulate.py", *COMMON, *batch, "--output", f"{job}.json")


def run(tree: Path, folder: Path, program: str, *words: str) -> float:
    """CPU seconds of a program of a checkout, or of a word of Python."""
    first = [program] if program == "-c" else [*map(str, (tree / "scripts").rglob(program))]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    paths = {"PYTHONPATH": str(tree / "scripts"), "FEWTOMANY_COMPILED": "compiled"}
    subprocess.run(
        [sys.executable, *first, *words],
        cwd=folder,
        env={**os.environ, **ONE_THREAD, **paths},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(get_parser().parse_args())
