"""What a surrogate is worth with 10 inputs: right ones, and wrong ones, for two truths.

    python benchmarks/surrogate.py --cache build/surrogate --width 20

Truths: "paper", the simulation of config/paper.yaml in ecliptic coordinates; "hard", gains that
remember the hours before, a drift and a quadratic readout, on the dipole and a synthetic sky, of
none of which the surrogates know. Responses, modes of the truths and rows of the surrogates are
made once and kept in the cache (some ten CPU minutes, 2 GB). Without --width the symmetry is
chosen in every case, which takes longer. Columns:

    KL       Kullback–Leibler divergence of the learnt covariance in the 150 leading true modes
    var      rms error of its pixel variances, relative
    weight   of the surrogate, 0 where it is left out
    gain     of held-out inputs by the surrogate's correlations, and error, nats a map
    shape    whether variances are smoothed relative to the surrogate's
"""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from measures.responses import make_response  # noqa: E402

from fewtomany import config  # noqa: E402
from fewtomany.config.simplified import merged  # noqa: E402
from fewtomany.covariance import Covariance, leading_modes, learn  # noqa: E402
from fewtomany.covariance.factor import Factor  # noqa: E402
from fewtomany.covariance.surrogate import of_rows  # noqa: E402
from fewtomany.files import store  # noqa: E402
from fewtomany.files.store import MapSet  # noqa: E402
from fewtomany.maps.components import Components  # noqa: E402
from fewtomany.maps.sky import Sky  # noqa: E402
from fewtomany.simulation import systematics  # noqa: E402
from fewtomany.validation.compare import gaussian  # noqa: E402

N_INPUTS, N_MODES = 10, 150


def detectors(*angles: float) -> list[dict]:
    """Detectors of these polarization angles, degrees."""
    return [{"name": f"at{a}", "polarization_angle_deg": float(a)} for a in angles]


CHEAP = {"nside": 64, "scan": {"sampling_rate_hz": 0.71}}
LITEBIRD = {
    "spin_sun_angle_deg": 45.0,
    "spin_boresight_angle_deg": 50.0,
    "precession_period_days": 0.13,
}
PASSES = {
    "right": (CHEAP, "ecliptic"),
    "galactic axis": (CHEAP, "galactic"),
    "narrow pairs": ({**CHEAP, "detectors": detectors(0, 90, 10, 100)}, "ecliptic"),
    "turned 45": ({**CHEAP, "detectors": detectors(45, 135, 90, 180)}, "ecliptic"),
    "other angles": (merged(CHEAP, {"scan": LITEBIRD}), "ecliptic"),
}
"""Changes of the simulation of config/paper.yaml, and the frame that counts as ecliptic."""

SURROGATES = (*PASSES, "half mission", "half sky")

TRUTHS = {
    "paper": ({}, {"gains": 1e-4}),
    "hard": (
        {
            "nside": 64,
            "scan": {"sampling_rate_hz": 1.42},
            "gains": {"chunk_samples": 40000, "correlation_chunks": 5},
            "signal": {"synthetic_sky_k": 0.005},
            "adc": {"draw": "chunk"},
        },
        {"gains": 1e-4, "linear_drift": 3e-4, "adc": 0.03},
    ),
}
"""Changes of the same, and the deviations of the systematics, each in its unit."""


@dataclasses.dataclass(frozen=True)
class Truth:
    """Rows of the covariance (n_rows, n), its variance (n,) and whitened modes (n, n_modes)."""

    rows: np.ndarray
    variance: np.ndarray
    whitening: np.ndarray


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for responses")
    parser.add_argument("--truths", nargs="+", choices=TRUTHS, default=list(TRUTHS))
    parser.add_argument("--surrogates", nargs="+", choices=SURROGATES, default=SURROGATES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="draws of the inputs")
    parser.add_argument("--width", type=float, help="width of the turns; chosen by default")
    return parser


