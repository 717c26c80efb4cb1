"""The programs of the simulation, from the pass to FITS."""

from pathlib import Path

import numpy as np
import pytest
import yaml

import exact_covariance
import export_fits
import merge_response
import simulate_maps
import simulate_response
from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.files import store


@pytest.fixture
def run(tmp_path):
    """Run the main function of a program in a configuration."""

    def run(program, content, *options):
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump(content))
        options = ["--config", str(path), *map(str, options)]
        program.main(program.get_parser().parse_args(options))

    return run


def test_from_the_pass_to_fits(one_day_content, run, tmp_path):
    content = one_day_content(maps={"nside": 4}, simulation={"tod_dtype": "float32"})
    parts = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for part, start, stop in zip(parts, (0, 10), (10, 18), strict=True):
        run(simulate_response, content, "--start", start, "--stop", stop, "--output", part)
    response = tmp_path / "response.h5"
    run(merge_response, content, "--output", response, *parts)
    product = store.read(response, "response")
    assert product["response"].shape == (18 * 4, 3, 192)
    assert product["hits"].sum() == 4 * 86400
    np.testing.assert_allclose(product["condition"], 2)

    maps = tmp_path / "maps.h5"
    options = ("--start", 5, "--stop", 8, "--output", maps)
    run(simulate_maps, content, *options, "--response", response)
    original = store.read_maps(maps)
    assert (original.dataset, original.first, original.stokes) == ("original", 5, "TQU")
    assert original.maps.shape == (3, 3, 192)
    assert original.maps.dtype == np.float32
    content_of_direct = one_day_content(maps={"nside": 4}, simulation={"engine": "direct"})
    run(simulate_maps, content_of_direct, *options)
    directly = store.read_maps(maps)
    assert directly.maps.dtype == np.float64
    np.testing.assert_allclose(original.maps, directly.maps, atol=1e-5 * directly.maps.std())

    exact = tmp_path / "exact.h5"
    run(exact_covariance, content, "--response", response, "--output", exact)
    assert store.read_attributes(exact, "covariance")["n_maps"] == 0
    covariance = store.read(exact, "covariance")
    assert covariance["covariance"].shape == (384, 384)
    assert not covariance["mean"].any()

    run(export_fits, content, "--output", tmp_path / "fits", maps)
    assert len(list((tmp_path / "fits").glob("original-*.fits"))) == 3


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (-1, 3), (10, 19)])
def test_range_outside_the_mission_is_refused(one_day_content, run, tmp_path, start, stop):
    options = (f"--start={start}", f"--stop={stop}", "--output", tmp_path / "part.h5")
    with pytest.raises(UserError, match="is not a range of the 18 gain chunks"):
        run(simulate_response, one_day_content(), *options)


@pytest.mark.parametrize("engine", ["response", "direct"])
def test_response_option_follows_the_engine(one_day_content, run, tmp_path, engine):
    options = ["--start", 0, "--stop", 1, "--output", tmp_path / "maps.h5"]
    if engine == "direct":
        options += ["--response", tmp_path / "response.h5"]
    with pytest.raises(UserError, match=f"simulation.engine is {engine}"):
        run(simulate_maps, one_day_content(simulation={"engine": engine}), *options)


SYSTEMATICS = sorted((Path(__file__).parents[2] / "config" / "systematics").glob("*.yaml"))


@pytest.mark.parametrize("path", SYSTEMATICS, ids=lambda path: path.stem)
def test_campaigns_of_the_systematics_are_simulated(one_day_content, run, tmp_path, path):
    """Every campaign file of a systematic, on a mission of a day."""
    tiny = one_day_content()
    content = yaml.safe_load(path.read_text())
    small = {key: tiny["simulation"][key] for key in ("nside", "scan")}
    gains = {**content["simulation"]["gains"], "chunk_samples": 20000}
    content["simulation"] |= {**small, "gains": gains}
    maps = tmp_path / "maps.h5"
    options = ["--start", 3, "--stop", 5, "--output", maps]
    if config.parse(content).simulation.engine == "response":
        part, response = tmp_path / "part.h5", tmp_path / "response.h5"
        run(simulate_response, content, "--start", 0, "--stop", 5, "--output", part)
        run(merge_response, content, "--output", response, part)
        options += ["--response", response]
    run(simulate_maps, content, *options)
    original = store.read_maps(maps)
    assert original.maps.shape == (2, 3, 768)
    assert original.frame == content["maps"]["frame"]
    assert (original.maps.std(axis=(0, 2)) > 1e-10).all()
    assert np.std(original.maps[0] - original.maps[1]) > 0.1 * original.maps.std()
