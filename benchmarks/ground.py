"""Twenty maps of a ground telescope through `make augment`, judged by eighty others.

    python benchmarks/ground.py maps              # toast 3 into build/toast, 100 maps: minutes
    make augment MAPS='build/toast/ground/fits/*.fits' NAME=toast STOKES=QU FRAME=equatorial \\
        CONVENTION=COSMO
    python benchmarks/ground.py table results/toast build/toast/ground \\
        --figure docs/results/ground.png
    python benchmarks/ground.py cheap             # three sets of 100 cheap maps: minutes
    python benchmarks/ground.py surrogates build/toast/ground build/toast/cheap

``maps`` installs toast 3.0.6 into an environment of its own and moves maps 20 to 99 to ``others``.
``table`` holds covariances against the other maps, which nothing was made from, in every observed
pixel: the variances of the inputs alone (a diagonal), the inputs' covariance shrunk toward that
diagonal (Ledoit & Wolf 2004), the best one without emulation, the recommended one, and the
variances of the others themselves, the best that a diagonal can do. The figure holds the numbers of
simulations that held-out inputs told beside those of the other maps.

``cheap`` makes maps of a tenth of the sampling rate, or of another (``--rate``): a set of the same
scan, one of the scan of another, larger patch that holds this one, and one of noise with another
knee. At a tenth, which is a sample every ten degrees, none is right. ``surrogates`` learns the best
covariance without emulation with each set beside the inputs, and without any, and holds it against
the other maps in the same way.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from fewtomany import config, covariance  # noqa: E402
from fewtomany.covariance import Model, learn, shrinkage, surrogate  # noqa: E402
from fewtomany.covariance.base import Dense  # noqa: E402
from fewtomany.figures import style  # noqa: E402
from fewtomany.files.store import MapSet, nside_of  # noqa: E402
from fewtomany.maps.sky import Sky  # noqa: E402
from fewtomany.validation import worth  # noqa: E402
from fewtomany.validation.answer.facts import OF_EVIDENCE as HOW  # noqa: E402
from fewtomany.validation.answer.facts import Worth  # noqa: E402
from fewtomany.validation.compare.equivalent import Equivalent  # noqa: E402

TOAST = "toast==3.0.6"
N_INPUTS, N_OTHERS = 20, 80
N_MODES = 50
"""Leading modes in which χ² counts simulations: as many as held-out inputs are judged in."""

CHEAP = {
    "the same scan": ("--first", "1000"),
    "another patch": ("--first", "2000", "--patch", "patch,1,10,5,70,-45"),
    "another knee": ("--first", "3000", "--knee", "0.001"),
}
"""Sets of cheap maps, and how toast_maps.py makes them; none shares noise with another."""

N_CHEAP, CHEAP_RATE_HZ = 100, 0.1

FIRST, RECOMMENDED = "variances of the inputs alone", "recommended"


def run_toast(folder: Path, output: str, *options: str) -> None:
    """Run toast_maps.py in an environment of its own, which is made where it is not there."""
    environment = folder / "environment"
    if not (environment / "bin" / "toast_env").exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, TOAST, "h5py"], check=True)
    command = [environment / "bin" / "python", ROOT / "benchmarks" / "toast_maps.py"]
    subprocess.run([*command, "--output", folder / output, *options], check=True)


def make_maps(folder: Path, satellite: bool) -> None:
    """Write toast's maps: inputs to ``fits`` and ``h5``, the rest to ``others``."""
    kind = "satellite" if satellite else "ground"
    options = ["--satellite"] if satellite else []
    run_toast(folder, kind, "--n-maps", str(N_INPUTS + N_OTHERS), *options)
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


