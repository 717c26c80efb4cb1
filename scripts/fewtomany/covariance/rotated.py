"""A covariance about an axis that is not the pole of the maps' own frame.

Maps over their smoothed deviations D are rotated in harmonic space
(:func:`fewtomany.spectra.spectra.to_harmonic`) to the frame of the axis, where turns about the
pole are exact. The covariance M that is learnt there is rotated back, and has the deviations again:

    C = D diag(B M Bᵀ)^(−1/2) B M Bᵀ diag(B M Bᵀ)^(−1/2) D.

A rotation keeps what the harmonics up to ℓ = 3 nside − 1 hold, and loses the rest for good:
7% of the variance of a gain systematic of nside 16. So maps that are binned in the frame of the
axis from the start are worth more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany.covariance import turned, turning, variances
from fewtomany.covariance.base import BLOCK, Key, Model
from fewtomany.covariance.variances import Smoothing
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.ingest.files import FRAMES
from fewtomany.spectra import spectra


@dataclass(frozen=True)
class Rotation:
    """From the frame of maps to that of an axis, and back.

    Attributes
    ----------
    components : of the maps
    frame, axis : the two frames, "galactic", "ecliptic" or "equatorial"
    """

    components: Components
    frame: str
    axis: str

    def to_axis(self, maps: np.ndarray) -> np.ndarray:
        """Maps (n, n_components, n_pix) in the frame of the axis, float64, RING."""
        return self._rotated(maps, self._forward)

    def from_axis(self, maps: np.ndarray) -> np.ndarray:
        """Maps of the frame of the axis in their own: B of the module's first lines."""
        return self._rotated(maps, self._backward)

    def adjoint(self, directions: np.ndarray) -> np.ndarray:
        """Bᵀ of directions (n, n_components, n_pix): d · B x = (Bᵀ d) · x for every map x.

        Synthesis Y is the adjoint of plain quadrature, and ``ITERATIONS`` Jacobi steps after it
        are a power series in quadrature after synthesis, which adjoins to itself.
        """
        found = np.empty(directions.shape)
        nside = turning.nside_of(directions)
        for k, direction in enumerate(directions):
            term = self._turn(spectra.to_harmonic(direction, self.components, 0), self._forward)
            total = term.copy()
            for _ in range(spectra.ITERATIONS):
                again = spectra.to_map(term, self.components, nside)
                term = term - spectra.to_harmonic(again, self.components, 0)
                total += term
            found[k] = spectra.to_map(total, self.components, nside)
        return found

    @cached_property
    def _forward(self) -> "healpy.Rotator":
        return healpy.Rotator(coord=[FRAMES[self.frame], FRAMES[self.axis]])

    @cached_property
    def _backward(self) -> "healpy.Rotator":
        return healpy.Rotator(coord=[FRAMES[self.axis], FRAMES[self.frame]])

    def _rotated(self, maps: np.ndarray, rotator: "healpy.Rotator") -> np.ndarray:
        found = np.empty(maps.shape)
        nside = turning.nside_of(maps)
        for k, one in enumerate(maps):
            alms = spectra.to_harmonic(one, self.components)
            found[k] = spectra.to_map(self._turn(alms, rotator), self.components, nside)
        return found

    def _turn(self, alms: np.ndarray, rotator: "healpy.Rotator") -> np.ndarray:
        """T, E and B are scalars: each is turned for itself."""
        return np.stack([rotator.rotate_alm(row) for row in alms])

    def smooth(self, variance: np.ndarray, stokes: str, smoothing: Smoothing) -> np.ndarray:
        """Variances smoothed along and across the rings of the axis, as of ``variances.smooth``.

        Logarithms are carried from frame to frame by interpolation of four pixels. Q and U of
        a channel have the same variance.
        """
        if smoothing == variances.NONE:
            return variance
        logarithm = np.log(variance)
        variances.pair(logarithm, stokes)
        there = self._interpolated(logarithm, self._backward)
        smoothed = variances.smooth_logarithm(there, smoothing)
        smoothed = np.exp(self._interpolated(smoothed, self._forward))
        return smoothed * np.mean(variance / smoothed, axis=-1, keepdims=True)

    def choose_smoothing(self, maps: np.ndarray, stokes: str) -> Smoothing:
        """The smoothing under which left-out maps, of zero mean, are likeliest; at least 3."""
        paired = "Q" in stokes
        tried = (variances.NONE, *(s for s in variances.candidates(stokes) if s.pair == paired))
        return variances.choose(maps, stokes, tried, smoother=self.smooth)

    def _interpolated(self, values: np.ndarray, rotator: "healpy.Rotator") -> np.ndarray:
        """Scalars (n, n_pix) at the centres of pixels that the rotator takes to their frame."""
        theta, phi = turning.directions(turning.nside_of(values))
        return np.stack([healpy.get_interp_val(row, *rotator(theta, phi)) for row in values])


