"""What the tiny campaign's products looked like when their stage's version was set.

Of what is made of emulated maps (recommend, trust, diversity) no number is fixed here, since a
descent amplifies rounding; tests/science/test_golden_parts.py makes them from maps that are.

PYTHONPATH=scripts python tests/workflow/golden.py results/tiny > tests/workflow/golden.json
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np

from fewtomany.config import versions
from fewtomany.emulator import archive

PRODUCTS = {
    "simulate_response": "simulation/response/chunks-0000000-0000060.h5",
    "merge_response": "simulation/response.h5",
    "simulate_maps": "datasets/original/maps-0000000-0000050.h5",
    "exact_covariance": "covariances/exact.h5",
    "covariance": "covariances/original.h5",
    "factor": "reference/factor.h5",
    "draw": "datasets/reference/maps-0000000-0000050.h5",
    "draw_isotropic": "datasets/gaussian-10/maps-0000000-0000050.h5",
    "prepare_emulation": "emulation/average-10/model.h5",
    "emulate": "emulation/average-10/batches/0000/batch-0000000.h5",
    "assemble": "datasets/single-10/maps-0000000-0000050.h5",
    "measure_spectra": "measurements/original/spectra-0000000-0000050.h5",
    "measure_scattering": "measurements/original/scattering-0000000-0000050.h5",
    "measure_minkowski": "measurements/original/minkowski-0000000-0000050.h5",
    "measure_distribution": "measurements/original/distribution-0000000-0000050.h5",
    "measure_wavelets": "validation/wavelets.h5",
    "compare": "validation/parts/compare.json",
    "judge": "validation/comparison.h5",
}


EMULATED = ("average-10", "single-10")
"""A descent amplifies rounding, so what is judged of its maps is no fixed number."""

FIRST_STEPS = 5
"""Of a descent, whose losses are still those of any machine; its maps are not."""

ROUNDING, OF_MODES = 1e-3, 0.015
"""Relative errors: of what another processor makes of the same sums, and of what rests on the last
of some leading modes, whose neighbour is nearly as strong."""

ROUGH = {
    "maps": 0.02,
    "input-10/kl:nercome": 0.5,
    "input-10/kl:without-emulation": 0.05,
    "input-10/correlation_error:without-emulation": 0.02,
}
"""Relative error of what is made of emulated maps, and of models whose best split or prior
another processor's rounding may change: of these the rms alone is known."""


def summaries(results: Path) -> dict[str, dict]:
    """Version of each stage; shape, rms and a projection of each array of its product.

    The projection on fixed random numbers, over their norm and the rms, changes where values
    trade places, as neither shape nor rms does.
    """
    return {
        stage: {"version": versions.STAGES[stage].version, "arrays": _arrays(results / product)}
        for stage, product in PRODUCTS.items()
    }


def _arrays(path: Path) -> dict[str, list]:
    found, batch = {}, False

    def visit(name, item):
        if any(dataset in name for dataset in EMULATED) or (batch and name != "losses"):
            return
        if isinstance(item, h5py.Dataset) and np.issubdtype(item.dtype, np.number):
            values = item[:FIRST_STEPS] if batch else item[()]
            found[name] = [list(values.shape), *summary(values)]

    if path.suffix == ".json":
        return _numbers(json.loads(path.read_text()))
    with h5py.File(path) as file:
        batch = file.attrs["format"] == archive.KIND
        file.visititems(visit)
    return found


def summary(values: np.ndarray) -> list[float]:
    """Root mean square, and projection on random numbers in units of its own error."""
    values = np.asarray(values).ravel()
    rms = np.sqrt(np.mean(np.abs(values).astype(float) ** 2)) if values.size else 0.0
    values = np.concatenate([values.real, values.imag]) if np.iscomplexobj(values) else values
    values = values.astype(float)
    numbers = np.random.default_rng(values.size).standard_normal(values.size)
    scale = rms * np.sqrt(values.size)
    projection = values @ numbers / scale if scale > 0 else 0.0
    return [float(f"{rms:.6g}"), float(f"{projection:.5g}")]


def _numbers(part: dict) -> dict[str, list]:
    """The metrics of a part that no descent enters, each by its name."""
    entries = {
        f"{entry['dataset']}/{entry['name']}": entry["value"]
        for entry in part["metrics"]
        if entry["dataset"] not in EMULATED and entry["value"] is not None
    }
    return {name: [[], float(f"{entries[name]:.6g}"), 0.0] for name in sorted(entries)}


if __name__ == "__main__":
    lines = (f' "{k}": {json.dumps(v)}' for k, v in summaries(Path(sys.argv[1])).items())
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
