"""Covariances from 10 and 100 maps, against the exact one: what the scan's symmetry is worth.

    python benchmarks/symmetry.py --cache build/symmetry
    python benchmarks/symmetry.py --cache build/symmetry --inputs 10 --seeds 4
    python benchmarks/symmetry.py --cache build/symmetry --inputs 10 --draws 8

The simulation of config/paper.yaml, binned in ecliptic coordinates, whose pole is the axis
of the scan. Its response is made once (about three CPU minutes) and kept in the cache.
Inputs are drawn from the exact covariance. All columns of the first draw; of the others, only
what needs no correlations. With ``--draws`` instead mean and scatter over so many draws, of the
inputs themselves, of all turns, and of the best covariance without emulation. Columns:

    KL, KL 50     Kullback–Leibler divergence in the 150 and the 50 leading true modes, nats
    corr          rms error of the correlations
    recovery      slope of the correlations on the true ones, same Stokes, by separation
    var           rms error of the pixel variances, relative
"""

import argparse
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import scipy.linalg
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from measures.responses import make_response  # noqa: E402

from fewtomany import config, covariance  # noqa: E402
from fewtomany.covariance import (  # noqa: E402
    Modes,
    baselines,
    choice,
    leading_modes,
    learn,
    nonlinear,
    variances,
)
from fewtomany.covariance.factor import Factor  # noqa: E402
from fewtomany.covariance.mixture import Mixture  # noqa: E402
from fewtomany.covariance.turned import Symmetry, Training, Turned  # noqa: E402
from fewtomany.errors import UserError  # noqa: E402
from fewtomany.files import store  # noqa: E402
from fewtomany.maps.components import Components  # noqa: E402
from fewtomany.maps.sky import Sky  # noqa: E402
from fewtomany.validation.compare import gaussian, views  # noqa: E402
from fewtomany.validation.compare.distances import distances  # noqa: E402

STOKES, NSIDE, N_MODES, N_FEW = "QU", 16, 150, 50
SEPARATIONS = ("0-6", "6-15", "15-40", "40-180")
WIDTHS_DEG = (0.0, 10.0, 20.0, 40.0, np.inf)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for the response")
    parser.add_argument("--inputs", type=int, nargs="+", default=[10, 100], help="input maps")
    parser.add_argument("--seeds", type=int, default=2, help="draws of the inputs")
    parser.add_argument("--draws", type=int, help="draws of the inputs, mean and scatter alone")
    return parser


def response(cache: Path, frame: str = "ecliptic") -> np.ndarray:
    """Columns of the response, (n_columns, n), K per standard deviation of a gain."""
    sections = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    campaign = config.parse({**sections, "maps": {**sections["maps"], "frame": frame}})
    return columns_of(campaign, cache / f"response{_of(frame)}.h5")


