"""Cost of one loss and gradient of the emulator, alone or beside the published code.

    python benchmarks/emulator.py --nside 16 32 64
    python benchmarks/emulator.py --peer build/cmbscat
    python benchmarks/emulator.py --beside OTHER/CHECKOUT --repeat 5
    python benchmarks/emulator.py --nside 16 32 64 128 --json scripts/fewtomany/figures/cost.json

One thread. CPU time is what counts: it hardly depends on what else the machine does. Two costs
of an evaluation: of the loss and gradient alone, and in a descent, all of L-BFGS included.
``--peer`` names a folder for a virtual environment of CMBSCAT 0.0.3, made on first use;
both are then measured in turn on the same problem: nside 16, Q and U, batch 10, J = R = 4,
3×3, all four losses. ``--beside`` names a checkout of another version, which is measured in turn
with this one; rows are medians of ``--repeat`` processes. ``--json`` keeps the figures that the
report compares with the paper's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

PEER = """
import json, os, resource, sys, tempfile, time
import numpy as np
import healpixml.Synthesis as synthesis
from cmbscat import cmbscat_pipe

seconds, ends = [], []
evaluate = synthesis.Synthesis.calc_grad

def timed(self, x):
    start = time.process_time()
    result = evaluate(self, x)
    ends.append(time.process_time())
    seconds.append(ends[-1] - start)
    return result

synthesis.Synthesis.calc_grad = timed
folder = tempfile.mkdtemp() + "/"
np.save(folder + "inputs.npy", np.random.default_rng(0).normal(size=(3, 3, 3072)))
pipe = cmbscat_pipe(dict(NNN=3, n_samples=3, NGEN=10, nside=16, nstep=12, ave_target=True,
                         outpath=folder, data=folder + "inputs.npy"))
pipe.index_ref = [0]
pipe.run()
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"evaluation": float(np.median(seconds[2:])), "start": seconds[0],
                  "descent": float(np.median(np.diff(ends)[1:])),
                  "peak_gb": usage.ru_maxrss / 1e6}))
"""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nside", type=int, nargs="+", default=[16], help="resolutions")
    parser.add_argument("--batch", type=int, default=10, help="maps in a batch")
    parser.add_argument(
        "--dtype", nargs="+", default=["float32", "float64"], help="floating-point types"
    )
    parser.add_argument("--peer", metavar="FOLDER", help="measure CMBSCAT too, installed here")
    parser.add_argument("--beside", metavar="CHECKOUT", help="of another version, measured too")
    parser.add_argument("--repeat", type=int, default=1, help="processes of each row")
    parser.add_argument("--device", default="one CPU core", help="what it runs on, in words")
    parser.add_argument("--json", metavar="FILE", help="write the rows there, too")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    return parser


def problem(nside: int, batch: int, dtype: str) -> tuple:
    """A model of random maps, and the arguments of its loss: operators, weights, goal, maps."""
    import numpy as np
    import tensorflow as tf

    from fewtomany import config
    from fewtomany.emulator import model
    from fewtomany.files.store import MapSet

    paper = config.load(ROOT / "config/paper.yaml").emulator
    settings = paper.changed(batch_size=batch, dtype=dtype)
    random = np.random.default_rng(0)
    inputs = random.normal(size=(3, 2, 12 * nside**2)).astype(np.float32)
    prepared = model.prepare(MapSet(inputs, "QU", "inputs"), settings)
    return prepared, (
        prepared.operators(),
        tf.constant(prepared.loss_weights(), dtype),
        tf.constant(prepared.target("average-target", 0)[None], dtype),
        tf.constant(random.normal(size=(1, 12 * nside**2, batch, 2)), dtype),
    )


def evaluations(phi, n_steps: int) -> Callable:
    """Evaluations in turn, in one program as the descent's are, and no minimizer."""
    import tensorflow as tf

    from fewtomany.emulator import descent

    @tf.function(jit_compile=True, autograph=False)
    def evaluate(maps, *others):
        def turn(i, x):
            slope = descent.loss_and_gradient(phi, *others, x)[1]
            return i + 1, x - 1e-3 * tf.reshape(slope, maps.shape)

        return tf.while_loop(lambda i, x: i < n_steps, turn, (0, maps))[1]

    return evaluate


