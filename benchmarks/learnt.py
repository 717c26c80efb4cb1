"""What the best covariance without emulation costs and is worth, at any resolution.

    python benchmarks/learnt.py --cache build/symmetry config/high-64.yaml
    python benchmarks/learnt.py --cache build/symmetry config/high-64.yaml --axis ecliptic
    python benchmarks/learnt.py --cache build/symmetry config/extended.yaml --axis ecliptic --parts
    python benchmarks/learnt.py --cache build/symmetry config/extended.yaml --part plane --parts
    python benchmarks/learnt.py --cache build/symmetry --invented 256 --inputs 20 --local
    python benchmarks/learnt.py --results results/nongaussian config/nongaussian.yaml --inputs 10

The first four draw inputs and as many others as ``--others`` from the response of a campaign's
simulation, which is made once and kept in the cache; the fourth keeps a part of the sky: all but
20 degrees on either side of the Galactic plane, or 120 degrees of ecliptic longitude by 60 of
latitude, south. The fifth invents maps of an nside: isotropic ones times a dipole. The last reads
inputs, and as truth the reference maps, of a campaign that was run. Learning runs in a process of
its own; its CPU seconds and largest memory are told. Columns:

    KL (n)        Kullback–Leibler divergence in the n leading true modes, nats
    χ²            of other maps, per value, in all values; 1 is right. Not where it takes a matrix
                  of more than 16,000 values
    ln L          their log-likelihood per value over that of independent values of the inputs' own
                  variances, nats
    var           rms error of the values' variances over the inflation, relative
"""

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import symmetry  # noqa: E402

from fewtomany import config, covariance  # noqa: E402
from fewtomany.covariance import (  # noqa: E402
    Model,
    base,
    compact,
    eigenmodes,
    learn,
    regressions,
    turns,
)
from fewtomany.covariance.completed import Completed  # noqa: E402
from fewtomany.covariance.factor import Factor  # noqa: E402
from fewtomany.covariance.mixture import Mixture  # noqa: E402
from fewtomany.covariance.scales import TwoScales  # noqa: E402
from fewtomany.files import store  # noqa: E402
from fewtomany.late import healpy  # noqa: E402
from fewtomany.maps.sky import Sky  # noqa: E402
from fewtomany.validation.compare import gaussian  # noqa: E402

STOKES = "QU"

SHARE = 0.03
"""Of independent values, which makes turned inputs invertible."""

SLOPE = 3.0
"""Power of the spectra of invented maps, ℓ to minus it."""


def off_the_plane(nside: int) -> np.ndarray:
    """Pixels of ecliptic maps more than 20 degrees from the Galactic plane."""
    theta, phi = healpy.pix2ang(nside, np.arange(12 * nside**2))
    theta, _ = healpy.Rotator(coord=["E", "G"])(theta, phi)
    return np.flatnonzero(abs(90 - np.rad2deg(theta)) > 20)


def patch(nside: int) -> np.ndarray:
    """Pixels of 120 degrees of longitude and, south of the equator, 60 of latitude."""
    lon, lat = healpy.pix2ang(nside, np.arange(12 * nside**2), lonlat=True)
    return np.flatnonzero((lon < 120) & (lat > -60) & (lat < 0))


PARTS = {"plane": off_the_plane, "patch": patch}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", nargs="?", help="campaign whose simulation it is")
    parser.add_argument("--cache", type=Path, help="folder for responses")
    parser.add_argument("--results", type=Path, help="folder of the campaign that was run")
    parser.add_argument("--invented", type=int, metavar="NSIDE", help="of invented maps")
    parser.add_argument("--inputs", type=int, default=10, help="input maps")
    parser.add_argument("--others", type=int, default=80, help="other maps")
    parser.add_argument("--seed", type=int, default=0, help="draw of the inputs")
    parser.add_argument("--modes", type=int, nargs="+", default=[30, 150], help="true modes")
    parser.add_argument("--axis", choices=("none", "ecliptic"), default="none", help="if named")
    parser.add_argument("--part", choices=PARTS, help="of the sky")
    parser.add_argument("--local", action="store_true", help="regressions on the inputs alone")
    parser.add_argument("--compact", action="store_true", help="as a campaign keeps it, too")
    parser.add_argument("--parts", action="store_true", help="single parts beside it")
    return parser


