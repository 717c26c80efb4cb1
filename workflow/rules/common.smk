"""What the rules share: names of files, the configuration, and the needs of jobs."""

import json
import re

from fewtomany.maps import ingest
from fewtomany.config import versions
from fewtomany.emulator import batches
from fewtomany.config.statistics import STATISTICS, n_measured
from fewtomany.config.products import (
    MOST_SHOWN,
    controlled,
    measured_together,
    products_of,
    surveyed,
)
from fewtomany.jobs.resources import at_once, demands, device, launcher, ranks
from fewtomany.shards import Shard

# The effective configuration, written when a run starts. The scripts read it, but it is
# no input of theirs: each rule's params hold the part its numbers follow from.
CONFIG = f"results/{campaign.name}/campaign.yaml"
ENVIRONMENT = "../../envs/conda.yaml"
memory, runtime = demands(campaign)
products = products_of(campaign)
PASSES = {"surrogate": campaign.simplified} if campaign.simplified else {}
if campaign.simulation is not None and campaign.simulation.engine == "response":
    PASSES["simulation"] = campaign
COVARIANCES = [*campaign.datasets, *(["exact"] if campaign.truth == "exact" else [])]
PARTS = {
    figure: f"<results>/validation/parts/{part}.json" for figure, part in products.parts.items()
}
FIGURES = ["maps", *products.compared, *products.emulator, *PARTS]
CATEGORIES = {"maps": "Datasets", **dict.fromkeys(products.emulator, "Emulator")}
CATEGORIES |= dict.fromkeys(PARTS, "Covariances")
# The best emulation beside its inputs: on the sphere.
GLANCE = [] if campaign.maps.flat else ["<results>/figures/glance.png"]
CONTROLLED = [dataset.name for dataset in controlled(campaign)]
SURVEYED = surveyed(campaign)


wildcard_constraints:
    dataset="|".join(map(re.escape, [*campaign.datasets, *campaign.folds, *campaign.given])),
    start=r"\d+",
    stop=r"\d+",


def saving_after(handler):
    """A handler that calls another one, then writes the effective configuration."""
    return lambda log: (handler(log), campaign_file.save(campaign, CONFIG))


def telling_after(handler):
    """A handler that calls another one, then sees to it that failed jobs are heard last."""
    main = workflow.is_main_process
    return lambda log: (handler(log), main and failures.tell(failed))


def any_of(names):
    """Wildcard constraint: one of these names (nothing if there are none)."""
    return "|".join(map(re.escape, names)) or "(?!)"


def one_of(*roles):
    """Wildcard constraint: the datasets of these roles."""
    return any_of(dataset.name for dataset in campaign.by_role(*roles))


def gaussian(model):
    """Wildcard constraint: the Gaussian datasets of a model."""
    return any_of(d.name for d in campaign.by_role("gaussian") if d.model == model)


def originals_for(wildcards):
    """The files of the original dataset that hold a range of picked maps."""
    first = campaign.datasets[wildcards.dataset].picked
    start, stop = first + int(wildcards.start), first + int(wildcards.stop)
    return [
        f"<results>/datasets/original/maps-{shard.label}.h5"
        for shard in campaign.map_shards("original")
        if shard.start < stop and shard.stop > start
    ]


def maps_of(dataset, first=float("inf")):
    """The map files of a dataset, or those of its first maps."""
    return [
        f"<results>/datasets/{dataset}/maps-{shard.label}.h5"
        for shard in campaign.map_shards(dataset)
        if shard.start < first
    ]


def files_of_user(dataset):
    """The user's files of a dataset, or of the surrogate."""
    if dataset == "surrogate":
        return ingest.find(campaign.surrogate.source.files)
    sources = campaign.find(dataset).sources.values()
    return [path for source in sources for path in ingest.find(source.files)]


def input_maps(wildcards):
    """The map files of the inputs that a dataset comes from."""
    return maps_of(campaign.find(wildcards.dataset).input)


def given_maps(wildcards):
    """The map files that are given to an emulated dataset; none if nothing is."""
    given = campaign.find(wildcards.dataset).given
    return maps_of(given.dataset) if given else []


def symmetry_of(dataset, wanted=True):
    """The best covariance without emulation from the inputs of a dataset; none if unwanted."""
    found = campaign.find(dataset)
    name = found.input if found.role in ("emulated", "gaussian") else found.name
    return [f"<results>/symmetry/{name}.h5"] if wanted else []


def covariance_of(name):
    """The covariance file of a dataset, or of "exact"."""
    return f"<results>/covariances/{name}.h5"


