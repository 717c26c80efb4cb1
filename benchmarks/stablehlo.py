"""The emulator's program as StableHLO, to run where there is JAX and no TensorFlow: on a GPU, say.

    python benchmarks/stablehlo.py export build/stablehlo --nside 16 --batches 1 8 64
    python benchmarks/stablehlo.py run build/stablehlo

``export`` needs this project. It writes what TensorFlow hands to its compiler, XLA: the loss and
gradient of a batch of ten maps, which the descent compiles, and the coefficients alone. The
problem is that of ``benchmarks/emulator.py``. Every table of the transforms is an input, kept
beside the programs with the maps, and with what TensorFlow's own programs make of them on this
processor, and how fast. From nside 32 on, the programs are those of a GPU, which takes all
pixels at once; ``--made-for cpu`` writes those of a processor, block by block. ``--batches`` side
by side are one program of so many batches. Eight of them are different; more repeat these in turn.

``run`` needs NumPy and JAX alone. JAX's runtime compiles each program for its default device and
runs it, each in a process of its own. It compares coefficients, loss and gradient with those in the
folder, by the norm of the difference over the norm, and prints a table. It ends with status 1 if a
program fails or differs by more than the type allows. ``--precision highest`` asks for products in
all bits of the type, where a device takes fewer by itself. The memory is the device's peak where it
tells one; else what XLA says that the program needs. Time is that of a call, on a processor CPU
time, the median of rounds; hours are those of 1,000 steps of 1.03 evaluations, without the
minimizer. On a processor, ``taskset -c 0`` before either command keeps it to one core.

JAX's way to such programs changes with its versions; this is that of 0.11.2:

    python3.12 -m venv build/jax && build/jax/bin/pip install jax==0.11.2    # jax[cuda13]==0.11.2
    build/jax/bin/python benchmarks/stablehlo.py run build/stablehlo
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

DISTINCT = 8
"""Batches that differ; further ones repeat them in turn."""

TOLERANCE = {
    "float32": {"coefficients": 1e-5, "loss": 1e-4, "gradient": 1e-3},
    "float64": {"coefficients": 1e-13, "loss": 1e-12, "gradient": 1e-11},
}
"""Largest norm of a difference over the norm of what is expected."""

KINDS = ("evaluation", "coefficients")
"""Programs of each case: loss and gradient, or the coefficients alone."""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write programs, tables and what is expected")
    export.add_argument("folder", metavar="FOLDER", help="to write to; what is there stays")
    export.add_argument("--nside", type=int, nargs="+", default=[16], help="resolutions")
    export.add_argument(
        "--batches", type=int, nargs="+", default=[1], help="batches of ten maps side by side"
    )
    export.add_argument(
        "--dtype", nargs="+", default=["float32"], choices=list(TOLERANCE), help="types of numbers"
    )
    export.add_argument(
        "--made-for", choices=["gpu", "cpu"], default="gpu", help="all pixels at once, or in blocks"
    )
    run = commands.add_parser("run", help="compile and run what was written, by JAX")
    run.add_argument("folder", metavar="FOLDER", help="that export wrote")
    run.add_argument(
        "--precision", choices=["default", "highest"], default="default", help="of products"
    )
    run.add_argument("--seconds", type=float, default=3.0, help="of a measurement, at least")
    run.add_argument("--one", help=argparse.SUPPRESS)
    return parser


def export(arguments: argparse.Namespace) -> None:
    """Write every case: files NAME.npz, NAME-BATCHES.json and a program of each of KINDS."""
    from fewtomany.emulator import device

    device.configure()
    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for nside in arguments.nside:
        for dtype in arguments.dtype:
            for path in write(folder, nside, dtype, arguments.batches, arguments.made_for):
                sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.1f} MB\n")


def write(
    folder: Path, nside: int, dtype: str, batches: list[int], made_for: str = "gpu"
) -> list[Path]:
    """Write one resolution and type; return the files.

    ``NAME.npz`` holds the arguments of all its programs in their order, ``argument0`` and so on,
    but for goals and maps; ``goal`` (n_statistics,); ``maps`` (n, n_pix, m, F), float32, of the
    batches that differ; of these ``coefficients`` (n, n_statistics), ``loss`` (n, n_terms) and
    ``gradient`` (n, n_pix · m · F) as TensorFlow has them.
    """
    import numpy as np
    import tensorflow as tf

    import emulator
    from fewtomany.emulator import descent
    from fewtomany.figures import cost
    from fewtomany.files import provenance
    from fewtomany.scattering import gram

    prepared, (operators, weights, goals, first) = emulator.problem(nside, 10, dtype)
    phi, shape = prepared.phi, first.shape[1:]
    different = min(max(batches), DISTINCT)
    maps = np.random.default_rng(1).normal(size=(different, *shape)).astype(np.float32)

    def evaluation(operators, weights, goals, maps):
        return descent.loss_and_gradient(phi, operators, weights, goals, maps)

    def coefficients(operators, weights, goals, maps):
        together = tf.reshape(tf.transpose(maps, (1, 0, 2, 3)), (shape[0], -1, shape[2]))
        return phi.evaluate(operators, together, maps.shape[0])

    def compiled():
        """The functions anew: what they become is decided where they are first called."""
        return [
            tf.function(function, jit_compile=True, autograph=False)
            for function in (evaluation, coefficients)
        ]

    def inputs(n_batches: int) -> tuple:
        chosen = maps[np.arange(n_batches) % different]
        return operators, weights, tf.repeat(goals, n_batches, 0), tf.constant(chosen, dtype)

    own, own_coefficients = compiled()
    found = {"coefficients": [], "loss": [], "gradient": []}
    for number in range(different):
        one = (*inputs(1)[:3], tf.constant(maps[number : number + 1], dtype))
        for name, value in zip(found, (own_coefficients(*one), *own(*one)), strict=True):
            found[name].append(value.numpy()[0])
    name = f"nside{nside}-{dtype}"
    paths = [folder / f"{name}.npz"]
    tables = [x for x in tf.nest.flatten((operators, weights)) if x is not None]
    arrays = {f"argument{number}": table.numpy() for number, table in enumerate(tables)}
    np.savez_compressed(paths[0], **arrays, goal=goals[0].numpy(), maps=maps, **found)

    facts = {
        "nside": nside,
        "dtype": dtype,
        "made_for": made_for,
        "tables": paths[0].name,
        "n_tables": len(tables),
        "processor": provenance.processor(),
        "tensorflow": tf.__version__,
        "evaluations": cost.N_STEPS * cost.EVALUATIONS_PER_STEP,
        "paper_hours": dict(zip(cost.PAPER["nside"], cost.PAPER["hours"], strict=True)).get(nside),
    }
    for n_batches in batches:
        case = inputs(n_batches)
        seconds = measured(lambda case=case: own(*case), time.process_time, 1.0)
        prefers_blocks = gram.prefers_blocks
        if made_for == "gpu":
            gram.prefers_blocks = lambda n_pix: False
        try:
            for kind, function in zip(KINDS, compiled(), strict=True):
                text = function.experimental_get_compiler_ir(*case)(stage="stablehlo")
                paths.append(folder / f"{name}-{n_batches}-{kind}.mlir")
                paths[-1].write_text(text)
        finally:
            gram.prefers_blocks = prefers_blocks
        paths.append(folder / f"{name}-{n_batches}.json")
        content = {**facts, "batches": n_batches, "tensorflow_seconds": seconds}
        paths[-1].write_text(json.dumps(content, indent=1) + "\n")
    return paths


def measured(call, clock, least: float, wait=lambda result: None) -> float:
    """Seconds of a call: the median of at least five rounds of a few calls, after one."""
    wait(call())
    start = time.perf_counter()
    wait(call())
    each = max(1, min(10, int(least / 10 / (time.perf_counter() - start))))
    rounds, end = [], time.perf_counter() + least
    while len(rounds) < 5 or time.perf_counter() < end:
        start = clock()
        for _ in range(each):
            result = call()
        wait(result)
        rounds.append((clock() - start) / each)
    return statistics.median(rounds)


def evaluate(facts_path: Path, precision: str, least: float) -> dict[str, Any]:
    """Compile and run one case with JAX, in this process.

    Returns
    -------
    dict : ``machine`` and ``clock``, in words; ``compile`` and ``seconds``, of the loss and
        gradient; ``peak_bytes``, or None, and ``needed_bytes``; ``differences`` by name
    """
    import jax
    import jaxlib
    import numpy as np
    from jax.extend import backend as backends
    from jaxlib import xla_client

    jax.config.update("jax_enable_x64", True)
    facts = json.loads(facts_path.read_text())
    with np.load(facts_path.parent / facts["tables"]) as file:
        arrays = dict(file)
    chosen = np.arange(facts["batches"]) % len(arrays["maps"])
    own = [arrays.pop(f"argument{number}") for number in range(facts["n_tables"])]
    own.append(np.repeat(arrays["goal"][None], len(chosen), 0))
    own.append(arrays["maps"][chosen].astype(facts["dtype"]))
    backend = backends.get_backend()
    device = jax.devices()[0]
    on_device = [jax.device_put(value, device) for value in own]

    def load(kind: str):
        """A program, and the function that calls it: to its list of results."""
        text = facts_path.with_name(f"{facts_path.stem}-{kind}.mlir").read_text()
        if precision == "highest":
            text = text.replace("[DEFAULT, DEFAULT]", "[HIGHEST, HIGHEST]")
        program = backend.compile_and_load(
            text.encode(), xla_client.DeviceList((device,)), xla_client.CompileOptions()
        )

        def call() -> list:
            results = program.execute_sharded(on_device)
            return [parts[0] for parts in results.disassemble_into_single_device_arrays()]

        return program, call

    start = time.perf_counter()
    program, call = load("evaluation")
    compiled = time.perf_counter() - start
    jax.block_until_ready(call())
    peak = (device.memory_stats() or {}).get("peak_bytes_in_use")  # before calls wait for others
    clock = time.process_time if device.platform == "cpu" else time.perf_counter
    seconds = measured(call, clock, least, jax.block_until_ready)
    needed = program.get_compiled_memory_stats()
    (coefficients,) = load("coefficients")[1]()
    found = dict(zip(TOLERANCE[facts["dtype"]], (coefficients, *call()), strict=True))
    return {
        "machine": f"{device.device_kind} ({' '.join(backend.platform_version.split())}), "
        f"JAX {jax.__version__}, jaxlib {jaxlib.__version__}, NumPy {np.__version__}",
        "clock": "CPU time" if clock is time.process_time else "time",
        "compile": compiled,
        "seconds": seconds,
        "peak_bytes": peak,
        "needed_bytes": sum(
            getattr(needed, f"{part}_size_in_bytes") for part in ("argument", "output", "temp")
        ),
        "differences": {
            name: float(np.linalg.norm(np.asarray(value) - expected) / np.linalg.norm(expected))
            for name, value in found.items()
            for expected in [arrays[name][chosen]]
        },
    }


def run(arguments: argparse.Namespace) -> int:
    """Every case of a folder, each in a process of its own, and the table; 1 if one is wrong."""
    if arguments.one:
        found = evaluate(Path(arguments.one), arguments.precision, arguments.seconds)
        sys.stdout.write(json.dumps(found) + "\n")
        return 0
    cases = [(path, json.loads(path.read_text())) for path in Path(arguments.folder).glob("*.json")]
    if not cases:
        sys.stderr.write(f"{arguments.folder}: nothing that `stablehlo.py export` wrote\n")
        return 2
    if importlib.util.find_spec("jax") is None:
        sys.stderr.write("stablehlo.py run: JAX is missing: pip install jax==0.11.2\n")
        return 2
    cases.sort(key=lambda case: [case[1][key] for key in ("dtype", "nside", "batches")])
    lines, status, machine, clock = [], 0, "nothing ran", "time"
    for path, facts in cases:
        words = ["--precision", arguments.precision, "--seconds", str(arguments.seconds)]
        command = [sys.executable, __file__, "run", *words, "--one", str(path), arguments.folder]
        done = subprocess.run(command, capture_output=True, text=True)
        title = f"{facts['nside']}, {facts['dtype']} | {facts['batches']}"
        if done.returncode:
            status = 1
            why = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            lines.append(f"| {title} | failed: {why[:200]} |")
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        machine, clock = found["machine"], found["clock"]
        wrong = [
            name
            for name, value in found["differences"].items()
            if not value <= TOLERANCE[facts["dtype"]][name]
        ]
        status = status or int(bool(wrong))
        lines.append(f"| {title} | {_cells(facts, found)} | {', '.join(wrong) or '–'} |")
    about = cases[0][1]
    columns = (
        "nside, type",
        "batches side by side",
        "compiled in (s)",
        "ms a batch",
        "batches' evaluations per second",
        "hours of 1,000 steps",
        "Table 1, A100-hours, float64",
        "GB",
        "difference of coefficients, loss, gradient",
        "TensorFlow at export, CPU ms a batch",
        "beyond tolerance",
    )
    sys.stdout.write(
        f"{machine}; products in {arguments.precision} precision; {clock}.\n"
        f"Exported by TensorFlow {about['tensorflow']} on {about['processor']}.\n\n"
        f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n" + "\n".join(lines) + "\n"
    )
    return status


def _cells(facts: dict, found: dict) -> str:
    """The numbers of a line of the table."""
    each = found["seconds"] / facts["batches"]
    peak = found["peak_bytes"]
    cells = (
        f"{found['compile']:.1f}",
        f"{1e3 * each:.1f}",
        f"{1 / each:.3g}",
        f"{each * facts['evaluations'] / 3600:.2g}",
        str(facts["paper_hours"] or "–"),
        f"{found['needed_bytes'] / 1e9:.2f}" if peak is None else f"{peak / 1e9:.2f} (peak)",
        ", ".join(f"{found['differences'][name]:.0e}" for name in found["differences"]),
        f"{1e3 * facts['tensorflow_seconds'] / facts['batches']:.1f}",
    )
    return " | ".join(cells)


if __name__ == "__main__":
    chosen = get_parser().parse_args()
    sys.exit(export(chosen) if chosen.command == "export" else run(chosen))
