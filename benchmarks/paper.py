"""What the paper says of its emulations, answered by a finished campaign, as Markdown.

    python benchmarks/paper.py --config results/paper/campaign.yaml

Reads results/NAME/validation and benchmarks/NAME. Every row is a statement of arXiv:2503.11643
and the numbers of the two emulated datasets (average targets from few inputs, single targets from
many) that answer it; one that the campaign lacks is left out. Δ is the shift of a mean in standard
deviations of one true map. A second table is the ledger of what the campaign cost. A third says how
χ² and eigenvalues depend on the number of maps, with χ² at 10,000 from a straight line of 1/χ² in
1/N through the last two numbers.
"""

import argparse
import json
import sys
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from fewtomany import config, covariance  # noqa: E402
from fewtomany.covariance.eigenmodes import modes_of_factor  # noqa: E402
from fewtomany.emulator import batches  # noqa: E402
from fewtomany.figures.report import read_costs  # noqa: E402
from fewtomany.files import store  # noqa: E402
from fewtomany.jobs import status  # noqa: E402
from fewtomany.validation.judge.chi2 import reduced_chi2  # noqa: E402
from fewtomany.validation.measure.minkowski import THRESHOLDS  # noqa: E402

TRUTH = "original"
N_TEST, FIRST, WANTED = 1000, (250, 500, 1000, 2000, 4000), 10_000
"""True maps that test a covariance; numbers of maps that make it; the number in the paper."""

