"""Minkowski functionals of polarization on SO(3) against known answers."""

import functools

import healpy as hp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic
from fewtomany.validation.measure import minkowski

NSIDE, LMAX = 16, 20
CL = np.where(np.arange(LMAX + 1) >= 2, np.exp(-((np.arange(LMAX + 1) / 6) ** 2)), 0)


def gaussian(rng):
    """One isotropic Gaussian (Q, U) map with EE = BB = CL."""
    ell, m = hp.Alm.getlm(LMAX)
    normals = rng.standard_normal((2, 2, ell.size))
    alms = np.where(m == 0, normals[0], (normals[0] + 1j * normals[1]) / np.sqrt(2))
    return np.array(hp.alm2map_spin(list(alms * np.sqrt(CL[ell])), NSIDE, 2, LMAX))


def of_one_angle(theta):
    """P = sin²θ, the E mode of ℓ = 2, m = 0, and its covariant derivatives."""
    sine, cosine = np.sin(theta), np.cos(theta)
    trace, half = -2 * sine**2, 2 * (cosine**2 - sine**2) + 2 * cosine**2
    first = 2 * sine * cosine, 2j * sine * cosine
    return first, ((trace + half) / 2, (trace - half) / 2, 1j * half / 2)


def test_derivatives_of_a_known_field():
    """The second ones lie farther off, as the analysis leaves a residual at high ℓ."""
    theta, _ = hp.pix2ang(NSIDE, np.arange(hp.nside2npix(NSIDE)))
    found = minkowski.derivatives(np.array([np.sin(theta) ** 2, 0 * theta]))
    for accuracy, some, known in zip((0.003, 0.3), found, of_one_angle(theta), strict=True):
        for a, b in zip(some, known, strict=True):
            assert np.abs(a - b).max() < accuracy
            assert np.sqrt(np.mean(np.abs(a - b) ** 2)) < accuracy / 10


def test_derivatives_turn_with_the_sky():
    """A turn about the pole by a quarter keeps the pixels; the derivatives go with them."""
    sky = gaussian(np.random.default_rng(1))
    theta, phi = hp.pix2ang(NSIDE, np.arange(sky.shape[1]))
    there = hp.ang2pix(NSIDE, theta, phi + np.pi / 2)
    for before, after in zip(
        minkowski.derivatives(sky), minkowski.derivatives(sky[:, there]), strict=True
    ):
        for a, b in zip(before, after, strict=True):
            assert np.abs(b - a[there]).max() < 1e-8 * np.abs(a).max()


@functools.cache
def mean_gradient(a, b):
    """E|g| and E[gᵀ diag(a, a, b) g / |g|²] of a Gaussian vector of variances a, a, b."""

    def mean(function):
        def over_r(z):
            return quad(lambda r: r * np.exp(-r * r / 2) * function(a * r * r, b * z * z), 0, 12)[0]

        return quad(lambda z: norm.pdf(z) * over_r(z), -12, 12)[0]

    length = mean(lambda xy, z: np.sqrt(xy + z))
    return length, mean(lambda xy, z: (a * xy + b * z) / (xy + z))


def expected(u):
    """Functionals of an isotropic Gaussian field of unit variance at a threshold.

    V1 and V2 follow from the independence of the field and its gradient (variances a, a, b
    in the frame of unit vectors) and E[Hessian | f = u] = -u Cov(gradient). V3 follows from
    Gauss-Bonnet: the Euler characteristic by the Gaussian kinematic formula in the metric of
    the field (Adler & Taylor 2007), less the curvature 1/8 of the space itself.
    """
    ell = np.arange(LMAX + 1)
    weight = (2 * ell + 1) * CL
    horizontal = np.sum(weight * (ell * (ell + 1) - 4)) / weight.sum() / 2  # E[f_1²]
    a, b = horizontal / 2, 4 / 2

    length, along = mean_gradient(a, b)
    v1 = norm.pdf(u) * length / 6
    v2 = u * norm.pdf(u) * (2 * a + b - along) / (6 * np.pi)
    x, y = horizontal, 4.0  # squared lengths x, x, y of the invariant frame
    scalar_curvature = (4 * x * y - y**2) / (2 * x**2 * y)
    volume = np.sqrt(x**2 * y) / 2**1.5
    euler = (u**2 - 1) * norm.pdf(u) / (2 * np.pi) ** 1.5 * volume
    euler += norm.pdf(u) / (2 * np.pi) ** 0.5 * volume * scalar_curvature / (4 * np.pi)
    v3 = euler - 6 * v1 / 8 / (4 * np.pi)
    return np.array([norm.sf(u), v1, v2, v3])