def measure(nside: int, batch: int, dtype: str) -> dict[str, float]:
    """CPU seconds per evaluation, alone and in a descent, and of the start, and peak memory (GB).

    Each of this process.
    """
    from fewtomany.emulator import device

    device.configure()
    import numpy as np
    import tensorflow as tf

    from fewtomany.emulator import descent, lbfgs

    prepared, (*others, maps) = problem(nside, batch, dtype)
    n_steps = 20 if nside < 64 else 5
    floor = tf.constant(0, dtype)
    state = lbfgs.start(tf.reshape(maps, (1, -1)), len(others[1]))
    descend = descent._compiled(prepared.phi, ())
    evaluate = evaluations(prepared.phi, n_steps)
    start = time.process_time()
    state, _ = descend(state, tf.constant([0]), floor, *others)
    compiled = time.process_time() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    evaluate(maps, *others)
    alone, whole = [], []
    for turn in range(1, 6):
        before, done = time.process_time(), int(state.evaluations[0])
        state, _ = descend(state, tf.constant([turn * n_steps]), floor, *others)
        between = time.process_time()
        evaluate(tf.reshape(state.x, maps.shape), *others)
        whole.append((between - before) / (int(state.evaluations[0]) - done))
        alone.append((time.process_time() - between) / n_steps)
    return {
        "evaluation": float(np.median(alone)),
        "descent": float(np.median(whole)),
        "start": compiled,
        "peak_gb": usage.ru_maxrss / 1e6,
    }


def ours(tree: Path, nside: int, batch: int, dtype: str) -> dict[str, float]:
    """:func:`measure` of a checkout, in a process of its own."""
    program = tree / "benchmarks/emulator.py"
    command = [sys.executable, str(program), "--one", str(nside), str(batch), dtype]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def peer(folder: Path) -> dict[str, float]:
    """CMBSCAT's figures, in its own environment."""
    folder = folder.resolve()
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "cmbscat==0.0.3"], check=True)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    result = subprocess.run(
        [python, "-c", PEER],
        cwd=folder,  # it leaves its wavelets where it runs
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def main(arguments: argparse.Namespace) -> None:
    if arguments.one:
        nside, batch, dtype = arguments.one
        sys.stdout.write(json.dumps(measure(int(nside), int(batch), dtype)) + "\n")
        return
    rows = []
    if arguments.peer:
        rows.append(("CMBSCAT float64", 16, peer(Path(arguments.peer))))
    trees = {"fewtomany": ROOT}
    if arguments.beside:
        trees = {"beside it": Path(arguments.beside).resolve(), **trees}
    for nside in arguments.nside:
        for dtype in arguments.dtype:
            found = {name: [] for name in trees}
            for _ in range(arguments.repeat):
                for name, tree in trees.items():
                    found[name].append(ours(tree, nside, arguments.batch, dtype))
            for name, each in found.items():
                median = {key: statistics.median(one[key] for one in each) for key in each[0]}
                rows.append((f"{name} {dtype}", nside, median))
    if arguments.json:
        found = [{"program": name, "nside": nside, **values} for name, nside, values in rows]
        content = {"device": arguments.device, "batch": arguments.batch, "rows": found}
        Path(arguments.json).write_text(json.dumps(content, indent=1) + "\n")
    columns = ("nside", "evaluation", "descent", "start-up", "peak GB", "ratio", "ratio")
    sys.stdout.write(" " * 20 + "".join(f"{column:>12}" for column in columns) + "\n")
    for name, nside, found in rows:
        ratios = [rows[0][2][what] / found[what] for what in ("evaluation", "descent")]
        sys.stdout.write(
            f"{name:20}{nside:12d}{found['evaluation']:12.4f}{found['descent']:12.4f}"
            f"{found['start']:12.1f}{found['peak_gb']:12.2f}{ratios[0]:12.1f}{ratios[1]:12.1f}\n"
        )


if __name__ == "__main__":
    main(get_parser().parse_args())
