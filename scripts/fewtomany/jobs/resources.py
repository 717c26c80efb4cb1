"""Memory and time that a job asks for, as functions of the configuration, and what
follows for its command line from the resources that a profile gives it.

These are upper estimates for any core of the last ten years, since the scheduler needs bounds. What
a job really took is in the benchmarks of a run. A retried job asks for ``attempt`` times as much.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from fewtomany.config.campaign import Campaign
from fewtomany.config.statistics import STATISTICS

DENSE_LIMIT, KEPT_MODES = 16_000, 512
"""As in :mod:`fewtomany.covariance`, which is too heavy to be loaded here."""

LARGEST_WHOLE = 10_000
"""As in :mod:`fewtomany.scattering.gram`, likewise."""

_SNAKEMAKE_MB = 500  # a cluster's job runs its program inside Snakemake, twice
_PYTHON_MB = 700
_TENSORFLOW_MB = 1500


@dataclass(frozen=True)
class Need:
    """What one job asks for: ``mem_mb`` (MB) and ``runtime`` (minutes)."""

    mem_mb: int
    runtime: int


def needs(campaign: Campaign) -> dict[str, Need]:
    """The need of one job of every stage, by its rule's name."""
    emulator, sharding = campaign.emulator, campaign.sharding
    n_pix = campaign.maps.n_pix
    n_values = n_pix * len(campaign.components)
    n_datasets = len(campaign.datasets) + 1

    matrix, eigen = _covariance(n_values)
    harmonics = 2 * (2 * (campaign.maps.nside or 0) + 1) ** 2 * n_values * 8
    all_maps = max(dataset.n_maps for dataset in campaign.datasets.values()) * n_values * 4
    inputs = max(dataset.n_maps for dataset in campaign.by_role("input")) * n_values * 8
    shard = sharding.maps_per_shard * n_values * 8
    about_axis = campaign.symmetry is not None and campaign.symmetry.axis != "none"
    turns = about_axis and not campaign.maps.mask  # of a part of the sky a bounded number of maps
    small = (2 if about_axis else 1) * _without_axis_bytes(n_values)
    learnt = 4e9 * n_values / 6144 if turns else small
    copies = 60 if turns else 16
    descent = max(descent_bytes(campaign), tables_bytes(campaign))
    refined = refined_bytes(campaign)

    step_seconds = 0.4 * emulator.batch_size / 10 * n_values / 6144
    shard_seconds = sharding.batches_per_shard * steps(campaign) * step_seconds
    map_seconds = sharding.maps_per_shard * n_values**1.5 * 1e-6

    return {
        **(_of_simulation(campaign, matrix, eigen) if campaign.simulation else {}),
        "prepare_surrogate": _need(2 * _surrogate_bytes(campaign) + 2 * matrix, 300 + eigen * 1e-9),
        "control": _need(
            2 * _surrogate_bytes(campaign) + 1000 * 8 * n_pix * (6 + 3 * len(campaign.components)),
            120 + 1000 * n_values**1.5 * 1e-5,
        ),
        "survey": _need(12 * 2048**2 * 8, 60 + inputs * 1e-6),
        "import_maps": _need(4 * shard + 12 * 2048**2 * 8, 60 + sharding.maps_per_shard),
        "covariance": _need(2 * matrix + 4 * shard, eigen * 2e-9),
        "factor": _need(5 * matrix, eigen * 4e-9),
        "draw": _need(3 * matrix + 3 * shard, map_seconds),
        "draw_isotropic": _need(4 * shard, map_seconds * 10),
        "draw_learnt": _need(8 * shard + learnt, 60 + map_seconds * 60),
        "draw_texture": _need(4 * shard, 60 + map_seconds),
        "pick": _need(4 * shard, 60 + map_seconds),
        "learn_symmetry": _need(
            copies * inputs + learnt,
            600 * n_values / 6144 if turns else 300 + 3e-3 * n_values + 2e-6 * inputs,
        ),
        "prepare_emulation": _need(descent + refined, 300 + refined * 1e-6, base_mb=_TENSORFLOW_MB),
        "emulate": _need(descent + refined, 300 + shard_seconds, base_mb=_TENSORFLOW_MB),
        "assemble": _need(3 * shard, map_seconds),
        "measure": _need(
            4 * shard + matrix + descent,
            180 + map_seconds * (10 + sum(found.seconds for found in STATISTICS.values())),
            base_mb=_TENSORFLOW_MB,
        ),
        "measure_wavelets": _need(4000 * n_pix, 300 + 0.1 * n_pix, base_mb=_TENSORFLOW_MB),
        "recommend": _need(5 * matrix + 2 * all_maps, 300),
        "compare": _need(3 * matrix + 6 * all_maps, 900 + n_datasets * eigen * 2e-9),
        "trust": _need(5 * matrix + 20 * campaign.trust.n_maps * n_values * 8, 1200),
        "parameter": _need(6 * matrix + 3 * harmonics, 600 + 20 * eigen * 1e-9),
        "diversity": _need(6 * all_maps + descent, 1200 + 40 * map_seconds, base_mb=_TENSORFLOW_MB),
        "descent": _need(shard, 300),
        "judge": _need(5 * matrix, 300 + n_datasets * eigen * 4e-9),
        "plot": _need(2 * shard, 1200),
        "report": _need(shard, 300),
        "export_fits": _need(3 * shard, map_seconds * 10),
    }


