"""CPU seconds from nothing to the first step of a descent, of a first and of a second job.

    python benchmarks/starts.py
    python benchmarks/starts.py --beside OTHER/CHECKOUT --repeat 3

A job is ``emulate.py`` with one batch of ten maps of Q and U at nside 16 and one step, from
a model of twenty random maps: imports, reading, tracing, compilation. The second job finds the
programs that the first one compiled (FEWTOMANY_COMPILED). ``--beside`` names a checkout of
another version, which is measured in turn with this one. One thread; medians of the repetitions.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

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
    return parser


def main(arguments: argparse.Namespace) -> None:
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
        campaign = folder / "campaign.yaml"
        campaign.write_text(yaml.safe_dump(CAMPAIGN))
        common = ["--config", str(campaign), "--quiet", "--dataset", "emulated"]
        run(ROOT, folder, "-c", MAPS, "maps.h5")
        run(
            tree,
            folder,
            "prepare_emulation.py",
            *common,
            "--output",
            "model.h5",
            "maps.h5",
        )
        files = ["--model", "model.h5", "--batches"]
        span = ["--start", "0", "--stop", "1"]
        return {
            job: run(
                tree,
                folder,
                "emulate.py",
                *common,
                *span,
                *files,
                job,
                "--output",
                f"{job}.json",
            )
            for job in ("first", "second")
        }


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
