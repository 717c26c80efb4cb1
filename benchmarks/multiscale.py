"""Cost and quality of emulation in two scales, beside the whole sphere at once.

    python benchmarks/multiscale.py single --nside 16 32 64 128 --json build/multiscale.json
    python benchmarks/multiscale.py refined --nside 128 256 --json build/multiscale.json
    python benchmarks/multiscale.py refined --nside 512 --regions 2 --steps 3 --sweeps 1

Inputs are ten maps of a field that is neither Gaussian nor alike everywhere: Q and U of a red
spectrum, modulated by a lognormal field with a spectrum of its own and by a fixed pattern of the
sky. As the field is known, true maps say what the emulated ones should be: spectra in bands,
kurtosis of differences between neighbours, and seams (``measures/seams.py``), which
are shown for where the fine maps start too. Every measurement has a process of its own, one
thread; CPU seconds count.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

N_INPUTS = 10
SEED = 7
TRUE = 1000
"""Index of the first true map that is not an input."""

EDGES = (2, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 1280)
"""Multipoles that part the bands; the last one ends at 3 nside − 1."""


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=("single", "refined"), help="the sphere at once, or not")
    parser.add_argument("--nside", type=int, nargs="+", required=True, help="resolutions")
    parser.add_argument("--coarse", type=int, help="coarse nside (default: a quarter)")
    parser.add_argument("--regions", type=int, default=1, help="nside of the regions")
    parser.add_argument("--steps", type=int, default=30, help="steps, of each turn of a region")
    parser.add_argument("--sweeps", type=int, default=2, help="turns of every region")
    parser.add_argument("--coarse-steps", type=int, default=100, help="steps on the coarse sphere")
    parser.add_argument("--batch", type=int, default=10, help="maps in a batch")
    parser.add_argument("--n-true", type=int, default=20, help="true maps; 0 for cost alone")
    parser.add_argument(
        "--first",
        type=int,
        help="only so many regions, and rough spectra and starts: cost alone (with --n-true 0)",
    )
    parser.add_argument("--json", type=Path, help="add the results to this file")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser


def field(nside: int, index: int):
    """Map ``index`` of the field, float32 (2, 12·nside²), and the field's pattern of deviations."""
    import healpy as hp
    import numpy as np

    from fewtomany import seeds
    from fewtomany.maps.components import Components
    from fewtomany.spectra import isotropic

    ell = np.arange(3 * nside)
    red = np.where(ell >= 2, (ell + 10.0) ** -2.0, 0)
    red /= np.sum((2 * ell + 1) * red) / (4 * np.pi)
    bumps = np.where(ell >= 2, 1 / (1 + (ell / 20.0) ** 3), 0)
    bumps /= np.sum((2 * ell + 1) * bumps) / (4 * np.pi)
    random = seeds.generator(SEED, "field", index)
    values = isotropic.realize(np.array([red, red / 2, 0 * red]), Components("QU"), random, nside)
    values *= np.exp(0.4 * isotropic.realize(bumps[None], Components("T"), random, nside) - 0.16)
    _, y, z = hp.pix2vec(nside, np.arange(12 * nside**2))
    pattern = 0.4 + (0.5 * y + 0.87 * z) ** 2
    return (values * pattern).astype(np.float32), pattern


