"""Our transform under the published code's conventions, against its own output.

``tests/data/healpixml-1.0.0.npz`` was made with HealpixML 1.0.0 on three maps of
nside 16. Its cross S3 and S4 are wrong but where all inner scales are the outer one
(it overwrites the finer moduli), so only those are compared.
"""

from pathlib import Path

import numpy as np
import published
import pytest
import tensorflow as tf

from fewtomany.maps.components import Components
from fewtomany.scattering import covariance, harmonics

VECTORS = np.load(Path(__file__).parents[1] / "data/healpixml-1.0.0.npz")
N_SCALES = 4


@pytest.mark.parametrize("nside", [2, 4])
def test_kernels(nside):
    neighbours, smoothing, psi = published.kernels(nside)
    n_pix = len(neighbours)
    rows, places = np.nonzero(neighbours >= 0)
    columns = neighbours[rows, places]
    dense = np.zeros((n_pix, n_pix, 5), complex)
    dense[rows, columns, :4] = psi[rows, places]
    dense[rows, columns, 4] = smoothing[rows, places]
    expected = np.zeros_like(dense)
    for name, factor in (("wr", 1), ("wi", 1j)):
        index = VECTORS[f"op_{name}_{nside}_idx"]
        expected[index[:, 0] // 4, index[:, 1], index[:, 0] % 4] += (
            factor * VECTORS[f"op_{name}_{nside}_val"]
        )
    index = VECTORS[f"op_ws_{nside}_idx"]
    expected[index[:, 0], index[:, 1], 4] = VECTORS[f"op_ws_{nside}_val"]
    np.testing.assert_allclose(dense, expected, atol=1e-12)


def _statistics(components, oriented):
    """Statistics in the published layout, by their published names, per map."""
    chosen = ["QU".index(name) for name in components]
    maps = VECTORS["maps_normalized_nest"][:, chosen].transpose(2, 0, 1)
    source = None
    if oriented:
        source = VECTORS["orientation_source_map_normalized_nest"][chosen].T.squeeze()
    scales = published.build_scales(16, N_SCALES, source, "float64")
    values = covariance.coefficients(tf.constant(maps), scales, maps.shape[1], raw=True)
    table = covariance.to_frame(values, components)

    def pick(statistic, *indices):
        return table.loc[(statistic, components, *indices)].to_numpy()

    return pick


def _compare(pick, prefix, name, labels):
    """Largest deviation over the published array, relative to its largest element."""
    expected = VECTORS[f"{prefix}_{name}"][:, 0]
    found = np.full(expected.shape, np.nan, complex)
    for place, label in labels:
        found[(slice(None), *place)] = pick(*label)
    known = np.isfinite(found)
    assert known.any()
    return np.abs(found - expected)[known].max() / np.abs(expected[known]).max()


def _labels(only_diagonal=False):
    """(place in the published array, our label) for S1, S2, S3 and S4."""
    every = range(4)
    first = [((j, g), (j, g, -1, -1, -1, -1)) for j in range(N_SCALES) for g in every]
    third, fourth = [], []
    n3 = n4 = 0
    for j3 in range(N_SCALES):
        for j2 in range(j3 + 1):
            if not only_diagonal or j2 == j3:
                third += [((n3, m, c), (j3, m, j2, c, -1, -1)) for m in every for c in every]
            n3 += 1
            for j1 in range(j2 + 1):
                if not only_diagonal or j1 == j2 == j3:
                    fourth += [
                        ((n4, m, c2, c1), (j3, m, j1, c1, j2, c2))
                        for m in every
                        for c2 in every
                        for c1 in every
                    ]
                n4 += 1
    return {"S1": first, "S2": first, "S3": third, "S3P": third, "S4": fourth}


@pytest.mark.parametrize("oriented", [False, True])
@pytest.mark.parametrize("component", ["Q", "U"])
def test_auto_coefficients(component, oriented):
    pick = _statistics(component, oriented)
    prefix = f"{component}_{'cmat' if oriented else 'nocmat'}"
    for name in ("S1", "S2", "S3", "S4"):
        labels = [(place, (name, *label)) for place, label in _labels()[name]]
        assert _compare(pick, prefix, name, labels) < 1e-9, name


@pytest.mark.parametrize("oriented", [False, True])
def test_cross_coefficients(oriented):
    pick = _statistics("QU", oriented)
    prefix = f"X_{'cmat' if oriented else 'nocmat'}"
    ours = {"S3": "S3", "S3P": "S3'", "S4": "S4"}
    for name in ("S3", "S3P", "S4"):
        labels = [(place, (ours[name], *label)) for place, label in _labels(True)[name]]
        assert _compare(pick, prefix, name, labels) < 1e-9, name
    power = [(place, ("S2", *label)) for place, label in _labels()["S2"]]
    assert _compare(lambda *label: pick(*label).real, prefix, "S2", power) < 1e-9


def test_orientation_matrices():
    source = VECTORS["orientation_source_map_normalized_nest"][0]
    for scale in range(N_SCALES):
        neighbours, _, psi = published.kernels(16 >> scale)
        first, _ = published._matrices(neighbours, psi, source)
        expected = VECTORS[f"cmat_Q_{scale}"].reshape(-1, 4, 4).swapaxes(1, 2)
        np.testing.assert_allclose(first, expected, atol=1e-7)
        source = source.reshape(-1, 4).mean(axis=1)


def test_spectra():
    maps = tf.constant(VECTORS["maps_nest"].transpose(2, 0, 1))
    spectra = harmonics.spectra(
        None, harmonics.spin_transform(16, "float64"), maps, Components("QU"), l1="root"
    ).numpy()
    for place, name in enumerate(("cl_L2", "cl_L1")):
        expected = VECTORS[name][..., 2:]
        atol = 1e-10 * np.abs(expected).max()
        np.testing.assert_allclose(spectra[:, place, :, 2:], expected, atol=atol)
