import pytest

from harness import Workflow, make_instant


@pytest.fixture(scope="session")
def instant(tmp_path_factory) -> Workflow:
    """The tiny campaign, run to its end by programs that only write empty products."""
    workflow = make_instant(tmp_path_factory.mktemp("instant"))
    done = workflow.snakemake()
    assert done.returncode == 0, done.stderr
    return workflow
