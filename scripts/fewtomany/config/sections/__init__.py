"""The configuration: all its sections and keys, each described once.

From these classes follow the checks of a campaign file, the schema in ``workflow/schemas`` and the
tables of ``config/README.md``. NumPy at most: the Snakefile loads this.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from fewtomany.config.sections.base import ABSENT, Count, Frame, Name, Section
from fewtomany.config.sections.datasets import Emulated, Gaussian, Input, Reference, Surrogate
from fewtomany.config.sections.emulator import Emulator, SymmetrySettings
from fewtomany.config.sections.judging import Trust, Validation
from fewtomany.config.sections.simulation import Simulation
from fewtomany.maps.flat import Flat


class Maps(Section):
    """The maps that are emulated and validated."""

    nside: int = 16
    """HEALPix resolution, a power of 2, at most that of the simulation or of the user's maps, which
    are downgraded to it."""
    stokes: Literal["T", "QU", "TQU"] = "QU"
    """Stokes parameters that are emulated and compared, of every channel."""
    frame: Frame = "galactic"
    """Coordinates in which the simulation bins its maps, and in which they are emulated: galactic,
    ecliptic (the scan's own) or equatorial (ICRS)."""
    mask: str | None = None
    """FITS file of the observed sky: weights, 0 for pixels that are left out; null for all pixels
    that every map has. Of a plane or a line a NumPy file of its shape."""
    shape: Annotated[tuple[Count, ...], Field(strict=False, min_length=1, max_length=2)] = ABSENT
    """Pixels of a plane, [rows, columns], or samples of a line, [n], in place of the sphere; nside,
    frame and all that belongs to a scan are then not allowed, and other defaults hold
    (docs/planes-and-lines.md)."""
    periodic: bool = ABSENT
    """Whether a plane or a line closes on itself in every direction; false, unless given, for open
    edges. Only with shape."""

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


class Sharding(Section):
    """How the work is cut into files and jobs; it never changes a number."""

    chunks_per_shard: Count = 1200
    """Gain chunks of one shard of the response pass."""
    maps_per_shard: Count = 500
    """Maps per file."""
    batches_per_shard: Count = 20
    """Emulated batches per job; the default is about ten minutes of work at nside 16."""


class Configuration(Section):
    """Everything that decides the numbers of a campaign. Threads, memory and partitions are not
    here: they belong to the profiles."""

    campaign: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    """Name of the campaign; its products go to results/NAME."""
    seed: Annotated[int, Field(ge=0)]
    """Seed of the whole campaign; every random stream follows from it and from what is drawn."""
    maps: Maps = Field(default_factory=Maps)
    simulation: Simulation = ABSENT
    reference: Reference = ABSENT
    inputs: Annotated[dict[Name, Input], Field(min_length=1)]
    """Input datasets by name: maps of the user (files or channels), or what reference.draws
    says."""
    gaussian: dict[Name, Gaussian] = Field(default_factory=dict)
    """Gaussian datasets by name, drawn from what the inputs say without emulation."""
    emulated: Annotated[dict[Name, Emulated], Field(min_length=1)]
    """Emulated datasets by name."""
    symmetry: SymmetrySettings = Field(default_factory=SymmetrySettings)
    surrogate: Surrogate = ABSENT
    emulator: Emulator = Field(default_factory=Emulator)
    validation: Validation = Field(default_factory=Validation)
    trust: Trust = Field(default_factory=Trust)
    sharding: Sharding = Field(default_factory=Sharding)
