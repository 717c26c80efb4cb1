"""Silent damage of every kind of product: found, named, removed."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure

from fewtomany import covariance
from fewtomany.emulator import archive
from fewtomany.errors import UserError
from fewtomany.figures import style
from fewtomany.files import integrity, store
from fewtomany.jobs import discarded, status
from fewtomany.maps import export
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra
from fewtomany.validation import parts

RANDOM = np.random.default_rng(1)
MAPS = store.MapSet(RANDOM.standard_normal((3, 2, 48)), "QU", "input", provenance={"code": "x"})


def _arrays(kind, **shapes):
    def make(path):
        arrays = {name: RANDOM.standard_normal(shape) for name, shape in shapes.items()}
        store.write(path, arrays, kind=kind, provenance={}, nside=2)

    return make


@pytest.fixture(autouse=True)
def real_figures(quick_figures, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", quick_figures)


def _partial(path):
    sky = Sky(2, np.arange(5, 15), RANDOM.uniform(1, 2, 10))
    store.write_maps(path, store.MapSet(MAPS.maps[..., :10], "QU", "input", sky=sky))


def _covariance(path):
    found = covariance.of_matrix(np.zeros(6), np.eye(6), 10, "QU", 1, "input")
    covariance.write(path, found, {})


def _figure(path):
    figure = Figure(figsize=(1, 1))
    figure.text(0.1, 0.1, "x")
    style.save(figure, path, "title", "caption")


def _page(path):
    with store.atomic_path(path) as temporary:
        temporary.write_text("<html>\n<p>µ</p></html>\n", encoding="utf-8")


def _fits(path):
    (found,) = export.write_fits(path.parent, store.MapSet(MAPS.maps[:1], "QU", "input"))
    found.rename(path)


def _manifest(path):
    archive.write_manifest(path, "emulated-4", path.parent, {})


KINDS = {
    "datasets/input-4/maps-0.h5": lambda path: store.write_maps(path, MAPS),
    "datasets/reference/maps-0.h5": _partial,
    "simulation/response/chunks-0.h5": _arrays("response-part", offsets=5, projected=(9, 4, 3)),
    "simulation/response.h5": _arrays("response", response=(8, 3, 48), hits=48),
    "covariances/input-4.h5": _arrays("covariance", mean=6, covariance=(6, 6)),
    "reference/factor.h5": _arrays("covariance-factor", eigenvalues=6, root=(6, 6)),
    "emulation/emulated-4/model.h5": _arrays("emulation-model", mean=(2, 48), targets=(3, 20)),
    "emulation/emulated-4/batches/0000/batch-0000000.h5": lambda path: archive.write_batch(
        path, MAPS.maps, np.ones((4, 3)), "key", {}
    ),
    "emulation/emulated-4/batches/0000/batch-0000001.checkpoint.h5": lambda path: (
        archive.Checkpoint(path, "key", {}).write(
            {"step": np.array(3), "x": RANDOM.standard_normal(9), "empty": np.zeros((0, 9))}
        )
    ),
    "measurements/input-4/spectra-0.h5": lambda path: spectra.write(
        path, RANDOM.standard_normal((3, 3, 6)), MAPS, {}
    ),
    "measurements/input-4/minkowski-0.h5": _arrays("moments", mean=(4, 9), squares=(4, 9)),
    "validation/comparison.h5": _arrays("comparison", **{"spectra/input/mean": (3, 6)}),
    "validation/wavelets.h5": _arrays("wavelets", shapes=(4, 5)),
    "validation/metrics.json": lambda path: store.write_json(path, {"metrics": [{"value": 0.25}]}),
    "validation/parts/compare.json": lambda path: parts.write(path, [], {}, x=[1.5, None]),
    "emulation/emulated-4/shards/batches-0.json": _manifest,
    "figures/maps.png": _figure,
    "figures/maps.pdf": lambda path: _figure(path.with_suffix(".png")),
    "report.html": _page,
    "fits/input-4/0-1/input-0000000.fits": _fits,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One product of every kind."""
    folder = tmp_path_factory.mktemp("products")
    for name, make in KINDS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make(folder / name)
    return folder


@pytest.fixture
def campaign(one_day, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return one_day()


@pytest.fixture(params=KINDS)
def product(request, made, campaign):
    """One product, alone in a campaign."""
    path = Path("results/one-day") / request.param
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((made / request.param).read_bytes())
    return path


def test_a_whole_product_passes_by_its_digests(product, campaign):
    assert store.verify(product)
    found = status.check(campaign)
    assert (found.damaged, found.checked, found.unsigned) == ({}, 1, [])


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.95])
def test_a_truncated_product_is_found_and_removed(product, campaign, kept):
    content = product.read_bytes()
    product.write_bytes(content[: int(kept * len(content))])
    _is_found_and_removed(product, campaign)