def _without_axis_bytes(n_values: int) -> float:
    """Memory of small turns, isotropic maps and regressions of maps of so many values."""
    rows, formed = min(400 * n_values, 2e7), n_values if n_values <= 10_000 else 0
    return 220 * rows + 2e3 * n_values + 8 * formed**2


def _surrogate_bytes(campaign: Campaign) -> float:
    """Memory of the response of a surrogate's simulation, or of a thousand maps."""
    n_pix, simplified = campaign.maps.n_pix, campaign.simplified
    if simplified is None:
        return 1000 * n_pix * len(campaign.components) * 8
    return _columns(simplified) * 3 * n_pix * 8


def _columns(campaign: Campaign) -> int:
    """Columns of the response."""
    simulation = campaign.simulation
    return simulation.n_chunks * len(simulation.detectors) * len(simulation.systematics)


def _covariance(n_values: int) -> tuple[float, float]:
    """Bytes of a covariance, and operations of its modes, up to a factor."""
    if n_values <= DENSE_LIMIT:
        return n_values**2 * 8, n_values**3
    vectors = 2.5 * KEPT_MODES
    return vectors * n_values * 8, 10 * vectors**2 * n_values


def _of_simulation(campaign: Campaign, matrix: float, eigen: float) -> dict[str, Need]:
    """The needs of the stages that simulate."""
    simulation, sharding = campaign.simulation, campaign.sharding
    n_pix = campaign.maps.n_pix
    n_values = n_pix * len(campaign.components)
    n_detectors = len(simulation.detectors)
    n_samples = simulation.scan.n_samples * n_detectors
    response = _columns(campaign) * 3 * n_pix * 8
    shard = sharding.maps_per_shard * n_values * 8
    sky = 12 * simulation.nside**2 * 8 * 20
    observation = simulation.chunk_samples * 8 * (20 + 6 * n_detectors)
    chunk_share = min(sharding.chunks_per_shard / simulation.n_chunks, 1)
    pass_seconds = n_samples * 3e-6
    map_seconds = sharding.maps_per_shard * n_values**1.5 * 1e-6
    return {
        "simulate_response": _need(
            observation + sky + response * chunk_share, pass_seconds * chunk_share
        ),
        "merge_response": _need(2 * response + sky, response * 2e-7),
        "simulate_maps": _need(3 * response + 3 * shard, map_seconds),
        "simulate_maps_directly": _need(
            observation + sky + 6e8 + 3 * shard, pass_seconds * sharding.maps_per_shard
        ),
        "exact_covariance": _need(2 * response + 2 * matrix, eigen * 1e-9),
    }


def descent_bytes(campaign: Campaign, on_gpu: bool = False) -> int:
    """Memory that the descent of one batch takes, but for the program itself.

    Some eight arrays of the second layer of the finest scale, the largest there are; 5.4 of
    them fit the measurements (BENCHMARKS.md). Where that layer is made by blocks, six: 3.4 fit,
    with stripes 5. In two scales, of the larger of the coarse sphere and a region with its margin.
    """
    emulator, n_pix = campaign.emulator, descended_pixels(campaign)
    n_components, n_orientations = len(campaign.components), emulator.n_orientations
    entries = n_components * (1 + n_orientations)
    layer = 2 * n_orientations * entries * n_pix * emulator.batch_size
    finest = n_pix >> len(campaign.maps.shape or (0, 0)) * emulator.first_scale
    n_layers = 8 if on_gpu or finest <= LARGEST_WHOLE else 6
    return n_layers * layer * (4 if emulator.dtype == "float32" else 8)


