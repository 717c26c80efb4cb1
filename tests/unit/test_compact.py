"""Covariances of many values: leading modes and a sparse factor of what they leave."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from fewtomany import covariance
from fewtomany.covariance import compact
from fewtomany.covariance.base import Dense
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

ROOT = Path(__file__).resolve().parents[2]
QU = Components("QU")


def divergence(model, truth):
    """Kullback–Leibler, nats."""
    ratio = np.linalg.solve(model, truth)
    return 0.5 * (np.trace(ratio) - len(truth) - np.linalg.slogdet(ratio)[1])


@pytest.fixture(scope="module")
def truth():
    """Neighbours are correlated, a few patterns go around the sphere, variances differ."""
    sky, random = Sky(8), np.random.default_rng(0)
    square = np.sum((sky.points[:, None] - sky.points) ** 2, axis=-1)
    near = np.kron([[1, 0.3], [0.3, 1]], 0.8 * np.exp(-np.sqrt(square) / 0.2) + 0.2 * (square == 0))
    patterns = random.standard_normal((20, len(near))) * np.linspace(2, 0.1, 20)[:, None]
    deviation = np.exp(0.3 * random.standard_normal(len(near)))
    return Dense(QU, sky, (near + patterns.T @ patterns) * np.outer(deviation, deviation))


@pytest.fixture(scope="module")
def found(truth):
    """Forty modes of 1,536 values, and the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "N_MODES", 40)
        return compact.of_model(truth, 1, ("a",))


def test_it_is_nearly_the_covariance(truth, found):
    assert len(found.modes) == 40
    leading, known = truth.leading(20), found.leading(20)
    np.testing.assert_allclose(known.values, leading.values, rtol=0.01)
    np.testing.assert_allclose(found.variance, truth.variance, rtol=0.02)
    none = np.diag(truth.variance)
    assert divergence(found.dense(), truth.covariance) < 0.1 * divergence(none, truth.covariance)
    x = truth.draw(3, ("x",), 0, 200).reshape(200, -1)
    assert np.sum(x * found.solve(x), axis=1).mean() / len(truth) == pytest.approx(1, abs=0.05)


def test_a_model_that_knows_its_variances_roughly_leaves_what_draws_say(truth, monkeypatch):
    """Of variances that modes take most of, noise is no small part of what is left."""
    monkeypatch.setattr(compact, "N_MODES", 40)
    rough = dataclasses.replace(truth)
    noise = np.random.default_rng(5).standard_normal(len(truth))
    object.__setattr__(rough, "variance", truth.variance * (1 + 0.15 * noise))
    found = compact.of_model(rough, 1, ("a",))
    x = truth.draw(3, ("x",), 0, 200).reshape(200, -1)
    assert np.sum(x * found.solve(x), axis=1).mean() / len(truth) == pytest.approx(1, abs=0.2)


def test_noise_is_added_without_a_matrix(truth, found, monkeypatch):
    noise = 0.5 * truth.variance
    expected = found.plus(noise)
    monkeypatch.setattr(compact, "FORMED", 100)
    added = found.plus(noise)
    assert isinstance(added, compact.Compact)
    np.testing.assert_allclose(added.variance, expected.variance, rtol=1e-6)
    x = expected.draw(3, ("x",), 0, 200).reshape(200, -1)
    chi2 = [np.sum(x * some.solve(x), axis=1) / len(truth) for some in (added, expected)]
    assert chi2[0].mean() == pytest.approx(chi2[1].mean(), abs=0.03)
    assert added.log_determinant() == pytest.approx(expected.log_determinant(), rel=0.02)


def test_ten_lines_of_scipy_invert_what_a_file_holds(found, tmp_path):
    """The lines of the page, run as they stand there."""
    covariance.write(tmp_path / "c.h5", covariance.Covariance(found, dataset="some"), {})
    page = (ROOT / "docs" / "covariances.md").read_text()
    (lines,) = (b for b in re.findall(r"```python\n(.*?)```", page, re.S) if "csr_array" in b)
    names = {}
    exec(re.sub(r"File\(.*?\)", f"File({str(tmp_path / 'c.h5')!r})", lines), names)
    x = np.random.default_rng(1).standard_normal(len(found))
    np.testing.assert_allclose(names["solve"](x), found.solve(x), rtol=1e-7)
    assert names["log_determinant"] == pytest.approx(found.log_determinant())
