"""Covariances where no axis is known: with and without small turns and the local model.

Not run as a whole yet: no figure of a page comes from it.

    python benchmarks/local.py --cache build/symmetry --inputs 10 --draws 1

The simulation and inputs of benchmarks/symmetry.py, from the same cache; the scan's axis is not
named. Lines: what is learnt without and with ``symmetry.local``, and every part of the latter.
Columns as there; before them the CPU seconds of learning, and the weights.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import symmetry  # noqa: E402

from fewtomany import config  # noqa: E402
from fewtomany.covariance import learn  # noqa: E402
from fewtomany.files import store  # noqa: E402


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for the response")
    parser.add_argument("--inputs", type=int, nargs="+", default=[10, 100], help="input maps")
    parser.add_argument("--draws", type=int, default=1, help="draws of the inputs")
    return parser


def main(arguments: argparse.Namespace) -> None:
    columns, viewer = symmetry.prepare(arguments.cache)
    for n_maps in arguments.inputs:
        for seed in range(arguments.draws):
            flat = symmetry.draw(columns, n_maps, seed)
            maps = flat.reshape(n_maps, len(symmetry.STOKES), -1)
            inputs = store.MapSet(maps, symmetry.STOKES, "inputs", frame="ecliptic")
            for local in (False, True):
                before = time.process_time()
                settings = config.Symmetry(local=local)
                found = learn.learn(inputs, settings, seed)
                spent = time.process_time() - before
                sys.stdout.write(f"{n_maps} inputs, draw {seed}, local {local}: {spent:.0f} s\n")
                sys.stdout.write(f"  {found.evidence['weights']}\n")
                symmetry.show("mixture", viewer.of_model(found.model), viewer)
                for name, part in found.model.parts.items() if local else ():
                    symmetry.show(name, viewer.of_model(part), viewer)


if __name__ == "__main__":
    main(get_parser().parse_args())
