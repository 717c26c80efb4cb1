"""Where a batch starts and how many steps follow, where no axis is known; and the paper's recipe.

    python benchmarks/no_axis.py --cache build/symmetry --inputs 10 --seed 1
    python benchmarks/no_axis.py --cache build/symmetry --inputs 10 --batches 30 \\
        paper "start=turned,n_steps=15" "start=white,n_steps=250"
    python benchmarks/no_axis.py --cache build/symmetry --frame galactic --axis ecliptic

The simulation and inputs of benchmarks/symmetry.py, from the same cache, one draw; the scan's axis
is not named. Every argument changes keys of the configuration's ``emulator``; ``paper`` is the
paper's recipe (white noise, average targets, no stripes, 1,000 steps). Emulated maps are kept in
the cache: more batches or more options continue a run. Columns as in benchmarks/symmetry.py.

Before them, the best covariance without emulation and its parts. Then, of every option,

    emulated      0.7 of the sample covariance and 0.3 of independent pixels, which makes
                  it invertible whatever the number of maps
    emulated, neighbours   regressions of every value on its neighbours in these maps
    recommended   as a campaign recommends it: with the best without emulation, by held-out inputs
                  of five folds, of which each is emulated from the others (``--folds``)

The first command was run as it stands, and with one start and folds. With ``paper`` it was not.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "benchmarks")]

import symmetry  # noqa: E402

from fewtomany import config, covariance  # noqa: E402
from fewtomany.covariance import Model, learn  # noqa: E402
from fewtomany.covariance.factor import Factor  # noqa: E402
from fewtomany.covariance.mixture import Mixture  # noqa: E402
from fewtomany.covariance.scales import TwoScales  # noqa: E402
from fewtomany.files import store  # noqa: E402
from fewtomany.validation import likelihood, parameter, recommend  # noqa: E402

SHARE = 0.3
"""Of independent pixels beside the emulated maps alone."""

FRAMES = ("ecliptic", "galactic")

HELD = ("chi2", "all_values")
"""Of held-out maps: χ² in leading modes, and in all values."""

PAPER = {"start": "white", "variances": "inputs", "stripe_zones": 0, "n_steps": 1000}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("options", nargs="*", help="paper, or key=value[,key=value...]")
    parser.add_argument("--cache", type=Path, required=True, help="folder for response and maps")
    parser.add_argument("--inputs", type=int, nargs="+", default=[10, 100], help="input maps")
    parser.add_argument("--seed", type=int, default=0, help="draw of the inputs")
    parser.add_argument("--batches", type=int, default=30, help="batches of each line")
    parser.add_argument("--folds", type=int, default=0, help="folds that weigh; 0: not weighed")
    parser.add_argument("--fold-batches", type=int, default=10, help="batches of each fold")
    parser.add_argument("--frame", choices=FRAMES, default="ecliptic", help="of the maps")
    parser.add_argument("--axis", choices=("none", "ecliptic"), default="none", help="if named")
    parser.add_argument("--parameter", action="store_true", help="what they do to r, too")
    return parser


def settings_of(option: str) -> config.Emulator:
    """The settings of the emulator that an option names."""
    changes = PAPER
    if option != "paper":
        changes = yaml.safe_load("{" + option.replace("=", ": ").replace(",", ", ") + "}")
    sections = yaml.safe_load((ROOT / "config/extended.yaml").read_text())
    sections["emulator"] = {**sections["emulator"], **changes}
    return config.parse(sections).emulator


def emulated(
    inputs: store.MapSet, learnt: covariance.Covariance, option: str, n_batches: int, path: Path
) -> tuple[np.ndarray, float]:
    """Maps (n_maps, n_stokes, n_pix) of an option, kept in a file; CPU seconds of a batch."""
    known = dict(np.load(path)) if path.exists() else {}
    maps, seconds = list(known.get("maps", ())), list(known.get("seconds", ()))
    if len(seconds) < n_batches:
        from fewtomany.emulator import device, model
        from fewtomany.emulator.descent import Sampler, Task

        os.environ.setdefault("OMP_NUM_THREADS", "1")
        device.configure()
        found = model.prepare(inputs, settings_of(option), learnt)
        strategy = "average-target" if option == "paper" else "drawn-target"
        sampler = Sampler(found, 1, inputs.dataset, strategy)
        if not seconds:
            sampler.run([Task(0, 10**6)])  # compiles
        for index in range(len(seconds), n_batches):
            before = time.process_time()
            (batch,) = sampler.run([Task(0, index)])
            maps.append(batch.maps)
            seconds.append(time.process_time() - before)
            path.parent.mkdir(parents=True, exist_ok=True)
            if index % 10 == 9 or index + 1 == n_batches:
                with store.atomic_path(path) as temporary, open(temporary, "wb") as file:
                    np.savez(file, maps=np.array(maps), seconds=seconds)
    return np.concatenate(maps[:n_batches]), float(np.mean(seconds[:n_batches]))


def learnt_of(inputs: store.MapSet, path: Path, axis: str, seed: int) -> covariance.Covariance:
    """The best covariance without emulation, kept in a file."""
    if not path.exists():
        before = time.process_time()
        found = learn.learn(inputs, config.SymmetrySettings(axis=axis), seed)
        seconds = time.process_time() - before
        sys.stdout.write(f"{inputs.dataset}: learnt in {seconds:.1f} CPU seconds\n")
        covariance.write(path, found, {})
    return covariance.load(path)


def show_parameter(found: Model, inflation: float, truth: np.ndarray) -> None:
    """What a covariance does to r, and what it would do without its inflation."""
    settings = config.parse(yaml.safe_load((ROOT / "config/extended.yaml").read_text()))
    settings = settings.validation.parameter
    setting = likelihood.make(
        symmetry.NSIDE,
        r=settings.r,
        noise_uk_arcmin=settings.noise_uk_arcmin,
        large_scales=settings.large_scales,
    )
    plain = found.scaled(found.deviation / inflation**0.5) if inflation != 1 else found
    models = {"as it is": found, "over its inflation": plain}
    compared = parameter.compare(setting, models, truth, settings.amplitudes)
    for name in list(models)[: 1 + (inflation != 1)]:
        numbers = compared["models"][name]
        for k, scale in enumerate(compared["scales"]):
            r, bump = (
                "{:.3f} ({:+.2f})".format(
                    *(numbers[key][f"{what}_over_scatter"][k] for what in ("claimed", "bias"))
                )
                for key in ("r", "A")
            )
            sys.stdout.write(
                f"  {name}, amplitude {scale:g}: claimed error over scatter (bias over "
                f"scatter) of r {r}, of the bump {bump}\n"
            )


def main(arguments: argparse.Namespace) -> None:
    frame, axis = arguments.frame, arguments.axis
    columns, viewer = symmetry.prepare(arguments.cache, frame)
    named = "" if (frame, axis) == ("ecliptic", "none") else f"-{frame}-{axis}"
    for n_maps in arguments.inputs:
        flat = symmetry.draw(columns, n_maps, arguments.seed)
        whole = flat.reshape(n_maps, len(symmetry.STOKES), -1).astype(np.float32)
        place = arguments.cache / f"starts{named}-{n_maps}-{arguments.seed}"
        place.mkdir(exist_ok=True)

        def of(name: str, maps: np.ndarray, place: Path = place):
            """Inputs and the best covariance without emulation of a fold or of all."""
            inputs = store.MapSet(maps, symmetry.STOKES, name, frame=frame)
            return inputs, learnt_of(inputs, place / f"{name}.h5", axis, arguments.seed)

        inputs, learnt = of("all", whole)
        symmetry.show(f"{n_maps} inputs, without emulation", viewer.of_model(learnt.model), viewer)
        weights = (f"{name} {w:.2f}" for name, w in learnt.evidence["weights"].items() if w)
        if isinstance(learnt.model, TwoScales):
            small = learnt.evidence["small_scales"]
            symmetry.show(f"  {small}, of small scales", viewer.of_model(learnt.model.rest), viewer)
        sys.stdout.write(
            f"  weights in leading directions: {', '.join(weights)}; "
            f"variances times {learnt.inflation:.2f}\n"
        )
        if arguments.parameter:
            show_parameter(learnt.model, learnt.inflation, columns.T @ columns)
        for option in arguments.options:
            name = option.replace(",", "_")
            maps, seconds = emulated(
                inputs, learnt, option, arguments.batches, place / "all" / f"{name}.npz"
            )
            parts = recommend.Parts.of(learnt, maps, arguments.seed, "all")
            alone = Factor.diagonal(learnt.components, learnt.sky, learnt.smoothed)
            both = {"a": parts.models[recommend.EMULATED], "b": alone}
            of_maps = Mixture.of(both, {"a": 1 - SHARE, "b": SHARE})
            sys.stdout.write(f"{option}: {len(maps)} maps, {seconds:.2f} CPU s a batch\n")
            symmetry.show("  emulated", viewer.of_model(of_maps), viewer)
            if recommend.NEAR in parts.models:
                near = parts.models[recommend.NEAR]
                symmetry.show("  emulated, neighbours", viewer.of_model(near), viewer)
            if not arguments.folds:
                continue
            folds = []
            for number in range(arguments.folds):
                kept = np.arange(n_maps) % arguments.folds != number
                fold, found = of(f"fold-{number}", whole[kept])
                file = place / f"fold-{number}" / f"{name}.npz"
                drawn, _ = emulated(fold, found, option, arguments.fold_batches, file)
                folds.append(
                    recommend.FoldMaps(fold.dataset, whole[~kept], found, drawn, arguments.seed)
                )
            weighed = recommend.weigh([recommend.ballot(fold) for fold in folds])
            made, inflation = parts.join(weighed)
            symmetry.show("  recommended", viewer.of_model(made), viewer)
            if arguments.parameter:
                show_parameter(made, inflation, columns.T @ columns)
            shares = weighed.fit.weights.items()
            weights = ", ".join(f"{name} {share:.2f}" for name, share in shares)
            sys.stdout.write(f"  weights: {weights}; small scales: {weighed.small}\n")
            seen = [recommend.see(fold, weighed) for fold in folds]
            held = recommend.evidence(weighed, seen)["held_out"]
            chi2, in_all = ("{value:.3f} ± {error:.3f}".format(**held[k]) for k in HELD)
            sys.stdout.write(
                f"  variances of pixels times {inflation:.2f}; held-out χ²: {chi2}; "
                f"in all values: {in_all}\n"
            )


if __name__ == "__main__":
    main(get_parser().parse_args())
