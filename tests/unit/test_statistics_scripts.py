"""The programs from covariance to report, run on a small planted campaign."""

import json
import re

import numpy as np
import pytest
import yaml

import covariance as covariance_script
import draw
import factor
import judge
import measure
import measure_wavelets
import plot
import report as report_script
from fewtomany import config
from fewtomany.config.products import measured_together, products_of
from fewtomany.errors import UserError
from fewtomany.figures import gallery, report
from fewtomany.files import store

CONTENT = {
    "campaign": "small",
    "seed": 1,
    "maps": {"nside": 2},
    "simulation": {"n_maps": 60, "nside": 2},
    "reference": {"n_maps": 60},
    "inputs": {"input-5": {"n_maps": 5}, "input-8": {"n_maps": 8}},
    "gaussian": {"gaussian-5": {"input": "input-5", "n_maps": 20}},
    "emulated": {
        "emulated-5": {"input": "input-5", "strategy": "average-target", "n_maps": 20},
        "emulated-8": {"input": "input-8", "strategy": "single-target", "n_maps": 20},
    },
    "emulator": {"n_scales": 1, "n_orientations": 2},
    "validation": {"n_modes": 10, "chi2_maps": 30, "minkowski_maps": 15},
    "sharding": {"maps_per_shard": 40},
}
COMPARED = ["maps", *gallery.COMPARED]
FIGURES = [*COMPARED, *gallery.OF_WAVELETS, "cost"]


