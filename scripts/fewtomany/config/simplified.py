"""The ``surrogate`` section of a configuration: a simulation that differs in some keys.

Keys that it does not name are those of the campaign's simulation or, without one, the schema's
defaults. Imports nothing heavy.
"""

import copy
from dataclasses import dataclass

from fewtomany.config import schema, settings
from fewtomany.config.settings import Simulation
from fewtomany.maps.ingest import files as formats

SOURCES = ("simulation", "covariance", "files")
"""What a surrogate may be; exactly one."""

FACTS = ("n_maps", "unit", "ordering", "polarization_convention", "frame")
"""What is said of files alone."""


@dataclass(frozen=True)
class Surrogate:
    """A cheap stand-in of the inputs' scan; exactly one of the three is there.

    Attributes
    ----------
    simulation : a simplified simulation, of the response engine
    covariance : file of a covariance
    source : files of maps
    """

    simulation: Simulation | None
    covariance: str | None
    source: formats.Source | None


def build(section: dict, frame: str, source: formats.Source | None) -> Surrogate:
    """The surrogate of a completed section; ``source`` are its files, if it has any."""
    simulation = section.get("simulation")
    return Surrogate(
        settings.build({**simulation, "n_maps": 0}, frame) if simulation else None,
        section.get("covariance"),
        source,
    )


def complete(sections: dict, known: dict) -> list[str]:
    """Fill in the surrogate's simulation; a line for every fault.

    Parameters
    ----------
    sections : the configuration with its defaults; ``surrogate.simulation`` becomes complete
    known : the schema of the whole configuration
    """
    surrogate = sections.get("surrogate")
    if surrogate is None:
        return []
    found = [name for name in SOURCES if name in surrogate]
    if len(found) != 1:
        return [
            f"surrogate: {' and '.join(found) or 'no source'} is not allowed; "
            f"expected one of {', '.join(SOURCES)}"
        ]
    if found != ["files"]:
        wrong = [name for name in FACTS if name in surrogate]
        if wrong:
            return [f"surrogate.{name}: not allowed without files" for name in wrong]
    if found != ["simulation"]:
        return []
    changes = surrogate["simulation"]
    if "n_maps" in changes:
        return ["surrogate.simulation.n_maps: not allowed; its covariance is exact"]
    engine = changes.get("engine", "response")
    if engine not in ("auto", "response"):
        return [f"surrogate.simulation.engine: {engine!r} is not allowed; expected response"]
    part = copy.deepcopy(known["properties"]["simulation"])
    del part["required"]
    full = merged(sections.get("simulation") or {}, {**changes, "engine": "response"})
    full.pop("n_maps", None)
    full = schema.with_defaults(full, part)
    nested = {"surrogate": {"properties": {"simulation": part}}}
    faults = schema.faults({"surrogate": {"simulation": full}}, {"properties": nested})
    if not faults and (reason := settings.nonlinear(full)):
        faults = [
            f"surrogate.simulation.systematics: {', '.join(full['systematics'])} is not allowed; "
            f"expected linear ones ({reason})"
        ]
    surrogate["simulation"] = full
    return faults


def merged(section: dict, changes: dict) -> dict:
    """A section with some keys changed, depth first; lists are replaced as a whole."""
    result = copy.deepcopy(section)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(old, value) if both else copy.deepcopy(value)
    return result
