"""The sections of a configuration as frozen dataclasses, one each, and a dataset.

Keys that are plain settings are described in the schema (config/README.md). NumPy at most: the
Snakefile loads this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fewtomany.maps.flat import Flat
from fewtomany.maps.ingest import files as formats


@dataclass(frozen=True)
class Maps:
    """Where the maps are and what they consist of.

    Attributes
    ----------
    stokes, mask : see the schema
    nside, frame : of the sphere; None and "" of a plane or a line
    shape, periodic : of a plane or a line
    """

    stokes: str
    mask: str | None
    nside: int | None = None
    frame: str = ""
    shape: tuple[int, ...] | None = None
    periodic: bool = False

    @property
    def flat(self) -> Flat | None:
        """The whole plane or line; None for the sphere."""
        return Flat(self.shape, self.periodic) if self.shape else None

    @property
    def kind(self) -> str:
        """ "sphere", "plane" or "line"."""
        return self.flat.kind if self.flat else "sphere"

    @property
    def n_pix(self) -> int:
        """Pixels, observed or not."""
        return self.flat.n_whole if self.flat else 12 * self.nside**2

    @property
    def facts(self) -> dict[str, Any]:
        """What a file of maps says of their pixels."""
        return self.flat.attributes() if self.flat else {"nside": self.nside}


@dataclass(frozen=True)
class Reference:
    """True maps of the simulation, or of the user's files, where the others count for nothing.

    Attributes
    ----------
    n_maps : their number
    covariance : what is drawn from, "empirical" or "exact"; files of the user: ""
    draws : what reference and inputs are, "gaussian" draws or maps of the "original" dataset
    """

    n_maps: int
    covariance: str
    draws: str


@dataclass(frozen=True)
class Refinement:
    """Emulation in two scales: the coarse sphere, then regions of the fine one.

    Attributes
    ----------
    coarse : nside of the coarse sphere
    regions : the regions are the pixels of this nside
    n_steps : of the descent of a region, each time its turn comes
    sweeps : turns of every region
    """

    coarse: int
    regions: int
    n_steps: int
    sweeps: int


@dataclass(frozen=True)
class Emulator:
    n_scales: int
    first_scale: int
    n_orientations: int
    kernel_size: int
    orientation: str
    spectra: bool
    stripe_zones: int
    scatter: bool
    l1: str
    mean: str
    variances: str
    start: str
    ddof: int
    batch_size: int
    n_steps: int
    plateau: float
    dtype: str
    normalization: str = "pixel"
    refinement: Refinement | None = None

    @property
    def learns(self) -> bool:
        """Whether the best covariance without emulation enters the model."""
        if self.refinement is not None:
            return False
        return self.start == "turned" or self.variances == "smoothed"


@dataclass(frozen=True)
class Symmetry:
    axis: str
    width_deg: float | None
    signal: str = "dipole"
    local: bool = False


@dataclass(frozen=True)
class Parameter:
    amplitudes: tuple[float, ...]
    r: float
    noise_uk_arcmin: float
    large_scales: int | None


@dataclass(frozen=True)
class Validation:
    n_modes: int
    chi2_maps: int
    minkowski_maps: int
    parameter: Parameter


@dataclass(frozen=True)
class Trust:
    datasets: tuple[str, ...]
    n_folds: int
    n_maps: int
    n_directions: int


@dataclass(frozen=True)
class Sharding:
    chunks_per_shard: int
    maps_per_shard: int
    batches_per_shard: int


@dataclass(frozen=True)
class Condition:
    """Channels of an emulated dataset that are given: by the maps of ``dataset``."""

    dataset: str
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """One dataset of the campaign.

    Attributes
    ----------
    name : its name in the configuration; "original" and "reference" are fixed
    role : "original", "reference", "input", "gaussian", "emulated", "fold" for what is
        emulated from a part of the inputs, or "given" for maps that are only given to emulations
    n_maps : number of maps
    input : name of the input dataset it comes from ("gaussian" and "emulated")
    strategy : "average-target", "drawn-target" or "single-target" ("emulated")
    model : "isotropic" or "learnt" ("gaussian")
    selection : the input maps it comes from, by index ("fold"); empty for all of them
    sources : the user's files by channel ("" for a single one); empty where the campaign makes
        the maps
    picked : the map of the original dataset that its first map is, others following; None where
        its maps are not picked from there
    texture : the invented field that its maps are, if they are
    given : the channels that are given, if some are ("emulated")
    """

    name: str
    role: str
    n_maps: int
    input: str = ""
    strategy: str = ""
    model: str = ""
    selection: tuple[int, ...] = ()
    sources: Mapping[str, formats.Source] = field(default_factory=dict)
    picked: int | None = None
    given: Condition | None = None
    texture: str = ""
