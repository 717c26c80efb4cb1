"""What emulation adds to a Gaussian model of the same inputs, where the truth is not Gaussian.

    python benchmarks/nongaussian.py --config results/nongaussian/campaign.yaml \
        --results results/nongaussian --output docs/images/nongaussian.png

Holds every dataset of a finished campaign against its reference, and two more beside them: Gaussian
maps of the reference's own covariance, the best that any Gaussian model can be, and half of the
reference against the other half, which is what is left of sampling. Prints Markdown and draws a
figure.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from fewtomany import config, covariance
from fewtomany.covariance import linear
from fewtomany.datasets import observed
from fewtomany.figures import style
from fewtomany.validation.measure import minkowski, moments, scattering

N_MAPS = 300
TAIL = 4.0
COLOURS = {"emulated": (style.BLUE, style.PURPLE, style.SKY), "gaussian": (style.GREEN, "#7FCEB9")}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--config", required=True, help="campaign")
    options.add_argument("--results", type=Path, required=True, help="its results")
    options.add_argument("--output", type=Path, required=True, help="figure (PNG)")
    arguments = options.parse_args()
    campaign = config.load(arguments.config)
    maps = {
        d.name: read(arguments.results, campaign, d.name)
        for d in campaign.by_role("reference", "gaussian", "emulated")
    }
    reference = maps.pop("reference")
    oracle = gaussian_twin(reference, campaign)
    tested = {"half of the reference": reference[: len(reference) // 2]}
    tested |= {"Gaussian, true covariance": oracle}
    tested |= {name: some[:N_MAPS] for name, some in maps.items()}
    half = reference[len(reference) // 2 :]
    known = measure(half, campaign)
    rows = {"the other half": shape(half)}
    rows |= {name: shape(some) for name, some in tested.items()}
    found = {name: measure(some, campaign) for name, some in tested.items()}
    print("| dataset | excess kurtosis of Q, U | beyond 4σ, 10⁻⁴ | scatter of a map's power |")
    print("|---|---|---|---|")
    for name, (kurtosis, tail, power) in rows.items():
        values = ", ".join(f"{value:.2f}" for value in kurtosis)
        print(f"| {name} | {values} | {tail * 1e4:.1f} | {power:.2f} |")
    kinds = ("S1", "S2", "S3", "S4", "V0", "V1", "V2", "V3")
    print(f"\n| rms Δ (σ of a map) | {' | '.join(kinds)} |\n|{'---|' * (1 + len(kinds))}")
    distances = {name: differences(some, known) for name, some in found.items()}
    for name, values in distances.items():
        print(f"| {name} | {' | '.join(f'{values[kind]:.2f}' for kind in kinds)} |")
    draw(half, tested, distances, kinds, campaign, arguments.output)


def read(results: Path, campaign: config.Campaign, name: str) -> np.ndarray:
    """All maps of a dataset, (n_maps, n_components, n_pix), float64, K."""
    files = [
        results / "datasets" / name / f"maps-{shard.label}.h5"
        for shard in campaign.map_shards(name)
    ]
    return np.concatenate([observed.read_maps(f, campaign).maps for f in files]).astype(float)


def gaussian_twin(maps: np.ndarray, campaign: config.Campaign) -> np.ndarray:
    """Gaussian maps with the sample covariance of maps about zero."""
    flat = maps.reshape(len(maps), -1)
    _, root = covariance.symmetric_root(flat.T @ flat / len(flat))
    root = root.reshape(-1, *maps.shape[1:])
    return linear.draw(root, campaign.seed, ("draw", "gaussian-twin"), 0, N_MAPS)


def shape(maps: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Excess kurtosis by component, share of pixels in the tails, scatter of the power.

    Values are in units of each pixel's own deviation over the maps. The power is the mean square
    of a map in these units, its scatter relative.
    """
    units = maps / maps.std(axis=0)
    kurtosis = np.mean(units**4, axis=(0, 2)) / np.mean(units**2, axis=(0, 2)) ** 2 - 3
    power = np.mean(units**2, axis=(1, 2))
    return kurtosis, float(np.mean(np.abs(units) > TAIL)), float(power.std() / power.mean())


def measure(maps: np.ndarray, campaign: config.Campaign) -> dict[str, moments.Moments]:
    """Moments of scattering coefficients by kind, and of Minkowski functionals."""
    emulator, stokes = campaign.emulator, campaign.maps.stokes
    wavelets = (emulator.n_scales, emulator.n_orientations, emulator.kernel_size)
    values, labels = scattering.coefficients(maps.astype(np.float32), stokes, *wavelets)
    kinds = np.array([label[:2] for label in labels])
    found = {kind: moments.of(values[:, kinds == kind]) for kind in np.unique(kinds)}
    functionals = np.array([minkowski.measure(one) for one in maps])
    return found | {f"V{k}": moments.of(functionals[:, k]) for k in range(functionals.shape[1])}


def differences(tested: dict, known: dict) -> dict[str, float]:
    """Root mean square of (mean − true mean) / true scatter, by kind."""
    return {
        kind: float(np.sqrt(np.nanmean(moments.residual(tested[kind], known[kind]) ** 2)))
        for kind in known
    }


def colour(name: str, campaign: config.Campaign) -> str:
    """Colour of a line, by the role of its dataset and its place in it."""
    if name not in campaign.datasets:
        return style.VERMILLION if "covariance" in name else style.BLACK
    role = campaign.datasets[name].role
    palette = COLOURS[role]
    return palette[[d.name for d in campaign.by_role(role)].index(name) % len(palette)]


def draw(
    true: np.ndarray,
    tested: dict[str, np.ndarray],
    distances: dict[str, dict[str, float]],
    kinds: tuple[str, ...],
    campaign: config.Campaign,
    path: Path,
) -> None:
    """Tails of the pixel values, and differences by kind."""
    edges = np.linspace(-8, 8, 65)
    middle = (edges[1:] + edges[:-1]) / 2
    with style.new(2.8) as figure:
        assert isinstance(figure, Figure)
        left, right = figure.subplots(1, 2)
        for number, (name, some) in enumerate(tested.items()):
            density, _ = np.histogram(some / some.std(axis=0), edges, density=True)
            seen = density > 0
            options = {"color": colour(name, campaign)}
            left.plot(middle[seen], density[seen], label=name, **options)
            height = [distances[name][kind] for kind in kinds]
            options["marker"] = "osv^D<>"[number % 7]
            right.plot(kinds, height, markersize=4, **options)
        density, _ = np.histogram(true / true.std(axis=0), edges, density=True)
        left.plot(middle[density > 0], density[density > 0], "k.", ms=3, label="reference")
        left.set(yscale="log", xlabel="value / σ of its pixel", ylabel="density", ylim=(1e-6, 1))
        right.set(yscale="log", ylabel="rms Δ (σ of a map)")
        figure.legend(loc="outside lower center", ncols=4)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
