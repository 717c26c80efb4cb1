"""Where the time of an evaluation goes, and what the core could do.

    python benchmarks/roofline.py --figure docs/images/roofline.png

One loss and gradient as in ``benchmarks/emulator.py``, with XLA's program as text and its trace.
Every operation of that program has its arithmetic (products only; what is done to single values
is memory traffic) and its bytes: what it reads and writes, each once. At the roof it takes the
longer of both times: arithmetic at the speed of a large product of OpenBLAS, bytes at that
of a sum of two arrays of 8 MB each. Measured is a low decile over the evaluations of a trace, so
that other work on the machine counts little. One thread.
"""

import argparse
import collections
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

N_EVALUATIONS = 20
PARTS = (
    "M y and first layer",
    "xᵀ·M y, forward",
    "xᵀ·M y, gradient",
    "gathers",
    "rearrangement",
    "spectra",
    "the rest",
)
"""Kinds of operations, M y as in ``scattering/gram.py``; the rest is elementwise, sums and small
products."""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nside", type=int, default=16, help="resolution")
    parser.add_argument("--batch", type=int, default=10, help="maps in a batch")
    parser.add_argument("--dtype", default="float32", help="floating-point type")
    parser.add_argument("--figure", metavar="PNG", help="draw the table, too")
    return parser


class Operation(NamedTuple):
    """One instruction of the compiled program.

    Attributes
    ----------
    part : which of :data:`PARTS` it belongs to
    flops, bytes : its products' arithmetic; what it reads and writes
    """

    part: str
    flops: float
    bytes: float


