import dataclasses

import healpy as hp
import litebird_sim
import numpy as np
import pytest

from fewtomany.config import SymmetrySettings as Settings
from fewtomany.covariance import choice, heldout, learn, turned, turning, weights
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.covariance.variances import NONE, Smoothing
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

NSIDE = 2
N_PIX = 12 * NSIDE**2
MAPS = np.random.default_rng(0).standard_normal((4, 2, N_PIX)) * np.linspace(1, 3, N_PIX) * 1e-6
SYMMETRIES = [
    Symmetry(0.0),
    Symmetry(),
    Symmetry(30.0),
    Symmetry(30.0, folds=2, coherence_deg=40.0),
    Symmetry(20.0, flip_deg=33.0, mirror_deg=70.0, coherence_deg=60.0),
    Symmetry(30.0, folds=2, flip_deg=33.0, coherence_deg=40.0, dipole_deg=(20.0, -11.0)),
]


def training(maps, stokes="QU", smoothing=NONE, centre=False):
    sky = Sky(turning.nside_of(maps))
    return Training(maps, Components(stokes), sky, centre, smoothing)


def by_hand(maps, stokes, symmetry, smoothing=NONE):
    """The definition, term by term."""
    known = training(maps, stokes, smoothing)
    z = known.normalized
    sign = symmetry.sign(turning.nside_of(maps))
    z = z * sign
    n_angles = 8 * turning.nside_of(maps)
    total = 0.0
    for name, angle in symmetry.reflections.items():
        rows = turning.turn(turning.reflect(z, stokes, name), angle)
        for weight, turn in zip(
            symmetry.weights(n_angles), np.arange(n_angles) * 360 / n_angles, strict=True
        ):
            part = turning.turn(rows, turn).reshape(len(z), -1)
            total = total + weight * part.T @ part
    phi = np.tile(turning.directions(turning.nside_of(maps))[1], len(stokes))
    power = symmetry.taper()
    taper = sum(p * np.cos(k * (phi[:, None] - phi)) for k, p in enumerate(power))
    scale = np.tile(sign, len(stokes)) * known.deviation.ravel() / np.sqrt(np.diag(total))
    return total * taper * scale[:, None] * scale


