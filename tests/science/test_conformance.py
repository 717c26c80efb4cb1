"""Every covariance model says the same, however it is asked.

A new model adds one line to :data:`MODELS`; what it is asked is held against its ``dense``.
"""

import json

import numpy as np
import pytest

from fewtomany import covariance, seeds
from fewtomany.covariance import base, compact, nonlinear, regressions
from fewtomany.covariance.base import Dense, SingularError
from fewtomany.covariance.completed import Completed
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.rotated import Rotated, Rotation
from fewtomany.covariance.scales import TwoScales
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

NSIDE = 4
SKIES = {"full": Sky(NSIDE), "masked": Sky(NSIDE, np.arange(7, 192, 3)), "small": Sky(1)}


def random(*shape):
    return np.random.default_rng(3).standard_normal(shape)


def deviation(components, sky):
    return 1 + np.abs(random(len(components), sky.n_pix))


def maps(components, sky, n_maps):
    return random(n_maps, len(components), sky.n_pix)


def dense(components, sky):
    rows = maps(components, sky, 40).reshape(40, -1)
    return Dense(components, sky, rows.T @ rows + np.diag(deviation(components, sky).ravel()))


def few(components, sky):
    """Fewer rows than values, and nothing else: singular."""
    return Factor.of_rows(components, sky, maps(components, sky, 12))


def many(components, sky):
    """More rows than values: regular without a diagonal."""
    return Factor.of_rows(components, sky, maps(components, sky, 700))


def surrogate(components, sky):
    """Rows in float32, what they leave, and deviations from elsewhere."""
    rows = maps(components, sky, 9).astype(np.float32)
    found = Factor.of_rows(components, sky, rows, np.full(rows[0].size, 0.3))
    return found.scaled(deviation(components, sky))


def diagonal(components, sky):
    return Factor.diagonal(components, sky, deviation(components, sky))


def turned(components, sky):
    symmetry = Symmetry(20.0, 2, mirror_deg=0.0, coherence_deg=60.0, dipole_deg=(10.0, 50.0))
    return Turned.of(Training(maps(components, sky, 3), components, sky), symmetry)


def rotated(components, sky):
    return Rotated.of(
        few(components, sky),
        Rotation(components, "galactic", "ecliptic"),
        deviation(components, sky),
    )


def mixture(components, sky):
    parts = {"a": few(components, sky), "b": surrogate(components, sky)}
    parts["none"] = diagonal(components, sky)
    parts["c, signed"] = turned(components, sky) if sky.is_full else diagonal(components, sky)
    return Mixture.of(parts, {"a": 0.2, "b": 0.5, "none": 0.0, "c, signed": 0.3})


def local(components, sky):
    known = maps(components, sky, 20)
    return regressions.learn(known, deviation(components, sky), components, sky, n_neighbours=6)


def modes_and_local(components, sky):
    return compact.of_model(dense(components, sky), 1, ("a",))


def two_scales(components, sky):
    """Amplitudes of one covariance, small scales of another."""
    rows = np.linalg.qr(random(len(components) * sky.n_pix, 7))[0].T
    within = few(components, sky).within(rows)
    return TwoScales(components, sky, rows, within, local(components, sky))


def complete(components, sky):
    """Turned maps in leading directions, mixed with regressions in all else."""
    large = turned(components, sky)
    rows = np.linalg.qr(random(len(components) * sky.n_pix, 7))[0].T
    return Completed(components, sky, large, local(components, sky), rows, 0.3, 1.4)


def shrunk(components, sky):
    return nonlinear.analytical(maps(components, sky, 20).reshape(20, -1), components, sky)


MODELS = {
    make.__name__: make
    for make in (
        *(dense, few, many, surrogate, diagonal, turned, rotated, mixture, local),
        *(modes_and_local, two_scales, complete, shrunk),
    )
}
OF_A_WHOLE_SKY = ("turned", "rotated", "complete")
SLOW = ("rotated",)
NOT_IN_FILES = ("shrunk",)
SINGULAR = ("few", "rotated")
NEARLY = ("turned",)
"""Of many turns, whose inverse is rounding."""
EVERY = [
    (name, stokes, sky)
    for name in MODELS
    for stokes in ("T", "QU", "TQU")
    for sky in (["small"] if name in SLOW else ["full", "masked"])
    if sky != "masked" or name not in OF_A_WHOLE_SKY
]


@pytest.fixture(scope="module", params=EVERY, ids="-".join)
def case(request):
    name, stokes, sky = request.param
    found = MODELS[name](Components(stokes), SKIES[sky])
    return name, found, found.dense()


def close(found, expected, scale=1e-9):
    np.testing.assert_allclose(found, expected, rtol=0, atol=scale * np.abs(expected).max())


def test_it_knows_its_maps(case):
    _, model, whole = case
    assert len(model) == len(whole) == len(model.components) * model.sky.n_pix
    assert model.deviation.shape == model.shape == (len(model.components), model.sky.n_pix)
    close(whole, whole.T)
    close(model.variance, np.diagonal(whole))
    close(model.deviation.ravel() ** 2, np.diagonal(whole))


def test_parts_of_it_are_parts_of_the_whole(case):
    _, model, whole = case
    directions = random(5, len(model))
    close(model.times(directions), directions @ whole)
    close(model.within(directions), directions @ whole @ directions.T)
    chosen = np.array([3, len(model) - 1, 5])
    close(model.rows(chosen), whole[chosen])
    close(model.rows(slice(4, 9), slice(2, 60)), whole[4:9, 2:60])
    model.dense()[:] = 0  # a new array: the model stays what it is
    close(model.rows(chosen), whole[chosen])