def judge(maps: np.ndarray, covariance: Model, seed: int) -> dict[str, Any]:
    """What other maps say of a covariance.

    Parameters
    ----------
    maps : array of shape (n_maps, n), K, zero mean over realizations

    Returns
    -------
    chi2 : per value, 1 if the covariance is right; its standard error
    log_likelihood : per value, without ln 2π
    numbers : of simulations that it acts like, by the three counts of ``validation.worth``; χ² in
        the leading modes of the covariance
    """
    n_maps, n = maps.shape
    chi2 = (maps * covariance.solve(maps)).sum(axis=1) / n
    modes = covariance.leading(N_MODES)
    amplitudes = maps @ modes.vectors.T
    chosen = worth.choose(n, seed)
    rows = covariance.rows(chosen)[:, chosen]
    seen = worth.HeldOut(maps, covariance.variance, chosen, rows)
    return {
        "chi2": chi2.mean(),
        "chi2_error": chi2.std(ddof=1) / n_maps**0.5,
        "log_likelihood": -0.5 * (chi2.mean() + covariance.log_determinant() / n),
        "numbers": {
            "chi2": worth.by_chi2((amplitudes**2 / modes.values).sum(axis=1), N_MODES),
            "variances": worth.by_variances([seen]),
            "correlations": worth.by_correlations([seen]),
        },
    }


def found_in(results: Path, maps: Path, stokes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the other maps say of all covariances by name, and what held-out inputs said."""
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
    components, sky = recommended.components, recommended.sky
    models = {
        FIRST: Dense(components, sky, np.diag(variance)),
        "the inputs' covariance, shrunk toward it": Dense(components, sky, shrunk),
        "best without emulation": covariance.load(results / "symmetry" / "maps.h5").model,
        RECOMMENDED: recommended.model,
        "variances of the others themselves": Dense(components, sky, np.diag(many.var(axis=0))),
    }
    said = covariance.read_evidence(file)["effective_number"]
    numbers = {how: Worth(*(said[how][end] for end in ("n_maps", "low", "high"))) for how in said}
    return {name: judge(many, model, 1) for name, model in models.items()}, numbers


def with_surrogates(maps: Path, cheap: Path, stokes: str) -> dict[str, dict[str, Any]]:
    """What the other maps say of covariances learnt with sets of cheap maps, and with none.

    With the weight of the set, and its gain by held-out inputs with the error, nats a map.
    """
    few, many = (read(sorted((maps / name).iterdir()), stokes) for name in ("fits", "others"))
    sky = Sky(nside_of(few.shape[-1]), np.flatnonzero(few.any(axis=(0, 1))))
    inputs = MapSet(sky.restrict(few), stokes, "maps", frame="equatorial", sky=sky)
    judges = sky.restrict(many).reshape(len(many), -1)
    variance = inputs.maps.reshape(len(few), -1).var(axis=0, ddof=1)
    found = {FIRST: judge(judges, Dense(inputs.components, sky, np.diag(variance)), 1)}
    for name in ("none", *CHEAP):
        stand_in = None
        if name != "none":
            rows = sky.restrict(read(sorted((cheap / slug(name) / "fits").iterdir()), stokes))
            stand_in = surrogate.of_rows(inputs.components, sky, rows)
        learnt = learn.learn(inputs, config.SymmetrySettings(), 1, surrogate=stand_in)
        found[name] = judge(judges, learnt.model, 1)
        found[name] |= learnt.evidence.get("surrogate", {})
    return found


def slug(name: str) -> str:
    return name.replace(" ", "-")


def table_of_surrogates(found: dict[str, dict[str, Any]]) -> str:
    """Sets of cheap maps, each judged by maps that nothing was made from."""
    lines = [
        "| cheap maps | weight | gain by held-out inputs, nats a map | χ² per value | "
        "log-likelihood per value, over the raw diagonal |",
        "|---|---|---|---|---|",
    ]
    first = found[FIRST]["log_likelihood"]
    for name, row in found.items():
        if name == FIRST:
            continue
        told = f"{row['gain']:.1f} ± {row['error']:.1f}" if "gain" in row else "–"
        weight = f"{row['weight']:.2f}" if "weight" in row else "–"
        lines.append(
            f"| {name} | {weight} | {told} | {row['chi2']:.3f} ± {row['chi2_error']:.3f} | "
            f"{row['log_likelihood'] - first:+.4f} |"
        )
    return "\n".join(lines)


def plain(number: Equivalent | None) -> Worth:
    """A number as the report's sentences have it."""
    return Worth(**{"value" if k == "n_maps" else k: v for k, v in worth.as_json(number).items()})


def table(found: dict[str, Any], said: dict[str, Worth]) -> str:
    """The covariances one could use, each against maps that nothing was made from."""
    lines = [
        "| covariance | χ² per value, all pixels | log-likelihood per value, over the first | acts "
        "like: by χ² | by variances | by correlations |",
        "|---|---|---|---|---|---|",
    ]
    first = found[FIRST]["log_likelihood"]
    for name, row in found.items():
        numbers = " | ".join(str(plain(number)) for number in row["numbers"].values())
        lines.append(
            f"| {name} | {row['chi2']:.3f} ± {row['chi2_error']:.3f} | "
            f"{row['log_likelihood'] - first:+.4f} | {numbers} |"
        )
    numbers = " | ".join(str(said[how]) if how in said else "–" for how in HOW)
    lines.append(f"| what held-out inputs said of the recommended one | – | – | {numbers} |")
    return "\n".join(lines)


def draw(found: dict[str, Any], said: dict[str, Worth], output: Path) -> None:
    """What held-out inputs said of the recommended covariance, beside what the others say."""
    others = {how: plain(number) for how, number in found[RECOMMENDED]["numbers"].items()}
    with style.new(1.7) as figure:
        axes = figure.subplots()
        for shift, numbers, colour, label in (
            (0.14, said, style.BLUE, "held-out inputs alone"),
            (-0.14, others, style.BLACK, "the other maps"),
        ):
            axes.plot([], [], "o-", color=colour, ms=4, label=label)
            for place, how in enumerate(HOW):
                number = numbers.get(how)
                if number is None or number.low is None:
                    continue
                y = shift - place
                if number.open:
                    axes.plot([number.low, 3 * number.low], [y, y], color=colour)
                    axes.plot(3 * number.low, y, ">", color=colour, ms=4)
                else:
                    axes.plot([number.low, number.high], [y, y], color=colour)
                    axes.plot(number.value, y, "o", color=colour, ms=4)
        axes.axvline(N_INPUTS, color=style.GREY, lw=0.8, ls="--")
        axes.set_xscale("log")
        axes.set_ylim(-2.5, 0.5)
        axes.set_yticks([-place for place in range(len(HOW))], list(HOW.values()))
        axes.set_xlabel("simulations that it acts like (dashed: inputs; arrows: or more)")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output)