def peaks(dtype: str) -> tuple[float, float]:
    """FLOP/s of a large matrix product, and bytes/s of a sum of two arrays."""
    import numpy as np

    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 1024, 1024)).astype(dtype)
    c = np.empty_like(a)
    x, y = random.normal(size=(2, 2**23 // a.itemsize)).astype(dtype)
    z = np.empty_like(x)
    return (
        2 * 1024**3 / _least(lambda: np.matmul(a, b, out=c)),
        3 * x.nbytes / _least(lambda: np.add(x, y, out=z)),
    )


def _least(run) -> float:
    seconds = []
    for _ in range(30):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def operations(program: str, nside: int) -> dict[str, Operation]:
    """Operations by name of a program in XLA's text form."""
    sizes: dict[str, tuple[int, list[int]]] = {}  # bytes, and the shape of an array
    found = {}
    for line in program.splitlines():
        match = re.match(r"\s+(?:ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*)", line)
        if match is None:
            continue
        name, shape, opcode, rest = match.groups()
        arrays = re.findall(r"([a-z]+)(\d+)\[([\d,]*)\]", shape)
        shapes = [[int(n) for n in dims.split(",") if n] for *_, dims in arrays]
        pairs = zip(arrays, shapes, strict=True)
        size = sum(_size(int(bits), dims) for (_, bits, _), dims in pairs)
        sizes[name] = (size, shapes[0] if len(shapes) == 1 else [])
        operands = [sizes[x] for x in re.findall(r"%([\w.-]+)", rest.split(")")[0]) if x in sizes]
        flops, part = 0.0, _of_fusion(name)
        if opcode == "fft":
            part = "spectra"
        if opcode == "dot":
            left = operands[0][1]
            contracted = re.search(r"lhs_contracting_dims=\{([\d,]+)\}", rest)[1]
            depth = left[int(contracted)]
            flops = 2.0 * _size(8, sizes[name][1]) * depth
            dims = (*left, *sizes[name][1])
            part = _of_product(dims, depth, contracted, "lhs_batch_dims" in rest, nside)
        found[name] = Operation(part, flops, size + sum(n for n, _ in operands))
    return found


def _size(bits: int, dims: list[int]) -> int:
    n = bits // 8
    for dim in dims:
        n *= dim
    return n


def _of_fusion(name: str) -> str:
    if "gather" in name:
        return "gathers"
    return "rearrangement" if re.search("concat|copy|transpose", name) else "the rest"


def _of_product(dims: tuple[int, ...], depth: int, contracted: str, batch: bool, nside: int) -> str:
    """The part of a product by the sizes of its left factor and of the result."""
    if not batch:
        return "the rest"
    if 4 * nside - 1 in dims:
        return "spectra"
    if contracted == "1":
        return "xᵀ·M y, forward"
    return "xᵀ·M y, gradient" if depth >= 4 * dims[-1] else "M y and first layer"


def measure(nside: int, batch: int, dtype: str, folder: Path) -> tuple[str, dict[str, float]]:
    """The compiled program as text, and seconds of its operations in one evaluation, by name."""
    flags = f"--xla_dump_to={folder} --xla_dump_hlo_as_text"
    os.environ["XLA_FLAGS"] = f"{flags} {os.environ.get('XLA_FLAGS', '')}"
    os.environ["OMP_NUM_THREADS"] = "1"
    from fewtomany.emulator import device

    device.configure()
    import numpy as np
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    import emulator

    prepared, (*others, maps) = emulator.problem(nside, batch, dtype)
    evaluate = emulator.evaluations(prepared.phi, N_EVALUATIONS)
    evaluate(maps, *others)
    options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)
    tf.profiler.experimental.start(str(folder), options=options)
    evaluate(maps, *others)
    tf.profiler.experimental.stop()
    programs = folder.glob("*cpu_after_optimizations.txt")
    program = max(programs, key=lambda path: path.stat().st_size).read_text()
    space = xplane_pb2.XSpace()
    space.ParseFromString(next(folder.rglob("*.xplane.pb")).read_bytes())
    seconds = collections.defaultdict(list)
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                seconds[name].append(event.duration_ps * 1e-12)
    often = {name: each for name, each in seconds.items() if len(each) >= N_EVALUATIONS}
    return program, {
        name: float(np.percentile(each, 10)) * len(each) / N_EVALUATIONS
        for name, each in often.items()
    }


def table(found: dict[str, Operation], seconds: dict[str, float], roof) -> dict[str, list[float]]:
    """GFLOP, MB, ms at the roof and ms measured of every part."""
    rows = {part: [0.0, 0.0, 0.0, 0.0] for part in PARTS}
    for name, taken in seconds.items():
        if name not in found or name.startswith("while"):
            continue
        one, row = found[name], rows[found[name].part]
        row[0] += one.flops / 1e9
        row[1] += one.bytes / 1e6
        row[2] += max(one.flops / roof[0], one.bytes / roof[1]) * 1e3
        row[3] += taken * 1e3
    return rows


def draw(rows: dict[str, list[float]], path: Path) -> None:
    """Time of every part, measured and at the roof."""
    from fewtomany.figures import style

    with style.new(2.4) as figure:
        axes = figure.subplots()
        for place, (*_, roof, taken) in enumerate(rows.values()):
            axes.barh(place, taken, color=style.SKY, label=None if place else "measured")
            axes.barh(place, roof, 0.4, color=style.BLUE, label=None if place else "at the roof")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.invert_yaxis()
        axes.set_xlabel("ms of one evaluation")
        axes.legend()
    figure.savefig(path)


def main(arguments: argparse.Namespace) -> None:
    roof = peaks(arguments.dtype)
    with tempfile.TemporaryDirectory() as folder:
        size = (arguments.nside, arguments.batch, arguments.dtype)
        program, seconds = measure(*size, Path(folder))
    rows = table(operations(program, arguments.nside), seconds, roof)
    sys.stdout.write(f"roof: {roof[0] / 1e9:.0f} GFLOP/s, {roof[1] / 1e9:.0f} GB/s\n\n")
    sys.stdout.write(
        "| part | GFLOP | MB | ms at the roof | ms measured |\n|---|---|---|---|---|\n"
    )
    whole = [sum(values) for values in zip(*rows.values(), strict=True)]
    for part, (flop, size, least, taken) in {**rows, "all": whole}.items():
        sys.stdout.write(f"| {part} | {flop:.3f} | {size:.0f} | {least:.1f} | {taken:.1f} |\n")
    if arguments.figure:
        draw(rows, Path(arguments.figure))


if __name__ == "__main__":
    main(get_parser().parse_args())
