"""The programs from covariance to report for maps of one's own: no truth, a part of the sky."""

import json

import numpy as np
import pytest
import yaml

import covariance as covariance_script
import diversity
import draw
import judge
import learn_symmetry
import measure
import plot
import recommend
import report as report_script
from fewtomany import config, covariance
from fewtomany.config.products import products_of
from fewtomany.errors import UserError
from fewtomany.figures import report
from fewtomany.files import store
from fewtomany.maps.sky import Sky

N_INPUTS, N_EMULATED, NSIDE = 8, 24, 4
PART = Sky(NSIDE, np.arange(20, 130), np.linspace(1, 2, 110))
CASES = {
    "T": ("T", ("",), Sky(NSIDE)),
    "TQU-part": ("TQU", ("",), PART),
    "QU-channels": ("QU", ("low", "high"), Sky(NSIDE)),
}


class House:
    """A results folder of maps of one kind and the programs that fill it."""

    def __init__(self, folder, stokes, channels, sky):
        self.folder, self.sky, self.stokes, self.channels = folder, sky, stokes, channels
        files = {"files": f"{folder}/none/*.npy"}
        source = files if channels == ("",) else {"channels": dict.fromkeys(channels, files)}
        self.content = {
            "campaign": "own",
            "seed": 1,
            "maps": {"nside": NSIDE, "stokes": stokes},
            "inputs": {"mine": {**source, "n_maps": N_INPUTS}},
            "gaussian": {"naive": {"input": "mine", "n_maps": N_EMULATED}},
            "emulated": {
                "many": {"input": "mine", "strategy": "average-target", "n_maps": N_EMULATED}
            },
            "emulator": {"n_scales": 1, "n_orientations": 2, "stripe_zones": 0},
            "validation": {"n_modes": 10},
            "trust": {"datasets": []},
        }
        self.campaign = config.parse(self.content)
        (folder / "campaign.yaml").write_text(yaml.safe_dump(self.content, sort_keys=False))
        rng = np.random.default_rng(1)
        n = len(self.campaign.components)
        mixing = np.linalg.cholesky(0.5 * np.eye(n) + 0.5)
        for name, count in (("mine", N_INPUTS), ("many", N_EMULATED)):
            maps = np.einsum("fg,mgp->mfp", mixing, rng.standard_normal((count, n, sky.n_pix)))
            content = store.MapSet(maps * 1e-9, stokes, name, channels=channels, sky=sky)
            store.write_maps(self.maps(name), content)

    def maps(self, name):
        return self.folder / f"{name}-maps.h5"

    def run(self, program, *options):
        options = ["--config", self.folder / "campaign.yaml", *options]
        program.main(program.get_parser().parse_args(list(map(str, options))))

    def run_all(self):
        folder, products = self.folder, products_of(self.campaign)
        names = list(self.campaign.datasets)
        span = ("--start", 0, "--stop", N_EMULATED, "--output", self.maps("naive"))
        self.run(draw, "--dataset", "naive", *span, "--inputs", self.maps("mine"))
        for name in names:
            output = ("--output", folder / f"{name}.h5")
            self.run(covariance_script, "--dataset", name, *output, self.maps(name))
        files = ["--covariance", *(f"{name}={folder / f'{name}.h5'}" for name in names)]
        unit = ("--truth", folder / "mine.h5")
        for name in names:
            outputs = [folder / f"{name}-{statistic}.h5" for statistic in products.measured]
            said = ("--statistic", *products.measured, *unit, "--output", *outputs)
            self.run(measure, self.maps(name), *said)
        for statistic in products.measured:
            files.append(f"--{statistic}")
            files += [f"{name}={folder / f'{name}-{statistic}.h5'}" for name in names]
        named = [f"{name}={self.maps(name)}" for name in ("mine", "many")]
        cl = [f"{name}={folder / f'{name}-spectra.h5'}" for name in ("mine", "many")]
        part = folder / "diversity.json"
        self.run(diversity, "--maps", *named, "--spectra", *cl, "--output", part)
        results = ("--metrics", folder / "metrics.json", "--comparison", folder / "comparison.h5")
        self.run(judge, *files, "--parts", part, *results)
        learnt = folder / "symmetry.h5"
        self.run(learn_symmetry, "--dataset", "mine", "--output", learnt, self.maps("mine"))
        of_both = ("--symmetry", learnt, "--emulated", self.maps("many"))
        output = ("--output", folder / "recommended.h5")
        self.run(recommend, "--dataset", "many", *of_both, *output)
        drawn = ("maps", *products.compared, "diversity")
        figures = [folder / f"{name}.png" for name in drawn]
        sources = ["--comparison", folder / "comparison.h5", "--parts", f"diversity={part}"]
        sources += ["--maps", *(f"{name}={self.maps(name)}" for name in names)]
        self.run(plot, "--figure", *drawn, "--output", *figures, *sources)
        page = ("--metrics", folder / "metrics.json", "--output", folder / "report.html")
        self.run(report_script, *page, "--figures", *figures)
        return self


