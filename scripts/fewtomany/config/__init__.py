"""The campaign's configuration. The door: what others take from here; light to import."""

from fewtomany.config.campaign import (
    SCHEMA_PATH,
    Campaign,
    Condition,
    Dataset,
    Emulator,
    Parameter,
    Refinement,
    Sharding,
    Simulation,
    Symmetry,
    Trust,
    Validation,
    check_sources,
    load,
    parse,
    save,
)

__all__ = [
    "SCHEMA_PATH",
    "Campaign",
    "Condition",
    "Dataset",
    "Emulator",
    "Parameter",
    "Refinement",
    "Sharding",
    "Simulation",
    "Symmetry",
    "Trust",
    "Validation",
    "check_sources",
    "load",
    "parse",
    "save",
]