def measure(arguments: argparse.Namespace) -> dict:
    """Cost and quality at one resolution, of this process."""
    from fewtomany.emulator import device

    device.configure()
    import numpy as np

    from fewtomany import config
    from fewtomany.emulator import conditioned, model, refined
    from fewtomany.emulator.descent import Sampler, Task
    from fewtomany.emulator.refinement import Refiner
    from fewtomany.files.store import MapSet

    nside, is_single = arguments.one, arguments.kind == "single"
    coarse = arguments.coarse or nside // 4
    inside = config.Refinement(
        coarse=coarse,
        regions=arguments.regions,
        n_steps=arguments.steps,
        sweeps=arguments.sweeps,
    )
    settings = config.Emulator(
        n_scales=min(4, nside.bit_length() - 2),
        **{"first_scale": 0, "n_orientations": 4, "kernel_size": 3, "orientation": "joint"},
        **{"spectra": True, "stripe_zones": 0, "scatter": False, "l1": "moduli", "ddof": 0},
        **{"mean": "zero", "variances": "smoothed", "start": "isotropic", "tolerance": 0.0},
        batch_size=arguments.batch,
        n_steps=arguments.steps if is_single else arguments.coarse_steps,
        dtype="float32",
        **({} if is_single else {"refinement": inside}),
    )
    if arguments.first:
        every = refined.regions
        refined.regions = lambda *some: every(*some)[: arguments.first]
        refined.RefinedModel.n_regions = property(lambda self: arguments.first)
        refined.ITERATIONS, conditioned.MAX_ITERATIONS = 0, 1
    began = time.process_time()
    inputs = MapSet(np.stack([field(nside, k)[0] for k in range(N_INPUTS)]), "QU", "inputs")
    given = time.process_time()
    if is_single:
        means = conditioned.Blocks(coarse, nside).means(inputs.maps)
        smoothing = refined.smoothing_of(MapSet(means, "QU", "inputs"), settings)
        whole = refined.normalization(inputs, settings, smoothing, nside // coarse)
        prepared = model.prepare(inputs, settings, normalization=whole)
        sampler = Sampler(prepared, 1, "many", "average-target")
    else:
        prepared = refined.prepare(inputs, settings)
        sampler = Refiner(prepared, 1, "many", "average-target")
    ready = time.process_time()
    found: dict = {"kind": arguments.kind, "nside": nside, "load": os.getloadavg()[0]}
    found |= {"inputs_s": given - began, "prepare_s": ready - given}
    if not is_single:
        found |= {
            "coarse": coarse,
            "regions": 12 * arguments.regions**2,
            "sweeps": arguments.sweeps,
        }
        found["region_pixels"] = prepared.region(0).sky.n_pix
    clock, marks = time.process_time, {}
    if not is_single:  # from outside: when the coarse maps, the start and each turn are ready
        begin, turn = sampler.start, sampler._turn

        def timed_start(*some):
            marks["coarse"] = clock()
            maps = begin(*some)
            marks["start"] = clock()
            found["start"] = quality(maps)
            marks["fine"] = clock()
            return maps

        def timed_turn(*some):
            after = turn(*some)
            marks.setdefault("first", clock())
            return after

        sampler.start, sampler._turn = timed_start, timed_turn

    def quality(maps) -> dict:
        if not arguments.n_true:
            return {}
        return describe(maps, prepared.deviation, arguments, coarse)

    batch = sampler.run([Task(0, 0)])[0]
    done = clock()
    found |= {"evaluations": batch.evaluations, "loss": batch.losses.sum(axis=1)[[0, -1]].tolist()}
    if is_single:
        found["step_s"] = (done - ready) / (len(batch.losses) - 1)
    else:
        n_turns = prepared.n_regions * arguments.sweeps
        each = (done - marks["first"]) / (n_turns - 1)  # without the compilation in the first
        found |= {"coarse_s": marks["coarse"] - ready, "start_s": marks["start"] - marks["coarse"]}
        n_regions = 12 * arguments.regions**2
        found |= {"turn_s": each, "step_s": each * n_regions / arguments.steps}
        found["compile_s"] = marks["first"] - marks["fine"] - each
    found["batch_s"] = done - ready
    found["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    found["emulated"] = quality(batch.maps)
    return found


def describe(maps, deviation, arguments: argparse.Namespace, coarse: int) -> dict:
    """Spectra in bands, kurtosis of differences and seams, beside those of true maps.

    Seams are those of maps over their deviations, of emulated maps over the model's own.
    """
    import dataclasses

    import numpy as np
    from measures import seams

    nside = arguments.one
    kinds = seams.pairs(nside, coarse, arguments.regions)
    pattern = field(nside, 0)[1]
    ours = [_of_map(values, deviation, kinds) for values in maps]
    theirs = _truth(arguments, pattern, kinds)
    found = {}
    for name in ("EE", "BB"):
        a, b = (np.array([one[name] for one in some]) for some in (ours, theirs))
        found[name] = (a.mean(axis=0) / b.mean(axis=0)).round(4).tolist()
        found[f"{name}_error"] = (
            np.hypot(*(x.std(axis=0, ddof=1) / x.mean(axis=0) / len(x) ** 0.5 for x in (a, b)))
            .round(4)
            .tolist()
        )
    found["kurtosis"] = [
        float(np.mean([one["kurtosis"] for one in some])) for some in (ours, theirs)
    ]
    whole = [
        {kind: np.concatenate([one["across"][kind] for one in some]) for kind in kinds}
        for some in (ours, theirs)
    ]
    found["seams"] = [dataclasses.asdict(seam) for seam in seams.seams(*whole)]
    return json.loads(json.dumps(found, default=float))


_TRUTH: list = []


def _truth(arguments: argparse.Namespace, pattern, kinds) -> list[dict]:
    """What is measured on true maps, once in a process."""
    if not _TRUTH:
        for k in range(arguments.n_true):
            _TRUTH.append(_of_map(field(arguments.one, TRUE + k)[0], pattern, kinds))
    return _TRUTH


def _of_map(values, deviation, kinds) -> dict:
    """Spectra, kurtosis and seams of one map."""
    import healpy as hp
    import numpy as np
    from measures import seams

    from fewtomany.maps.components import Components
    from fewtomany.spectra import spectra

    alms = spectra.to_harmonic(values, Components("QU"), 1)
    nside = hp.npix2nside(values.shape[-1])
    edges = [edge for edge in EDGES if edge < 2.5 * nside]
    normal = values / deviation
    first, second = kinds[seams.INSIDE].T
    steps = normal[:, first] - normal[:, second]
    found = {"across": seams.across(normal[None], kinds)}
    found["kurtosis"] = float(np.mean(steps**4) / np.mean(steps**2) ** 2 - 3)
    for name, alm in zip(("EE", "BB"), alms, strict=True):
        power = hp.alm2cl(alm) * (2 * np.arange(3 * nside) + 1)
        found[name] = np.add.reduceat(power, edges)
    return found


def main(arguments: argparse.Namespace) -> None:
    if arguments.one:
        sys.stdout.write(json.dumps(measure(arguments)) + "\n")
        return
    for nside in arguments.nside:
        words = [*sys.argv[1:], "--one", str(nside)]
        result = subprocess.run(
            [sys.executable, __file__, *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found = json.loads(result.stdout.splitlines()[-1])
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        if arguments.json:
            known = json.loads(arguments.json.read_text()) if arguments.json.exists() else []
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps([*known, found], indent=1) + "\n")


if __name__ == "__main__":
    main(get_parser().parse_args())
