"""The mask of a campaign: which pixels of simulated maps are compared and emulated."""

import healpy
import numpy as np
import pytest

from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import store


def write_mask(path, values, **options):
    healpy.write_map(path, values, dtype=np.float64, **{"coord": "G", **options})
    return path


def test_simulated_maps_are_cut_to_the_mask(tmp_path, one_day):
    mask = np.zeros(768)
    mask[100:300] = np.linspace(1, 2, 200)
    path = write_mask(tmp_path / "mask.fits", mask)
    campaign = one_day(maps={"mask": str(path)})
    maps = np.random.default_rng(1).standard_normal((2, 3, 768))
    store.write_maps(tmp_path / "maps.h5", store.MapSet(maps, "TQU", "original"))
    found = observed.read_maps(tmp_path / "maps.h5", campaign)
    np.testing.assert_array_equal(found.maps, maps[:, 1:, 100:300])
    np.testing.assert_array_equal(found.sky.weights, mask[100:300])
    assert observed.cut(found, campaign) is found
    assert observed.read_maps(tmp_path / "maps.h5", one_day()).sky.is_full


def test_a_mask_may_be_finer_nested_and_unseen(tmp_path):
    fine = np.where(np.arange(768) < 200, 1.0, healpy.UNSEEN)
    ring = observed.read_mask(write_mask(tmp_path / "ring.fits", fine), 4, "galactic")
    nested = write_mask(tmp_path / "nested.fits", healpy.reorder(fine, r2n=True), nest=True)
    assert observed.read_mask(nested, 4, "galactic") == ring
    children = healpy.ud_grade(np.maximum(fine, 0), 4)
    np.testing.assert_array_equal(ring.pixels, np.flatnonzero(children >= 0.5))
    assert ring.weights is None


@pytest.mark.parametrize(
    ("values", "frame", "message"),
    [
        (-np.ones(192), "galactic", "weights must be finite and 0 or more; found -1"),
        (np.zeros(192), "galactic", "has no weight above 0"),
    ],
)
def test_impossible_masks_are_named(tmp_path, values, frame, message):
    path = write_mask(tmp_path / "mask.fits", values)
    with pytest.raises(UserError, match=rf"maps.mask: .*mask\.fits: .*{message}"):
        observed.read_mask(path, 4, frame)
