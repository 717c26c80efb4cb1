"""The campaign's configuration. The door: what others take from here; light to import."""

from fewtomany.config.campaign import Campaign, Dataset, check_sources, load, parse, save
from fewtomany.config.sections import Configuration, Maps, Sharding
from fewtomany.config.sections.datasets import Condition
from fewtomany.config.sections.emulator import Emulator, Refinement, SymmetrySettings
from fewtomany.config.sections.judging import Parameter, Trust, Validation
from fewtomany.config.sections.simulation import Simulation

__all__ = [
    "Campaign",
    "Condition",
    "Configuration",
    "Dataset",
    "Emulator",
    "Maps",
    "Parameter",
    "Refinement",
    "Sharding",
    "Simulation",
    "SymmetrySettings",
    "Trust",
    "Validation",
    "check_sources",
    "load",
    "parse",
    "save",
]