@pytest.mark.parametrize("symmetry", SYMMETRIES)
@pytest.mark.parametrize("smoothing", [NONE, Smoothing(30.0, 0.7, True)])
def test_the_covariance_is_its_definition(symmetry, smoothing):
    found = Turned.of(training(MAPS, smoothing=smoothing), symmetry)
    expected = by_hand(MAPS, "QU", symmetry, smoothing)
    scale = np.abs(expected).max()
    covariance = found.dense()
    np.testing.assert_allclose(covariance / scale, expected / scale, atol=1e-12)
    np.testing.assert_allclose(found.variance, np.diag(covariance), rtol=1e-10)
    directions = np.random.default_rng(1).standard_normal((5, 2 * N_PIX))
    within = directions @ covariance @ directions.T
    np.testing.assert_allclose(found.within(directions), within, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_pixel_variances_are_the_smoothed_ones(symmetry):
    known = training(MAPS, smoothing=Smoothing(20.0, 0.7, True))
    found = Turned.of(known, symmetry)
    np.testing.assert_allclose(found.deviation, known.deviation, rtol=1e-10)


def test_without_turns_it_is_the_sample_covariance():
    """So the normalization is undone exactly, smoothed or not."""
    sample = np.cov(MAPS.reshape(4, -1).T)
    found = Turned.of(training(MAPS, centre=True), Symmetry(0.0)).dense()
    np.testing.assert_allclose(found, sample, rtol=1e-10, atol=1e-12 * sample.max())


def test_a_field_invariant_about_the_axis_loses_nothing():
    nside = 4
    theta_phi = turning.directions(nside)
    x, y, z = hp.ang2vec(*theta_phi).T
    rows = np.stack([np.full_like(x, 2.0), 3 * x, 3 * y, z])[:, None]  # all its modes
    truth = np.einsum("iap,iaq->pq", rows, rows)
    for symmetry in (Symmetry(), Symmetry(25.0), Symmetry(25.0, folds=2)):
        found = Turned.of(training(2 * rows, "T"), symmetry)  # of 4 maps
        np.testing.assert_allclose(found.dense(), truth, atol=1e-10)


@pytest.mark.parametrize(("width", "folds"), [(0.0, 1), (5.0, 2), (40.0, 1), (90.0, 2)])
def test_weights_of_turns(width, folds):
    found = turned.turn_weights(width, folds, 64)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, np.roll(found, 64 // folds), atol=1e-15)
    np.testing.assert_allclose(found[1:], found[:0:-1], atol=1e-15)
    assert np.argmax(found) == 0


@pytest.mark.parametrize("folds", [1, 2])
def test_the_taper_is_a_periodic_gaussian_of_unit_peak(folds):
    power = turned.taper_power(15.0, folds)
    offset = np.deg2rad(np.arange(0, 90, 5))
    taper = np.cos(np.outer(offset, np.arange(len(power)))) @ power
    assert (power >= 0).all()
    np.testing.assert_allclose(taper, np.exp(-0.5 * (np.rad2deg(offset) / 15) ** 2), atol=1e-3)
    np.testing.assert_allclose(turned.taper_power(np.inf, folds), [1])


def test_settings_out_of_range_are_refused():
    for wrong in ({"width_deg": -1.0}, {"coherence_deg": 0.0}, {"folds": 0}):
        with pytest.raises(UserError, match="allowed"):
            Symmetry(**wrong)
    with pytest.raises(UserError, match="too few"):
        Turned.of(training(MAPS[:1], centre=True), Symmetry())


@pytest.fixture(scope="module")
def striped():
    """A model of stripes along meridians, alike at all longitudes."""
    random = np.random.default_rng(5)
    phi = turning.directions(4)[1]
    stripes = [
        np.exp(8 * np.cos(phi - at)) / np.exp(8) * random.choice([-1, 1])
        for at in np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ]
    return Turned.of(training(np.array(stripes)[:, None], "T"), Symmetry())


def test_the_symmetry_is_found_in_the_inputs(striped):
    inputs = striped.draw(1, ("inputs",), 0, 12)
    found = choice.choose(
        choice.make_folds(training(inputs, "T", Smoothing(60.0)), 1, n_directions=20)
    )
    assert found.symmetry.width_deg >= 40
    gain, error = heldout.paired_gain(found.scores[found.symmetry], found.scores[Symmetry(0.0)])
    assert gain > 2 * error


@pytest.mark.parametrize("multiplied", [True, False])
def test_the_sign_of_a_dipole_is_taken_off_where_maps_have_it(multiplied):
    """Smooth fields that turn with the scan, times a dipole or not: inputs tell."""
    nside, dipole = 4, (20.0, -11.0)
    towards = hp.ang2vec(*dipole, lonlat=True)
    signal = towards @ hp.pix2vec(nside, np.arange(12 * nside**2)) if multiplied else 1.0
    rng = np.random.default_rng(3)
    shape = 24, hp.Alm.getsize(8)
    alms = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * np.exp(
        -hp.Alm.getlm(8)[0] / 2
    )
    maps = signal * np.array([hp.alm2map(some, nside) for some in alms])[:, None]
    folds = choice.make_folds(training(maps, "T"), 1, n_directions=30)
    without, signed = (choice.choose(folds, sign) for sign in (None, dipole))
    gain, error = heldout.paired_gain(
        signed.scores[signed.symmetry], without.scores[without.symmetry]
    )
    assert (gain if multiplied else -gain) > 2 * error
    fit = choice.fit_symmetries(folds, choice.candidates(without.symmetry, signed.symmetry))
    share = sum(weight for name, weight in fit.weights.items() if name.endswith(", signed"))
    assert (share > 0.5) == multiplied


def test_the_dipole_is_that_of_the_simulation():
    """In the frame asked for; litebird_sim's is Galactic."""
    constants = litebird_sim.constants
    known = constants.SOLAR_VELOCITY_GAL_LON_RAD, constants.SOLAR_VELOCITY_GAL_LAT_RAD
    found = learn.dipole_of("galactic", Settings())
    np.testing.assert_allclose(found[0] % 360, np.rad2deg(known[0]) % 360, atol=0.01)
    np.testing.assert_allclose(found[1], np.rad2deg(known[1]), atol=0.01)
    np.testing.assert_allclose(learn.dipole_of("ecliptic", Settings())[1], -11.15, atol=0.01)
    assert learn.dipole_of("galactic", Settings(signal="none")) is None


def test_a_field_without_the_symmetry_is_not_turned():
    """Every pixel of its own, but two meridians that are always opposite."""
    random = np.random.default_rng(2)
    phi = turning.directions(4)[1]
    modes = [np.cos(phi / 2) ** 8, np.sin(phi / 2) ** 8 * np.sign(np.sin(phi))]
    inputs = random.standard_normal((40, 2)) @ np.array(modes) * 3
    inputs = (inputs + 0.3 * random.standard_normal(inputs.shape))[:, None]
    found = choice.choose(choice.make_folds(training(inputs, "T"), 1, n_directions=20))
    assert found.symmetry.width_deg <= 20


@pytest.mark.parametrize("symmetry", SYMMETRIES[:4])
@pytest.mark.parametrize("smoothing", [NONE, Smoothing(30.0, 0.7, True)])
def test_what_a_fold_scores_is_what_is_used_of_its_training_maps(symmetry, smoothing):
    known = training(MAPS, smoothing=smoothing)
    fold = choice.make_folds(known, 1, n_directions=6)[0]
    kept, held = known.split(choice.held_out(4)[0])
    used = Turned.of(kept, symmetry)
    sign = symmetry.sign(NSIDE)  # without the last scaling to the variances
    used = dataclasses.replace(used, scale=sign * kept.deviation).within(fold.modes)
    np.testing.assert_allclose(fold.covariance(symmetry), used, atol=1e-5 * np.abs(used).max())
    np.testing.assert_allclose(fold.amplitudes, held.reshape(len(held), -1) @ fold.modes.T)


def test_symmetries_are_scored_together_as_alone():
    """Equal ones to the last bit, so that the first of them is chosen."""
    fold = choice.make_folds(training(MAPS), 1, n_directions=6)[0]
    some = [*SYMMETRIES[:4], Symmetry(np.inf), Symmetry(np.inf, folds=2)]
    found = fold.covariances(some)
    for symmetry, together in zip(some, found, strict=True):
        alone = fold.covariance(symmetry)
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6 * alone.max())
    np.testing.assert_array_equal(found[-2], found[-1])
    assert fold.scores(some).shape == (6, len(fold.amplitudes))


def test_too_few_inputs_are_refused():
    with pytest.raises(UserError, match="at least 4 inputs, found 3"):
        choice.make_folds(training(MAPS[:3]), 1)


def test_weights_of_a_known_mixture():
    random = np.random.default_rng(0)
    roots = random.standard_normal((3, 10, 10))
    targets = {name: root @ root.T for name, root in zip("abc", roots, strict=True)}
    truth = 0.7 * targets["a"] + 0.3 * targets["b"]
    held = random.multivariate_normal(np.zeros(10), truth, 4000)
    found = weights.fit([held[:1000], held[1000:]], [targets, targets])
    assert sum(found.weights.values()) == pytest.approx(1)
    assert found.weights["a"] == pytest.approx(0.7, abs=0.05)
    assert found.weights["c"] < 0.05
    for name in targets:
        gain, error = found.gain(name)
        assert gain > 3 * error


def test_a_singular_target_may_take_part():
    random = np.random.default_rng(0)
    maps = random.standard_normal((3, 6))
    targets = {"raw": maps.T @ maps / 3, "diagonal": np.eye(6)}
    found = weights.fit([random.standard_normal((20, 6))], [targets])
    assert found.singles["raw"].mean() == -np.inf
    assert found.gain("raw")[0] == np.inf
    assert found.weights["diagonal"] > 0.5


def test_a_small_weight_that_makes_the_mixture_invertible_is_kept():
    random = np.random.default_rng(0)
    known = np.diag([1.0, 1, 1, 1, 0])
    held = random.standard_normal((400, 5)) * np.sqrt([1, 1, 1, 1, 1e-5])
    found = weights.fit([held], [{"low": known, "white": np.eye(5)}])
    assert found.weights["white"] == pytest.approx(1e-5, rel=0.3)
    assert np.isfinite(found.scores).all()


def test_a_part_may_be_left_out_and_the_others_share_its_weight():
    maps = Components("QU"), Sky(1)
    sizes = {"a": 1, "b": 2, "c": 3}
    parts = {name: Factor.diagonal(*maps, np.full((2, 12), size)) for name, size in sizes.items()}
    found = Mixture.of(parts, {"a": 0.2, "b": 0.3, "c": 0.5}).without("c")
    assert found.weights == pytest.approx({"a": 0.4, "b": 0.6})
    np.testing.assert_allclose(found.variance, 0.4 * 1 + 0.6 * 4)
    assert found.without("c").weights == found.weights
    alone = Mixture.of(parts, {"a": 1.0})
    assert alone.without("a") is alone


def test_folds_of_other_targets_are_refused():
    with pytest.raises(UserError, match="different targets"):
        weights.fit([np.zeros((1, 2))] * 2, [{"a": np.eye(2)}, {"b": np.eye(2)}])
