"""Emulation in two scales: the coarse map is kept, the regions are the sphere's, no seam shows."""

import dataclasses

import healpy as hp
import numpy as np
import pytest
import tensorflow as tf
from measures import seams
from test_emulator import SETTINGS

from fewtomany.config import Refinement
from fewtomany.emulator import descent, refined, refinement
from fewtomany.emulator.archive import Checkpoint
from fewtomany.emulator.conditioned import Blocks, Conditioning
from fewtomany.emulator.descent import Task
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.maps import region
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.scattering import covariance, domains, grid, wavelets
from fewtomany.spectra import isotropic

QU = Components("QU")
COARSE, NSIDE = 8, 32
REFINED = SETTINGS.changed(
    n_scales=2,
    n_orientations=2,
    mean="zero",
    variances="smoothed",
    start="isotropic",
    batch_size=4,
    n_steps=20,
    dtype="float32",
    refinement=Refinement(coarse=COARSE, regions=1, n_steps=8, sweeps=1),
)


def _spectra(nside):
    ell = np.arange(3 * nside)
    power = np.where(ell >= 2, (ell + 10.0) ** -2, 0)
    power /= np.sum((2 * ell + 1) * power) / (4 * np.pi)
    return np.array([power, power / 2, 0 * power])


def _field(nside, n_maps, seed=0):
    """Intermittent Q and U maps of a red spectrum, brighter at the poles; and the brightness."""
    random = np.random.default_rng(seed)
    pattern = 0.5 + hp.pix2vec(nside, np.arange(12 * nside**2))[2] ** 2
    maps = np.array([isotropic.realize(_spectra(nside), QU, random, nside) for _ in range(n_maps)])
    bumps = [
        isotropic.realize(_spectra(nside)[:1], Components("T"), random, nside)
        for _ in range(n_maps)
    ]
    return maps * np.exp(0.4 * np.array(bumps)) * pattern * 1e-8, pattern * 1e-8


@pytest.fixture(scope="module")
def prepared():
    maps, _ = _field(NSIDE, 8)
    return refined.prepare(MapSet(maps.astype(np.float32), "QU", "some"), REFINED)


@pytest.fixture(scope="module")
def made(prepared):
    """A batch, the coarse maps it is made around, and where the fine ones start."""
    refiner, kept = refinement.Refiner(prepared, 1, "many", "average-target"), {}
    begin = refiner.start

    def start(coarse, target, index):
        kept["coarse"], kept["start"] = coarse, begin(coarse, target, index)
        return kept["start"].copy()

    refiner.start = start
    return refiner.run([Task(0, 0)])[0], kept["coarse"], kept["start"]


@pytest.mark.parametrize("number", [0, 6, 11])
def test_statistics_of_a_region_are_those_it_has_on_the_whole_sphere(number):
    """The margin holds all that the kernels in the core see, those of the second layer too."""
    settings = REFINED.changed(
        refinement=Refinement(coarse=4, regions=1, n_steps=1, sweeps=1), n_scales=2
    )
    maps = np.random.default_rng(0).normal(size=(2, 2, 12 * 16**2))
    part = refined.regions(settings, 16)[number]
    of_core = domains.hierarchy(part, 2)
    levels = []
    for scale, level in enumerate(of_core):
        weight = np.zeros(12 * (16 >> scale) ** 2)
        inside = part.to_nested(part.core)[:: 4**scale]
        weight[np.unique(part.nested >> 2 * scale)] = inside / inside.mean()
        levels.append((weight, dataclasses.replace(level, weight=inside / inside.mean())))
    whole = [grid.healpix_grid(16 >> s, 3, None, w / w.mean()) for s, (w, _) in enumerate(levels)]
    found = []
    for sky, own in ((part, [level for _, level in levels]), (Sky(16), whole)):
        hierarchy = grid.Hierarchy(own, [None], [])
        scales = wavelets.build_scales(hierarchy, 4, None, tf.float64)
        values = tf.constant(sky.to_nested(sky.restrict(maps)))
        found.append(covariance.coefficients(values, scales, 1))
    assert part.n_pix < 12 * 16**2
    for ours, theirs in zip(*found, strict=True):
        for mine, its in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-9)


def test_regions_share_the_sphere_without_an_edge_and_have_one_shape():
    parts = refined.regions(REFINED.changed(n_scales=3), NSIDE)
    cores = np.concatenate([part.indices[part.core] for part in parts])
    np.testing.assert_array_equal(np.sort(cores), np.arange(12 * NSIDE**2))
    assert len(parts) == region.count(1)
    assert len({part.n_pix for part in parts}) == 1
    np.testing.assert_allclose(sum(part.expand(part.share, 0.0) for part in parts), 1)
    share = parts[4].expand(parts[4].share, 0.0)
    around = hp.get_all_neighbours(NSIDE, np.arange(12 * NSIDE**2)).T
    assert np.abs(share[around] - share[:, None])[around >= 0].max() < 0.3
    assert share.max() == 1
    for level in domains.hierarchy(parts[4], 3):
        assert level.weight.mean() == pytest.approx(1)


