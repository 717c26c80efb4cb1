"""What each option of the emulator does to the emulated maps.

    python benchmarks/ablation.py --config config/paper.yaml --results results/paper \
        "stripe_zones=0" "stripe_zones=2" "stripe_zones=2,n_steps=2000"

Every argument changes keys of the configuration's ``emulator``, or the dataset's ``strategy``;
each is one line of the table. The inputs, the reference and the exact covariance come from a
finished campaign. Batches are kept in ``--folder``, so that more of them or more options
continue a run.
"""

import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

HEADER = (
    "| emulator | maps | loss at the end | CPU s per batch | pixel variance, mean (median) "
    "| recovery < 6°, 6–15°, 15–40°, beyond | scatter | ten leading eigenvalues "
    "| in the true modes | χ² | KL (nats) |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("options", nargs="+", help="key=value[,key=value...] of the emulator")
    parser.add_argument("--config", required=True, help="campaign file (YAML)")
    parser.add_argument("--results", required=True, type=Path, help="its finished results")
    parser.add_argument("--dataset", default="emulated-10", help="emulated dataset")
    parser.add_argument("--batches", type=int, default=6, help="batches of each line")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "ablation")
    return parser


def main(arguments: argparse.Namespace) -> None:
    from fewtomany.emulator import device

    device.configure()
    from fewtomany import config, covariance
    from fewtomany.files import store
    from fewtomany.spectra import spectra
    from fewtomany.validation.compare import views

    campaign = config.load(arguments.config)
    dataset = campaign.dataset(arguments.dataset, "emulated")
    exact = covariance.load(arguments.results / "covariances" / "exact.h5")
    modes = exact.leading(campaign.validation.n_modes)
    viewer = views.make_viewer(exact, modes)
    reference = store.read_maps(_files(arguments.results, "datasets", "reference")[0], "QU").maps
    scatter = spectra.measure(reference, "QU").std(axis=0)
    print(HEADER)
    for option in arguments.options:
        sections = copy.deepcopy(campaign.sections)
        changes = yaml.safe_load("{" + option.replace("=", ": ").replace(",", ", ") + "}")
        if "strategy" in changes:
            sections["emulated"][dataset.name]["strategy"] = changes.pop("strategy")
        sections["emulator"] |= changes
        path = arguments.folder / dataset.name / f"{option.replace(',', '_')}.npz"
        if not path.exists():
            changed = config.parse(sections)
            emulate(arguments, changed, changed.datasets[dataset.name], path)
        found = np.load(path)
        n_maps = len(found["maps"])
        emulated = Sample(found["maps"], exact, modes, reference[n_maps:])
        true = Sample(reference[:n_maps], exact, modes, reference[n_maps:])
        print(_row(option, viewer, found, emulated, true, scatter), flush=True)


def emulate(arguments, campaign, dataset, path: Path) -> None:
    """Emulate some batches with the settings of a campaign; keep maps and losses."""
    from fewtomany import covariance
    from fewtomany.emulator import batches, model
    from fewtomany.emulator.descent import Sampler, Task
    from fewtomany.files import store

    inputs = store.read_dataset(
        _files(arguments.results, "datasets", dataset.input),
        "QU",
        n_maps=campaign.datasets[dataset.input].n_maps,
        dataset=dataset.input,
        nside=campaign.maps.nside,
        first=0,
    )
    learnt = covariance.load(arguments.results / "symmetry" / f"{dataset.input}.h5")
    sampler = Sampler(
        model.prepare(inputs, campaign.emulator, learnt),
        campaign.seed,
        dataset.name,
        dataset.strategy,
    )
    plan = batches.dataset_plan(campaign, dataset.name)
    results, began = [], time.process_time()
    for batch in range(arguments.batches):
        task = Task(int(plan.target[batch]), int(plan.index[batch]))
        results += sampler.run([task])
    path.parent.mkdir(parents=True, exist_ok=True)
    with store.atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(
            file,
            maps=np.concatenate([result.maps for result in results]),
            first=np.array([result.losses[0].sum() for result in results]),
            last=np.array([result.losses[-1].sum() for result in results]),
            seconds=(time.process_time() - began) / arguments.batches,
        )


class Sample:
    """Numbers of a few hundred maps against the exact covariance."""

    def __init__(self, maps, exact, modes, others):
        flat, n_modes = maps.reshape(len(maps), -1).astype(float), min(len(maps) - 1, len(modes))
        centred = flat - flat.mean(axis=0)
        _, singular, vectors = np.linalg.svd(centred, full_matrices=False)
        values = singular[:n_modes] ** 2 / (len(maps) - 1)
        along = others.reshape(len(others), -1) @ vectors[:n_modes].T
        self.leading = values[:10].sum()
        self.chi2 = np.mean(along**2 / values)
        self.variance = centred.var(axis=0, ddof=1) / exact.variance
        self.trace = centred.var(axis=0, ddof=1).sum() / exact.variance.sum()
        self.in_modes = np.sum((centred @ modes.vectors.T) ** 2) / np.sum(centred**2)
        self.flat = flat

    def kl(self, viewer) -> float:
        """Kullback–Leibler divergence of the maps' covariance from the truth, nats."""
        from fewtomany.validation.compare import distances

        return distances.distances(viewer.of_maps(self.flat), viewer)["kl"]


def _row(option, viewer, found, emulated, true, scatter) -> str:
    from fewtomany.spectra import spectra
    from fewtomany.validation.compare import distances

    maps = found["maps"]
    n_maps = len(maps)
    apart = distances.distances(viewer.of_maps(maps.reshape(n_maps, -1)), viewer)
    recovery = [apart[name] for name in apart if name.startswith("recovery:") and " " not in name]
    own = spectra.measure(maps, "QU").std(axis=0)
    cells = (
        f"`{option}`",
        f"{n_maps}",
        f"{np.median(found['first']):.0f} → {np.median(found['last']):.1e}",
        f"{found['seconds']:.0f}",
        f"{emulated.trace:.2f} ({np.median(emulated.variance):.2f})",
        ", ".join(f"{part:.2f}" for part in recovery),
        f"{np.median(own[:, 2:] / scatter[:, 2:]):.2f}",
        f"{emulated.leading / true.leading:.2f}",
        f"{emulated.in_modes:.2f} ({true.in_modes:.2f})",
        f"{emulated.chi2:.2f} ({true.chi2:.2f})",
        f"{apart['kl']:.0f} ({true.kl(viewer):.0f})",
    )
    return f"| {' | '.join(cells)} |"


def _files(results: Path, kind: str, dataset: str) -> list[Path]:
    return sorted((results / kind / dataset).glob("maps-*.h5"))


if __name__ == "__main__":
    main(get_parser().parse_args())