def tables_bytes(campaign: Campaign) -> int:
    """Memory while the tables of :mod:`fewtomany.scattering.gram` are made, before the descent.

    It joins every pixel to the neighbours of its neighbours, (2k − 1)² of kernels of k × k pixels;
    600 to 790 bytes each fit the measurements, of four orientations (nside 32, 64, 128; 3 × 3 and
    5 × 5).
    """
    emulator = campaign.emulator
    joined = (2 * emulator.kernel_size - 1) ** 2
    return (600 + 50 * emulator.n_orientations) * joined * descended_pixels(campaign)


def descended_pixels(campaign: Campaign) -> int:
    """Pixels of a map, or of two scales those of the larger of coarse sphere and region."""
    refinement = campaign.emulator.refinement
    if refinement is None:
        return campaign.maps.n_pix
    return max(12 * refinement.coarse**2, region_pixels(campaign))


def region_pixels(campaign: Campaign) -> int:
    """Pixels of a region with its margin, as :func:`fewtomany.emulator.refined.cut` has it."""
    emulator = campaign.emulator
    coarsest = campaign.maps.nside >> (emulator.first_scale + emulator.n_scales - 1)
    side = coarsest // emulator.refinement.regions + 4 * (emulator.kernel_size // 2)
    return min(side**2 * (campaign.maps.nside // coarsest) ** 2, 12 * campaign.maps.nside**2)


def refined_bytes(campaign: Campaign) -> int:
    """Memory of the fine maps themselves in two scales, in a few copies; 0 without."""
    if campaign.emulator.refinement is None:
        return 0
    n_values = 12 * campaign.maps.nside**2 * len(campaign.components)
    most = max(dataset.n_maps for dataset in campaign.by_role("input"))
    return n_values * (40 * campaign.emulator.batch_size + 28 * most)


def steps(campaign: Campaign) -> int:
    """Steps of a batch, each of all pixels."""
    emulator = campaign.emulator
    if emulator.refinement is None:
        return emulator.n_steps
    coarse = emulator.n_steps * emulator.refinement.coarse**2 // campaign.maps.nside**2
    return coarse + 3 * emulator.refinement.sweeps * (emulator.refinement.n_steps + 5)


def _need(n_bytes: float, seconds: float, base_mb: int = _PYTHON_MB) -> Need:
    return Need(
        mem_mb=_SNAKEMAKE_MB + base_mb + ceil(n_bytes / 1e6), runtime=10 + ceil(seconds / 60)
    )


def demands(campaign: Campaign) -> tuple[Callable, Callable]:
    """Memory (MB) and time (minutes) as the rules give them to Snakemake.

    Each is a function of a stage that gives a function of wildcards and attempt: what a job,
    or for memory each of its ranks, asks for, more at every attempt.
    """
    usual = needs(campaign)
    of_surrogate = needs(campaign.simplified) if campaign.simplified is not None else usual

    def need(stage: str, wildcards) -> Need:
        origin = getattr(wildcards, "origin", "")
        return (of_surrogate if origin == "surrogate" else usual)[stage]

    def memory(stage: str) -> Callable:
        return lambda wildcards, attempt: attempt * need(stage, wildcards).mem_mb

    def runtime(stage: str) -> Callable:
        return lambda wildcards, attempt: attempt * need(stage, wildcards).runtime

    return memory, runtime


def launcher(wildcards, resources) -> str:
    """What starts the ranks of a job: nothing, or the MPI launcher that its resources name."""
    return f"{resources.mpi} -n {resources.tasks}" if resources.get("mpi") else ""


def ranks(wildcards, resources) -> str:
    """Option of a program whose work MPI ranks share."""
    return f"--ranks {resources.tasks}" if resources.get("mpi") else "--ranks 1"


def at_once(wildcards, resources) -> str:
    """Option of a program that works at several pieces at once where its resources say so."""
    return f"--at-once {resources.at_once}" if resources.get("at_once") else ""


def device(wildcards, resources) -> str:
    """Option of a program that runs on a GPU if its resources have one."""
    gpu = resources.get("gpu") or "gpu" in str(resources.get("gres", ""))
    return "--device gpu" if gpu else "--device cpu"