def test_a_conditioned_map_is_one_of_the_field():
    """Means as given, and the power of the field at all multipoles, as of a true map."""
    blocks = Blocks(COARSE, NSIDE)
    pattern = np.broadcast_to(_field(NSIDE, 1)[1], (2, 12 * NSIDE**2))
    conditioning = Conditioning(blocks, QU, _spectra(NSIDE), pattern)
    ratios = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        true = isotropic.realize(_spectra(NSIDE), QU, random, NSIDE) * pattern
        drawn = conditioning.conditioned(conditioning.draw(random), blocks.means(true))
        np.testing.assert_allclose(
            blocks.means(drawn), blocks.means(true), atol=1e-12 * pattern[0, 0]
        )
        power = [
            np.add.reduceat(hp.alm2cl(hp.map2alm_spin(x / pattern, 2)[0]), [2, 8, 16, 32, 64])
            for x in (drawn, true)
        ]
        ratios.append(power[0] / power[1])
    np.testing.assert_allclose(np.mean(ratios, axis=0), 1, atol=0.1)
    np.testing.assert_allclose(np.mean(ratios, axis=0)[0], 1, atol=0.02)


def test_a_region_moves_without_its_edge_and_without_coarse_means(prepared):
    own = prepared.region(3)
    base = np.zeros((2, 2, own.sky.n_pix))
    moving = refinement.motion(own, base, COARSE)
    random = np.random.default_rng(0)
    change = tf.constant(random.normal(size=(own.sky.n_pix, 2, 2)), tf.float32)
    found = refinement.project(moving, change)
    np.testing.assert_allclose(refinement.project(moving, found), found, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(found * change), tf.reduce_sum(found**2), rtol=1e-4)
    physical = own.sky.from_nested((moving.taper * found).numpy())
    whole = own.sky.expand(physical * (own.deviation / own.deviation.mean()), 0.0)
    assert np.abs(prepared.blocks.means(whole)).max() < 1e-6
    assert not physical[..., own.sky.share == 0].any()


def test_the_coarse_maps_are_kept_and_every_loss_falls(prepared, made):
    batch, coarse, _ = made
    found = prepared.blocks.means(batch.maps)
    np.testing.assert_allclose(found, coarse, atol=1e-6 * coarse.std())
    total = batch.losses.sum(axis=1)
    assert len(total) == 9
    assert total[-1] < 0.2 * total[0]
    assert batch.maps.dtype == np.float32


def test_no_seam_shows_where_regions_meet(prepared, made):
    """A planted one does: the same maps with one region of another map."""
    batch, _, start = made
    true, pattern = _field(NSIDE, 40, seed=9)
    kinds = seams.pairs(NSIDE, COARSE, 1)
    reference = seams.across(true / pattern, kinds)

    def at_regions(maps):
        return seams.seams(seams.across(maps / prepared.deviation, kinds), reference)[1]

    torn = batch.maps.copy()
    part = prepared.region(5).sky
    core = part.indices[part.core]
    torn[..., core] = np.roll(batch.maps, 1, axis=0)[..., core]
    assert np.abs(at_regions(batch.maps).deviations).max() < 3.5
    assert np.abs(at_regions(start).deviations).max() < 3.5
    assert np.abs(at_regions(torn).deviations).max() > 5


def test_a_field_without_seams_has_none():
    kinds = seams.pairs(16, 4, 1)
    count = {kind: len(found) for kind, found in kinds.items()}
    assert sum(count.values()) == 2 * 12 * 16**2
    assert count[seams.REGION] == 24 * 16
    random = np.random.default_rng(3)
    some = [random.normal(size=(20, 1, 12 * 16**2)) for _ in range(2)]
    for seam in seams.seams(*(seams.across(maps, kinds) for maps in some)):
        assert np.abs(seam.deviations).max() < 3.5
        assert seam.power == pytest.approx(1, abs=0.05)


def test_a_batch_goes_on_from_its_checkpoint_to_the_same_bits(
    prepared, made, tmp_path, monkeypatch
):
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 0)
    path = tmp_path / "batch.checkpoint.h5"
    task = Task(0, 0, Checkpoint(path, "key", {}))
    turn, turns = refinement.Refiner._turn, []

    def interrupted(self, *some):
        if len(turns) == 5:
            raise KeyboardInterrupt
        turns.append(some)
        return turn(self, *some)

    monkeypatch.setattr(refinement.Refiner, "_turn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        refinement.Refiner(prepared, 1, "many", "average-target").run([task])
    monkeypatch.setattr(refinement.Refiner, "_turn", turn)
    again = refinement.Refiner(prepared, 1, "many", "average-target").run([task])[0]
    np.testing.assert_array_equal(again.maps, made[0].maps)
    np.testing.assert_array_equal(again.losses, made[0].losses)
    assert path.exists()
    assert not path.with_suffix(".coarse.h5").exists()


def test_a_model_comes_back_from_its_file(prepared, tmp_path):
    refined.save(tmp_path / "model.h5", prepared, {})
    again = refined.load(tmp_path / "model.h5", REFINED)
    assert again.fingerprint() == prepared.fingerprint()
    other = dataclasses.replace(
        prepared,
        settings=REFINED.changed(refinement=REFINED.refinement.changed(sweeps=2)),
    )
    assert other.fingerprint() != prepared.fingerprint()


def test_a_part_of_the_sky_is_refused():
    pixels = np.arange(12 * NSIDE**2 // 2)
    maps, _ = _field(NSIDE, 3)
    inputs = MapSet(maps[..., pixels], "QU", "half", sky=Sky(NSIDE, pixels))
    with pytest.raises(
        UserError, match=r"^emulator.refinement: not allowed for half; expected maps"
    ):
        refined.prepare(inputs, REFINED)
