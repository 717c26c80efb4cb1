"""Twenty maps of a ground telescope through `make augment`, judged by eighty others.

Not run as a whole yet: no figure of a page comes from it.

    python benchmarks/ground.py maps              # toast 3 into build/toast, 100 maps: minutes
    make augment MAPS='build/toast/ground/fits/*.fits' NAME=toast STOKES=QU FRAME=equatorial \\
        CONVENTION=COSMO
    python benchmarks/ground.py table results/toast build/toast/ground

``maps`` installs toast 3.0.6 into an environment of its own and moves maps 20 to 99 to ``others``.
``table`` holds four covariances against the other maps, which nothing was made from, in every
observed pixel: the variances of the inputs alone (a diagonal), the inputs' covariance shrunk toward
that diagonal (Ledoit & Wolf 2004), the recommended one, and the variances of the others themselves,
the best that a diagonal can do.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

TOAST = "toast==3.0.6"
N_INPUTS, N_OTHERS = 20, 80


def make_maps(folder: Path, satellite: bool) -> None:
    """Install toast and write its maps: inputs to ``fits`` and ``h5``, the rest to ``others``."""
    environment = folder / "environment"
    if not (environment / "bin" / "toast_env").exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, TOAST, "h5py"], check=True)
    kind = "satellite" if satellite else "ground"
    command = [environment / "bin" / "python", ROOT / "benchmarks" / "toast_maps.py"]
    command += ["--n-maps", str(N_INPUTS + N_OTHERS), "--output", folder / kind]
    subprocess.run([*command, *(["--satellite"] if satellite else [])], check=True)
    for form in ("fits", "h5"):
        others = folder / kind / ("others" if form == "fits" else "others-h5")
        others.mkdir(exist_ok=True)
        for path in sorted((folder / kind / form).iterdir())[N_INPUTS:]:
            path.rename(others / path.name)


def read(paths: list[Path], stokes: str) -> np.ndarray:
    """Maps as toast wrote them, (n_maps, n_components, 12 nside²), K, RING; 0 outside."""
    import healpy

    fields = tuple("TQU".index(letter) for letter in stokes)
    return np.array(
        [np.atleast_2d(healpy.read_map(path, field=fields, dtype=np.float64)) for path in paths]
    )


def judge(maps: np.ndarray, covariance: np.ndarray) -> dict[str, float]:
    """What other maps say of a covariance.

    Parameters
    ----------
    maps : array of shape (n_maps, n), K, zero mean over realizations
    covariance : array of shape (n, n), K²

    Returns
    -------
    chi2 : per value, 1 if the covariance is right; its standard error
    log_likelihood : per value, without ln 2π
    variances, correlations : rms errors, those of the maps' own variances and correlations taken
        off; the number of simulations that have as large ones
    """
    n_maps, n = maps.shape
    chi2 = np.einsum("ia,ai->i", maps, np.linalg.solve(covariance, maps.T)) / n
    log_determinant = np.linalg.slogdet(covariance)[1] / n
    sample = maps.T @ maps / n_maps
    own, claimed = (np.sqrt(np.diagonal(matrix)) for matrix in (sample, covariance))
    ratio = (claimed / own) ** 2
    variances = np.mean((ratio - 1) ** 2) - 2 / n_maps
    pairs = np.triu_indices(n, 1)
    seen, known = (
        (matrix / np.outer(scale, scale))[pairs]
        for matrix, scale in ((sample, own), (covariance, claimed))
    )
    noise = np.mean((1 - known**2) ** 2)
    correlations = np.mean((seen - known) ** 2) - noise / n_maps
    return {
        "chi2": chi2.mean(),
        "chi2_error": chi2.std(ddof=1) / n_maps**0.5,
        "log_likelihood": -0.5 * (chi2.mean() + log_determinant),
        "variances": max(variances, 0) ** 0.5,
        "by_variances": 2 / variances if variances > 0 else np.inf,
        "correlations": max(correlations, 0) ** 0.5,
        "by_correlations": noise / correlations if correlations > 0 else np.inf,
    }


def table(results: Path, maps: Path, stokes: str) -> str:
    """The covariances one could use, each against maps that nothing was made from."""
    from fewtomany import covariance
    from fewtomany.covariance import shrinkage

    (file,) = (results / "recommended").glob("*.h5")
    recommended = covariance.load(file)
    few, many = (
        recommended.sky.restrict(read(sorted((maps / name).iterdir()), stokes))
        for name in ("fits", "others")
    )
    few, many = few.reshape(len(few), -1), many.reshape(len(many), -1)
    variance = few.var(axis=0, ddof=1)
    intensity = shrinkage.ledoit_wolf(few / np.sqrt(variance))
    shrunk = (1 - intensity) * np.cov(few.T) + intensity * np.diag(variance)
    models = {
        "variances of the inputs alone": np.diag(variance),
        "the inputs' covariance, shrunk toward it": shrunk,
        "recommended": recommended.rows(slice(None)),
        "variances of the others themselves": np.diag(many.var(axis=0)),
    }
    lines = [
        "| covariance | χ² per value | log-likelihood per value, over the first | rms error of "
        "variances (worth) | of correlations (worth) |",
        "|---|---|---|---|---|",
    ]
    found = {name: judge(many, model) for name, model in models.items()}
    first = next(iter(found.values()))["log_likelihood"]
    for name, row in found.items():
        lines.append(
            f"| {name} | {row['chi2']:.3f} ± {row['chi2_error']:.3f} | "
            f"{row['log_likelihood'] - first:+.3f} | "
            f"{row['variances']:.3f} ({row['by_variances']:.0f}) | "
            f"{row['correlations']:.4f} ({row['by_correlations']:.0f}) |"
        )
    return "\n".join(lines)


def get_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = options.add_subparsers(dest="mode", required=True)
    maps = modes.add_parser("maps", help="install toast, write its maps")
    maps.add_argument("--folder", type=Path, default=ROOT / "build" / "toast")
    maps.add_argument("--satellite", action="store_true")
    judged = modes.add_parser("table", help="hold covariances against the other maps")
    judged.add_argument("results", type=Path, help="folder of the campaign")
    judged.add_argument("maps", type=Path, help="folder of the maps that toast wrote")
    judged.add_argument("--stokes", default="QU")
    return options


def main(arguments: argparse.Namespace) -> None:
    if arguments.mode == "maps":
        make_maps(arguments.folder, arguments.satellite)
    else:
        print(table(arguments.results, arguments.maps, arguments.stokes))


if __name__ == "__main__":
    main(get_parser().parse_args())
