"""Campaigns of planes and lines: their defaults, and one line for every misuse."""

import copy

import numpy as np
import pytest

import draw
import draw_texture
from fewtomany import config
from fewtomany.config import products, versions
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.jobs import resources
from fewtomany.maps.flat import Flat

PLANE = {
    "campaign": "flat",
    "seed": 1,
    "maps": {"shape": [32, 32], "periodic": True},
    "inputs": {"few": {"texture": "filaments", "n_maps": 4}},
    "emulated": {"many": {"input": "few", "strategy": "average-target", "n_maps": 8}},
}
LINE = PLANE | {
    "maps": {"shape": [64]},
    "inputs": {"few": {"texture": "intermittent", "n_maps": 4}},
}


def changed(base, path, value):
    content = copy.deepcopy(base)
    *parents, last = path.split(".")
    part = content
    for key in parents:
        part = part.setdefault(key, {})
    part[last] = value
    return content


@pytest.mark.parametrize(
    ("base", "kind", "n_orientations"), [(PLANE, "plane", 4), (LINE, "line", 1)]
)
def test_a_shape_is_enough(base, kind, n_orientations):
    campaign = config.parse(base)
    emulator = campaign.emulator
    assert (campaign.maps.kind, emulator.n_orientations) == (kind, n_orientations)
    assert (emulator.normalization, emulator.orientation, emulator.start) == (
        *("global", "none", "white"),
    )
    assert (emulator.variances, emulator.stripe_zones, emulator.dtype) == ("inputs", 0, "float64")
    assert (campaign.truth, campaign.trust.datasets, campaign.symmetry) == (None, (), None)
    assert config.parse(campaign.sections) == campaign


def test_products_and_needs_are_those_of_a_plane():
    campaign = config.parse(changed(PLANE, "reference", {"texture": "filaments", "n_maps": 20}))
    assert campaign.yardstick("many") == "reference"
    found = products.products_of(campaign)
    assert "minkowski" not in found.measured
    assert (found.recommends, found.emulator) == (False, ())
    assert found.parts == {"diversity": "diversity", "descent": "descent"}
    twice = config.parse(changed(PLANE, "maps.shape", [32, 64]))
    assert resources.descent_bytes(twice) == 2 * resources.descent_bytes(campaign)


def test_what_a_plane_is_belongs_to_its_stages():
    plane, other = config.parse(PLANE), config.parse(changed(PLANE, "maps.periodic", False))
    for stage in ("draw_texture", "measure_spectra", "diversity"):
        assert versions.basis(plane, stage) != versions.basis(other, stage)
    for stage in versions.STAGES:
        assert versions.basis(plane, stage)  # rules that are never used have one too


SPHERE = {
    "campaign": "sphere",
    "seed": 1,
    "inputs": {"few": {"files": "none.npy", "n_maps": 4}},
    "emulated": {"many": {"input": "few", "strategy": "average-target", "n_maps": 200}},
}


