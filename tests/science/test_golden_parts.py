"""What recommend, trust and diversity make of fixed maps changes only with their version.

A descent amplifies rounding, so maps that are drawn take the place of emulated ones. To bring
golden_parts.json up to date: python -m pytest tests/science/test_golden_parts.py --golden
"""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

import diversity
import golden
import learn_symmetry
import measure
import recommend
import trust
from fewtomany import config
from fewtomany.config import versions
from fewtomany.files import store

GOLDEN = Path(__file__).with_name("golden_parts.json")
CONTENT = {
    "campaign": "fixed",
    "seed": 1,
    "maps": {"nside": 4},
    "inputs": {"mine": {"files": "none.npy", "n_maps": 12}},
    "emulated": {"many": {"input": "mine", "strategy": "average-target", "n_maps": 40}},
    "emulator": {"n_scales": 2},
    "validation": {"n_modes": 15},
    "trust": {"n_folds": 3, "n_maps": 30, "n_directions": 10},
}


@pytest.fixture(scope="module")
def products(tmp_path_factory, request):
    """Arrays of the three products, of maps with smooth correlations."""
    folder = tmp_path_factory.mktemp("fixed")
    (folder / "campaign.yaml").write_text(yaml.safe_dump(CONTENT))
    campaign = config.parse(CONTENT)
    rng = np.random.default_rng(1)
    pixel = np.arange(192)
    root = np.exp(-(((pixel[:, None] - pixel) / 6.0) ** 2)) * (1 + pixel / 192) * 1e-9
    for name in ("mine", "many", *campaign.folds):
        count = campaign.find(name).n_maps
        maps = rng.standard_normal((count, 2, 192)) @ root
        content = store.MapSet(maps * (1 if name == "mine" else 0.9), "QU", name)
        store.write_maps(folder / f"{name}.h5", content)

    def run(program, *options):
        options = ["--config", folder / "campaign.yaml", *options]
        program.main(program.get_parser().parse_args(list(map(str, options))))

    inputs, emulated = folder / "mine.h5", folder / "many.h5"
    output = folder / "recommended.h5"
    for name in ("mine", *campaign.folds):
        learnt = ("--output", folder / f"{name}-symmetry.h5", inputs)
        run(learn_symmetry, "--dataset", name, *learnt)
    folds = ("--folds", *(f"{name}={folder / name}.h5" for name in campaign.folds))
    folds += ("--learnt", *(f"{name}={folder / name}-symmetry.h5" for name in campaign.folds))
    of_maps = ("--inputs", inputs, "--emulated", emulated, *folds, "--output", output)
    run(recommend, "--dataset", "many", "--symmetry", folder / "mine-symmetry.h5", *of_maps)
    of_maps = ("--inputs", inputs, *folds, "--output", folder / "trust.json")
    run(trust, "--dataset", "many", *of_maps)
    for name in ("mine", "many"):
        of_maps = ("--statistic", "spectra", "--output", folder / f"{name}-cl.h5")
        run(measure, folder / f"{name}.h5", *of_maps)
    spectra = ("--spectra", *(f"{name}={folder / name}-cl.h5" for name in ("mine", "many")))
    maps = ("--maps", f"mine={inputs}", f"many={emulated}")
    run(diversity, *maps, *spectra, "--output", folder / "diversity.json")
    with h5py.File(output) as file:
        matrix = file["covariance"][()]
    found = {"recommend": matrix}
    for part in ("trust", "diversity"):
        metrics = json.loads((folder / f"{part}.json").read_text())["metrics"]
        found[part] = np.array([entry["value"] for entry in metrics])
    numbers = {
        stage: [versions.STAGES[stage].version, list(values.shape), *golden.summary(values)]
        for stage, values in found.items()
    }
    if request.config.getoption("--golden"):
        GOLDEN.write_text(json.dumps(numbers, indent=1) + "\n")
    return numbers


@pytest.mark.parametrize("stage", ["recommend", "trust", "diversity"])
def test_results_change_only_with_the_version_of_their_stage(products, stage):
    version, shape, rms, projection = json.loads(GOLDEN.read_text())[stage]
    assert products[stage][0] == version, "bring golden_parts.json up to date"
    changed = f"results have changed: raise the version of {stage} in fewtomany/versions.py"
    assert products[stage][1] == shape, changed
    assert products[stage][2] == pytest.approx(rms, rel=1e-3), changed
    assert products[stage][3] == pytest.approx(projection, abs=2e-3), changed