def invented(nside: int, n_maps: int, seed: int) -> np.ndarray:
    """Maps (n_maps, 2, n_pix) of any nside: isotropic ones times what looks like a dipole."""
    ell = np.arange(3 * nside)
    power = np.where(ell > 1, np.maximum(ell, 2.0) ** -SLOPE, 0)
    z = healpy.pix2vec(nside, np.arange(12 * nside**2))[2]
    random, maps = np.random.default_rng([nside, seed]), []
    for _ in range(n_maps):
        e, b = (_alm(power, random) for _ in range(2))
        _, q, u = healpy.alm2map([0 * e, e, b], nside, pol=True)
        maps.append(np.stack([q, u]) * (0.2 + z**2))
    return np.array(maps)


def _alm(power: np.ndarray, random: np.random.Generator) -> np.ndarray:
    lmax = len(power) - 1
    size = healpy.Alm.getsize(lmax)
    ell, m = healpy.Alm.getlm(lmax)
    found = random.standard_normal(size) + 1j * random.standard_normal(size) * (m > 0)
    return found * np.sqrt(power[ell] / np.where(m > 0, 2, 1))


def learnt(
    inputs: store.MapSet, axis: str, local: bool, seed: int, path: Path
) -> tuple[float, float]:
    """CPU seconds and largest memory (GB) of learning in this process; the rest is kept."""
    before = time.process_time()
    if local:
        maps = inputs.maps.astype(np.float64)
        own = np.sqrt(np.mean(maps**2, axis=0))
        model = regressions.learn(maps, own, inputs.components, inputs.sky)
        found = covariance.Covariance(model, evidence={"weights": {"local": 1.0}})
    else:
        found = learn.learn(inputs, config.SymmetrySettings(axis=axis), seed)
    seconds = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    covariance.write(path, found, {})
    return seconds, memory


