"""Which pixels of the HEALPix sphere a map holds: all of them, or those that were observed.

Arrays of maps are in RING order; nested order is HEALPix's NESTED (see
:mod:`fewtomany.maps.geometry`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany.errors import UserError
from fewtomany.late import healpy as hp
from fewtomany.maps import geometry
from fewtomany.maps.geometry import Geometry

UNSEEN = -1.6375e30
"""HEALPix's mark of a pixel without a value."""


@dataclass(frozen=True, eq=False)
class Sky(Geometry):
    """The observed part of the sphere.

    Attributes
    ----------
    nside : HEALPix resolution, a power of 2
    pixels : int64 array of shape (n_pix,): observed pixels, RING, ascending; None for all
    weights : float64 array of shape (n_pix,): weight of every observed pixel in means over
        the sky, more than 0; None where all are alike
    """

    nside: int
    pixels: np.ndarray | None = None
    weights: np.ndarray | None = None

    n_children = 4
    first_bin = 2

    def __post_init__(self):
        if self.nside < 1 or self.nside & (self.nside - 1):
            raise UserError(f"nside {self.nside} is not allowed; expected a power of 2")
        kind = f"RING pixels of nside {self.nside}"
        pixels = geometry.checked_pixels(self.pixels, self.n_whole, kind)
        object.__setattr__(self, "pixels", pixels)
        weights = geometry.checked_weights(self.weights, self.n_pix)
        object.__setattr__(self, "weights", weights)

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> "Sky":
        """The sky of a mask (12·nside²,), RING: weights, 0 for pixels that are not observed.

        Raises
        ------
        UserError : for negative weights or none above 0
        """
        return cls(hp.npix2nside(len(mask)), *geometry.of_mask(mask))

    @property
    def name(self) -> str:
        return f"nside {self.nside}"

    @property
    def n_whole(self) -> int:
        return 12 * self.nside**2

    @property
    def whole(self) -> "Sky":
        return Sky(self.nside)

    @property
    def n_bins(self) -> int:
        """Multipoles 0 to 3·nside − 1."""
        return 3 * self.nside

    @property
    def bins(self) -> np.ndarray:
        return np.arange(self.n_bins)

    def nested_of(self, indices: np.ndarray) -> np.ndarray:
        return hp.ring2nest(self.nside, indices)

    def is_even(self, n_steps: int) -> bool:
        return True

    def attributes(self) -> dict[str, Any]:
        return {"nside": self.nside, "ordering": "RING"}

    @property
    def points(self) -> np.ndarray:
        return self.vectors

    @cached_property
    def vectors(self) -> np.ndarray:
        """Unit vectors of the observed pixels, (n_pix, 3)."""
        return np.column_stack(hp.pix2vec(self.nside, self.indices))

    def expand(self, maps: np.ndarray, fill: float = UNSEEN) -> np.ndarray:
        """Maps (..., n_pix) on the whole sphere, (..., 12·nside²), RING."""
        return super().expand(maps, fill)
