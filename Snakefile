"""From a few end-to-end simulations to many: one campaign, one DAG.

    snakemake [TARGET] --profile profiles/local --configfile config/demo.yaml

Targets: all (the report), datasets (every map), simulate (the original maps or the user's) and
export (every map as FITS). See config/README.md for the configuration.
"""

import shlex
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")
# The programs lie beside this file, wherever the workflow runs or another one uses it as a module.
SCRIPTS = Path(workflow.current_basedir.join("scripts").get_path_or_uri(secret_free=True))
sys.path.insert(0, str(SCRIPTS))

from fewtomany import config as campaign_file
from fewtomany.jobs import clocks, discarded, failures, outlook, slurm
from fewtomany.errors import UserError

if not workflow.configfiles:

    configfile: "config/demo.yaml"


try:
    campaign = campaign_file.parse(config)
    if workflow.is_main_process:
        campaign_file.check_sources(campaign)
        if campaign.maps.mask:
            from fewtomany.datasets import observed

            observed.check_mask(campaign)
except UserError as error:
    raise SystemExit(str(error)) from None  # of another error Snakemake shows its place at the end
if workflow.is_main_process:
    logger.info(outlook.words(campaign))  # before the jobs are planned, which takes seconds
else:
    clocks.leave_to_main()
slurm.install(campaign.name)
failed = failures.watch()

# $FEWTOMANY is the folder of the programs, relative if it lies in this one. Of {threads} Snakemake
# tells OMP and the like, not numba. srun shall not outlive a dead rank. What TensorFlow compiles is
# kept for later jobs; where, the environment may say.
PROGRAMS = SCRIPTS.relative_to(Path.cwd()) if SCRIPTS.is_relative_to(Path.cwd()) else SCRIPTS
shell.prefix(
    f"set -euo pipefail; export FEWTOMANY={shlex.quote(str(PROGRAMS))}"
    " FEWTOMANY_COMPILED=${{FEWTOMANY_COMPILED-.snakemake/compiled}}"
    " NUMBA_NUM_THREADS=$OMP_NUM_THREADS SLURM_KILL_BAD_EXIT=1; "
)


report: "workflow/report/workflow.rst"


pathvars:
    results=f"results/{campaign.name}",
    logs=f"logs/{campaign.name}",
    benchmarks=f"benchmarks/{campaign.name}",


include: "workflow/rules/common.smk"
include: "workflow/rules/response.smk"


if campaign.simulation is not None:

    include: "workflow/rules/simulate.smk"


include: "workflow/rules/inputs.smk"
include: "workflow/rules/reference.smk"


if campaign.surrogate is not None:

    include: "workflow/rules/surrogate.smk"


include: "workflow/rules/symmetry.smk"
include: "workflow/rules/emulate.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"


onstart:
    campaign_file.save(campaign, CONFIG)
    logger.info(f"Time left, from another shell: python {PROGRAMS}/status.py --config {CONFIG}")


onerror:
    if workflow.is_main_process:
        failures.tell(failed)


if not workflow.modifier.is_main_snakefile():
    # Of a module Snakemake calls no handler: ours go on those of the workflow that uses it.
    workflow._onstart = saving_after(workflow._onstart)
    workflow._onerror = telling_after(workflow._onerror)


rule all:
    """The report, and with it everything, the covariances to use, and what was discarded."""
    default_target: True
    input:
        discarded.missing(campaign),
        "<results>/report.html",
        covariances_to_use(),


rule datasets:
    """Every map of the campaign."""
    input:
        [path for dataset in campaign.datasets for path in maps_of(dataset)],


rule simulate:
    """The maps of the original dataset, or those of the user."""
    input:
        [
            path
            for dataset in (campaign.datasets | campaign.given).values()
            if dataset.role == "original" or dataset.sources or dataset.texture
            for path in maps_of(dataset.name)
        ],


rule export:
    """Every map of the campaign as a FITS file; of a plane or a line as NumPy files."""
    input:
        [path for dataset in campaign.datasets for path in fits_of(dataset)],
