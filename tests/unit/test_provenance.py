import datetime
import json

import fewtomany
from fewtomany import provenance


def test_record_names_code_packages_and_facts(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    record = provenance.record(campaign="demo", seed_key=["gains", 3])
    assert record["code"].startswith(fewtomany.__version__)
    assert record["packages"]["numpy"]
    assert record["packages"]["healpy"]
    assert record["job"] == "42"
    assert record["campaign"] == "demo"
    assert json.loads(json.dumps(record)) == record


def test_record_is_dated_in_utc():
    written = datetime.datetime.fromisoformat(provenance.record()["written"])
    age = datetime.datetime.now(datetime.UTC) - written
    assert datetime.timedelta(0) <= age + datetime.timedelta(seconds=1)
    assert age < datetime.timedelta(minutes=1)
