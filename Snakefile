"""From a few end-to-end simulations to many: one campaign, one DAG.

    snakemake --configfile config/demo.yaml --profile profiles/local

Targets: all (the report), datasets (every map), simulate (the original maps) and
export (every map as FITS). See config/README.md for the configuration.
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from fewtomany import config as campaign_file
from fewtomany import discarded, slurm
from fewtomany.errors import UserError

if not workflow.configfiles:

    configfile: "config/demo.yaml"


try:
    campaign = campaign_file.parse(config)
except UserError as error:
    raise WorkflowError(str(error)) from None
slurm.install(campaign.name)


report: "workflow/report/workflow.rst"


pathvars:
    results=f"results/{campaign.name}",
    logs=f"logs/{campaign.name}",
    benchmarks=f"benchmarks/{campaign.name}",


include: "workflow/rules/common.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/emulate.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/report.smk"


onstart:
    campaign_file.save(campaign, CONFIG)


rule all:
    """The report, and with it everything, the recommended covariances, and what was discarded."""
    default_target: True
    input:
        discarded.missing(campaign),
        "<results>/report.html",
        [f"<results>/recommended/{dataset.name}.h5" for dataset in campaign.by_role("emulated")],


rule datasets:
    """Every map of the campaign."""
    input:
        [path for dataset in campaign.datasets for path in maps_of(dataset)],


rule simulate:
    """The maps of the original dataset."""
    input:
        maps_of("original"),


rule export:
    """Every map of the campaign as a FITS file."""
    input:
        [path for dataset in campaign.datasets for path in fits_of(dataset)],