SPIKE = 0.5
"""Thresholds |u| up to it are "u ≈ 0" of the Minkowski functionals."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--config", type=Path, required=True, metavar="YAML")
    options.add_argument("--few", default="emulated-10", metavar="DATASET")
    options.add_argument("--many", default="emulated-100", metavar="DATASET")
    arguments = options.parse_args()
    campaign = config.load(arguments.config)
    folder = arguments.config.parent / "validation"
    names = [n for n in (arguments.few, arguments.many) if n in campaign.datasets]
    found = Numbers(folder, campaign)
    print(f"| statement | {' | '.join(names)} |\n|" + "---|" * (1 + len(names)))
    for statement, of in ANSWERS.items():
        print(f"| {statement} | " + " | ".join(of(found, name) for name in names) + " |")
    print("\n| stage | jobs | core-hours | largest memory of a job (GB) |\n|---|---|---|---|")
    costs = read_costs(Path("benchmarks") / campaign.name)
    for cost in sorted(costs, key=lambda cost: -cost.cpu_s):
        numbers = f"{cost.n_jobs} | {cost.cpu_s / 3600:.3f} | {cost.max_rss_mb / 1e3:.2f}"
        print(f"| `{cost.rule}` | {numbers} |")
    print(f"| all | {sum(c.n_jobs for c in costs)} | {sum(c.cpu_s for c in costs) / 3600:.2f} | |")
    print_sample_sizes(arguments.config.parent, names, campaign.validation.n_modes)
    planned = {name: len(batches.dataset_plan(campaign, name)) for name in names}
    print()
    for descent in status.descents(campaign, planned):
        print(
            f"{descent.dataset}: {descent.finished} of {descent.n_batches} batches, the last "
            f"{descent.seconds:.1f} s each (median)"
        )


def print_sample_sizes(folder: Path, names: list[str], n_modes: int) -> None:
    """χ² and eigenvalues of covariances of the first N maps; χ² of N_TEST other true maps."""
    exact = covariance.load(folder / "covariances/exact.h5")
    truth = exact.leading(n_modes)

    def maps_of(name):
        paths = sorted((folder / "datasets" / name).glob("*.h5"))
        maps = store.read_dataset(paths, stokes=exact.stokes).maps
        return maps.reshape(len(maps), -1).astype(np.float64)

    true = maps_of(TRUTH)
    true, test = true[:-N_TEST], true[-N_TEST:]
    print("\n| maps of | N | χ² | median eigenvalue | true variance in its modes |")
    print("|---|---|---|---|---|")
    for name, maps in [(TRUTH, true), *((name, maps_of(name)) for name in names)]:
        inverse = {}
        for n in (*(n for n in FIRST if n < len(maps)), *([len(maps)] if name != TRUTH else [])):
            centred = (maps[:n] - maps[:n].mean(axis=0)) / np.sqrt(n - 1)
            _, modes = modes_of_factor(centred, n_modes)
            chi2 = reduced_chi2(test, modes)
            inverse[1 / n] = 1 / chi2.mean()
            ratio = np.median(modes.values / truth.values)
            held = np.sum(modes.vectors @ exact.covariance * modes.vectors) / exact.variance.sum()
            width = f"{chi2.mean():.2f} ± {chi2.std():.2f}"
            print(f"| {name} | {n} | {width} | {ratio:.2f} | {held:.2f} |")
        line = np.polyfit(list(inverse)[-2:], list(inverse.values())[-2:], 1)
        print(f"| {name} | {WANTED} | {1 / np.polyval(line, 1 / WANTED):.2f} | – | – |")


class Numbers:
    """Metrics, and the arrays of the comparison, of a finished campaign."""

    def __init__(self, folder: Path, campaign: config.Campaign):
        self.campaign = campaign
        self.file = h5py.File(folder / "comparison.h5")
        content = json.loads((folder / "metrics.json").read_text())
        self.metrics = {(m["dataset"], m["name"]): m["value"] for m in content["metrics"]}
        parts = [label.decode().split("|") for label in self.file["scattering/labels"][()]]
        self.kind = np.array([part[0][:2] for part in parts])
        self.scale = np.array([int(part[2]) for part in parts])

    def __call__(self, *path: str) -> np.ndarray:
        return self.file["/".join(path)][()]

    def metric(self, name: str, *metrics: str, form: str = ".2f") -> str:
        """Metrics of a dataset, joined."""
        return ", ".join(format(self.metrics[name, metric], form) for metric in metrics)

    def source(self, name: str) -> str:
        """The dataset of inputs of an emulated one."""
        return self.campaign.find(name).input

    def naive(self, name: str) -> str:
        """The naive Gaussian dataset of the same inputs."""
        return next(
            d.name for d in self.campaign.by_role("gaussian") if d.input == self.source(name)
        )


def spectra(found: Numbers, name: str) -> str:
    """Means over the true ones, and scatter over the true one: the middle 68% of multipoles."""
    words = []
    for what in ("mean", "scatter"):
        auto = slice(0, 2)  # EE, BB; the mean of EB is zero
        ratio = found("spectra", name, what)[auto, 2:] / found("spectra", TRUTH, what)[auto, 2:]
        low, high = np.percentile(ratio, [16, 84])
        words.append(f"{what} {low:.2f} to {high:.2f}")
    return "; ".join(words)


def eigenvalues(found: Numbers, name: str) -> str:
    """Medians over the truth: emulation, as many reference maps, inputs; and who is closer."""
    own = found("eigenvalues", name, "ratio")
    inputs = np.zeros_like(own)
    of_inputs = found("eigenvalues", found.source(name), "ratio")
    inputs[: len(of_inputs)] = of_inputs
    closer = abs(own - 1) < abs(inputs - 1)
    reference = found("eigenvalues", "reference", "ratio")
    return (
        f"median {np.median(own):.2f}; reference {np.median(reference):.2f}; "
        f"inputs {np.median(of_inputs):.2f} in their {len(of_inputs)} modes; "
        f"closer than the inputs' in {closer.mean():.0%} of {len(own)} and "
        f"{closer[: len(of_inputs)].mean():.0%} of these"
    )


def chi2(found: Numbers, name: str) -> str:
    """Mean and width of the reduced χ²: emulated, reference, inputs, naive."""
    rows = {
        "emulated": name,
        "reference": "reference",
        "inputs": found.source(name),
        "naive": found.naive(name),
    }
    words = []
    for word, dataset in rows.items():
        values = found("chi2", dataset, "values")
        words.append(f"{word} {values.mean():.2f} ± {values.std():.2f}")
    return "; ".join(words)


def constrained(found: Numbers, name: str) -> str:
    """How far true means of the coefficients are from zero, in scatters of one map (median)."""
    signal = abs(found("scattering", TRUTH, "mean")) / found("scattering", TRUTH, "scatter")
    return ", ".join(f"{np.median(signal[found.kind == kind]):.2f}" for kind in KINDS)


def fine_variance(found: Numbers, name: str) -> str:
    """Variance of the coefficients of the finest scale over the true one (median), S1, S2, S4."""
    ratio = found("scattering", name, "scatter") / found("scattering", TRUTH, "scatter")
    of = [ratio[(found.kind == kind) & (found.scale == 0)] for kind in ("S1", "S2", "S4")]
    return ", ".join(f"{np.median(values**2):.2f}" for values in of)


def minkowski(found: Numbers, name: str) -> str:
    """Largest |Δ| of V0, V1, V2 away from the threshold zero, and at it."""
    delta = abs(found("minkowski", name, "residual"))[:3]
    spike = abs(THRESHOLDS) <= SPIKE
    away = ", ".join(f"{value:.2f}" for value in delta[:, ~spike].max(axis=1))
    at = ", ".join(f"{value:.2f}" for value in delta[:, spike].max(axis=1))
    return f"{away}; at u ≈ 0: {at}"


def naive(found: Numbers, name: str) -> str:
    """Naive against emulated: divergence, and the worst coefficients."""
    other = found.naive(name)
    kl, worst = f"{found.metrics[other, 'kl']:.0f}", found.metric(other, *SCATTERING, form=".1f")
    own = f"{found.metrics[name, 'kl']:.0f}"
    return f"KL {kl} (emulated {own}) nats; Δ of S1 to S4 {worst}"


KINDS = ("S1", "S2", "S3", "S4")
SCATTERING = tuple(f"scattering:{kind}" for kind in KINDS)
ANSWERS = {
    "Δ of the spectra well within 1: largest of EE, BB, EB": lambda f, n: f.metric(
        n, "residual:EE", "residual:BB", "residual:EB"
    ),
    "Δ roughly inside ±1/√N_input: share of multipoles": lambda f, n: f.metric(
        n, "inside_band", form=".0%"
    ),
    "mean and variance per multipole closely match: EE and BB over the truth": spectra,
    "the first 150 eigenvalues much better than the inputs'": eigenvalues,
    "reduced χ² clusters around 1, as the reference; inputs off": chi2,
    "Δ of the scattering coefficients within 1: largest of S1 to S4": lambda f, n: f.metric(
        n, *SCATTERING
    ),
    "the same: share of all within 1": lambda f, n: f.metric(n, "scattering_inside", form=".1%"),
    "S3 weakly constrained: true mean over scatter, median of S1 to S4": constrained,
    "variance of S1, S2, S4 at the finest scale over the true one": fine_variance,
    "Δ of the Minkowski functionals V0, V1, V2 within 1 but at u ≈ 0: largest": minkowski,
    "naive Gaussian maps significantly worse": naive,
    "the loss falls by 4 to 5 orders: median of the batches": lambda f, n: f.metric(
        n, "descent:decades", form=".1f"
    ),
}


if __name__ == "__main__":
    main()