@pytest.mark.parametrize(
    ("base", "path", "value", "message"),
    [
        (PLANE, "maps.nside", 16, "maps.nside: 16 is not allowed of a plane (maps.shape)"),
        (PLANE, "maps.frame", "ecliptic", "maps.frame: ecliptic is not allowed of a plane"),
        (PLANE, "simulation", {"n_maps": 5}, "simulation: not allowed of a plane (maps.shape)"),
        (PLANE, "surrogate", {"files": "x.npy"}, "surrogate: not allowed of a plane"),
        (PLANE, "symmetry.axis", "ecliptic", "symmetry: not allowed of a plane"),
        (PLANE, "trust.datasets", ["many"], "trust: not allowed of a plane (maps.shape): it needs"),
        (PLANE, "validation.n_modes", 3, "validation: not allowed of a plane (maps.shape)"),
        (PLANE, "emulator.stripe_zones", 2, "emulator.stripe_zones: 2 is not allowed of a plane"),
        (PLANE, "emulator.start", "turned", "of a scan of the sphere; expected white"),
        (PLANE, "emulator.start", "isotropic", "emulator.start: isotropic is not allowed"),
        (PLANE, "emulator.variances", "smoothed", "emulator.variances: smoothed is not allowed"),
        (PLANE, "inputs.few.unit", "K", "inputs.few.unit: K is not allowed of a plane"),
        (
            PLANE,
            "gaussian.naive",
            {"input": "few", "n_maps": 4, "model": "learnt"},
            "gaussian.naive.model: learnt is not allowed of a plane",
        ),
        (
            PLANE,
            "reference",
            {"texture": "filaments", "n_maps": 4, "draws": "original"},
            "reference.draws: original is not allowed of a plane",
        ),
        (LINE, "emulator.orientation", "joint", "a line has no orientations; expected none"),
        (LINE, "emulator.refinement", {"coarse": 8}, "emulator.refinement: not allowed of a line"),
        (LINE, "emulator.n_orientations", 4, "emulator.n_orientations: 4 is not allowed of a line"),
        (LINE, "maps.stokes", "QU", "maps.stokes: QU is not allowed of a line"),
        (
            PLANE,
            "maps.shape",
            [4, 4, 4],
            "maps.shape: [4, 4, 4] is not allowed; expected at most 2",
        ),
        (PLANE, "maps.shape", [0, 4], "maps.shape.0: 0 is not allowed; expected at least 1"),
        (PLANE, "maps.shape", 32, "maps.shape: 32 is not allowed; expected array"),
        (
            PLANE,
            "maps.shape",
            [32, 36],
            "emulator.n_scales: 4 is not allowed; periodic plane of 32×36 pixels: expected sides "
            "that are multiples of 8 pixels",
        ),
        (
            LINE,
            "emulator.n_scales",
            6,
            "emulator.n_scales: 6 is not allowed; line of 64 pixels: 2 pixels across at",
        ),
        (LINE, "inputs.few.texture", "filaments", "filaments is not allowed of a line"),
        (PLANE, "maps.stokes", "QU", "maps.stokes: QU is not allowed with inputs.few.texture"),
        (PLANE, "inputs.few", {"texture": "filaments"}, "inputs.few: missing key n_maps"),
        (SPHERE, "maps.periodic", True, "maps.periodic: true is not allowed without maps.shape"),
        (SPHERE, "inputs.few", {"texture": "filaments", "n_maps": 4}, "is not allowed of a sphere"),
    ],
)
def test_every_misuse_is_one_line(base, path, value, message):
    with pytest.raises(UserError) as error:
        config.parse(changed(base, path, value))
    assert message in str(error.value)
    assert str(error.value).count("\n") == 0


def test_a_geometry_that_is_no_sphere_has_no_nside(tmp_path):
    campaign = config.parse(LINE)
    assert campaign.maps.nside is None
    assert campaign.maps.n_pix == 64
    assert np.prod(campaign.maps.facts["shape"]) == 64


def test_textures_and_gaussian_maps_keep_to_the_observed_pixels_whatever_the_range(tmp_path):
    mask = np.ones(64)
    mask[10:20] = 0
    np.save(tmp_path / "mask.npy", mask)
    content = changed(LINE, "maps.mask", str(tmp_path / "mask.npy"))
    content["gaussian"] = {"naive": {"input": "few", "n_maps": 6}}
    config.save(config.parse(content), tmp_path / "campaign.yaml")

    def drawn(script, dataset, start, stop, *more):
        path = tmp_path / f"{dataset}.h5"
        words = ["--config", tmp_path / "campaign.yaml", "--dataset", dataset, "--output", path]
        words += ["--start", start, "--stop", stop, *more]
        script.main(script.get_parser().parse_args(list(map(str, words))))
        return store.read_maps(path)

    textures = drawn(draw_texture, "few", 0, 4)
    for script, name, more in (
        (draw_texture, "few", ()),
        (draw, "naive", ("--inputs", tmp_path / "inputs.h5")),
    ):
        store.write_maps(tmp_path / "inputs.h5", textures)
        whole, part = drawn(script, name, 0, 4, *more), drawn(script, name, 2, 3, *more)
        assert whole.sky == Flat.of_mask(mask, False)
        assert (whole.unit, whole.maps.shape) == ("1", (4, 1, 54))
        np.testing.assert_array_equal(part.maps, whole.maps[2:3])
        assert len(np.unique(whole.maps[:, 0], axis=0)) == 4
