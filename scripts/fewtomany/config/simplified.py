"""The ``surrogate`` section of a configuration: a simulation that differs in some keys.

Keys that it does not name are those of the campaign's simulation or, without one, the schema's
defaults. Imports nothing heavy.
"""

import copy

from fewtomany.config import lattice, schema, settings
from fewtomany.config.sections.simulation import Simplified
from fewtomany.errors import UserError

SOURCES = ("simulation", "covariance", "files")
"""What a surrogate may be; exactly one."""

FACTS = ("n_maps", *lattice.FACTS)
"""What is said of files alone."""


def complete(sections: dict) -> None:
    """Fill in the surrogate's simulation, in a configuration with its defaults.

    Raises
    ------
    UserError : one line per fault
    """
    surrogate = sections.get("surrogate")
    if surrogate is None:
        return
    found = [name for name in SOURCES if name in surrogate]
    if len(found) != 1:
        raise UserError(
            f"surrogate: {' and '.join(found) or 'no source'} is not allowed; "
            f"expected one of {', '.join(SOURCES)}"
        )
    wrong = [name for name in FACTS if name in surrogate] if found != ["files"] else []
    if wrong:
        raise UserError("\n".join(f"surrogate.{name}: not allowed without files" for name in wrong))
    if found == ["simulation"]:
        surrogate["simulation"] = _simulation(surrogate["simulation"], sections.get("simulation"))


def _simulation(changes: dict, accurate: dict | None) -> dict:
    key = "surrogate.simulation"
    if "n_maps" in changes:
        raise UserError(f"{key}.n_maps: not allowed; its covariance is exact")
    engine = changes.get("engine", "response")
    if engine not in ("auto", "response"):
        raise UserError(f"{key}.engine: {engine!r} is not allowed; expected response")
    content = merged(accurate or {}, {**changes, "engine": "response"})
    content.pop("n_maps", None)
    full = schema.read(Simplified, content, key).model_dump(mode="json")
    if reason := settings.nonlinear(full):
        raise UserError(
            f"{key}.systematics: {', '.join(full['systematics'])} is not allowed; "
            f"expected linear ones ({reason})"
        )
    return full


def merged(section: dict, changes: dict) -> dict:
    """A section with some keys changed, depth first; lists are replaced as a whole."""
    result = copy.deepcopy(section)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(old, value) if both else copy.deepcopy(value)
    return result