def get_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = options.add_subparsers(dest="mode", required=True)
    maps = modes.add_parser("maps", help="install toast, write its maps")
    maps.add_argument("--folder", type=Path, default=ROOT / "build" / "toast")
    maps.add_argument("--satellite", action="store_true")
    cheap = modes.add_parser("cheap", help="write the sets of cheap maps")
    cheap.add_argument("--folder", type=Path, default=ROOT / "build" / "toast")
    cheap.add_argument("--rate", type=float, default=CHEAP_RATE_HZ, help="of samples (Hz)")
    beside = modes.add_parser("surrogates", help="hold covariances with cheap maps against others")
    beside.add_argument("maps", type=Path, help="folder of the maps that toast wrote")
    beside.add_argument("cheap", type=Path, help="folder of the sets of cheap maps")
    beside.add_argument("--stokes", default="QU")
    judged = modes.add_parser("table", help="hold covariances against the other maps")
    judged.add_argument("results", type=Path, help="folder of the campaign")
    judged.add_argument("maps", type=Path, help="folder of the maps that toast wrote")
    judged.add_argument("--stokes", default="QU")
    judged.add_argument("--figure", type=Path, help="picture of the numbers (PNG)")
    return options


def main(arguments: argparse.Namespace) -> None:
    if arguments.mode == "maps":
        make_maps(arguments.folder, arguments.satellite)
    elif arguments.mode == "cheap":
        for name, options in CHEAP.items():
            size = ("--n-maps", str(N_CHEAP), "--rate", str(arguments.rate))
            run_toast(arguments.folder, f"cheap/{slug(name)}", *size, *options)
    elif arguments.mode == "surrogates":
        found = with_surrogates(arguments.maps, arguments.cheap, arguments.stokes)
        print(table_of_surrogates(found))
    else:
        found, said = found_in(arguments.results, arguments.maps, arguments.stokes)
        print(table(found, said))
        if arguments.figure:
            draw(found, said, arguments.figure)


if __name__ == "__main__":
    main(get_parser().parse_args())