def columns_of(campaign: config.Campaign, path: Path) -> np.ndarray:
    """The same of the simulation of any campaign, kept in a file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_response(campaign, path)
    with h5py.File(path) as file:
        columns = file["response"][:, 1:].reshape(len(file["response"]), -1)
    return campaign.simulation.gains.standard_deviation * columns.astype(np.float64)


def _of(frame: str) -> str:
    """What names of files of maps in a frame end with."""
    return "" if frame == "ecliptic" else f"-{frame}"


def prepare(cache: Path, frame: str = "ecliptic") -> tuple[np.ndarray, views.Viewer]:
    """The response and the way of looking at covariances."""
    cache.mkdir(parents=True, exist_ok=True)
    columns, path = response(cache, frame), cache / f"modes{_of(frame)}.npz"
    exact = columns.T @ columns
    if not path.exists():
        modes = leading_modes(exact, N_MODES)
        np.savez(path, values=modes.values, vectors=modes.vectors)
    nside = round((len(exact) / len(STOKES) / 12) ** 0.5)
    truth = covariance.of_matrix(np.zeros(len(exact)), exact, 0, STOKES, nside, "exact")
    return columns, views.make_viewer(truth, Modes(**np.load(path)))


def view_of(found: covariance.Model, viewer: views.Viewer, whole: bool) -> views.View:
    """View of a model; of its correlations only if ``whole``."""
    rows = found.rows(viewer.rows) if whole else viewer.truth.rows
    return views.View(found.within(viewer.whitening.T), rows, found.variance)


def show(name: str, view: views.View, viewer: views.Viewer, whole: bool = True) -> None:
    found = distances(view, viewer)
    few = gaussian.kullback_leibler(np.eye(N_FEW), view.modes[:N_FEW, :N_FEW])
    text = f"{name:34}{found['kl']:10.1f}{few:9.1f}"
    if whole:
        slopes = ", ".join(f"{found[f'recovery:{name}']:.2f}" for name in SEPARATIONS)
        text += f"{found['correlation_error']:8.3f}  {slopes}"
    else:
        text += " " * 32
    sys.stdout.write(f"{text}{found['variance_error']:8.3f}\n")
    sys.stdout.flush()


def calibration(found: covariance.Model, columns: np.ndarray) -> np.ndarray:
    """True variance over the claimed one in a model's own leading modes, means of 15 modes.

    The modes are those of its correlations.
    """
    deviation = np.sqrt(found.variance)
    correlations = found.dense() / np.outer(deviation, deviation)
    n = len(correlations)
    values, vectors = scipy.linalg.eigh(correlations, subset_by_index=[n - N_MODES, n - 1])
    true = np.sum((columns / deviation @ vectors) ** 2, axis=0)
    return (true / values)[::-1].reshape(-1, 15).mean(axis=1)


def published(maps: np.ndarray, viewer: views.Viewer, seed: int) -> None:
    """What the field would try, on maps (n_maps, n)."""
    directions = baselines.random_directions(seed, choice.N_DIRECTIONS, maps.shape[1])
    sample = viewer.of_maps(maps)
    for name, found in baselines.models(maps, viewer, {}, directions)[0].items():
        show(name, found(sample), viewer)
    of, random = (maps, Components(STOKES), Sky(NSIDE)), np.random.default_rng(seed)
    for name, estimator in {
        "nonlinear (Ledoit & Wolf 2020)": lambda: nonlinear.analytical(*of),
        "NERCOME": lambda: nonlinear.nercome(*of, random),
    }.items():
        try:
            found = estimator()
        except UserError as error:
            sys.stdout.write(f"{name:34}not defined: {error}\n")
            continue
        show(name, viewer.of_model(found), viewer)
    # turned at random, so that the diagonal target does not know the true modes
    vectors = viewer.whitening[:, :N_FEW] / np.linalg.norm(viewer.whitening[:, :N_FEW], axis=0)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((N_FEW, N_FEW)))[0]
    values = np.linalg.norm(viewer.whitening[:, :N_FEW], axis=0) ** -2
    name = "precision matrix, 50 directions"
    try:
        found = nonlinear.precision(maps @ vectors @ turn)
        value = gaussian.kullback_leibler(turn.T @ (values[:, None] * turn), found)
        sys.stdout.write(f"{name:34}{'-':>10}{value:9.1f}\n")
    except UserError as error:
        sys.stdout.write(f"{name:34}not defined: {error}\n")


def measure(
    maps: np.ndarray, viewer: views.Viewer, columns: np.ndarray, seed: int, whole: bool
) -> None:
    """All models of inputs (n_maps, n_stokes, n_pix)."""
    start = time.process_time()
    if whole:
        published(maps.reshape(len(maps), -1), viewer, seed)
    training = training_of(maps, variances.choose(maps, STOKES))
    for width in WIDTHS_DEG:
        for mirror in (None, 0.0):
            if mirror is None or np.isinf(width):
                name = f"turned {width:g}°" + (", mirror" if mirror is not None else "")
                symmetry = Symmetry(width, mirror_deg=mirror)
                found = Turned.of(training, symmetry)
                keep = whole and width >= 20 and width != 40
                show(name, view_of(found, viewer, keep), viewer, keep)
    show(
        "turned inf°, variances not smoothed",
        view_of(Turned.of(training_of(maps, variances.NONE), Symmetry()), viewer, False),
        viewer,
        False,
    )
    before = time.process_time()
    folds = choice.make_folds(training, seed)
    chosen = choice.choose(folds)
    symmetries = choice.candidates(chosen.symmetry, choice.choose(folds, dipole()).symmetry)
    fit = choice.fit_symmetries(folds, symmetries)
    chosen_s = time.process_time() - before
    parts = {n: Turned.of(training, s) for n, s in symmetries.items()}
    about = training.components, training.sky
    parts["diagonal"] = Factor.diagonal(*about, training.deviation)
    show("turned, chosen", view_of(parts["turned"], viewer, whole), viewer, whole)
    found = Mixture.of(parts, fit.weights)
    show("mixture", view_of(found, viewer, whole), viewer, whole)
    if whole:
        ratios = ", ".join(f"{ratio:.2f}" for ratio in calibration(found, columns))
        sys.stdout.write(f"  true over claimed variance in its own modes, by 15: {ratios}\n")
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in fit.weights.items() if weight)
    gain, error = fit.gain("turned")
    sys.stdout.write(
        f"  {chosen.symmetry}\n  {training.smoothing}\n  weights: {weights}; "
        f"{gain:.2f} ± {error:.2f} nats a map over the chosen one\n"
        f"  chosen in {chosen_s:.0f} of {time.process_time() - start:.0f} CPU seconds\n"
    )


def training_of(maps: np.ndarray, smoothing: variances.Smoothing) -> Training:
    """Inputs (n_maps, n_stokes, n_pix) to be learnt from."""
    return Training(maps, Components(STOKES), Sky(NSIDE), smoothing=smoothing)


def dipole() -> tuple[float, float]:
    """Where the signal of the simulation has its positive pole, in ecliptic coordinates."""
    return learn.dipole_of("ecliptic", config.SymmetrySettings(axis="ecliptic"))


def best(maps: np.ndarray, seed: int) -> covariance.Model:
    """The best covariance without emulation of inputs (n_maps, n_stokes, n_pix)."""
    inputs = store.MapSet(maps, STOKES, "inputs", frame="ecliptic")
    return learn.learn(inputs, config.SymmetrySettings(axis="ecliptic"), seed).model


def summary(columns: np.ndarray, viewer: views.Viewer, n_maps: int, n_draws: int) -> None:
    """Mean and scatter over draws of the inputs, as lines of a Markdown table."""
    found: dict[str, list[list[float]]] = {}
    names = ("kl", "correlation_error", *(f"recovery:{name}" for name in SEPARATIONS))
    for seed in range(n_draws):
        flat = draw(columns, n_maps, seed)
        maps = flat.reshape(n_maps, len(STOKES), -1)
        seen = {
            "raw inputs": viewer.of_maps(flat),
            "turned by all angles": viewer.of_model(
                Turned.of(training_of(maps, variances.choose(maps, STOKES)), Symmetry())
            ),
            "best without emulation": viewer.of_model(best(maps, seed)),
        }
        for name, view in seen.items():
            values = distances(view, viewer)
            row = [values[key] for key in (*names, "variance_error")]
            found.setdefault(name, []).append(row)
            sys.stdout.write(f"{n_maps} {seed} {name}: {' '.join(f'{v:.4g}' for v in row)}\n")
            sys.stdout.flush()
    for name, rows in found.items():
        values = np.array(rows)
        cells = [
            f"{column.mean():.3g} ± {column.std(ddof=1):.2g}"
            if np.isfinite(column).all()
            else "infinite"
            for column in values.T
        ]
        sys.stdout.write(f"| {n_maps} inputs, {name} | {' | '.join(cells)} |\n")


def draw(columns: np.ndarray, n_maps: int, seed: int) -> np.ndarray:
    """Inputs (n_maps, n), K."""
    return np.random.default_rng([n_maps, seed]).standard_normal((n_maps, len(columns))) @ columns


def main(arguments: argparse.Namespace) -> None:
    columns, viewer = prepare(arguments.cache)
    for n_maps in arguments.inputs:
        if arguments.draws:
            summary(columns, viewer, n_maps, arguments.draws)
            continue
        for seed in range(arguments.seeds):
            maps = draw(columns, n_maps, seed)
            title = f"{n_maps} inputs, draw {seed}"
            sys.stdout.write(
                f"\n{title:34}{'KL':>10}{'KL 50':>9}{'corr':>8}  {'recovery':22}{'var':>8}\n"
            )
            measure(maps.reshape(n_maps, len(STOKES), -1), viewer, columns, seed, whole=seed == 0)


if __name__ == "__main__":
    main(get_parser().parse_args())