def simulate(changes: dict, frame: str, kinds: tuple[str, ...]) -> tuple[np.ndarray, list]:
    """Q and U of the response, (n_chunks, n_kinds, n_detectors, n), float32, and its kinds."""
    content = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    content = merged(content, {"simulation": changes, "maps": {"frame": frame}})
    campaign = config.parse(content)
    # several kinds with an ADC are not linear together, but each is, and they are small
    simulation = campaign.simulation.changed(systematics=kinds)
    campaign = dataclasses.replace(campaign, simulation=simulation)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "response.h5")
        make_response(campaign, whole)
        with h5py.File(whole) as file:
            rows = file["response"][:, 1:].astype(np.float32)
    shape = (simulation.n_chunks, len(kinds), len(simulation.detectors), -1)
    return rows.reshape(shape), systematics.linear(simulation)


def truth(cache: Path, name: str) -> Truth:
    """A truth, from the cache if it is there."""
    path, modes = cache / f"{name}-A.npy", cache / f"{name}-modes.npz"
    if not path.exists():
        changes, deviations = TRUTHS[name]
        response, kinds = simulate(changes, "ecliptic", tuple(deviations))
        parts = []
        for number, kind in enumerate(kinds):
            rows = response[:, number]
            if kind.mixing is not None:
                rows = np.tensordot(kind.mixing.T.astype(np.float32), rows, axes=1)
            parts.append(deviations[kind.key[0]] * rows.reshape(-1, rows.shape[-1]))
        np.save(path, np.concatenate(parts))
    rows = np.load(path)
    if not modes.exists():
        flat = 1e6 * rows
        found = leading_modes(1e-12 * (flat.T @ flat).astype(np.float64), N_MODES, overwrite=True)
        np.savez(modes, values=found.values, vectors=found.vectors)
    found = np.load(modes)
    whitening = (found["vectors"] / np.sqrt(found["values"])[:, None]).T
    return Truth(rows, np.einsum("ki,ki->i", rows, rows, dtype=np.float64), whitening)


def surrogate(cache: Path, name: str) -> Factor:
    """A surrogate, from the cache if it is there."""
    source = "right" if name.startswith("half") else name
    path = cache / f"{source.replace(' ', '-')}.npy"
    if not path.exists():
        rows, _ = simulate(*PASSES[source], ("gains",))
        np.save(path, rows.reshape(-1, rows.shape[-1]))
    rows = np.load(path)
    rows = rows.reshape(len(rows), 2, -1)
    if name == "half mission":
        rows = rows[: len(rows) // 2]
    if name == "half sky":
        rows[:, :, rows.shape[-1] // 2 :] = 0
    sky = Sky(store.nside_of(rows.shape[-1]))
    return of_rows(Components("QU"), sky, rows)


def measure(true: Truth, found: Covariance) -> str:
    """A row of the table."""
    within = found.model.within(true.whitening.T)
    divergence = gaussian.kullback_leibler(np.eye(N_MODES), within)
    error = np.sqrt(np.mean((found.variance / true.variance - 1) ** 2))
    text = f"{divergence:8.2f}{error:8.3f}"
    if facts := found.evidence.get("surrogate"):
        shape = "yes" if facts.get("shape", {}).get("used") else "no"
        text += f"{facts['weight']:8.2f}{facts['gain']:8.2f} ± {facts['error']:.2f}  {shape}"
    return text


def main(arguments: argparse.Namespace) -> None:
    arguments.cache.mkdir(parents=True, exist_ok=True)
    settings = config.SymmetrySettings(axis="ecliptic", width_deg=arguments.width)
    for name in arguments.truths:
        true = truth(arguments.cache, name)
        for seed in arguments.seeds:
            numbers = np.random.default_rng([N_INPUTS, seed]).standard_normal(
                (N_INPUTS, len(true.rows))
            )
            maps = (numbers @ true.rows).reshape(N_INPUTS, 2, -1)
            inputs = MapSet(maps, "QU", "inputs", frame="ecliptic")
            title = f"{name}, draw {seed}"
            sys.stdout.write(f"\n{title:22}{'KL':>8}{'var':>8}{'weight':>8}{'gain':>8}\n")
            for label in ("none", *arguments.surrogates):
                cheap = surrogate(arguments.cache, label) if label != "none" else None
                found = learn.learn(inputs, settings, 1, surrogate=cheap)
                sys.stdout.write(f"{label:22}{measure(true, found)}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(get_parser().parse_args())
