"""Planes and lines: pixels of a square lattice, periodic or with open edges.

Arrays of maps are in the order of rows, as ``array.ravel()`` has them: the first index runs
southward, the second eastward. In nested order the four pixels of a square follow each other, then
the four squares of a larger one, and so on (a Z-order curve, for any shape); on a line they are in
their own order, by pairs (see :mod:`fewtomany.maps.geometry`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany.errors import UserError
from fewtomany.maps import geometry
from fewtomany.maps.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Flat(Geometry):
    """A plane or a line, or the observed part of one.

    Attributes
    ----------
    shape : (n_rows, n_columns) of a plane, (n,) of a line
    periodic : whether what leaves it at one edge comes back at the other, in both directions
    pixels : int64 array of shape (n_pix,): observed pixels, by rows, ascending; None for all
    weights : float64 array of shape (n_pix,): weight of every observed pixel in means over
        the pixels, more than 0; None where all are alike
    """

    shape: tuple[int, ...]
    periodic: bool
    pixels: np.ndarray | None = None
    weights: np.ndarray | None = None

    first_bin = 1
    is_homogeneous = True
    unit = "1"
    shown = ("", 1.0)
    axis = "cycles per pixel"

    def __post_init__(self):
        shape = tuple(int(n) for n in self.shape)
        if len(shape) not in (1, 2) or min(shape) < 1:
            raise UserError(
                f"shape {shape} is not allowed; expected (n_rows, n_columns) of a plane "
                "or (n,) of a line"
            )
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "periodic", bool(self.periodic))
        kind = f"pixels of a {self.kind} of {'×'.join(map(str, shape))}"
        pixels = geometry.checked_pixels(self.pixels, self.n_whole, kind)
        object.__setattr__(self, "pixels", pixels)
        weights = geometry.checked_weights(self.weights, self.n_pix)
        object.__setattr__(self, "weights", weights)

    @classmethod
    def of_mask(cls, mask: np.ndarray, periodic: bool) -> "Flat":
        """The plane or line of a mask of its shape: weights, 0 for pixels not observed.

        Raises
        ------
        UserError : for negative weights or none above 0
        """
        mask = np.asarray(mask)
        return cls(mask.shape, periodic, *geometry.of_mask(mask.ravel()))

    @property
    def kind(self) -> str:
        """ "plane" or "line"."""
        return "plane" if len(self.shape) == 2 else "line"

    @property
    def n_children(self) -> int:
        return 2 ** len(self.shape)

    @property
    def n_whole(self) -> int:
        return int(np.prod(self.shape))

    @property
    def whole(self) -> "Flat":
        return Flat(self.shape, self.periodic)

    @property
    def rows_and_columns(self) -> tuple[int, int]:
        """Shape of the plane; (1, n) for a line."""
        return self.shape if len(self.shape) == 2 else (1, *self.shape)

    @property
    def points(self) -> np.ndarray:
        """In pixels. A periodic side is a circle, in two coordinates, of as many pixels."""
        places = np.unravel_index(self.indices, self.shape)
        if not self.periodic:
            return np.column_stack(places).astype(np.float64)
        angles = [2 * np.pi * place / n for place, n in zip(places, self.shape, strict=True)]
        radii = [n / (2 * np.pi) for n in self.shape]
        circles = [(r * np.cos(a), r * np.sin(a)) for a, r in zip(angles, radii, strict=True)]
        return np.column_stack([side for circle in circles for side in circle])

    def nested_of(self, indices: np.ndarray) -> np.ndarray:
        return interleave(np.unravel_index(indices, self.shape))

    def is_even(self, n_steps: int) -> bool:
        return all(n % (1 << n_steps) == 0 for n in self.shape)

    def attributes(self) -> dict[str, Any]:
        return {"shape": self.shape, "periodic": self.periodic, "ordering": "ROWS"}

    @property
    def name(self) -> str:
        """The plane or line in words."""
        edges = "periodic " if self.periodic else ""
        return f"{edges}{self.kind} of {'×'.join(map(str, self.shape))} pixels"

    def check_scales(self, n_scales: int, kernel_size: int = 3, first_scale: int = 0) -> None:
        """Raise UserError where so many scales do not fit.

        Periodic sides have to close on themselves at the coarsest scale, and no side may be
        shorter there than a kernel.
        """
        n_steps = first_scale + n_scales - 1
        which = f"the coarsest of {n_scales} scales from scale {first_scale}"
        if self.periodic and not self.is_even(n_steps):
            raise UserError(
                f"{self.name}: expected sides that are multiples of {1 << n_steps} pixels, {which}"
            )
        shortest = -(-min(self.shape) >> n_steps)
        if shortest < kernel_size:
            raise UserError(
                f"{self.name}: {shortest} pixels across at {which}; expected {kernel_size} or "
                "more, the size of a kernel"
            )

    @cached_property
    def bin_of(self) -> np.ndarray:
        """Bin of every wave of the discrete Fourier transform, (n_whole,), by rows.

        Bin b holds the waves with a wave number of b/n ± 1/2n cycles per pixel, n being the
        longer side; of a line, the two waves of either sign.
        """
        number = np.hypot(*self.waves) * max(self.shape)
        return np.unique(np.rint(number).astype(int), return_inverse=True)[1].ravel()

    @cached_property
    def waves(self) -> np.ndarray:
        """Southward and eastward wave numbers (cycles per pixel), (2, n_whole), by rows."""
        south, east = (np.fft.fftfreq(n) for n in self.rows_and_columns)
        return np.array(np.meshgrid(south, east, indexing="ij")).reshape(2, -1)

    @cached_property
    def n_bins(self) -> int:
        """Rings of wave numbers; the first one is the mean alone."""
        return int(self.bin_of.max()) + 1

    @property
    def bins(self) -> np.ndarray:
        return self.wave_numbers

    @cached_property
    def wave_numbers(self) -> np.ndarray:
        """Mean wave number of every bin (cycles per pixel), (n_bins,)."""
        return np.bincount(self.bin_of, np.hypot(*self.waves)) / np.bincount(self.bin_of)

    def image(self, maps: np.ndarray) -> np.ndarray:
        """Maps (..., n_pix) as pictures (..., *shape), NaN where nothing was observed."""
        return self.expand(maps, np.nan).reshape(*maps.shape[:-1], *self.shape)


def interleave(coordinates: tuple[np.ndarray, ...]) -> np.ndarray:
    """Numbers whose bits are in turn those of the coordinates, the last one's lowest."""
    n_axes = len(coordinates)
    result = np.zeros_like(coordinates[0], np.int64)
    for axis, values in enumerate(coordinates):
        for bit in range(_n_bits(values)):
            place = bit * n_axes + n_axes - 1 - axis
            result |= (np.asarray(values, np.int64) >> bit & 1) << place
    return result


def separate(numbers: np.ndarray, n_axes: int) -> tuple[np.ndarray, ...]:
    """Coordinates of the numbers of :func:`interleave`."""
    result = []
    for axis in range(n_axes):
        values = np.zeros_like(numbers)
        for bit in range(-(-_n_bits(numbers) // n_axes)):
            values |= (numbers >> (bit * n_axes + n_axes - 1 - axis) & 1) << bit
        result.append(values)
    return tuple(result)


def _n_bits(values: np.ndarray) -> int:
    """Bits of the largest of some numbers."""
    return int(np.max(values, initial=0)).bit_length()
