"""What the numbers of each stage follow from, besides the files it reads.

A stage has a version, raised whenever its results change, and the keys of the
configuration that decide them. The rules pass both in ``params`` (:func:`basis`),
so that Snakemake reruns exactly the stages whose numbers would change: never for
another sharding, never for the files a larger dataset shares with a smaller one.
"""

import json
from dataclasses import dataclass

from fewtomany.config import Campaign


@dataclass(frozen=True)
class Stage:
    """Version of a stage and the dotted configuration keys its numbers follow from."""

    version: int
    keys: tuple[str, ...] = ()


_TOD = (
    "maps.frame",
    "simulation.nside",
    "simulation.tod_dtype",
    "simulation.scan",
    "simulation.detectors",
    "simulation.gains.chunk_samples",
    "simulation.signal",
)
_TO_MAPS = ("maps.nside", "simulation.downgrade")
_GAINS = ("seed", "simulation.gains.standard_deviation")
_WAVELETS = ("emulator.n_scales", "emulator.n_orientations", "emulator.kernel_size")
_MODEL = tuple(
    f"emulator.{key}"
    for key in (
        "n_scales",
        "first_scale",
        "n_orientations",
        "kernel_size",
        "orientation",
        "spectra",
        "stripe_zones",
        "scatter",
        "l1",
        "normalization",
        "mean",
        "ddof",
        "dtype",
    )
)

STAGES = {
    "simulate_response": Stage(1, _TOD),
    "merge_response": Stage(1, _TO_MAPS),
    "simulate_maps": Stage(1, (*_GAINS, "simulation.tod_dtype")),
    "simulate_maps_directly": Stage(1, (*_TOD, *_TO_MAPS, *_GAINS)),
    "exact_covariance": Stage(1, ("simulation.gains.standard_deviation", "maps.stokes")),
    "covariance": Stage(1, ("maps.stokes",)),
    "factor": Stage(1),
    "draw": Stage(1, ("seed",)),
    "draw_isotropic": Stage(1, ("seed",)),
    "prepare_emulation": Stage(2, ("maps.stokes", *_MODEL)),
    "emulate": Stage(
        2, ("seed", *_MODEL, "emulator.batch_size", "emulator.n_steps", "emulator.plateau")
    ),
    "assemble": Stage(1, ("seed", "emulator.batch_size")),
    "measure_spectra": Stage(1, ("maps.stokes",)),
    "measure_scattering": Stage(1, ("maps.stokes", *_WAVELETS)),
    "measure_minkowski": Stage(1, ("maps.stokes", "validation.minkowski_maps")),
    "measure_distribution": Stage(1, ("maps.stokes",)),
    "measure_wavelets": Stage(1, ("maps.nside", *_WAVELETS)),
    "recommend": Stage(1, ("seed", "maps.stokes", "validation.n_modes")),
    "compare": Stage(1, ("seed", "maps.stokes", "validation.n_modes")),
    "trust": Stage(1, ("seed", "maps.stokes", "trust")),
    "diversity": Stage(2, ("seed", "maps.stokes", "emulator.batch_size", *_WAVELETS)),
    "judge": Stage(2, ("validation", "reference.covariance")),
    "plot": Stage(1),
    "plot_part": Stage(1),
    "report": Stage(1),
    "export_fits": Stage(1),
}


def basis(campaign: Campaign, stage: str, dataset: str = "") -> str:
    """The stage's version and its part of the configuration, as one line of JSON.

    Parameters
    ----------
    campaign : the campaign
    stage : a name in :data:`STAGES`, the name of its rule
    dataset : an emulated dataset or a fold; its strategy, and the inputs that a fold comes
        from, then belong to the basis

    Raises
    ------
    KeyError : for an unknown stage, key or dataset
    """
    chosen = STAGES[stage]
    content = {key: _look_up(campaign.sections, key) for key in chosen.keys}
    if dataset:
        found = campaign.find(dataset)
        content["strategy"] = found.strategy
        if found.selection:
            content["selection"] = found.selection
    return json.dumps({"version": chosen.version, **content}, sort_keys=True)


def _look_up(sections: dict, key: str):
    for part in key.split("."):
        sections = sections[part]
    return sections