@pytest.fixture(scope="module")
def mean_of_gaussian_maps():
    rng = np.random.default_rng(2)
    return np.mean([minkowski.measure(gaussian(rng)) for _ in range(150)], axis=0)


@pytest.mark.parametrize("number", range(4))
def test_gaussian_fields_have_their_analytic_functionals(mean_of_gaussian_maps, number):
    half = minkowski.STEP / 2
    nodes = [-half, -half / 2, 0, half / 2, half]
    weights = np.array([7, 32, 12, 32, 7]) / 90  # the mean over a bin
    if number == 0:
        nodes, weights = [0], [1]
    known = sum(
        weight * np.array([expected(u + node) for u in minkowski.THRESHOLDS])[:, number]
        for node, weight in zip(nodes, weights, strict=True)
    )
    if number == 2:
        known[0] = 0
    found = mean_of_gaussian_maps[number]
    assert np.abs(found - known).max() < 0.03 * np.abs(known).max()


def test_amplitude_and_sign_do_not_matter():
    sky = gaussian(np.random.default_rng(3))
    known = minkowski.measure(sky)
    np.testing.assert_allclose(minkowski.measure(-3e-9 * sky), known, rtol=1e-9, atol=1e-12)


def test_maps_and_spectra_of_the_caller_are_left_alone():
    """pynkowski's theory rescales the spectrum that it is given."""
    sky = gaussian(np.random.default_rng(5))
    cl = np.ones((3, 3 * NSIDE))
    for given in (sky, cl):
        given.flags.writeable = False
    minkowski.measure(sky)
    isotropic.realize(cl, Components("QU"), np.random.default_rng(6), NSIDE)


def test_an_inhomogeneous_field_is_told_from_a_homogeneous_one():
    rng = np.random.default_rng(4)
    skies = [gaussian(rng) for _ in range(20)]
    theta, _ = hp.pix2ang(NSIDE, np.arange(skies[0].shape[1]))
    deep = np.where(theta < np.pi / 2, 2.0, 0.5)
    even, uneven = (np.array([minkowski.measure(s * d) for s in skies]) for d in (1, deep))
    delta = (uneven.mean(axis=0) - even.mean(axis=0)) / even.std(axis=0).clip(1e-9)
    assert (np.abs(delta).max(axis=1) > 3).all()


def test_functionals_of_every_channel_and_of_a_partial_sky():
    components = Components("TQU", ("a", "b"))
    maps = np.random.default_rng(3).standard_normal((6, 192))
    found = minkowski.measure_all(maps, components)
    assert minkowski.labels(components) == [f"{c}.V{k}" for c in "ab" for k in range(4)]
    np.testing.assert_array_equal(found[:4], minkowski.measure(maps[1:3]))
    np.testing.assert_array_equal(found[4:], minkowski.measure(maps[4:6]))
    assert minkowski.labels(Components("T")) == []
    whole = Sky(4, np.arange(192))
    np.testing.assert_allclose(
        minkowski.measure_all(maps, components, whole), found, rtol=1e-12, atol=1e-14
    )
    part = Sky(4, np.arange(40, 150))
    assert minkowski.measure(part.restrict(maps[1:3]), part)[0, 0] == pytest.approx(0.5, abs=1e-9)