class House:
    """A results folder and the programs that fill it."""

    def __init__(self, folder):
        self.folder = folder
        self.campaign = config.parse(CONTENT)
        (folder / "campaign.yaml").write_text(yaml.safe_dump(CONTENT))

    def run(self, program, *options):
        options = ["--config", self.folder / "campaign.yaml", *options]
        program.main(program.get_parser().parse_args(list(map(str, options))))

    def maps(self, name):
        return [self.folder / f"{name}-{s.label}.h5" for s in self.campaign.map_shards(name)]

    def write_maps(self, name, seed):
        """Maps that no program of this part makes."""
        rng = np.random.default_rng(seed)
        for path, shard in zip(self.maps(name), self.campaign.map_shards(name), strict=True):
            values = rng.standard_normal((len(shard), 3, 48)) * np.linspace(1, 2, 48) * 1e-9
            store.write_maps(path, store.MapSet(values, "TQU", name, shard.start))

    def measure(self, path, start):
        """All statistics of a map file, as its rule says them; their files."""
        (names,) = (n for n, s in measured_together(self.campaign).items() if start in s)
        files = {name: path.with_suffix(f".{name}.h5") for name in names}
        said = ("--statistic", *names, "--truth", self.folder / "reference.h5")
        self.run(measure, path, *said, "--output", *files.values())
        return files

    def draw(self, name, *model):
        for path, shard in zip(self.maps(name), self.campaign.map_shards(name), strict=True):
            span = ("--start", shard.start, "--stop", shard.stop)
            self.run(draw, "--dataset", name, *span, "--output", path, *model)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Everything but the report has been made."""
    house = House(tmp_path_factory.mktemp("house"))
    folder, datasets = house.folder, house.campaign.datasets
    for seed, name in enumerate(["original", "emulated-5", "emulated-8"]):
        house.write_maps(name, seed)
    estimate = ("--output", folder / "original.h5", *house.maps("original"))
    house.run(covariance_script, "--dataset", "original", *estimate)
    house.run(factor, "--output", folder / "factor.h5", folder / "original.h5")
    for name in ("reference", "input-5", "input-8"):
        house.draw(name, "--factor", folder / "factor.h5")
    house.draw("gaussian-5", "--inputs", *house.maps("input-5"))
    covariances, measured = [], {name: [] for name in products_of(house.campaign).measured}
    for name in datasets:
        output = folder / f"{name}.h5"
        house.run(covariance_script, "--dataset", name, "--output", output, *house.maps(name))
        covariances.append(f"{name}={output}")
    for name in datasets:
        for path, shard in zip(house.maps(name), house.campaign.map_shards(name), strict=True):
            for statistic, output in house.measure(path, shard.start).items():
                measured[statistic].append(f"{name}={output}")
    maps = [f"reference={path}" for path in house.maps("reference")]
    files = ["--covariance", *covariances, "--maps", *maps]
    for statistic, paths in measured.items():
        files += [f"--{statistic}", *paths]
    products = ("--metrics", folder / "metrics.json", "--comparison", folder / "comparison.h5")
    house.run(judge, *files, *products)
    _figures(house)
    return house


def _figures(house):
    folder, datasets = house.folder, house.campaign.datasets
    house.run(measure_wavelets, "--output", folder / "wavelets.h5")
    shown = [f"{dataset}={house.maps(dataset)[0]}" for dataset in datasets]
    sources = ("--comparison", folder / "comparison.h5", "--maps", *shown)
    house.plot = (*sources, "--wavelets", folder / "wavelets.h5")
    outputs = [folder / f"{name}.png" for name in FIGURES]
    house.run(plot, "--figure", *FIGURES, "--output", *outputs, *house.plot)


def test_reference_and_inputs_are_independent_draws(house):
    reference, inputs = (
        store.read_maps(house.maps(name)[0]).maps[:5] for name in ("reference", "input-5")
    )
    assert reference.dtype == np.float32
    assert not np.any(reference == inputs)


def test_draws_do_not_depend_on_the_shard(house, tmp_path):
    span = ("--dataset", "reference", "--start", 30, "--stop", 45, "--output", tmp_path / "m.h5")
    house.run(draw, *span, "--factor", house.folder / "factor.h5")
    part = store.read_maps(tmp_path / "m.h5")
    assert part.first == 30
    whole = store.read_dataset(house.maps("reference"))
    np.testing.assert_array_equal(part.maps, whole.maps[30:45])


def test_metrics_hold_every_dataset_and_the_count_of_verdicts(house):
    judgement = json.loads((house.folder / "metrics.json").read_text())
    assert judgement["truth"] == "reference"
    assert {entry["dataset"] for entry in judgement["metrics"]} == set(house.campaign.datasets)
    verdicts = [entry["passed"] for entry in judgement["metrics"]]
    assert judgement["judged"] == verdicts.count(True) + verdicts.count(False)
    assert judgement["passed"] == verdicts.count(True)


def test_minkowski_functionals_are_those_of_the_first_maps(house, tmp_path):
    first, second = house.maps("reference")
    assert store.read_attributes(first.with_suffix(".minkowski.h5"), "moments")["n_maps"] == 15
    asked = ("--statistic", "minkowski", "--output", tmp_path / "m.h5")
    with pytest.raises(UserError, match="begins at map 40, expected one of the"):
        house.run(measure, second, *asked)


def test_what_follows_from_the_same_is_measured_once(house):
    path = house.maps("input-5")[0]
    files = house.measure(path, 0)
    times = {name: file.stat().st_mtime_ns for name, file in files.items()}
    before = files["spectra"].read_bytes()
    files["spectra"].write_bytes(before[:-1] + bytes([before[-1] ^ 1]))  # damaged
    key = store.read_attributes(files["distribution"], "moments")["key"]
    unit, kept = house.folder / "reference.h5", (house.folder / "reference.h5").read_bytes()
    unit.write_bytes((house.folder / "original.h5").read_bytes())
    try:
        house.measure(path, 0)
    finally:
        unit.write_bytes(kept)
    assert store.read_attributes(files["distribution"], "moments")["key"] != key
    changed = {name for name, file in files.items() if file.stat().st_mtime_ns != times[name]}
    assert changed == {"spectra", "distribution"}
    store.verify(files["spectra"])
    house.measure(path, 0)


def test_a_figure_of_the_same_numbers_is_drawn_once(house, tmp_path):
    names, outputs = ("spectra", "cost"), [tmp_path / "spectra.png", tmp_path / "cost.png"]
    drawing = (plot, "--figure", *names, "--output", *outputs, *house.plot)
    house.run(*drawing)
    (tmp_path / "spectra.pdf").unlink()
    times = [path.stat().st_mtime_ns for path in outputs]
    house.run(*drawing)
    assert (tmp_path / "spectra.pdf").exists()
    later = [path.stat().st_mtime_ns for path in outputs]
    assert [a != b for a, b in zip(times, later, strict=True)] == [True, False]


def test_what_a_figure_needs_and_is_not_given_is_named(house, tmp_path):
    output = ("--output", tmp_path / "x.png")
    for name, option in {"spectra": "--comparison", "trust-mine": "--parts"}.items():
        with pytest.raises(UserError, match=f"{option}: missing; {name} is drawn from it"):
            house.run(plot, "--figure", name, *output)
    with pytest.raises(UserError, match="--figure: spectrum is not allowed; expected one of spec"):
        house.run(plot, "--figure", "spectrum", *output)
    with pytest.raises(UserError, match="--output: 1 files for spectra, cost"):
        house.run(plot, "--figure", "spectra", "cost", *output)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_carry_title_and_caption_and_have_a_vector_twin(house, name):
    picture = report.read_picture(house.folder / f"{name}.png")
    assert picture.title
    assert len(picture.caption) > 100
    assert "emulated-5 (20 maps)" in picture.caption or name not in COMPARED
    assert (house.folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def page(house):
    """The report, with the cost of two rules."""
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    folder = house.folder / "benchmarks"
    (folder / "draw").mkdir(parents=True)
    (folder / "factor.tsv").write_text(header + "3600.2\t1:00:00\t512.4" + "\t1" * 6 + "\t3500\n")
    for name in ("a", "b"):
        row = "0.2\t0:00:00\t-\t-\t-\t-\t-\t-\t-\tNA\n"
        (folder / "draw" / f"{name}.tsv").write_text(header + row)
    figures = [house.folder / f"{name}.png" for name in FIGURES]
    house.run(
        report_script,
        *("--metrics", house.folder / "metrics.json", "--figures", *figures),
        *("--benchmarks", folder, "--output", house.folder / "report.html"),
    )
    return (house.folder / "report.html").read_text()


def test_report_holds_all_metrics_and_figures(house, page):
    judgement = json.loads((house.folder / "metrics.json").read_text())
    for entry in judgement["metrics"]:
        assert f">{report.number(entry['value'])}</td>" in page
        assert entry["title"].replace("'", "&#39;") in page
    assert page.count('class="fail"') >= judgement["judged"] - judgement["passed"]
    assert page.count("<figure ") == page.count("data:image/png;base64,") == len(FIGURES) + 1
    assert "maps_per_shard: 40" in page


def test_report_needs_no_network(page):
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert all(source.startswith("data:") for source in sources)
    assert not re.search(r"https?://|<script|@import|url\(", page)


def test_report_sums_the_cost_of_every_rule(page):
    assert "<th>factor</th><td>1</td><td>1:00:00</td><td>0:58:20</td><td>512</td>" in page
    assert "<th>draw</th><td>2</td><td>0:00:00</td>" in page


def test_wrong_files_are_named(house, tmp_path):
    output = ("--output", tmp_path / "x.h5")
    maps = house.maps("reference")
    with pytest.raises(UserError, match="dataset is reference, expected original"):
        house.run(covariance_script, "--dataset", "original", *output, *maps)
    with pytest.raises(UserError, match="the map files hold 40 maps, expected 60"):
        house.run(covariance_script, "--dataset", "reference", *output, maps[0])
    with pytest.raises(UserError, match="'elsewhere' is not allowed here; expected original, "):
        house.run(covariance_script, "--dataset", "elsewhere", *output, *maps)
    with_factor = (*output, "--factor", house.folder / "factor.h5")
    options = ("--dataset", "gaussian-5", "--start", 0, "--stop", 5)
    with pytest.raises(UserError, match="gaussian-5 is a gaussian dataset: it needs --inputs"):
        house.run(draw, *options, *with_factor)
    options = ("--dataset", "reference", "--start", 0, "--stop", 61)
    with pytest.raises(UserError, match="--start 0 --stop 61 is not a range of the 60 maps"):
        house.run(draw, *options, *with_factor)
    drawing = ("--figure", "maps", "--comparison", house.folder / "comparison.h5", *output)
    with pytest.raises(UserError, match="no compared dataset: elsewhere; compared: original, "):
        house.run(plot, *drawing, "--maps", f"elsewhere={maps[0]}")
    with pytest.raises(UserError, match="'reference' is not of the form NAME=FILE"):
        house.run(plot, *drawing, "--maps", "reference")


def test_report_refuses_what_it_cannot_show(house, tmp_path):
    metrics = ("--metrics", house.folder / "metrics.json", "--output", tmp_path / "r.html")
    with pytest.raises(UserError, match="not a readable PNG"):
        house.run(report_script, *metrics, "--figures", house.folder / "maps.pdf")
    with pytest.raises(UserError, match="no such folder of benchmark files"):
        report.read_costs(tmp_path / "nothing")
    assert not (tmp_path / "r.html").exists()
