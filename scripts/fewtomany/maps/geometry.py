"""Where the pixels of a map are: what a sphere, a plane and a line have in common.

Arrays of maps hold the observed pixels alone, ascending in the order of the files (RING on the
sphere, by rows on a plane), so that work, memory and files scale with them. The emulator has
them in *nested* order, where the children of a pixel of the next coarser grid follow each other.
"""

import abc
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany.errors import UserError


class Geometry(abc.ABC):
    """Pixels of maps, all of them or those that were observed.

    Attributes
    ----------
    pixels : int64 array of shape (n_pix,): observed pixels, ascending; None for all
    weights : float64 array of shape (n_pix,): weight of every observed pixel in means over
        the pixels, more than 0; None where all are alike
    n_children : pixels that make one of the next coarser grid
    n_bins : bins of a spectrum
    first_bin : the first one that constrains maps; those before are means and the like
    is_homogeneous : whether fields are alike everywhere, so that values of all pixels have one
        mean and one deviation
    unit : of the values of maps
    shown : the unit in which figures show them, and its number of those
    axis : what the bins of a spectrum are, for the axis of a figure
    """

    pixels: np.ndarray | None
    weights: np.ndarray | None
    n_children: int
    n_bins: int
    first_bin: int
    is_homogeneous: bool = False
    unit: str = "K"
    shown: tuple[str, float] = ("µK", 1e6)
    axis: str = "multipole ℓ"

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What it is, in words."""

    @property
    @abc.abstractmethod
    def n_whole(self) -> int:
        """Pixels, observed or not."""

    @property
    @abc.abstractmethod
    def bins(self) -> np.ndarray:
        """What every bin of a spectrum is: its multipole or its wave number, (n_bins,)."""

    @property
    @abc.abstractmethod
    def whole(self) -> "Geometry":
        """The same with every pixel observed, all alike."""

    @property
    @abc.abstractmethod
    def points(self) -> np.ndarray:
        """Cartesian coordinates of the observed pixels, (n_pix, k): near ones are near."""

    @abc.abstractmethod
    def nested_of(self, indices: np.ndarray) -> np.ndarray:
        """Number of pixels in the nested order: divided by n_children, that of their parent."""

    @abc.abstractmethod
    def is_even(self, n_steps: int) -> bool:
        """Whether every pixel, coarsened so many times, has all of its children."""

    @abc.abstractmethod
    def attributes(self) -> dict[str, Any]:
        """What a file says of it, besides the observed pixels and their weights."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Geometry)
            and self.attributes() == other.attributes()
            and np.array_equal(self.indices, other.indices)
            and np.array_equal(self.weight, other.weight)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.n_pix))

    @property
    def is_full(self) -> bool:
        """Whether every pixel is observed."""
        return self.pixels is None

    @property
    def n_pix(self) -> int:
        """Observed pixels."""
        return self.n_whole if self.is_full else len(self.pixels)

    @property
    def fraction(self) -> float:
        """Observed fraction of the pixels."""
        return self.n_pix / self.n_whole

    @cached_property
    def indices(self) -> np.ndarray:
        """Index of every observed pixel, (n_pix,), ascending."""
        return np.arange(self.n_pix) if self.is_full else self.pixels

    @cached_property
    def weight(self) -> np.ndarray:
        """Weight of every observed pixel, (n_pix,), of mean 1."""
        if self.weights is None:
            return np.ones(self.n_pix)
        return self.weights / self.weights.mean()

    @cached_property
    def nested(self) -> np.ndarray:
        """Nested number of every observed pixel, (n_pix,), ascending."""
        return np.sort(self.nested_of(self.indices))

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self.nested_of(self.indices))

    def to_nested(self, maps: np.ndarray) -> np.ndarray:
        """Maps (..., n_pix) in the order of files to (n_pix, ...) in nested order."""
        return np.moveaxis(maps, -1, 0)[self._order]

    def from_nested(self, maps: np.ndarray) -> np.ndarray:
        """Maps (n_pix, ...) in nested order to (..., n_pix) in the order of files."""
        result = np.empty_like(maps)
        result[self._order] = maps
        return np.moveaxis(result, 0, -1)

    def expand(self, maps: np.ndarray, fill: float) -> np.ndarray:
        """Maps (..., n_pix) with the pixels that were not observed, (..., n_whole)."""
        if self.is_full:
            return maps
        result = np.full((*maps.shape[:-1], self.n_whole), fill, maps.dtype)
        result[..., self.pixels] = maps
        return result

    def restrict(self, maps: np.ndarray) -> np.ndarray:
        """The observed pixels (..., n_pix) of whole maps (..., n_whole)."""
        return maps if self.is_full else maps[..., self.pixels]


def checked_pixels(pixels: np.ndarray | None, n_whole: int, kind: str) -> np.ndarray | None:
    """Observed pixels as an int64 array; UserError unless they are ascending, of that kind."""
    if pixels is None:
        return None
    pixels = np.asarray(pixels, np.int64)
    if pixels.ndim != 1 or not len(pixels):
        raise UserError("a map needs at least one observed pixel")
    if pixels[0] < 0 or pixels[-1] >= n_whole or (np.diff(pixels) < 1).any():
        raise UserError(f"observed pixels are no ascending {kind}")
    return pixels


def checked_weights(weights: np.ndarray | None, n_pix: int) -> np.ndarray | None:
    """Weights of observed pixels as a float64 array; UserError unless they are above 0."""
    if weights is None:
        return None
    weights = np.asarray(weights, np.float64)
    if weights.shape != (n_pix,) or not (weights > 0).all():
        raise UserError(f"weights must be {n_pix} numbers above 0, one a pixel")
    return weights


def of_mask(mask: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Observed pixels and their weights of a mask (n_whole,) of weights, 0 for not observed.

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
    return None if len(pixels) == len(mask) else pixels, None if alike else weights
