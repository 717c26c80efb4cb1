"""A covariance from a few maps by the symmetry of the scan.

Maps of a scan that draws the same pattern at every longitude are, statistically, maps of
the same kind when they are turned about its axis. A few inputs turned are many inputs:

    C = D [ (Σ_φ w(φ) ⟨R_φ z (R_φ z)ᵀ⟩) ∘ T ] D.

z are the inputs over their smoothed deviations, with their reflections; R_φ turns by φ; the
taper T of the difference in longitude takes off the correlations that only chance makes;
D gives every pixel its smoothed variance. Every step keeps C positive semidefinite.

What multiplies a signal, as a gain does, has the sign of the signal, which no deviation knows and
which does not turn with the scan. For a dipole it can be taken off: D is signed then, before the
turns and after.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fewtomany import seeds
from fewtomany.covariance import turning, variances
from fewtomany.covariance.base import BLOCK, Key, Model
from fewtomany.covariance.variances import Smoothing
from fewtomany.errors import UserError
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky

NEGLIGIBLE = 1e-4
"""Share of a taper's power above which its frequencies are kept."""

TOGETHER = 32
"""Rows that are multiplied by a covariance at a time."""


@dataclass(frozen=True)
class Symmetry:
    """What counts as the same sky.

    Attributes
    ----------
    width_deg : standard deviation of the turns, degrees of longitude; 0: none, infinite:
        all alike
    folds : turns by 360°/folds change nothing; 2 for a scan in great circles, whose two
        halves see the same stripe
    flip_deg : whether longitude may be reversed, φ → flip_deg − φ; None: no
    mirror_deg : whether the sky may be mirrored on the equator and turned by so much
    coherence_deg : standard deviation of the taper of correlations in the difference of
        longitude modulo 360°/folds; infinite: no taper
    dipole_deg : longitude and latitude of the dipole whose sign D has, in the frame of the maps;
        None: D is positive
    """

    width_deg: float = np.inf
    folds: int = 1
    flip_deg: float | None = None
    mirror_deg: float | None = None
    coherence_deg: float = np.inf
    dipole_deg: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.dipole_deg is not None:
            object.__setattr__(self, "dipole_deg", tuple(self.dipole_deg))
        if not self.width_deg >= 0:
            raise UserError(f"width of the turns is {self.width_deg}, allowed are 0 and more")
        if not self.coherence_deg > 0:
            raise UserError(f"coherence is {self.coherence_deg}, allowed is more than 0 degrees")
        if self.folds < 1:
            raise UserError(f"folds are {self.folds}, allowed are 1 and more")

    @property
    def reflections(self) -> dict[str, float]:
        """The reflections of ``turning.OPERATIONS`` in use, and the turn after each, degrees."""
        found = {"identity": 0.0}
        if self.mirror_deg is not None:
            found["mirror"] = self.mirror_deg
        if self.flip_deg is not None:
            found["flip"] = self.flip_deg
        if len(found) == 3:
            found["mirror-flip"] = self.flip_deg - self.mirror_deg
        return found

    def sign(self, nside: int) -> np.ndarray:
        """Sign of the signal in every pixel, (n_pix,): 1 or −1; 1 without a dipole."""
        n_pix = 12 * nside**2
        if self.dipole_deg is None:
            return np.ones(n_pix)
        towards = healpy.ang2vec(*self.dipole_deg, lonlat=True)
        return np.where(towards @ healpy.pix2vec(nside, np.arange(n_pix)) < 0, -1.0, 1.0)

    def weights(self, n_angles: int) -> np.ndarray:
        """Weights of the turns by 2πj / n_angles, of sum 1."""
        return turn_weights(self.width_deg, self.folds, n_angles)

    def taper(self) -> np.ndarray:
        """Power of the taper by frequency, T(Δ) = Σ_k power[k] cos(kΔ), of sum 1."""
        return taper_power(self.coherence_deg, self.folds)


