"""A SLURM for the session, a campaign that ran without it, and copies to disturb."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cluster
import numpy as np
import pytest
import yaml

from fewtomany.files import store
from harness import ROOT, TINY, Workflow, make_workflow

NAME = "slurm"
N_BATCHES = 5  # in three shards, of 2, 2 and 1
MAPS = f"results/{NAME}/datasets/average-10/maps-0000000-0000050.h5"
# Two emulation shards more than one node holds at once, a few seconds of descent each.
CHANGES = {
    "campaign": NAME,
    "inputs": {"input-10": {"n_maps": 10}},
    "gaussian": {},
    "emulated": {"average-10": {"input": "input-10", "strategy": "average-target", "n_maps": 50}},
    "emulator": {
        "n_scales": 2,
        "batch_size": 10,
        "n_steps": 800,
        "dtype": "float64",
        "start": "white",
        "variances": "inputs",
    },
    "sharding": {"chunks_per_shard": 60, "maps_per_shard": 50, "batches_per_shard": 2},
}
FAST = (
    "--slurm-init-seconds-before-status-checks=2",
    "--latency-wait=10",
    "--max-status-checks-per-second=5",
)


@dataclass(frozen=True)
class Job:
    """One line of squeue."""

    id: str
    task: str
    state: str
    rule: str
    nodes: str


@dataclass(frozen=True)
class SlurmWorkflow(Workflow):
    """The workflow with its jobs in SLURM."""

    @property
    def results(self) -> Path:
        return self.folder / "results" / NAME

    def command(self, *words: str) -> list[str]:
        """The documented command, with shorter waits."""
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--profile", str(ROOT / "profiles" / "slurm"), "--configfile", "campaign.yaml"),
            *FAST,
            *words,
        ]

    def start(self, *words: str) -> subprocess.Popen:
        """Start Snakemake and come back."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with (self.folder / "snakemake.log").open("a") as log:
            return subprocess.Popen(
                self.command(*words),
                cwd=self.folder,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen, expected: int = 0) -> None:
        """Wait for Snakemake to end, as expected."""
        try:
            code = process.wait(timeout=900)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            raise
        assert code == expected, self.log()[-5000:]

    def complete(self, *words: str) -> None:
        """The documented command, to its end."""
        self.finish(self.start(*words))

    def log(self) -> str:
        return (self.folder / "snakemake.log").read_text()

    def slurm_jobs(self, rule: str = "", state: str = "all") -> list[Job]:
        """The jobs of this folder, past ones too, a line for each array task."""
        table = subprocess.run(
            ["squeue", "--array", "--noheader", f"--states={state}", "--format=%F|%K|%T|%k|%N|%Z"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        jobs = []
        for line in table.splitlines():
            number, task, state, comment, nodes, folder = line.strip().split("|")
            name = comment.removeprefix("rule_").partition("_wildcards_")[0]
            if Path(folder) == self.folder and rule in ("", name):
                jobs.append(Job(number, task, state, name, nodes))
        return jobs

    def batches(self) -> dict[str, dict]:
        """Provenance of the finished batches by file name."""
        folder = self.results / "emulation" / "average-10" / "batches"
        files = sorted(folder.rglob("batch-???????.h5"))
        return {
            file.name: store.read_attributes(file, "emulated-batch")["provenance"] for file in files
        }

    def maps(self, dataset: str) -> np.ndarray:
        return store.read_dataset(sorted((self.results / "datasets" / dataset).glob("*.h5"))).maps


def wait_for(condition, seconds: float = 300):
    """The first true value of a condition."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)
    return value


@pytest.fixture(scope="session", autouse=True)
def slurm():
    """The test cluster; its absence is a failure unless it is asked for."""
    if os.environ.get("FEWTOMANY_WITHOUT_SLURM"):
        pytest.skip("FEWTOMANY_WITHOUT_SLURM is set: nothing here is tested")
    try:
        cluster.start()
    except SystemExit as error:
        pytest.fail(f"{error}; FEWTOMANY_WITHOUT_SLURM=1 skips these tests", pytrace=False)
    yield
    cluster.stop()


def _configuration() -> str:
    return yaml.safe_dump({**yaml.safe_load(TINY.read_text()), **CHANGES})


@pytest.fixture(scope="session")
def emulated(tmp_path_factory) -> SlurmWorkflow:
    """The campaign without SLURM as far as the emulated maps, which are what is disturbed."""
    folder = tmp_path_factory.mktemp("local")
    make_workflow(folder)
    (folder / "campaign.yaml").write_text(_configuration())
    _run(folder, MAPS)
    return SlurmWorkflow(folder)


@pytest.fixture(scope="session")
def local(emulated) -> SlurmWorkflow:
    """The same, to its end."""
    _run(emulated.folder)
    return emulated


def _run(folder: Path, *targets: str) -> None:
    words = [*targets, "--configfile", "campaign.yaml", "--show-failed-logs"]
    done = Workflow(folder).spawn(*words)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def empty(tmp_path) -> SlurmWorkflow:
    """A folder to run the campaign in, from nothing."""
    make_workflow(tmp_path)
    (tmp_path / "campaign.yaml").write_text(_configuration())
    return SlurmWorkflow(tmp_path)


@pytest.fixture
def prepared(emulated, tmp_path) -> SlurmWorkflow:
    """The campaign as far as the emulation of average-10."""
    folder = tmp_path / "campaign"
    shutil.copytree(emulated.folder, folder, symlinks=True)
    workflow = SlurmWorkflow(folder)
    for part in ("batches", "shards"):
        shutil.rmtree(workflow.results / "emulation" / "average-10" / part)
    shutil.rmtree(workflow.results / "datasets" / "average-10")
    return workflow


def metrics(workflow: SlurmWorkflow) -> dict:
    return json.loads((workflow.results / "validation" / "metrics.json").read_text())


@pytest.fixture
def same(emulated):
    """Check that a folder has the maps of the undisturbed run."""

    def check(workflow: SlurmWorkflow) -> None:
        assert len(workflow.batches()) == N_BATCHES
        np.testing.assert_array_equal(workflow.maps("average-10"), emulated.maps("average-10"))
        batches = workflow.results / "emulation" / "average-10"
        assert not list(batches.rglob("*.checkpoint.h5"))

    return check
