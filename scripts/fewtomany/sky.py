"""Which pixels of the HEALPix sphere a map holds: all of them, or those that were observed.

Arrays of maps hold the observed pixels alone, in ascending RING order, so that work, memory and
files scale with them. Inside the emulator pixels are in NESTED order, where the children of a
pixel of the next coarser grid are neighbours; the conversion is here.
"""

from dataclasses import dataclass
from functools import cached_property

import healpy as hp
import numpy as np

from fewtomany.errors import UserError


@dataclass(frozen=True, eq=False)
class Sky:
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

    def __post_init__(self):
        if self.nside < 1 or self.nside & (self.nside - 1):
            raise UserError(f"nside {self.nside} is not allowed; expected a power of 2")
        if self.pixels is not None:
            self._check_pixels()
        if self.weights is not None:
            weights = np.asarray(self.weights, np.float64)
            if weights.shape != (self.n_pix,) or not (weights > 0).all():
                raise UserError(f"weights must be {self.n_pix} numbers above 0, one a pixel")
            object.__setattr__(self, "weights", weights)

    def _check_pixels(self):
        pixels = np.asarray(self.pixels, np.int64)
        if pixels.ndim != 1 or not len(pixels):
            raise UserError("a map needs at least one observed pixel")
        if pixels[0] < 0 or pixels[-1] >= hp.nside2npix(self.nside) or (np.diff(pixels) < 1).any():
            raise UserError(f"observed pixels are no ascending RING pixels of nside {self.nside}")
        object.__setattr__(self, "pixels", pixels)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sky)
            and self.nside == other.nside
            and np.array_equal(self.indices, other.indices)
            and np.array_equal(self.weight, other.weight)
        )

    __hash__ = None

    @classmethod
    def of_mask(cls, mask: np.ndarray) -> "Sky":
        """The sky of a mask (12·nside²,), RING: weights, 0 for pixels that are not observed.

        Raises
        ------
        UserError : for negative weights or none above 0
        """
        mask = np.asarray(mask, np.float64)
        if not np.isfinite(mask).all() or (mask < 0).any() or not (mask > 0).any():
            raise UserError("a mask needs weights of 0 or more, and one above 0 at least")
        pixels = np.flatnonzero(mask)
        weights = mask[pixels]
        alike = (weights == weights[0]).all()
        whole = len(pixels) == len(mask)
        nside = hp.npix2nside(len(mask))
        return cls(nside, None if whole else pixels, None if alike else weights)

    @property
    def is_full(self) -> bool:
        """Whether every pixel of the sphere is observed."""
        return self.pixels is None

    @property
    def n_pix(self) -> int:
        """Observed pixels."""
        return hp.nside2npix(self.nside) if self.is_full else len(self.pixels)

    @property
    def fraction(self) -> float:
        """Observed fraction of the sphere."""
        return self.n_pix / hp.nside2npix(self.nside)

    @cached_property
    def indices(self) -> np.ndarray:
        """RING index of every observed pixel, (n_pix,), ascending."""
        return np.arange(self.n_pix) if self.is_full else self.pixels

    @cached_property
    def weight(self) -> np.ndarray:
        """Weight of every observed pixel, (n_pix,), of mean 1."""
        if self.weights is None:
            return np.ones(self.n_pix)
        return self.weights / self.weights.mean()

    @cached_property
    def vectors(self) -> np.ndarray:
        """Unit vectors of the observed pixels, (n_pix, 3)."""
        return np.column_stack(hp.pix2vec(self.nside, self.indices))

    @cached_property
    def nested(self) -> np.ndarray:
        """NESTED index of every observed pixel, (n_pix,), ascending."""
        return np.sort(hp.ring2nest(self.nside, self.indices))

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(hp.ring2nest(self.nside, self.indices))

    def to_nested(self, maps: np.ndarray) -> np.ndarray:
        """Maps (..., n_pix) in RING order to (n_pix, ...) in NESTED order."""
        return np.moveaxis(maps, -1, 0)[self._order]

    def to_ring(self, maps: np.ndarray) -> np.ndarray:
        """Maps (n_pix, ...) in NESTED order to (..., n_pix) in RING order."""
        result = np.empty_like(maps)
        result[self._order] = maps
        return np.moveaxis(result, 0, -1)

    def expand(self, maps: np.ndarray, fill: float = hp.UNSEEN) -> np.ndarray:
        """Maps (..., n_pix) on the whole sphere, (..., 12·nside²), RING."""
        if self.is_full:
            return maps
        result = np.full((*maps.shape[:-1], hp.nside2npix(self.nside)), fill, maps.dtype)
        result[..., self.pixels] = maps
        return result

    def restrict(self, maps: np.ndarray) -> np.ndarray:
        """The observed pixels (..., n_pix) of maps of the whole sphere, (..., 12·nside²)."""
        return maps if self.is_full else maps[..., self.pixels]
