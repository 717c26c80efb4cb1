import pytest

from harness import INSTANT, Workflow, programs


@pytest.fixture(scope="session")
def instant(tmp_path_factory) -> Workflow:
    """The tiny campaign, run to its end by programs that only write empty products."""
    folder = tmp_path_factory.mktemp("instant")
    (folder / "scripts").mkdir()
    for program in programs():
        (folder / "scripts" / program).symlink_to(INSTANT)
    workflow = Workflow(folder)
    done = workflow.snakemake()
    assert done.returncode == 0, done.stderr
    return workflow
