"""What the numbers of each stage follow from, besides the files it reads.

A stage has a version, raised whenever its results change, and the keys of the
configuration that decide them. The rules pass both in ``params`` (:func:`basis`),
so that Snakemake reruns exactly the stages whose numbers would change: never for
another sharding, never for the files a larger dataset shares with a smaller one.

A section that one stage uses belongs to it as a whole; keys of ``emulator`` say by a mark whether
the model follows from them. Those of ``maps``, ``simulation`` and ``reference`` are shared by many
stages, each of which uses some: they are listed here, and a test asks for each.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from fewtomany.config.campaign import Campaign
from fewtomany.config.sections.base import ABSENT, Section
from fewtomany.config.sections.emulator import OF_DESCENT, Emulator
from fewtomany.config.sections.systematics import KINDS
from fewtomany.config.settings import NONLINEAR
from fewtomany.config.statistics import SPECTRA, STATISTICS, WAVELETS


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
    "simulation.systematics",
)
_TO_MAPS = ("maps.nside", "simulation.downgrade")
_SPLIT = ("gains", "linear_drift")
"""Kinds of systematics of which some keys decide the TOD of unit numbers, others the numbers."""
_WHOLE = tuple(kind for kind in KINDS if kind not in _SPLIT)
_AMPLITUDES = (
    "seed",
    *(f"simulation.gains.{key}" for key in ("standard_deviation", "correlation_chunks")),
    "simulation.linear_drift.standard_deviation",
    *(f"simulation.{kind}" for kind in _WHOLE if kind not in NONLINEAR),
)
_RAMP = ("simulation.linear_drift.calibration_period_s",)
_NONLINEAR = tuple(f"simulation.{kind}" for kind in _WHOLE if kind in NONLINEAR)
_EARLIER = (*_SPLIT, "thermal_drift", "white_noise", "one_over_f", "adc", "pointing", "bandpass")
"""Kinds that belong to the basis of every simulation; of later ones only where they are simulated,
so that a new kind reruns nothing."""
_SKY = ("maps.stokes", "maps.mask", "maps.shape", "maps.periodic")
_EMULATOR = tuple(f"emulator.{key}" for key in Emulator.model_fields)


def of_model(section: type[Section] = Emulator, path: str = "emulator") -> Iterator[str]:
    """Yield the dotted keys that the model follows from: all that are not the descent's alone."""
    for name, field in section.model_fields.items():
        key, kind = f"{path}.{name}", field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from of_model(kind, key)
        elif OF_DESCENT not in field.metadata:
            yield key


_LATER = tuple(f"emulator.{k}" for k, f in Emulator.model_fields.items() if f.default is ABSENT)
ADDED = ("maps.shape", "maps.periodic", *_LATER)
"""Keys and sections that belong to a basis only where a campaign has them: others keep theirs."""

GIVEN_VERSION = 2
"""Of what emulations with given maps do besides; raised whenever their results change."""

