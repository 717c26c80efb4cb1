import itertools

import numpy as np
import pytest

from fewtomany import seeds
from fewtomany.covariance import linear

FACTOR = np.random.default_rng(0).standard_normal((6, 2, 12))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 70), (63, 65), (64, 128), (100, 300)])
def test_a_map_has_the_same_bits_in_any_shard(dtype, start, stop):
    factor = FACTOR.astype(dtype)
    whole = linear.draw(factor, 3, ("draw", "x"), 0, 300)
    part = linear.draw(factor, 3, ("draw", "x"), start, stop)
    assert part.shape == (stop - start, 2, 12)
    assert part.dtype == dtype
    np.testing.assert_array_equal(part, whole[start:stop])


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 70), (64, 128), (100, 300)])
def test_products_are_of_whole_blocks_at_absolute_places(monkeypatch, start, stop):
    """Whatever the processor makes of a product with fewer rows."""
    asked, draw = [], seeds.standard_normal

    def standard_normal(seed, key, first, last, size):
        asked.append((first, last))
        return draw(seed, key, first, last, size)

    monkeypatch.setattr(seeds, "standard_normal", standard_normal)
    linear.draw(FACTOR, 3, ("draw", "x"), start, stop)
    first, last = start // linear.BLOCK * linear.BLOCK, -(-stop // linear.BLOCK) * linear.BLOCK
    edges = range(first, last + 1, linear.BLOCK)
    assert asked == list(itertools.pairwise(edges))


def test_maps_are_the_linear_map_of_their_own_numbers():
    numbers = seeds.standard_normal(3, ("draw", "x"), 70, 72, 6)
    expected = np.einsum("kz,zsp->ksp", numbers, FACTOR)
    np.testing.assert_allclose(linear.draw(FACTOR, 3, ("draw", "x"), 70, 72), expected, rtol=1e-12)


def test_covariance_of_many_draws_is_that_of_the_factor():
    n_maps = 20000
    matrix = FACTOR.reshape(6, -1)
    covariance = matrix.T @ matrix
    maps = linear.draw(FACTOR, 3, ("draw", "x"), 0, n_maps).reshape(n_maps, -1)
    variance = np.diag(covariance)
    error = np.sqrt((covariance**2 + np.outer(variance, variance)) / n_maps)
    assert np.abs((maps.T @ maps / n_maps - covariance) / error).max() < 5
