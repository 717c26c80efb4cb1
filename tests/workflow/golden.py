"""What the tiny campaign's products looked like when their stage's version was set.

PYTHONPATH=scripts python tests/workflow/golden.py results/tiny > tests/workflow/golden.json
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np

from fewtomany import versions

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
    "judge": "validation/comparison.h5",
}


# A descent amplifies rounding, so what is judged of its maps is no fixed number.
EMULATED = ("average-10", "single-10")


def summaries(results: Path) -> dict[str, dict]:
    """Version of each stage, and shape and rms of each array of its product."""
    return {
        stage: {"version": versions.STAGES[stage].version, "arrays": _arrays(results / product)}
        for stage, product in PRODUCTS.items()
    }


def _arrays(path: Path) -> dict[str, list]:
    found = {}

    def visit(name, item):
        if any(dataset in name for dataset in EMULATED):
            return
        if isinstance(item, h5py.Dataset) and np.issubdtype(item.dtype, np.number):
            rms = np.sqrt(np.mean(np.abs(item[()]).astype(float) ** 2)) if item.size else 0.0
            found[name] = [list(item.shape), float(f"{rms:.6g}")]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


if __name__ == "__main__":
    lines = (f' "{k}": {json.dumps(v)}' for k, v in summaries(Path(sys.argv[1])).items())
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
