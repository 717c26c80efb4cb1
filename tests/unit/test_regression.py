"""Starts that follow given channels: known answers of correlated isotropic maps."""

import numpy as np
import pytest

from fewtomany.emulator.regression import Regression
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic

NSIDE, CORRELATION = 8, 0.8
BOTH = Components("QU", ("a", "b"))
SKY = Sky(NSIDE)


def drawn(n_maps: int, seed: int) -> np.ndarray:
    """Q and U of two channels of correlation 0.8, spectra of white noise."""
    white = np.random.default_rng(seed).standard_normal((2, n_maps, 2, 12 * NSIDE**2))
    a, other = (
        isotropic.draw(maps, "QU", seed, (name,), 0, n_maps)
        for name, maps in zip("ab", white, strict=True)
    )
    return np.concatenate([a, CORRELATION * a + np.sqrt(1 - CORRELATION**2) * other], axis=1)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_the_other_channel_gets_the_correlation_and_keeps_its_power():
    regression = Regression(drawn(40, 1), BOTH, (0, 1), SKY)
    starts, given = drawn(30, 2), drawn(30, 3)[:, :2]
    others = starts[:, 2:] + regression(given - starts[:, :2])
    assert correlation(given, starts[:, 2:]) == pytest.approx(0, abs=0.05)
    assert correlation(given, others) == pytest.approx(CORRELATION, abs=0.03)
    assert others.std() == pytest.approx(starts[:, 2:].std(), rel=0.03)


def test_the_second_channel_may_be_the_given_one():
    regression = Regression(drawn(40, 1), BOTH, (2, 3), SKY)
    assert regression.others.channels == ("a",)
    starts, given = drawn(30, 2), drawn(30, 3)[:, 2:]
    others = starts[:, :2] + regression(given - starts[:, 2:])
    assert correlation(given, others) == pytest.approx(CORRELATION, abs=0.03)


def test_what_was_drawn_already_is_not_moved():
    regression = Regression(drawn(40, 1), BOTH, (0, 1), SKY)
    assert (regression(np.zeros((2, 2, SKY.n_pix))) == 0).all()
