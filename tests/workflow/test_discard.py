"""What was damaged and discarded is planned again by the same command."""

import os
from pathlib import Path

import pytest

from fewtomany import config
from fewtomany.jobs import discarded, status

DISCARDED = {
    "simulation/response.h5": "merge_response",
    "datasets/original/maps-0000000-0000050.h5": "simulate_maps",
    "datasets/gaussian-10/maps-0000000-0000050.h5": "draw_isotropic",
    "covariances/original.h5": "covariance",
    "reference/factor.h5": "factor",
    "emulation/average-10/model.h5": "prepare_emulation",
    "emulation/average-10/shards/batches-*.json": "emulate",
    "measurements/original/spectra-0000000-0000050.h5": "measure",
    "validation/parts/compare.json": "compare",
    "validation/comparison.h5": "judge",
    "validation/metrics.json": "judge",
    "figures/maps.pdf": "plot",
    "report.html": "report",
}


@pytest.mark.parametrize(("product", "rule"), DISCARDED.items())
def test_a_discarded_product_is_made_again(instant, monkeypatch, product, rule):
    monkeypatch.chdir(instant.folder)
    campaign = config.load("results/tiny/campaign.yaml")
    path = next((instant.folder / "results" / "tiny").glob(product))
    content, times = path.read_bytes(), path.stat()
    status.discard(campaign, [path.relative_to(instant.folder)], [])
    try:
        assert instant.jobs()[rule] >= 1
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert discarded.missing(campaign) == []


def test_products_of_datasets_that_are_gone_are_not_made_again(one_day, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    campaign = one_day()
    folder = Path("results/one-day")
    folder.mkdir(parents=True)
    kept = [folder / "covariances/input-4.h5", folder / "reference/factor.h5"]
    gone = [folder / "covariances/input-7.h5", folder / "datasets/input-7/maps-0.h5"]
    discarded.add(campaign, [*kept, *gone])
    assert discarded.missing(campaign) == [str(path) for path in kept]
