"""Another workflow uses this one as a module, from another folder."""

import yaml

from fewtomany import config
from harness import ROOT, TINY, Workflow, count_jobs

CONTENT = yaml.safe_load(TINY.read_text())
PLAIN = f"""
module fewtomany:
    snakefile: "{ROOT}/Snakefile"
    config: config

use rule * from fewtomany
"""
AMONG_OTHERS = f"""
onstart:
    print("our own handler")

module systematics:
    snakefile: "{ROOT}/Snakefile"
    config: config["systematics"]

use rule * from systematics as systematics_*

rule shape:
    default_target: True
    input:
        rules.systematics_measure_wavelets.output
    output:
        "shape.txt"
    shell:
        "basename {{input}} > {{output}}"
"""


def importing(folder, snakefile, content):
    """A workflow in a folder of its own that uses this one as a module."""
    (folder / "Snakefile").write_text(snakefile)
    (folder / "campaign.yaml").write_text(yaml.safe_dump(content))
    return Workflow(folder)


def test_a_module_plans_the_whole_campaign(tmp_path):
    workflow = importing(tmp_path, PLAIN, CONTENT)
    jobs = count_jobs(workflow.run("--dry-run", "--configfile", "campaign.yaml"))
    assert jobs == Workflow(tmp_path / "..").jobs()
    assert jobs["emulate"] == 3
    assert not (tmp_path / "results").exists()


def test_a_rule_of_a_module_runs_beside_those_of_the_workflow(tmp_path):
    """Under another name, with a part of the configuration and a handler of its own."""
    workflow = importing(tmp_path, AMONG_OTHERS, {"systematics": CONTENT, "other": 1})
    done = workflow.spawn("--configfile", "campaign.yaml", "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "shape.txt").read_text() == "wavelets.h5\n"
    assert "our own handler" in done.stdout
    kept = config.load(tmp_path / "results" / "tiny" / "campaign.yaml")
    assert kept == config.load(TINY)


def test_a_module_says_what_is_wrong_with_its_configuration(tmp_path):
    workflow = importing(tmp_path, PLAIN, {**CONTENT, "maps": {"nside": 12}})
    done = workflow.run("--dry-run", "--configfile", "campaign.yaml")
    assert done.returncode == 1
    assert "maps.nside: 12 is not allowed" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