@dataclass(frozen=True, eq=False)
class Rotated(Model, kind="rotated"):
    """C = S B M Bᵀ S: a covariance M of the frame of an axis, seen from the maps' own.

    Attributes
    ----------
    deviations : array of shape (n_components, n_pix), K: roots of the diagonal of C
    scale : array of the same shape: S
    model : M
    rotation : whose inverse is B
    """

    components: Components
    sky: Geometry
    deviations: np.ndarray
    scale: np.ndarray
    model: Model
    rotation: Rotation

    def __post_init__(self) -> None:
        turned.check_full(self.sky)

    @classmethod
    def of(
        cls,
        model: Model,
        rotation: Rotation,
        deviation: np.ndarray,
        drawn: np.ndarray | None = None,
    ) -> "Rotated":
        """The correlations of M with some deviations (n_components, n_pix), K.

        Parameters
        ----------
        drawn : maps (n, n_components, n_pix) of M, that tell its variances roughly; else the
            whole matrix is made
        """
        one = np.ones_like(deviation)
        plain = cls(model.components, model.sky, one, one, model, rotation)
        if drawn is None:
            variance = np.diagonal(plain.dense()).reshape(deviation.shape)
        else:
            variance = np.mean(rotation.from_axis(drawn) ** 2, axis=0)
        return replace(plain, deviations=deviation, scale=deviation / np.sqrt(variance))

    @cached_property
    def variance(self) -> np.ndarray:
        return self.deviations.ravel() ** 2

    def times(self, x: np.ndarray) -> np.ndarray:
        seen = self.rotation.adjoint(self._as_maps(x) * self.scale)
        product = self.model.times(seen.reshape(len(x), -1))
        found = self.rotation.from_axis(self._as_maps(product)) * self.scale
        return found.reshape(len(x), -1)

    def within(self, directions: np.ndarray) -> np.ndarray:
        seen = self.rotation.adjoint(self._as_maps(directions) * self.scale)
        return self.model.within(seen.reshape(len(directions), -1))

    def dense(self) -> np.ndarray:
        """As of ``Model.dense``; two matrices are in memory."""
        found = self.model.dense()
        for _ in range(2):
            for first in range(0, len(found), BLOCK):
                some = found[first : first + BLOCK]
                seen = self.rotation.from_axis(self._as_maps(some)) * self.scale
                some[:] = seen.reshape(some.shape)
            found = np.ascontiguousarray(found.T)
        return found

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``Model.draw``: maps of M, rotated back."""
        drawn = self.model.draw(seed, key, start, stop, block)
        return self.scale * self.rotation.from_axis(drawn)

    def _as_maps(self, rows: np.ndarray) -> np.ndarray:
        return rows.reshape(-1, *self.shape)

    def about(self) -> dict[str, Any]:
        return {**super().about(), "frame": self.rotation.frame, "axis": self.rotation.axis}

    @classmethod
    def of_arrays(
        cls,
        arrays: Mapping[str, np.ndarray],
        about: Mapping[str, Any],
        components: Components,
        sky: Geometry,
    ) -> "Rotated":
        others = dict(about)
        rotation = Rotation(components, others.pop("frame"), others.pop("axis"))
        return super().of_arrays(arrays, {**others, "rotation": rotation}, components, sky)
