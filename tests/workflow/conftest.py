import os

import pytest

from harness import Workflow, make_instant

# Snakemake's SLURM plugin asks the cluster when it is imported, and waits 10 s for a cluster
# that is installed but down. No test of this folder needs one.
os.environ["SLURM_CONF"] = os.devnull


@pytest.fixture(scope="session")
def instant(tmp_path_factory) -> Workflow:
    """The tiny campaign, run to its end by programs that only write empty products."""
    workflow = make_instant(tmp_path_factory.mktemp("instant"))
    done = workflow.snakemake()
    assert done.returncode == 0, done.stderr
    return workflow