def test_a_flipped_bit_is_found_and_removed(product, campaign):
    content = bytearray(product.read_bytes())
    for place in (0, len(content) // 3, 2 * len(content) // 3):
        damaged = content.copy()
        damaged[place] ^= 4
        product.write_bytes(damaged)
        with pytest.raises(UserError, match=product.name.replace(".", r"\.")):
            store.verify(product)
    _is_found_and_removed(product, campaign)


def _is_found_and_removed(product, campaign):
    (found,) = status.check(campaign).damaged
    assert found in (product, product.parent)
    status.discard(campaign, [found], [])
    assert not product.exists()
    again = [] if "batches" in found.parts else [str(found)]
    assert discarded.missing(campaign) == again
    assert not status.check(campaign).damaged


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith(".h5")])
def test_the_dataset_that_is_damaged_is_named(made, tmp_path, name):
    content = (made / name).read_bytes()
    known = integrity.digests(made / name)
    path = tmp_path / "product.h5"
    assert known.datasets
    for dataset, (first, size, _) in known.datasets.items():
        damaged = bytearray(content)
        damaged[known.size + first + size // 2] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"product\.h5: dataset {dataset} is damaged"):
            store.verify(path)
        with h5py.File(path) as file:
            kind = file.attrs["format"]
        with pytest.raises(UserError, match=rf"product\.h5: dataset {dataset} is damaged"):
            store.read(path, kind)


def test_every_byte_of_a_file_counts(tmp_path):
    """Not one flipped bit is missed, and none reaches HDF5, which may loop or crash on it."""
    path = tmp_path / "maps.h5"
    store.write_maps(path, store.MapSet(np.ones((1, 2, 12), np.float32), "QU", "input"))
    content = path.read_bytes()
    for place in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"maps\.h5: "):
            store.verify(path)
        with pytest.raises(UserError, match=r"maps\.h5: "):
            store.read_maps(path)


def test_a_value_written_into_a_map_file_is_found(tmp_path):
    path = tmp_path / "maps.h5"
    store.write_maps(path, MAPS)
    with h5py.File(path, "r+") as file:
        file["maps"][1, 0, 7] = np.nan
    for read in (store.verify, store.read_maps, store.read_provenance):
        with pytest.raises(UserError, match=r"maps\.h5: is damaged.* dataset maps"):
            read(path)


def _as_version_1(path):
    """The file as it was written before there were digests."""
    path.write_bytes(path.read_bytes()[integrity.digests(path).size :])
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 1


def test_files_of_earlier_versions_are_read_and_said_to_be_unsigned(campaign):
    path = Path("results/one-day/datasets/input/maps-0.h5")
    store.write_maps(path, MAPS)
    _as_version_1(path)
    manifest = Path("results/one-day/validation/metrics.json")
    manifest.parent.mkdir()
    manifest.write_text(json.dumps({"metrics": []}))
    page = Path("results/one-day/report.html")
    page.write_text("<html></html>\n")
    np.testing.assert_array_equal(store.read_maps(path).maps, MAPS.maps)
    assert store.read_json(manifest) == {"metrics": []}
    found = status.check(campaign)
    assert found.damaged == {}
    assert sorted(found.unsigned) == sorted([path, manifest, page])
    with h5py.File(path, "r+") as file:
        file["maps"][1, 0, 7] = np.nan
    assert list(status.check(campaign).damaged) == [path]


def test_a_file_that_has_lost_its_digests_is_damaged(tmp_path):
    path = tmp_path / "maps.h5"
    store.write_maps(path, MAPS)
    path.write_bytes(path.read_bytes()[integrity.digests(path).size :])
    with pytest.raises(UserError, match="digests are gone"):
        store.read_maps(path)


@pytest.mark.parametrize("key", ["format_version", "sha256"])
def test_a_json_file_that_has_lost_a_key_of_its_digest_is_damaged(tmp_path, key):
    path = tmp_path / "metrics.json"
    store.write_json(path, {"metrics": []})
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"metrics\.json: is damaged"):
        store.read_json(path)


def test_products_repeat_themselves_to_the_bit(tmp_path):
    for name in ("a.h5", "b.h5"):
        store.write_maps(tmp_path / name, MAPS)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_the_status_command_names_damage_and_discards_it(campaign, tmp_path, monkeypatch, capsys):
    import importlib.util
    import sys

    script = Path(__file__).parents[2] / "scripts" / "status.py"
    spec = importlib.util.spec_from_file_location("status_script", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.config, "load", lambda path: campaign)
    monkeypatch.setenv("PATH", os.devnull)
    path = Path("results/one-day/datasets/input/maps-0.h5")
    store.write_maps(path, MAPS)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["status.py", "--config", "c.yaml", *words])
        module.main(module.get_parser().parse_args())
        return capsys.readouterr().out

    assert run("--check").startswith("every product can be read; 1 are what was written")
    content = bytearray(path.read_bytes())
    known = integrity.digests(path)
    content[known.size + known.datasets["maps"][0] + 9] ^= 16
    path.write_bytes(content)
    assert f"damaged: {path}: dataset maps is damaged" in run("--check")
    assert path.exists()
    assert "removed 1" in run("--check", "--discard")
    assert not path.exists()