def turn_weights(width_deg: float, folds: int, n_angles: int) -> np.ndarray:
    """A wrapped Gaussian of longitude modulo 360°/folds, on a grid of angles, of sum 1."""
    if n_angles % folds:
        raise UserError(f"{n_angles} angles: no multiple of {folds} folds")
    period = n_angles // folds
    if np.isinf(width_deg):
        return np.full(n_angles, 1 / n_angles)
    one = np.zeros(period)
    if width_deg == 0:
        one[0] = 1
    else:
        step = 360 / n_angles
        reach = int(np.ceil(10 * width_deg / (step * period))) + 1
        offsets = step * (np.arange(period) + period * np.arange(-reach, reach + 1)[:, None])
        one = np.exp(-0.5 * (offsets / width_deg) ** 2).sum(axis=0)
    return np.tile(one / one.sum() / folds, folds)


def taper_power(coherence_deg: float, folds: int) -> np.ndarray:
    """Power by frequency of a Gaussian taper of longitude modulo 360°/folds, of sum 1."""
    if np.isinf(coherence_deg):
        return np.ones(1)
    highest = int(np.sqrt(-2 * np.log(NEGLIGIBLE)) / np.deg2rad(coherence_deg))
    k = np.arange(max(highest, folds) + 1)
    power = np.exp(-0.5 * (k * np.deg2rad(coherence_deg)) ** 2) * (k % folds == 0)
    power[1:] *= 2
    return power / power.sum()


def waves(power: np.ndarray, longitude: np.ndarray) -> Iterator[np.ndarray]:
    """Maps (n_pix,) whose outer products add up to the taper."""
    for k in np.flatnonzero(power):
        yield np.sqrt(power[k]) * np.cos(k * longitude)
        if k:
            yield np.sqrt(power[k]) * np.sin(k * longitude)


@dataclass(frozen=True, eq=False)
class Training:
    """Maps that a covariance is learnt from, and how their variances are smoothed.

    Attributes
    ----------
    maps : array of shape (n_maps, n_components, n_pix), K, RING; to be turned in a frame whose
        pole is the scan's axis
    components, sky : of the maps
    centre : whether their mean is taken off; otherwise it is known to be 0
    smoothing : of the variances
    shape : array of shape (n_components, n_pix) that variances are smoothed relative to, as of
        ``variances.smooth``
    """

    maps: np.ndarray
    components: Components
    sky: Geometry
    centre: bool = False
    smoothing: Smoothing = variances.NONE
    shape: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.maps)

    @cached_property
    def mean(self) -> np.ndarray | float:
        """What is taken off the maps, (n_components, n_pix), or 0; K."""
        return self.maps.mean(axis=0) if self.centre else 0.0

    @cached_property
    def away(self) -> np.ndarray:
        """The maps without it, float64; the maps themselves where there is none."""
        maps = self.maps.astype(np.float64, copy=False)
        return maps - self.mean if self.centre else maps

    def split(self, held: np.ndarray) -> tuple["Training", np.ndarray]:
        """The same without some maps; and these, less the mean of the others."""
        kept = replace(self, maps=np.delete(self.maps, held, axis=0))
        return kept, self.maps[held].astype(np.float64) - kept.mean

    @cached_property
    def own_variance(self) -> np.ndarray:
        """Variance of every value over the maps, (n_components, n_pix), K²."""
        n_free = len(self) - self.centre
        if n_free < 1:
            raise UserError(f"{len(self)} inputs: too few for a variance")
        return np.sum(self.away**2, axis=0) / n_free

    @cached_property
    def deviation(self) -> np.ndarray:
        """Roots of the smoothed variances, (n_components, n_pix), K.

        Raises
        ------
        UserError : where a pixel has no variance
        """
        found = variances.smooth(
            self.own_variance, self.components.letters, self.smoothing, self.shape, self.sky
        )
        if not (found > 0).all():
            raise UserError("a pixel of the inputs has no variance: it can't be normalized")
        return np.sqrt(found)

    @property
    def normalized(self) -> np.ndarray:
        """The maps over the smoothed deviations and √n, of the shape of the maps.

        Their products, added up, are the sample covariance in units of the deviations.
        """
        return self.away / (self.deviation * np.sqrt(len(self) - self.centre))


