"""Which pixels were observed, and their order."""

import healpy
import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.maps.flat import Flat
from fewtomany.maps.sky import Sky

PIXELS = np.array([0, 3, 4, 20, 21, 47])
SKIES = {
    "full": Sky(2),
    "partial": Sky(2, PIXELS),
    "weighted": Sky(2, PIXELS, np.array([1.0, 2, 3, 4, 5, 9])),
}


@pytest.fixture(params=SKIES)
def sky(request):
    return SKIES[request.param]


def test_the_full_sky_is_every_pixel():
    sky = Sky(2)
    assert (sky.is_full, sky.n_pix, sky.fraction) == (True, 48, 1.0)
    np.testing.assert_array_equal(sky.indices, np.arange(48))
    np.testing.assert_array_equal(sky.weight, np.ones(48))


def test_a_part_of_the_sky_is_its_pixels():
    sky = SKIES["weighted"]
    assert (sky.is_full, sky.n_pix, sky.fraction) == (False, 6, 6 / 48)
    np.testing.assert_array_equal(sky.indices, PIXELS)
    np.testing.assert_allclose(sky.weight, np.array([1, 2, 3, 4, 5, 9]) / 4)
    assert sky.weight.mean() == pytest.approx(1)


def test_nested_order_and_back_is_the_same_map(sky):
    maps = np.random.default_rng(0).standard_normal((3, 2, sky.n_pix))
    nested = sky.to_nested(maps)
    assert nested.shape == (sky.n_pix, 3, 2)
    np.testing.assert_array_equal(sky.from_nested(nested), maps)


def test_nested_order_is_that_of_healpix(sky):
    """A map of every pixel's NESTED index ascends; healpy's own reordering agrees."""
    indices = healpy.ring2nest(2, sky.indices)
    np.testing.assert_array_equal(sky.to_nested(indices), sky.nested)
    assert (np.diff(sky.nested) > 0).all()
    whole = np.random.default_rng(1).standard_normal(48)
    expected = healpy.reorder(whole, r2n=True)[sky.nested]
    np.testing.assert_array_equal(sky.to_nested(sky.restrict(whole)), expected)


def test_children_are_neighbours_in_nested_order():
    sky = Sky(2)
    parents = sky.to_nested(healpy.ud_grade(np.arange(12.0), 2)).reshape(12, 4)
    assert (parents == parents[:, :1]).all()


def test_what_is_expanded_is_restricted_again(sky):
    maps = np.random.default_rng(2).standard_normal((2, sky.n_pix)).astype(np.float32)
    whole = sky.expand(maps)
    assert whole.shape == (2, 48)
    assert whole.dtype == maps.dtype
    np.testing.assert_array_equal(sky.restrict(whole), maps)
    others = np.setdiff1d(np.arange(48), sky.indices)
    assert healpy.mask_bad(whole[:, others].ravel()).all()
    assert (sky.expand(maps, fill=0)[:, others] == 0).all()


def test_vectors_point_at_the_pixels(sky):
    found = healpy.vec2pix(2, *sky.vectors.T)
    np.testing.assert_array_equal(found, sky.indices)


def test_the_sky_of_a_mask():
    assert Sky.of_mask(np.ones(48)) == Sky(2)
    assert Sky.of_mask(np.full(48, 7.0)).weights is None
    mask = np.zeros(48)
    mask[PIXELS] = 1
    assert Sky.of_mask(mask) == SKIES["partial"]
    mask[PIXELS] = [1, 2, 3, 4, 5, 9]
    assert Sky.of_mask(mask) == SKIES["weighted"]
    everywhere = Sky.of_mask(np.arange(1.0, 49))
    assert everywhere.is_full
    assert everywhere.weight[-1] == pytest.approx(48 / 24.5)


@pytest.mark.parametrize("bad", [np.zeros(48), -np.ones(48), np.full(48, np.nan)])
def test_masks_without_a_meaning_are_refused(bad):
    with pytest.raises(UserError, match="a mask needs weights of 0 or more, and one above 0"):
        Sky.of_mask(bad)


def test_skies_are_equal_by_what_they_hold():
    assert Sky(2) == Sky(2, np.arange(48))
    assert SKIES["partial"] != SKIES["weighted"]
    assert Sky(2) != Sky(4)
    assert Sky(2) != SKIES["partial"]
    assert Sky(2, PIXELS, np.full(6, 3.0)) == SKIES["partial"]
    assert Sky(2) != "sky"


@pytest.mark.parametrize(
    ("nside", "pixels", "message"),
    [
        (3, None, "nside 3 is not allowed; expected a power of 2"),
        (0, None, "nside 0 is not allowed"),
        (2, [], "at least one observed pixel"),
        (2, [3, 1], "no ascending RING pixels of nside 2"),
        (2, [1, 1], "no ascending RING pixels"),
        (2, [0, 48], "no ascending RING pixels"),
        (2, [-1, 4], "no ascending RING pixels"),
    ],
)
def test_impossible_skies_are_refused(nside, pixels, message):
    with pytest.raises(UserError, match=message):
        Sky(nside, None if pixels is None else np.array(pixels))


@pytest.mark.parametrize("weights", [[1.0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, np.nan]])
def test_weights_must_be_one_above_0_for_every_pixel(weights):
    for grid in (Sky, lambda _, *observed: Flat((8, 8), True, *observed)):
        with pytest.raises(UserError, match="weights"):
            grid(2, PIXELS, np.array(weights, float))