STAGES = {
    "simulate_response": Stage(1, (*_TOD, *_RAMP)),
    "merge_response": Stage(1, _TO_MAPS),
    "simulate_maps": Stage(1, (*_AMPLITUDES, "simulation.systematics", "simulation.tod_dtype")),
    "simulate_maps_directly": Stage(
        1,
        (
            *_TOD,
            *_RAMP,
            *_TO_MAPS,
            *_AMPLITUDES,
            *_NONLINEAR,
            "simulation.linear_drift.distribution",
        ),
    ),
    "exact_covariance": Stage(1, (*_AMPLITUDES[1:], "simulation.systematics", *_SKY)),
    "survey": Stage(1, ("maps.nside", "maps.frame", *_SKY)),
    "import_maps": Stage(2, ("maps.nside", "maps.frame", *_SKY)),
    "draw_texture": Stage(1, ("seed", *_SKY)),
    "covariance": Stage(1, _SKY),
    "factor": Stage(1),
    "draw": Stage(1, ("seed",)),
    "draw_isotropic": Stage(2, ("seed",)),
    "draw_learnt": Stage(3, ("seed", "emulator.mean")),
    "pick": Stage(1, _SKY),
    "learn_symmetry": Stage(17, ("seed", "maps.stokes", "symmetry", "emulator.mean")),
    "prepare_surrogate": Stage(
        2, ("surrogate", "maps.nside", "maps.frame", *_SKY, "emulator.mean")
    ),
    "control": Stage(1, ("seed", *_SKY, "surrogate")),
    "prepare_emulation": Stage(4, ("maps.stokes", *of_model())),
    "emulate": Stage(4, ("seed", *_EMULATOR)),
    "assemble": Stage(1, ("seed", "emulator.batch_size")),
    "measure_spectra": Stage(1, _SKY),
    **{f"measure_{name}": Stage(s.version, (*_SKY, *s.keys)) for name, s in STATISTICS.items()},
    "measure_wavelets": Stage(1, ("maps.nside", *WAVELETS)),
    "recommend": Stage(12, ("seed", "maps.stokes")),
    "compare": Stage(8, ("seed", *_SKY, "validation.n_modes")),
    "trust": Stage(6, ("seed", "maps.stokes", "trust")),
    "diversity": Stage(3, ("seed", *_SKY, "emulator.batch_size", *WAVELETS)),
    "parameter": Stage(1, ("seed", "maps.stokes", "validation.parameter")),
    "descent": Stage(1),
    "judge": Stage(3, ("validation", "reference.covariance", "reference.draws")),
    "plot": Stage(2),
    "report": Stage(2),
    "export_fits": Stage(1),
}

MEASUREMENTS = tuple(f"measure_{name}" for name in (SPECTRA, *STATISTICS))
RULES = (STAGES.keys() - set(MEASUREMENTS)) | {"measure"}
"""Rules are stages, but for one that makes all measurements of a map file."""


def basis(campaign: Campaign, stage: str, dataset: str = "") -> str:
    """The stage's version and its part of the configuration, as one line of JSON.

    Parameters
    ----------
    campaign : the campaign
    stage : a name in :data:`STAGES`, the name of its rule
    dataset : an emulated dataset, a fold or one of the user's; the strategy, the inputs that
        a fold comes from, what is given, what is said of the user's files, and where picked
        maps begin then belong to the basis

    Raises
    ------
    KeyError : for an unknown stage or dataset
    """
    chosen = STAGES[stage]
    content = {key: _look_up(campaign.sections, key) for key in chosen.keys}
    content = {
        key: value
        for key, value in content.items()
        if (value is not None or not key.startswith(ADDED)) and not _unused(campaign, key)
    }
    if dataset:
        found = campaign.find(dataset)
        if found.strategy:
            content["strategy"] = found.strategy
        if found.sources:
            content["sources"] = {name: asdict(source) for name, source in found.sources.items()}
        if found.picked is not None:
            content["picked"] = found.picked
        if found.texture:
            content["texture"] = found.texture
        if found.selection:
            content["selection"] = found.selection
        if found.given and stage in ("emulate", "assemble"):
            content["given"] = {**dict(found.given), "version": GIVEN_VERSION}
    return json.dumps({"version": chosen.version, **content}, sort_keys=True)


def _unused(campaign: Campaign, key: str) -> bool:
    """Whether a key is the section of a later kind of systematic that is not simulated."""
    kind = key.removeprefix("simulation.")
    later = kind in KINDS and kind not in _EARLIER
    simulation = campaign.sections.get("simulation")
    return later and simulation is not None and kind not in simulation["systematics"]


def _look_up(sections: dict, key: str):
    """The value of a key; None where a campaign of its kind has none."""
    for part in key.split("."):
        if part not in sections:
            return None
        sections = sections[part]
    return sections