def apart(function, *arguments):
    """What a function returns in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def show(
    name: str,
    found: Model,
    inflation: float,
    truth: tuple[np.ndarray, eigenmodes.Modes] | None,
    others: np.ndarray,
    alone: np.ndarray,
    n_modes: list[int],
) -> None:
    """A line of the table; the truth is its variances and modes."""
    text = f"{name:34}"
    if truth is not None:
        variance, modes = truth
        inside = found.within(modes.vectors / np.sqrt(modes.values)[:, None])
        for n in n_modes:
            if n > len(modes.values):
                continue
            few = gaussian.kullback_leibler(np.eye(n), inside[:n, :n])
            text += f"  KL ({n}) {few:9.2f}"
        error = found.variance / inflation / variance - 1
        text += f"  var {np.sqrt(np.mean(error**2)):.3f}"
    needs_matrix = isinstance(found, Mixture) and len(found) > covariance.product.DENSE_LIMIT
    if len(others) and not needs_matrix:
        try:
            chi2 = np.sum(others * found.solve(others), axis=1)
            score = -0.5 * (chi2 + found.log_determinant())
            rival = -0.5 * np.sum(others**2 / alone + np.log(alone), axis=1)
            gain, n = (score - rival) / len(found), len(others) ** 0.5
            text += f"  χ² {np.mean(chi2) / len(found):.3f} ± {np.std(chi2) / len(found) / n:.3f}"
            text += f"  ln L {gain.mean():+.3f} ± {gain.std() / n:.3f}"
        except base.SingularError as error:
            text += f"  {error}"
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def parts_of(inputs: store.MapSet, found: covariance.Covariance, seed: int) -> dict[str, Model]:
    """Single parts that the best covariance without emulation is made of."""
    about = found.components, found.sky
    if isinstance(found.model, Completed):
        large, alone = found.model.large, Factor.diagonal(*about, found.smoothed)
        return {
            "turned inputs": large,
            f"with {SHARE:g} of independent values": Mixture.of(
                {"turned": large, "alone": alone}, {"turned": 1 - SHARE, "alone": SHARE}
            ),
            "regressions on draws of them": found.model.near,
            "small scales of the whole": found.model.whole.rest,
        }
    maps = inputs.maps.astype(np.float64)
    own = np.sqrt(np.mean(maps**2, axis=0))
    smooth = found.smoothed / found.evidence["widened"]
    turned = {
        f"{name}, {way}": turns.turn(
            maps / smooth, *about, turns.Way(**way), seed, ("turns", "alone")
        ).maps
        for name, way in found.evidence["turns"].items()
    }
    parts: dict[str, Model] = {
        "inputs": Factor.of_rows(*about, maps / np.sqrt(len(maps))),
        "independent values": Factor.diagonal(*about, own),
        "independent values, smoothed": Factor.diagonal(*about, smooth),
        **{name: Factor.of_rows(*about, maps).scaled(smooth) for name, maps in turned.items()},
    }
    if isinstance(found.model, TwoScales):
        rest = found.model.rest
        parts["local"] = rest.scaled(smooth)
        parts["local, inflated as the whole"] = rest
    return parts


def source(
    arguments: argparse.Namespace,
) -> tuple[store.MapSet, np.ndarray | None, np.ndarray]:
    """Inputs; rows F of the true covariance FᵀF, or None; other maps (n_maps, n)."""
    n, seed = arguments.inputs, arguments.seed
    if arguments.invented:
        maps = invented(arguments.invented, n, seed)
        inputs = store.MapSet(maps.astype(np.float32), STOKES, "inputs", frame="ecliptic")
        return inputs, None, np.empty((0, maps[0].size))
    campaign = config.parse(yaml.safe_load(Path(arguments.config).read_text()))
    if arguments.results:
        inputs, true = (
            store.read_dataset(
                sorted((arguments.results / "datasets" / name).glob("maps-*.h5")),
                campaign.maps.stokes,
                n_maps=campaign.datasets[name].n_maps,
                dataset=name,
                nside=campaign.maps.nside,
                first=0,
            )
            for name in (f"input-{n}", "reference")
        )
        others = true.maps.reshape(len(true.maps), -1).astype(np.float64)
        centred = others - others.mean(axis=0)
        return inputs, centred / np.sqrt(len(others) - 1), others
    rows = symmetry.columns_of(campaign, arguments.cache / f"response-{campaign.name}.h5")
    sky = Sky(campaign.maps.nside)
    if arguments.part:
        sky = Sky(sky.nside, PARTS[arguments.part](sky.nside))
        rows = rows.reshape(len(rows), len(STOKES), -1)[..., sky.pixels].reshape(len(rows), -1)
    random = np.random.default_rng([n, seed])
    maps = random.standard_normal((n, len(rows))) @ rows
    others = random.standard_normal((arguments.others, len(rows))) @ rows
    maps = maps.reshape(n, len(STOKES), -1).astype(np.float32)
    frame = campaign.maps.frame
    return store.MapSet(maps, STOKES, "inputs", frame=frame, sky=sky), rows, others


def main(arguments: argparse.Namespace) -> None:
    inputs, truth, others = source(arguments)
    folder = arguments.cache or arguments.results
    path = folder / "learnt.h5"
    seconds, memory = apart(learnt, inputs, arguments.axis, arguments.local, arguments.seed, path)
    found = covariance.load(path)
    path.unlink()
    maps = inputs.maps.astype(np.float64)
    sys.stdout.write(
        f"{len(maps)} inputs of {maps[0].size} values, axis {arguments.axis}: learnt in "
        f"{seconds:.1f} CPU s and {memory:.2f} GB\n"
    )
    weights = (f"{name} {w:.2f}" for name, w in found.evidence["weights"].items() if w)
    small = found.evidence.get("small_scales", "none")
    sys.stdout.write(
        f"  weights: {', '.join(weights)}; small scales: {small}; variances times "
        f"{found.inflation:.2f}\n"
    )
    if truth is not None:
        truth = eigenmodes.modes_of_factor(truth, max(arguments.modes))
    about = truth, others, np.mean(maps**2, axis=0).ravel(), arguments.modes
    before = time.process_time()
    show(
        "regressions" if arguments.local else "best without emulation",
        found.model,
        found.inflation,
        *about,
    )
    if truth is None:
        found.model.draw(arguments.seed, ("learnt",), 0, 100)
        drawn_s, solved = time.process_time() - before, time.process_time()
        found.model.solve(maps[0].ravel())
        found.model.log_determinant()
        sys.stdout.write(
            f"  100 draws: {drawn_s:.1f} CPU s; a solve and the determinant: "
            f"{time.process_time() - solved:.1f} CPU s; largest memory "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB\n"
        )
    if arguments.compact:
        kept = compact.of_model(found.model, arguments.seed, ("learnt",))
        text = f"  kept in {time.process_time() - before:.1f} CPU s"
        show("  as modes and a sparse factor", kept, found.inflation, *about)
        sys.stdout.write(text + "\n")
    if arguments.parts:
        for name, part in parts_of(inputs, found, arguments.seed).items():
            inflation = found.inflation if "inflated" in name else 1.0
            show(f"  {name}", part, inflation, *about)


if __name__ == "__main__":
    main(get_parser().parse_args())