@dataclass(frozen=True, eq=False)
class Turned(Model, kind="turned"):
    """The covariance C of the module's first lines.

    Attributes
    ----------
    maps : array of shape (n_rows, n_components, n_pix), float64: z and its reflections, over
        √n_rows
    scale : array of shape (n_components, n_pix), K: D, with its sign
    symmetry : what counts as the same sky
    """

    components: Components
    sky: Geometry
    maps: np.ndarray
    scale: np.ndarray
    symmetry: Symmetry

    def __post_init__(self) -> None:
        check_full(self.sky)

    @classmethod
    def of(cls, training: Training, symmetry: Symmetry) -> "Turned":
        """The model of some inputs, of their smoothed variances."""
        check_full(training.sky)
        sign = symmetry.sign(training.sky.nside)
        letters = training.components.letters
        maps = reflected(sign * training.normalized, letters, symmetry.reflections)
        scale = sign * training.deviation / np.sqrt(_turned_squares(maps, symmetry))
        return cls(training.components, training.sky, maps, scale, symmetry)

    def scaled(self, deviation: np.ndarray) -> "Turned":
        """The same correlations with other deviations (n_components, n_pix), K."""
        return replace(self, scale=self.scale * deviation / self.deviation)

    @property
    def nside(self) -> int:
        return turning.nside_of(self.maps)

    @property
    def n_angles(self) -> int:
        """Turns that make an average over all angles exact for products of two maps."""
        return 8 * self.nside

    @cached_property
    def variance(self) -> np.ndarray:
        return (self.scale**2 * _turned_squares(self.maps, self.symmetry)).ravel()

    def times(self, x: np.ndarray) -> np.ndarray:
        """As of ``Model.times``; no matrix is made: the turned maps, by their products with x."""
        return np.concatenate(
            [self._times(x[first : first + TOGETHER]) for first in range(0, len(x), TOGETHER)]
        )

    def _times(self, x: np.ndarray) -> np.ndarray:
        parts = self._amplitudes(x)
        found = self._combined(np.stack([part.transpose(2, 0, 1) for part in parts], axis=1))
        return found.reshape(len(x), -1)

    def amplitudes(self, directions: np.ndarray) -> np.ndarray:
        """A factor of C in some directions.

        Parameters
        ----------
        directions : array of shape (k, n)

        Returns
        -------
        array of shape (n_factors, k), K: C in these directions is its transpose times it
        """
        parts = self._amplitudes(directions)
        return np.concatenate([part.reshape(-1, len(directions)) for part in parts])

    def _amplitudes(self, directions: np.ndarray) -> Iterator[np.ndarray]:
        """By wave of the taper, (n_maps, n_turns, k)."""
        scaled = directions.reshape(len(directions), *self.scale.shape) * self.scale
        root = np.sqrt(self.symmetry.weights(self.n_angles))
        coefficients = turning.analyse(self.maps)
        longitude = turning.directions(self.nside)[1]
        for wave in waves(self.symmetry.taper(), longitude):
            yield products(coefficients, scaled * wave)[:, root > 0] * root[root > 0, None]

    def within(self, directions: np.ndarray) -> np.ndarray:
        """C in directions (k, n): array of shape (k, k), K²; of one wave at a time."""
        found = np.zeros((len(directions), len(directions)))
        for part in self._amplitudes(directions):
            factor = part.reshape(-1, len(directions))
            found += factor.T @ factor
        return found

    def rows(self, chosen: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """As of ``Model.rows``; the whole of C is made."""
        return self.dense()[chosen, columns]

    def dense(self) -> np.ndarray:
        """As of ``Model.dense``, by transforms of pairs of rings, of which one is made of two."""
        n_stokes, n_pix = self.scale.shape
        found = np.empty((n_stokes, n_pix, n_stokes, n_pix))
        fourier = np.fft.fft(self.symmetry.weights(self.n_angles)).real
        longitude = turning.directions(self.nside)[1]
        tapers = np.stack(list(waves(self.symmetry.taper(), longitude)))[:, None] * self.scale
        groups = [pixels for _, pixels in turning.ring_groups(self.nside)]
        pairs = itertools.product(range(n_stokes), enumerate(groups), repeat=2)
        for a, (first, rows), b, (second, columns) in pairs:
            if (a, first) > (b, second):
                continue
            block = _turned_products(self.maps[:, a, rows], self.maps[:, b, columns], fourier)
            block *= tapers[:, a, rows.ravel()].T @ tapers[:, b, columns.ravel()]
            for (one, place), (other, beside) in itertools.product(_runs(rows), _runs(columns)):
                part = block[place, beside]
                found[a, one, b, other] = part
                found[b, other, a, one] = part.T
        return found.reshape(n_stokes * n_pix, -1)

    def draw(self, seed: int, key: Key, start: int, stop: int, block: int = BLOCK) -> np.ndarray:
        """As of ``Model.draw``; map k has the stream ``(*key, k)``.

        No matrix is formed: each is a random combination of the turned maps, made in
        Fourier space, one for every wave of the taper.
        """
        n_waves = np.count_nonzero(self.symmetry.taper())
        n_waves = 2 * n_waves - 1  # a cosine and a sine of each but the first
        n_turns = np.count_nonzero(self.symmetry.weights(self.n_angles))
        shape = n_waves, len(self.maps), n_turns
        found = np.empty((stop - start, *self.scale.shape))
        for first in range(start - start % block, stop, block):
            numbers = seeds.standard_normal(seed, key, first, first + block, np.prod(shape))
            made = self._combined(numbers.reshape(block, *shape))
            low, high = max(first, start), min(first + block, stop)
            found[low - start : high - start] = made[low - first : high - first]
        return found

    def _combined(self, numbers: np.ndarray) -> np.ndarray:
        """Sums of the turned maps, with numbers (k, n_waves, n_maps, n_turns), (k, …) of a map, K.

        The turns are those whose weight is not 0.
        """
        coefficients = turning.analyse(self.maps).transpose(3, 0, 1, 2)
        shape = coefficients.shape[2:]
        coefficients = np.ascontiguousarray(coefficients).reshape(*coefficients.shape[:2], -1)
        longitude = turning.directions(self.nside)[1]
        root = np.sqrt(self.symmetry.weights(self.n_angles))
        used = np.flatnonzero(root)
        made = np.zeros((len(numbers), *self.scale.shape))
        for k, factor in enumerate(waves(self.symmetry.taper(), longitude)):
            weighted = np.zeros((len(numbers), len(self.maps), len(root)))
            weighted[..., used] = numbers[:, k] * root[used]
            phases = np.fft.rfft(weighted)[..., : len(coefficients)]
            mixed = np.ascontiguousarray(phases.transpose(2, 0, 1)) @ coefficients
            mixed = mixed.reshape(len(mixed), len(numbers), *shape)
            made += factor * turning.synthesize(mixed.transpose(1, 2, 3, 0))
        return made * self.scale

    def about(self) -> dict[str, Any]:
        return {"symmetry": asdict(self.symmetry)}

    @classmethod
    def of_arrays(
        cls,
        arrays: Mapping[str, np.ndarray],
        about: Mapping[str, Any],
        components: Components,
        sky: Geometry,
    ) -> "Turned":
        return cls(components, sky, **arrays, symmetry=Symmetry(**about["symmetry"]))


def check_full(sky: Geometry) -> None:
    """Raise UserError unless a sky is all of the sphere."""
    if not (isinstance(sky, Sky) and sky.is_full):
        raise UserError("a partial sky can't be turned; expected every pixel of the sphere")


def reflected(maps: np.ndarray, stokes: str, reflections: dict[str, float]) -> np.ndarray:
    """Maps and their reflections, over √(number of reflections)."""
    every = [
        turning.turn(turning.reflect(maps, stokes, name), angle)
        if angle
        else turning.reflect(maps, stokes, name)
        for name, angle in reflections.items()
    ]
    return np.concatenate(every) / np.sqrt(len(every))


def products(coefficients: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Inner products of maps, turned by every angle, with directions.

    Parameters
    ----------
    coefficients : of the maps (turning.analyse), shape (n, n_stokes, n_rings, m)
    directions : array of shape (k, n_stokes, n_pix)

    Returns
    -------
    array of shape (n, 8 nside, k): of the maps turned by 2πj / (8 nside)
    """
    nside = turning.nside_of(directions)
    n_angles, n_m = 8 * nside, coefficients.shape[-1]
    count = np.full(coefficients.shape[-2:], 2.0, coefficients.real.dtype)  # m and −m
    count[:, 0] = 1
    for rings, pixels in turning.ring_groups(nside):
        count[rings, pixels.shape[1] // 2] = 1
    left = (coefficients * count).transpose(3, 0, 1, 2).reshape(n_m, len(coefficients), -1)
    right = turning.analyse(directions).conj().transpose(3, 1, 2, 0)
    mixed = (left @ right.reshape(n_m, -1, len(directions))).conj() * (n_angles / 2)
    mixed[0] *= 2
    return np.fft.irfft(mixed, n_angles, axis=0).transpose(1, 0, 2)


def _turned_products(left: np.ndarray, right: np.ndarray, fourier: np.ndarray) -> np.ndarray:
    """Σ over maps and turns of the products of the pixels of some rings with those of others.

    Parameters
    ----------
    left, right : arrays of shape (n_maps, n_rings, length)
    fourier : transform of the weights of the turns

    Returns
    -------
    array of shape (pixels of left, pixels of right)
    """
    length = right.shape[-1]
    taper = _fourier_taper(fourier, left.shape[-1], length)[:, None, : length // 2 + 1]
    of_left, of_right = _ring_coefficients(left).conj(), np.fft.rfft(right, norm="ortho")
    found = np.einsum("irp,icq->rpcq", of_left, of_right, optimize=True)
    found *= taper
    found = np.fft.irfft(np.fft.fft(found, axis=1, norm="ortho"), length, axis=3, norm="ortho")
    return found.reshape(left[0].size, right[0].size)


def _runs(pixels: np.ndarray) -> list[tuple[slice, slice]]:
    """Pixels (n_rings, length) of a group as slices: of all pixels, and of the group's."""
    length = pixels.shape[1]
    if np.ptp(pixels) == pixels.size - 1:
        return [(slice(pixels[0, 0], pixels[-1, -1] + 1), slice(None))]
    return [
        (slice(ring[0], ring[-1] + 1), slice(n * length, (n + 1) * length))
        for n, ring in enumerate(pixels)
    ]


def _ring_coefficients(values: np.ndarray) -> np.ndarray:
    return np.fft.fft(values, axis=-1, norm="ortho")


def _fourier_taper(fourier: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """What the average over turns makes of products of ring coefficients, (rows, columns).

    ``fourier`` is the transform of the weights. A Nyquist term is half +m and half −m.
    """
    k = np.fft.fftfreq(rows, 1 / rows).astype(int)[:, None]
    q = np.fft.fftfreq(columns, 1 / columns).astype(int)
    k_other = np.where(k == -rows // 2, -k, k)
    q_other = np.where(q == -columns // 2, -q, q)
    n = len(fourier)
    return sum(fourier[(a - b) % n] for a in (k, k_other) for b in (q, q_other)) / 4


def _turned_squares(maps: np.ndarray, symmetry: Symmetry) -> np.ndarray:
    """Σ over maps and turns of the squares of every pixel, shape (n_stokes, n_pix)."""
    nside = turning.nside_of(maps)
    fourier = np.fft.fft(symmetry.weights(8 * nside)).real
    found = np.empty(maps.shape[1:])
    for _, pixels in turning.ring_groups(nside):
        part = _ring_coefficients(maps[..., pixels])
        taper = _fourier_taper(fourier, pixels.shape[1], pixels.shape[1])
        block = np.einsum("iarp,iarq->arpq", part, part.conj(), optimize=True) * taper
        block = np.fft.fft(np.fft.ifft(block, axis=2, norm="ortho"), axis=3, norm="ortho")
        found[:, pixels] = np.diagonal(block, axis1=2, axis2=3).real
    return found
