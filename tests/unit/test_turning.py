import healpy as hp
import numpy as np
import pytest

from fewtomany.covariance import choice, turning
from fewtomany.errors import UserError

NSIDE = 4
N_PIX = 12 * NSIDE**2
RANDOM = np.random.default_rng(0)
MAPS = RANDOM.standard_normal((3, 2, N_PIX))


def without_nyquist(maps):
    """Maps whose turns lose nothing."""
    coefficients = turning.analyse(maps)
    for rings, pixels in turning.ring_groups(turning.nside_of(maps)):
        coefficients[..., rings, pixels.shape[1] // 2] = 0
    return turning.synthesize(coefficients)


@pytest.mark.parametrize("nside", [1, 2, 8])
def test_rings_cover_the_sky_once(nside):
    groups = list(turning.ring_groups(nside))
    pixels = np.concatenate([pixels.ravel() for _, pixels in groups])
    np.testing.assert_array_equal(np.sort(pixels), np.arange(12 * nside**2))
    theta, _ = turning.directions(nside)
    for rings, pixels in groups:
        assert (np.ptp(theta[pixels], axis=1) < 1e-12).all()
        assert (np.argsort(theta[pixels[:, 0]]) == np.argsort(rings)).all()


def test_a_full_pixel_of_a_ring_is_an_exact_shift():
    for _, pixels in turning.ring_groups(NSIDE):
        turned = turning.turn(MAPS, 360 / pixels.shape[1])
        expected = np.roll(MAPS[..., pixels], 1, axis=-1)
        np.testing.assert_allclose(turned[..., pixels], expected, atol=1e-12)


def test_a_turn_back_restores_all_but_the_nyquist_term():
    smooth = without_nyquist(MAPS)
    np.testing.assert_allclose(turning.turn(turning.turn(smooth, 33.0), -33.0), smooth, atol=1e-12)
    rest = MAPS - smooth
    back = turning.turn(turning.turn(rest, 33.0), -33.0)
    for _, pixels in turning.ring_groups(NSIDE):
        left = np.cos(np.deg2rad(33.0) * pixels.shape[1] / 2) ** 2
        np.testing.assert_allclose(back[..., pixels], left * rest[..., pixels], atol=1e-12)


def test_a_whole_circle_and_zonal_maps_change_nothing():
    np.testing.assert_allclose(turning.turn(MAPS, 360.0), MAPS, atol=1e-12)
    zonal = np.cos(turning.directions(NSIDE)[0]) ** 3
    np.testing.assert_allclose(turning.turn(zonal, 17.0), zonal, atol=1e-12)


def test_inner_products_are_kept():
    smooth = without_nyquist(MAPS).reshape(3, -1)
    turned = turning.turn(smooth.reshape(3, 2, -1), 71.0).reshape(3, -1)
    np.testing.assert_allclose(turned @ turned.T, smooth @ smooth.T, rtol=1e-12)


def test_q_and_u_turn_as_harmonics_do():
    lmax, angle = 3, 25.0
    alm = RANDOM.standard_normal((3, hp.Alm.getsize(lmax), 2)) @ [1, 1j]
    alm[:, : lmax + 1] = alm[:, : lmax + 1].real
    alm[:, hp.Alm.getlm(lmax)[0] < 2] = 0
    maps = hp.alm2map(alm, NSIDE, lmax=lmax)
    m = hp.Alm.getlm(lmax)[1]
    expected = hp.alm2map(alm * np.exp(-1j * m * np.deg2rad(angle)), NSIDE, lmax=lmax)
    turned = turning.turn(maps, angle)
    for _, pixels in turning.ring_groups(NSIDE):
        if pixels.shape[1] // 2 > lmax:  # shorter rings alias
            np.testing.assert_allclose(turned[:, pixels], expected[:, pixels], atol=1e-10)


@pytest.mark.parametrize("nside", [1, 2, 4])
def test_reflections_of_known_functions(nside):
    theta, phi = turning.directions(nside)
    odd, even = np.sin(phi) + np.cos(2 * phi), np.cos(theta) + np.cos(theta) ** 2
    flipped = turning.flip(np.stack([odd, odd]), "QU")
    np.testing.assert_allclose(flipped[0], -np.sin(phi) + np.cos(2 * phi), atol=1e-12)
    np.testing.assert_allclose(flipped[1], -flipped[0])
    mirrored = turning.mirror(np.stack([even, even]), "TU")
    np.testing.assert_allclose(mirrored[0], -np.cos(theta) + np.cos(theta) ** 2, atol=1e-12)
    np.testing.assert_allclose(mirrored[1], -mirrored[0])


@pytest.mark.parametrize("operation", turning.OPERATIONS)
def test_a_reflection_twice_is_none(operation):
    twice = turning.reflect(turning.reflect(MAPS, "QU", operation), "QU", operation)
    np.testing.assert_array_equal(twice, MAPS)


def test_a_flip_reverses_turns():
    left = turning.flip(turning.turn(MAPS, 20.0), "QU")
    right = turning.turn(turning.flip(MAPS, "QU"), -20.0)
    np.testing.assert_allclose(left, right, atol=1e-12)


def test_maps_of_a_part_of_the_sky_are_refused():
    with pytest.raises(UserError, match="100 pixels"):
        turning.turn(np.zeros((2, 100)), 1.0)
    with pytest.raises(UserError, match="2 components, expected Q"):
        turning.mirror(np.zeros((2, 12)), "Q")


@pytest.mark.parametrize("n_maps", [4, 5, 6, 10, 23])
def test_every_input_is_held_out_once(n_maps):
    """And three are left at least: of two less their mean one is the other with its sign turned."""
    folds = choice.held_out(n_maps)
    assert sorted(np.concatenate(folds)) == list(range(n_maps))
    assert n_maps - max(map(len, folds)) >= 3
