"""Entries of datasets: where maps come from, and what is made from them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fewtomany.config.sections.base import (
    ABSENT,
    UNIQUE,
    ChannelName,
    Frame,
    Patterns,
    Section,
    Several,
    Texture,
)
from fewtomany.maps.ingest import files as formats


class MapFiles(Section):
    """Files of the user, of one channel."""

    files: Patterns
    """The same of one channel."""
    unit: Literal["K", "mK", "uK", "nK"] = ABSENT
    """Unit of the maps of the files; by default what the files say."""
    ordering: Literal["RING", "NESTED"] = ABSENT
    """Ordering of their pixels; by default what the files say."""
    polarization_convention: Literal["COSMO", "IAU"] = ABSENT
    """Sign of U, HEALPix's (COSMO) or IAU's; by default what the files say."""
    frame: Frame = ABSENT
    """Coordinates of the maps of the files; by default what the files say."""

    @property
    def source(self) -> formats.Source | None:
        """The files and what is said of them; None without files."""
        if self.files is None:
            return None
        return formats.Source(
            (self.files,) if isinstance(self.files, str) else self.files,
            self.unit,
            self.ordering,
            self.polarization_convention,
            self.frame,
        )

    @property
    def sources(self) -> dict[str, formats.Source]:
        """The user's files by channel ("" for a single one); empty where there are none."""
        return {"": self.source} if self.files else {}


class Origin(MapFiles):
    """Where maps come from: files, channels of files, an invented field, or the campaign itself."""

    files: Patterns = ABSENT
    n_maps: Several = ABSENT
    """Number of maps; of files all by default."""
    channels: Annotated[dict[ChannelName, MapFiles], Field(min_length=1)] = ABSENT
    """The same by the name of the channel, for maps of several channels or splits, in place of
    files."""
    texture: Texture = ABSENT

    @property
    def sources(self) -> dict[str, formats.Source]:
        """As those of a source; of several channels by their names."""
        of_channels = {name: channel.source for name, channel in (self.channels or {}).items()}
        return of_channels or super().sources


class Reference(Origin):
    """The reference dataset, true maps that the others are held against: Gaussian draws from a
    covariance of the simulation, its maps themselves, or a large set of maps of the user. Absent
    where no truth is known."""

    files: Patterns = ABSENT
    """Maps of the user in place of draws, as inputs.NAME.files."""
    texture: Texture = ABSENT
    """True maps of an invented field of a plane or a line in place of files, as
    inputs.NAME.texture: as many as n_maps, others than those of the inputs."""
    covariance: Literal["empirical", "exact"] = "empirical"
    """What is drawn from. empirical: sample covariance of the original dataset, as in the paper;
    exact: the analytic covariance of the response engine."""
    draws: Literal["gaussian", "original"] = "gaussian"
    """What reference and inputs are. gaussian: Gaussian draws of that covariance, as in the paper;
    original: maps of the original dataset itself, for effects that are not Gaussian: those of each
    input dataset in the order of the configuration, then those of the reference, no realization
    twice."""


class Input(Origin):
    """An input dataset."""

    files: Patterns = ABSENT
    """FITS, HDF5 or npy files with the maps, as paths or patterns."""
    texture: Texture = ABSENT
    """An invented field that is not Gaussian, to try planes and lines with, in place of files:
    filaments, bright threads on a plane; intermittent, bursts of noise on a line."""


class Gaussian(Section):
    """A Gaussian dataset."""

    input: str
    """Name of an entry of inputs."""
    n_maps: Several
    """Number of maps."""
    model: Literal["isotropic", "learnt"] = "isotropic"
    """isotropic: naive isotropic maps, map k with the spectra of input map k modulo their number;
    learnt: the best covariance without emulation, as symmetry learns it from the inputs, around
    their mean where emulator.mean is inputs."""


class Condition(Section):
    """Conditional sampling: maps of some channels are given and kept to the bit, the other channels
    are emulated with the cross statistics of the inputs. Not with single-target. Folds of trust are
    emulated without it."""

    dataset: str
    """The entry of inputs whose maps are given, map k modulo their number to emulated map k. One
    that nothing else is made from needs only these channels, and is neither measured nor judged."""
    channels: Annotated[tuple[str, ...], Field(strict=False, min_length=1), *UNIQUE]
    """The channels that are given; at least one is left to be emulated."""


class Emulated(Section):
    """An emulated dataset."""

    input: str
    """Name of an entry of inputs."""
    strategy: Literal["average-target", "drawn-target", "single-target"]
    """average-target: every batch descends to the mean statistics of the inputs; drawn-target: to
    the mean over as many inputs as a batch has maps, which each batch draws, so that batches
    scatter as means of true maps do; single-target: each batch descends to those of one input map,
    and targets are drawn with replacement, never repeating a map."""
    n_maps: Several
    """Number of maps."""
    given: Condition = ABSENT


class Surrogate(MapFiles):
    """A cheap stand-in of the same scan, whose correlations are one more part of the best
    covariance without emulation: a simplified linear simulation, a covariance, or maps of the user.
    Held-out inputs decide what it is worth; a wrong one gets no weight."""

    simulation: dict[str, Any] = ABSENT
    """The keys of simulation that differ, such as scan.sampling_rate_hz or signal; the others are
    those of simulation or, without one, its defaults. Systematics must be linear."""
    covariance: str = ABSENT
    """Covariance of this package (HDF5), in place of a simulation."""
    files: Patterns = ABSENT
    """Maps of the user, as inputs.NAME.files, in place of a simulation."""
    n_maps: Several = ABSENT
    """Number of maps of the files; all by default."""