def test_leading_modes_are_those_of_the_whole(case):
    name, model, whole = case
    # an independent or local part has no modes
    if name not in ("surrogate", "diagonal", "modes_and_local"):
        values = np.linalg.eigvalsh(whole)[::-1][:4]
        close(model.leading(4).values, values, 1e-6)


class Units:
    """In place of random numbers: map k has but one number that is not 0, the k-th of all."""

    def __init__(self):
        self.first, self.size = {}, 0

    def __call__(self, _campaign_seed, key, start, stop, size):
        if key not in self.first:
            self.first[key] = self.size
            self.size += size
        place = np.arange(start, stop)[:, None] - self.first[key]
        return (place == np.arange(size)).astype(float)


def test_draws_have_exactly_this_covariance(case, monkeypatch):
    """They are linear in their numbers: the sum over unit numbers is the covariance."""
    _, model, whole = case
    units = Units()
    monkeypatch.setattr(seeds, "standard_normal", units)
    model.draw(1, ("a",), 0, 1)
    drawn = model.draw(1, ("a",), 0, units.size)
    assert drawn.shape == (units.size, *model.shape)
    flat = drawn.reshape(units.size, -1)
    close(flat.T @ flat, whole, 1e-6)


def test_a_draw_has_the_same_bits_in_any_shard(case):
    _, model, _ = case
    drawn = model.draw(1, ("a", "b"), 0, 40)
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(model.draw(1, ("a", "b"), 30, 35), drawn[30:35])
    assert np.abs(model.draw(1, ("a", "c"), 0, 1) - drawn[:1]).max() > 0


def test_it_is_inverted_or_says_that_it_cannot_be(case):
    name, model, whole = case
    x = random(2, 3, len(model))
    if name in SINGULAR:
        with pytest.raises(SingularError, match=f"{len(model)} values is singular"):
            model.solve(x)
        with pytest.raises(SingularError):
            model.log_determinant()
    noise = np.linspace(1, 2, len(model))
    pairs = [
        (model.plus(noise), whole + np.diag(noise)),
        (model.plus(2.0), whole + 2 * np.eye(len(whole))),
    ]
    if name not in SINGULAR + NEARLY:
        pairs.append((model, whole))
    for some, matrix in pairs:
        expected = np.linalg.solve(matrix, x.reshape(6, -1).T).T.reshape(x.shape)
        close(some.solve(x), expected, 1e-7)
        close(some.solve(x[0, 0]), expected[0, 0], 1e-7)
        assert some.log_determinant() == pytest.approx(np.linalg.slogdet(matrix)[1])


def test_it_comes_back_from_arrays_and_plain_json(case):
    name, model, whole = case
    if name in NOT_IN_FILES:
        pytest.skip("is compared, and not kept")
    arrays, about = base.apart(model)
    again = base.together(arrays, json.loads(json.dumps(about)), model.components, model.sky)
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.dense(), whole)
    np.testing.assert_array_equal(again.draw(1, ("a",), 3, 5), model.draw(1, ("a",), 3, 5))
    np.testing.assert_array_equal(again.variance, model.variance)


@pytest.mark.parametrize("name", OF_A_WHOLE_SKY)
def test_a_part_of_the_sky_is_not_turned(name):
    with pytest.raises(UserError, match="a partial sky can't be turned"):
        MODELS[name](Components("QU"), SKIES["masked"])


def test_observed_pixels_are_not_mistaken_for_all():
    """As many pixels, but others; other components of as many values."""
    one = diagonal(Components("T"), SKIES["masked"])
    for other in (
        diagonal(Components("T"), Sky(NSIDE, np.arange(8, 192, 3)[:62])),
        diagonal(Components("T"), Sky(NSIDE)),
        diagonal(Components("QU"), SKIES["masked"]),
    ):
        with pytest.raises(UserError, match=r"b: covariance of .*, expected"):
            Mixture.of({"a": one, "b": other}, {"a": 0.5, "b": 0.5})


@pytest.mark.parametrize("name", [n for n in MODELS if n not in NOT_IN_FILES])
def test_it_comes_back_from_a_file(name, tmp_path):
    sky = "small" if name in OF_A_WHOLE_SKY else "masked"
    model = MODELS[name](Components("QU"), SKIES[sky])
    evidence = {"weights": {"a": 0.25}}
    written = covariance.Covariance(model, dataset="some", frame="ecliptic", evidence=evidence)
    covariance.write(tmp_path / "c.h5", written, {})
    again = covariance.load(tmp_path / "c.h5")
    assert (again.dataset, again.frame, again.n_maps) == ("some", "ecliptic", 0)
    assert (again.components, again.sky) == (model.components, model.sky)
    assert again.evidence == evidence
    for name, array in base.apart(model)[0].items():
        np.testing.assert_array_equal(base.apart(again.model)[0][name], array)
    close(again.model.dense(), model.dense(), 1e-12)  # products depend on where arrays lie


def test_a_kind_that_is_not_known_is_named():
    with pytest.raises(UserError, match=r"kind 'Seen' is not known; known are .*dense"):
        base.together({}, {"kind": "Seen"}, Components("T"), Sky(NSIDE))
