import datetime
import json
from pathlib import Path

import h5py
import pytest

import fewtomany
import show_provenance
from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.files import provenance, store

SCRIPTS = Path(__file__).parents[2] / "scripts"
PROGRAMS = [p for p in sorted(SCRIPTS.rglob("*.py")) if "fewtomany" not in p.parts]


def test_record_names_code_packages_and_facts(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    record = provenance.record(campaign="demo", seed_key=["gains", 3])
    assert record["code"].startswith(fewtomany.__version__)
    assert record["packages"]["numpy"]
    assert record["packages"]["healpy"]
    assert record["job"] == "42"
    assert record["host"]
    assert record["device"].startswith("cpu, ")
    assert record["wall_s"] >= 0
    assert record["campaign"] == "demo"
    assert json.loads(json.dumps(record)) == record


def test_array_tasks_and_virtual_nodes_have_their_names(monkeypatch):
    for name, value in (("ARRAY_JOB_ID", "40"), ("ARRAY_TASK_ID", "2"), ("JOB_ID", "42")):
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("SLURMD_NODENAME", "n1")
    record = provenance.record()
    assert (record["job"], record["host"]) == ("40_2", "n1")


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.stem)
def test_every_product_carries_its_campaign(script):
    """A product can be made again from its provenance: all of the configuration is in it."""
    text = script.read_text()
    assert text.count("provenance.record(") == text.count("**campaign.identity"), script.name


def test_a_campaign_comes_back_from_its_product(one_day, tmp_path):
    campaign, product, file = one_day(), tmp_path / "product.h5", tmp_path / "campaign.yaml"
    store.write(product, {}, kind="any", provenance=provenance.record(**campaign.identity))
    options = show_provenance.get_parser().parse_args([str(product), "--campaign", str(file)])
    show_provenance.main(options)
    assert config.load(file) == campaign
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(UserError, match=r"other\.h5: not a product"):
        store.read_provenance(tmp_path / "other.h5")


def test_record_is_dated_in_utc():
    written = datetime.datetime.fromisoformat(provenance.record()["written"])
    age = datetime.datetime.now(datetime.UTC) - written
    assert datetime.timedelta(0) <= age + datetime.timedelta(seconds=1)
    assert age < datetime.timedelta(minutes=1)