@pytest.fixture(scope="module", params=CASES)
def house(tmp_path_factory, request, quick_learning):
    folder = tmp_path_factory.mktemp(request.param)
    return House(folder, *CASES[request.param]).run_all()


def test_products_are_of_the_observed_pixels_and_all_components(house):
    for name in ("mine", "many", "naive"):
        found = covariance.load(house.folder / f"{name}.h5")
        maps = store.read_maps(house.maps(name))
        assert found.sky == maps.sky == house.sky
        assert found.channels == maps.channels == house.channels
        flat = maps.maps.reshape(len(maps), -1).astype(float)
        np.testing.assert_allclose(found.covariance, np.cov(flat.T), rtol=1e-6, atol=1e-24)


def test_the_planted_correlation_of_components_is_in_every_covariance(house):
    """Half of it or more in the recommended one, whose parts without emulation know less."""
    for name, least in (("many", 0.4), ("recommended", 0.2)):
        found = covariance.load(house.folder / f"{name}.h5")
        blocks = found.covariance.reshape(*(2 * (len(found.components), house.sky.n_pix)))
        for a, b in found.components.pairs:
            same = np.trace(blocks[a, :, a]) * np.trace(blocks[b, :, b])
            assert least < np.trace(blocks[a, :, b]) / np.sqrt(same) < 0.6
        assert found.n_maps == (N_EMULATED if name == "many" else 0)


def test_the_verdict_rests_on_the_inputs(house):
    judgement = json.loads((house.folder / "metrics.json").read_text())
    assert judgement["truth"] is None
    found = {e["name"]: e for e in judgement["metrics"] if e["dataset"] == "many"}
    components = house.campaign.components
    assert {f"residual:{name}" for name in components.spectra} <= found.keys()
    assert {f"distribution:{name}" for name in components.names} <= found.keys()
    assert any(name.startswith("minkowski") for name in found) == bool(components.spins)
    assert found["total_variance"]["passed"]
    assert found["total_variance"]["value"] == pytest.approx(1, abs=0.1)
    for name, entry in found.items():
        judged = name.startswith(("residual", "scattering:", "minkowski", "diversity:total"))
        assert (entry["passed"] is True) if judged else True, name
    inputs = [e for e in judgement["metrics"] if e["dataset"] == "mine"]
    assert {entry["passed"] for entry in inputs} <= {None}
    assert not {"residual:EE", "total_variance"} & {entry["name"] for entry in inputs}


def test_the_report_says_what_it_rests_on_and_what_is_left_out(house):
    page = (house.folder / "report.html").read_text()
    assert "No truth is known, so nothing is said" in page
    assert ("these maps are T" in page) == (house.stokes == "T")
    assert ("low.E×high.E" in page) == (house.channels == ("low", "high"))
    caption = report.read_picture(house.folder / "spectra.png").caption
    assert "against their inputs" in caption
    assert ("Pseudo-spectra of 57% of the sky" in caption) == (not house.sky.is_full)
    assert "as many emulated maps" in report.read_picture(house.folder / "diversity.png").caption


def test_minkowski_functionals_of_temperature_are_refused(house, tmp_path):
    if house.stokes != "T":
        pytest.skip("these maps have Q and U")
    asked = ("--statistic", "minkowski", "--output", tmp_path / "m.h5")
    with pytest.raises(UserError, match="holds Stokes T, expected Q and U"):
        house.run(measure, house.maps("mine"), *asked)


def test_files_of_other_channels_are_refused(house, tmp_path):
    other = House(tmp_path, house.stokes, ("x", "y"), house.sky)
    asked = ("--statistic", "spectra", "--output", tmp_path / "s.h5")
    with pytest.raises(UserError, match="channels are x, y, expected"):
        house.run(measure, other.maps("mine"), *asked)
