"""Masks keep the same pixels whatever type their numbers have in the file.

healpy's ``ud_grade`` keeps the type: of booleans a coarse pixel is "any child", of integers "all
children" (docs/ecosystem.md). Ours is kept where at least half of its area is.
"""

import healpy
import numpy as np
import pytest
from astropy.io import fits

from fewtomany.maps.ingest import masks

FINE = np.random.default_rng(4).random(192) < 0.4


@pytest.mark.parametrize(
    ("form", "dtype"), [("L", bool), ("B", np.uint8), ("I", np.int16), ("E", np.float32)]
)
def test_half_of_the_area_decides(tmp_path, form, dtype):
    table = fits.BinTableHDU.from_columns([fits.Column("MASK", form, array=FINE.astype(dtype))])
    table.header.update(PIXTYPE="HEALPIX", ORDERING="RING", NSIDE=4, COORDSYS="G")
    table.writeto(tmp_path / "mask.fits")
    found = masks.read(tmp_path / "mask.fits", 2, "galactic")
    children = FINE[healpy.nest2ring(4, np.arange(192))].reshape(48, 4)
    expected = children.mean(axis=1)[healpy.ring2nest(2, np.arange(48))]
    assert np.count_nonzero((expected > 0) & (expected < 0.5)) > 0
    np.testing.assert_array_equal(found > 0, expected >= 0.5)


@pytest.mark.parametrize("mark", [0, np.nan, healpy.UNSEEN])
def test_what_stands_outside_a_mask_is_zero(tmp_path, mark):
    """NaN in the masks of BICEP/Keck (bk14_mask_cel_n0512.fits)."""
    weights = np.where(FINE, 0.7, mark)
    healpy.write_map(tmp_path / "mask.fits", weights, dtype=np.float64, coord="C")
    found = masks.read(tmp_path / "mask.fits", 4, "equatorial")
    np.testing.assert_array_equal(found, 0.7 * FINE)


def test_weights_stay_weights_at_another_resolution(tmp_path):
    """Coarser pixels have the mean of those that they consist of."""
    weights = np.random.default_rng(1).uniform(0.2, 0.8, 12 * 8**2)
    path = tmp_path / "weights.fits"
    healpy.write_map(path, weights, coord="G", dtype=np.float64)
    found = masks.read(path, 4, "galactic")
    np.testing.assert_allclose(found, healpy.ud_grade(weights, 4), rtol=1e-6)