def true_covariance(name=""):
    """The true covariance, if there is one; else that of the inputs of a dataset, if named."""
    known = campaign.truth or (campaign.yardstick(name) if name else None)
    return covariance_of(known) if known else []


def measured(statistic):
    """The files of a statistic of all datasets, one for each map file that is measured."""
    if statistic not in products.measured:
        return []
    return [
        f"<results>/measurements/{dataset}/{statistic}-{shard.label}.h5"
        for dataset in campaign.datasets
        for shard in campaign.map_shards(dataset)
        if shard.start < n_measured(campaign, statistic, shard.stop)
    ]


def by_statistic(paths):
    """Options of the judge: files of measurements by their statistic, which begins their names."""
    found = {}
    for path in paths:
        found.setdefault(Path(path).name.partition("-")[0], []).append(path)
    return options(**{name: named(some) for name, some in found.items()})


def unit_of(names):
    """The covariance that is the unit of some statistics, by the wildcards of their rule."""
    needed = any(STATISTICS[name].unit for name in names if name in STATISTICS)
    return lambda wildcards: true_covariance(wildcards.dataset) if needed else []


def fits_of(dataset):
    """The folders of FITS files of a dataset."""
    return [f"<results>/fits/{dataset}/{shard.label}" for shard in campaign.map_shards(dataset)]


def manifests_for(wildcards):
    """The manifests of the batches that hold a range of emulated maps."""
    shard = Shard(int(wildcards.start), int(wildcards.stop))
    return [
        f"<results>/emulation/{wildcards.dataset}/shards/batches-{batch_shard.label}.json"
        for batch_shard in batches.batch_shards_for(campaign, wildcards.dataset, shard)
    ]


def recommended():
    """The recommended covariances."""
    emulated = campaign.by_role("emulated") if products.recommends else []
    return [f"<results>/recommended/{dataset.name}.h5" for dataset in emulated]


def covariances_to_use():
    """The recommended covariances; those of the emulated maps where none is recommended."""
    emulated = [covariance_of(dataset.name) for dataset in campaign.by_role("emulated")]
    return recommended() or emulated


def all_manifests():
    """The manifests of all emulated datasets, folds left out."""
    return [
        f"<results>/emulation/{dataset.name}/shards/batches-{shard.label}.json"
        for dataset in campaign.by_role("emulated")
        for shard in batches.batch_shards(campaign, dataset.name)
    ]


def fold_maps(wildcards):
    """The map files of all folds of an emulated dataset."""
    return [path for fold in campaign.folds_of(wildcards.dataset) for path in maps_of(fold.name)]


def fold_symmetries(wildcards):
    """What was learnt from each of its folds."""
    return [symmetry_of(fold.name)[0] for fold in campaign.folds_of(wildcards.dataset)]


def stems(paths):
    """DATASET=PATH for files that are named after their dataset."""
    return [f"{Path(path).stem}={path}" for path in paths]


def options(**values):
    """Options of a program by name, those without a value left out."""
    return " ".join(f"--{name} {' '.join(some)}" for name, some in values.items() if some)


def named(paths):
    """DATASET=PATH for files that lie in a folder named after their dataset."""
    return [f"{Path(path).parent.name}={path}" for path in paths]


def basis(stage):
    """Version and configuration that a stage's numbers follow from."""
    return versions.basis(campaign, stage)


def basis_of_dataset(stage):
    """The same for a stage of emulation, with the strategy of the dataset."""
    return lambda wildcards: versions.basis(campaign, stage, wildcards.dataset)


def basis_of_pass(stage):
    """Version and configuration that a stage's numbers follow from, of either simulation."""
    return lambda wildcards: versions.basis(PASSES[wildcards.origin], stage)


def surrogate_option(wildcards):
    """Option of a program that works on the surrogate's simulation."""
    return "--surrogate" if wildcards.origin == "surrogate" else ""


def by_figure(paths):
    """FIGURE=PATH for the parts of the judgement, of which some have several figures."""
    found = {Path(path).stem: path for path in paths}
    return [f"{figure}={found[part]}" for figure, part in products.parts.items()]


def drawn(figure):
    """The PNG of a figure, as Snakemake's own report shows it."""
    text = "statistic" if figure in STATISTICS else figure.partition("-")[0]
    picture = report(
        f"<results>/figures/{figure}.png",
        caption=f"../report/{text}.rst",
        category=CATEGORIES.get(figure, "Comparison"),
        labels={"figure": figure},
    )
    return update(picture)
