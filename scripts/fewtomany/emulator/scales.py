"""Emulation in one scale or in two, as the settings say: the model, its file and its sampler."""

from pathlib import Path

from fewtomany.config.campaign import Emulator
from fewtomany.covariance import Covariance
from fewtomany.emulator import model, refined
from fewtomany.emulator.descent import Given, Sampler
from fewtomany.emulator.model import ScatteringModel
from fewtomany.emulator.refined import RefinedModel
from fewtomany.emulator.refinement import Refiner
from fewtomany.files.store import MapSet


def prepare(
    inputs: MapSet, settings: Emulator, learnt: Covariance | None
) -> ScatteringModel | RefinedModel:
    """Learn the model from the input maps."""
    if settings.refinement is not None:
        return refined.prepare(inputs, settings)
    return model.prepare(inputs, settings, learnt)


def save(
    path: str | Path, found: ScatteringModel | RefinedModel, provenance: dict, **attributes
) -> None:
    """Write the model atomically."""
    write = refined.save if isinstance(found, RefinedModel) else model.save
    write(path, found, provenance, **attributes)


def load(path: str | Path, settings: Emulator) -> ScatteringModel | RefinedModel:
    """Read a model written by :func:`save` under the same settings."""
    return (model.load if settings.refinement is None else refined.load)(path, settings)


def sampler(
    found: ScatteringModel | RefinedModel,
    campaign_seed: int,
    dataset: str,
    strategy: str,
    given: Given | None = None,
) -> Sampler | Refiner:
    """What makes the batches of a dataset."""
    if isinstance(found, RefinedModel):
        return Refiner(found, campaign_seed, dataset, strategy)
    return Sampler(found, campaign_seed, dataset, strategy, given)
