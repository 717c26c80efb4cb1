"""Harmonic analysis of HEALPix maps by rings, differentiable.

    a^T_ℓm = Ω Σ_p T(p) Y*_ℓm(p),
    ₂a_ℓm = Ω Σ_p (Q + iU)(p) ₂Y*_ℓm(p),  a^E = −(₂a + ₋₂a)/2,  a^B = i(₂a − ₋₂a)/2,

equal to healpy's ``map2alm`` and ``map2alm_spin`` without iterations or ring weights: a Fourier
transform along every ring, then for every m a Legendre product over the rings. The
rings have different numbers of pixels; Bluestein's chirp transform gives them all
one length, so the whole sphere is a single batch of FFTs.

Of a partial sky these are pseudo-coefficients: those of the map times its weights, 0 where
nothing was observed. Only rings with an observed pixel take part.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
import tensorflow as tf

from fewtomany.late import healpy as hp
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

ORDERS = 96
"""Orders m of one Legendre product."""


class SpinTransform(NamedTuple):
    """Tables of the transform of one sky and spin s; L = lmax + 1, T rings (4·nside − 1 of the
    full sky).

    Attributes
    ----------
    to_rings : int32 array of shape (T·4·nside,): observed pixel (NESTED order) of every place
        of the padded ring table; n_pix where there is none
    from_rings : int32 array of shape (n_pix,): its inverse
    weight : (n_pix, 1), by which maps are multiplied before; None for 1
    chirp_in : complex array of shape (T, 4·nside)
    chirp_filter : complex array of shape (T, length), the chirps' Fourier transform
    chirp_out : complex array of shape (T, 2L − 1), with the ring's first longitude
    legendre : Ω ₛλ_ℓm(θ) for m ≥ 0, :data:`ORDERS` m at a time, each an array of shape (orders,
        L − its first m, T), from ℓ = its first m on: below there is nothing
    mirrored : the same at π − θ; None where the rings are symmetric, so that it is
        ``legendre`` with the rings reversed
    """

    to_rings: tf.Tensor
    from_rings: tf.Tensor
    weight: tf.Tensor | None
    chirp_in: tf.Tensor
    chirp_filter: tf.Tensor
    chirp_out: tf.Tensor
    legendre: tuple[tf.Tensor, ...]
    mirrored: tuple[tf.Tensor, ...] | None

    @property
    def lmax(self) -> int:
        return self.chirp_out.shape[1] // 2


def spin_transform(sky: Sky | int, dtype, spin: int = 2) -> SpinTransform:
    """Tables for maps of one sky (the full one of an nside) and spin (2 or 0).

    Multipoles go up to lmax = 3·nside − 1.
    """
    if not isinstance(sky, Sky):
        sky = Sky(sky)
    dtype = tf.as_dtype(dtype)
    complex_dtype = tf.complex64 if dtype == tf.float32 else tf.complex128
    nside, n_pix = sky.nside, sky.n_pix
    lmax, width = 3 * nside - 1, 4 * nside
    place_of = np.full(hp.nside2npix(nside), n_pix)  # RING pixel to place in the maps
    place_of[hp.nest2ring(nside, sky.nested)] = np.arange(n_pix)
    rings = np.arange(1, 4 * nside)
    if not sky.is_full:
        rings = np.intersect1d(rings, hp.pix2ring(nside, sky.indices))
    start, length, cosine, sine, shifted = hp.ringinfo(nside, rings)
    place = np.arange(width)
    ring_pixel = np.where(place < length[:, None], start[:, None] + place, -1)
    flat = ring_pixel.ravel()
    to_rings = np.where(flat < 0, n_pix, place_of[np.maximum(flat, 0)])
    from_rings = np.empty(n_pix, np.int64)
    observed = np.flatnonzero(to_rings < n_pix)
    from_rings[to_rings[observed]] = observed

    # Σ_j x_j w^(jm), w = exp(−2πi/n), with jm = (j² + m² − (m − j)²)/2
    m = np.arange(-lmax, lmax + 1)
    n_fft = scipy.fft.next_fast_len(width + 2 * lmax)
    turn = np.pi / length[:, None]
    lag = np.arange(-lmax - width + 1, lmax + 1)
    kernel = np.zeros((len(rings), n_fft), complex)
    kernel[:, lag % n_fft] = np.exp(1j * turn * (lag.astype(float) ** 2 % (2 * length[:, None])))
    chirp_in = np.exp(-1j * turn * (place.astype(float) ** 2 % (2 * length[:, None])))
    first_longitude = np.where(shifted[:, None], turn, 0.0)
    chirp_out = np.exp(
        -1j * (turn * (m.astype(float) ** 2 % (2 * length[:, None])) + first_longitude * m)
    )
    colatitude = np.arctan2(sine, cosine)
    area = hp.nside2pixarea(nside)
    symmetric = np.array_equal(rings, 4 * nside - rings[::-1])
    legendre = _tables(lmax, colatitude, spin, area, dtype)
    mirrored = None if symmetric else _tables(lmax, np.pi - colatitude, spin, area, dtype)
    weight = None if sky.weights is None else sky.to_nested(sky.weight)[:, None]
    return SpinTransform(
        tf.constant(to_rings, tf.int32),
        tf.constant(from_rings, tf.int32),
        None if weight is None else tf.constant(weight, dtype),
        tf.constant(chirp_in, complex_dtype),
        tf.constant(np.fft.fft(kernel), complex_dtype),
        tf.constant(chirp_out, complex_dtype),
        legendre,
        mirrored,
    )


def _tables(
    lmax: int, theta: np.ndarray, spin: int, area: float, dtype: tf.DType
) -> tuple[tf.Tensor, ...]:
    """Ω ₛλ_ℓm(θ) of some m at a time: see :class:`SpinTransform`."""
    starts = range(0, lmax + 1, ORDERS)
    orders = [range(first, min(first + ORDERS, lmax + 1)) for first in starts]
    return tuple(
        tf.constant(wigner_lambda(lmax, theta, spin, some)[:, some[0] :] * area, dtype)
        for some in orders
    )


def wigner_lambda(
    lmax: int, theta: np.ndarray, spin: int = 2, orders: range | None = None
) -> np.ndarray:
    """ₛλ_ℓm(θ) = √((2ℓ+1)/4π) d^ℓ_{m,−s}(θ), the θ part of ₛY_ℓm, for m ≥ 0.

    The three-term recursion of the Wigner functions in ℓ, from ℓ = max(m, s).

    Parameters
    ----------
    orders : the m, up to lmax; all by default

    Returns
    -------
    array of shape (n_orders, lmax + 1, n_theta), index (m, ℓ)
    """
    orders = range(lmax + 1) if orders is None else orders
    cosine, half_cos, half_sin = np.cos(theta), np.cos(theta / 2), np.sin(theta / 2)
    result = np.zeros((len(orders), lmax + 1, len(theta)))
    for place, m in enumerate(orders):
        first = max(m, spin)
        a, b = (m, -spin) if m >= spin else (spin, -m)  # d_{m,−s} = d_{s,−m}
        binomial = 1.0
        for k in range(1, first - b + 1):  # (2·first)! / ((first − b)! (first + b)!)
            binomial *= (first + b + k) / k
        before = np.zeros_like(theta)
        now = np.sqrt(binomial) * half_cos ** (a + b) * (-half_sin) ** (a - b)
        for ell in range(first, lmax + 1):
            result[place, ell] = np.sqrt((2 * ell + 1) / (4 * np.pi)) * now
            up = np.sqrt(((ell + 1) ** 2 - m**2) * ((ell + 1) ** 2 - spin**2)) / (ell + 1)
            down = np.sqrt((ell**2 - m**2) * (ell**2 - spin**2)) / max(ell, 1)
            shift = spin * m / max(ell * (ell + 1), 1)
            after = ((2 * ell + 1) * (cosine + shift) * now - down * before) / up
            before, now = now, after
    return result


def analyse_temperature(transform: SpinTransform, maps: tf.Tensor) -> tf.Tensor:
    """Coefficients of scalar maps.

    Parameters
    ----------
    transform : tables of spin 0
    maps : tensor of shape (n_pix, n_maps), NESTED

    Returns
    -------
    tensor of shape (2, L, L, n_maps): a^T, real and imaginary part, m ≥ 0, ℓ
    """
    n_rings, width = transform.chirp_in.shape
    lmax, n_maps = transform.lmax, maps.shape[1]
    rings = tf.reshape(_to_rings(transform, maps), (n_rings, width, n_maps))
    rings = tf.transpose(rings, (2, 0, 1))
    waves = _ring_fourier(transform, tf.complex(rings, tf.zeros_like(rings)))[..., lmax:]
    waves = tf.transpose(tf.stack([tf.math.real(waves), tf.math.imag(waves)]), (3, 2, 0, 1))
    alm = _over_rings(transform.legendre, tf.reshape(waves, (lmax + 1, n_rings, -1)))
    return tf.transpose(tf.reshape(alm, (lmax + 1, lmax + 1, 2, n_maps)), (2, 0, 1, 3))


def analyse(transform: SpinTransform, maps: tf.Tensor) -> tf.Tensor:
    """E and B coefficients of Q and U maps.

    Parameters
    ----------
    maps : tensor of shape (n_pix, n_maps, 2), NESTED

    Returns
    -------
    tensor of shape (2, 2, L, L, n_maps): a^E and a^B, real and imaginary part, m ≥ 0,
    ℓ (zero where ℓ < m)
    """
    n_rings, width = transform.chirp_in.shape
    n_maps = maps.shape[1]
    rings = _to_rings(transform, tf.reshape(maps, (maps.shape[0], -1)))
    rings = tf.transpose(tf.reshape(rings, (n_rings, width, n_maps, 2)), (3, 2, 0, 1))
    waves = _ring_fourier(transform, tf.complex(rings[0], rings[1]))
    # ₂λ_{ℓ,−m}(θ) = (−1)^ℓ ₂λ_ℓm(π − θ): one table serves both signs of m
    lmax = transform.lmax
    positive, negative = waves[..., lmax:], waves[..., lmax::-1]
    if transform.mirrored is None:
        alm = _legendre(transform.legendre, [positive, tf.reverse(negative, axis=[1])])
    else:
        alm = tf.concat(
            [
                _legendre(transform.legendre, [positive]),
                _legendre(transform.mirrored, [negative]),
            ],
            axis=3,
        )
    alm = tf.transpose(alm, (2, 3, 0, 1, 4))
    (re_plus, re_minus), (im_plus, im_minus) = (tf.unstack(part) for part in tf.unstack(alm))
    # ₋₂a_ℓm = (−1)^m conj(₂a_ℓ,−m)
    sign = (-1.0) ** np.arange(lmax + 1)
    parity = tf.constant(np.outer(sign, sign)[..., None], alm.dtype)
    re_minus, im_minus = parity * re_minus, -parity * im_minus
    e = tf.stack([re_plus + re_minus, im_plus + im_minus])
    b = tf.stack([im_plus - im_minus, re_minus - re_plus])
    return tf.stack([e, b]) * -0.5


def _over_rings(tables: tuple[tf.Tensor, ...], waves: tf.Tensor) -> tf.Tensor:
    """Sums over rings of waves (m, T, C): (m, ℓ, C)."""
    found, first = [], 0
    for table in tables:
        n_orders = table.shape[0]
        alm = tf.matmul(table, waves[first : first + n_orders])
        found.append(tf.pad(alm, ((0, 0), (first, 0), (0, 0))) if first else alm)
        first += n_orders
    return tf.concat(found, axis=0) if len(found) > 1 else found[0]


def _legendre(tables: tuple[tf.Tensor, ...], waves: list[tf.Tensor]) -> tf.Tensor:
    """Sums over rings of K waves (n_maps, T, L): (m, ℓ, real/imaginary, K, n_maps)."""
    both = tf.stack(waves)
    n_waves, n_maps, n_rings, n_orders = both.shape
    both = tf.transpose(tf.stack([tf.math.real(both), tf.math.imag(both)]), (4, 3, 0, 1, 2))
    alm = _over_rings(tables, tf.reshape(both, (n_orders, n_rings, -1)))
    return tf.reshape(alm, (n_orders, n_orders, 2, n_waves, n_maps))


def _ring_fourier(transform: SpinTransform, rings: tf.Tensor) -> tf.Tensor:
    """Σ_p x_p exp(−imφ_p) along rings (n_maps, T, width): (n_maps, T, 2L − 1)."""
    n_fft, n_out = transform.chirp_filter.shape[1], transform.chirp_out.shape[1]
    padded = tf.pad(rings * transform.chirp_in, ((0, 0), (0, 0), (0, n_fft - rings.shape[2])))
    waves = tf.signal.ifft(tf.signal.fft(padded) * transform.chirp_filter)
    lmax = n_out // 2
    waves = tf.concat([waves[..., n_fft - lmax :], waves[..., : lmax + 1]], axis=-1)
    return waves * transform.chirp_out


def _to_rings(transform: SpinTransform, values: tf.Tensor) -> tf.Tensor:
    """Pixels (n_pix, C), weighted, to the padded ring table (T·width, C)."""
    if transform.weight is not None:
        values *= transform.weight

    @tf.custom_gradient
    def forward(values):
        padded = tf.concat([values, tf.zeros_like(values[:1])], axis=0)
        return tf.gather(padded, transform.to_rings), lambda dy: tf.gather(dy, transform.from_rings)

    return forward(values)


def spectra(
    scalar: SpinTransform | None,
    spin: SpinTransform | None,
    maps: tf.Tensor,
    components: Components,
    l1: str = "moduli",
) -> tf.Tensor:
    """All auto and cross spectra with p = 2 and p = 1 (arXiv:2503.11643, Eqs. 6–7).

    C^(p)_ℓ = 1/(2ℓ+1) Σ_m |a_ℓm|^p over all m. EB takes Re(a^E a^B*) for p = 2 and,
    for p = 1, the same divided by √|a^E a^B|; so do the other crosses.

    Parameters
    ----------
    scalar, spin : tables of spin 0 and 2; None where there is no such component
    maps : tensor of shape (n_pix, n_maps, F), NESTED
    components : what the F are
    l1 : "moduli", or "root" for sign(C)√|C| of the p = 2 spectra instead of p = 1, as
        the published code has it

    Returns
    -------
    tensor of shape (n_maps, 2, n_spectra, L): p = 2, 1; in the order of
    ``components.spectra``
    """
    n_pix, n_maps, _ = maps.shape
    fields: list[tf.Tensor | None] = [None] * len(components)
    if components.scalars:
        chosen = tf.stack([maps[..., k] for k in components.scalars], axis=-1)
        found = analyse_temperature(scalar, tf.reshape(chosen, (n_pix, -1)))
        found = tf.reshape(found, (*found.shape[:-1], n_maps, -1))
        for place, field in zip(components.scalars, tf.unstack(found, axis=-1), strict=True):
            fields[place] = field
    for place in components.spins:
        fields[place], fields[place + 1] = tf.unstack(analyse(spin, maps[..., place : place + 2]))
    pairs = [(fields[a], fields[b]) for a, b in components.spectra_pairs]
    return norms(pairs, l1, _average_over_m)


class HarmonicTransform(NamedTuple):
    """Tables of a sky, for the spins that its maps have; None for a spin that they have not."""

    scalar: SpinTransform | None
    spin: SpinTransform | None

    def spectra(self, maps: tf.Tensor, components: Components, l1: str) -> tf.Tensor:
        """See :func:`spectra`."""
        return spectra(self.scalar, self.spin, maps, components, l1)


def harmonic_transform(sky: Sky, components: Components, dtype) -> HarmonicTransform:
    """Tables for maps of a sky."""
    wanted = ((0, components.scalars), (2, components.spins))
    return HarmonicTransform(
        *(spin_transform(sky, dtype, spin) if places else None for spin, places in wanted)
    )


def norms(
    pairs: list[tuple[tf.Tensor, tf.Tensor]],
    l1: str,
    average: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """C^(2) and C^(1) of pairs (x, y) of coefficients: (n_maps, 2, n_pairs, n_bins).

    For p = 1: |x| where the pair is one field, else Re(x y*)/√|x y|.

    Parameters
    ----------
    pairs : coefficients, real and imaginary parts first, maps last, (2, ..., n_maps)
    average : of values (n_pairs, ..., n_maps) over the bins, (n_pairs, n_bins, n_maps)
    """
    tiny = tf.constant(1e-30, pairs[0][0].dtype)
    products = [tf.reduce_sum(x * y, axis=0) for x, y in pairs]
    squares = average(tf.stack(products))
    if l1 == "root":
        roots = squares * tf.math.rsqrt(tf.abs(squares) + tiny)
    else:
        moduli = [
            tf.sqrt(product + tiny) if x is y else product * _inverse_root_modulus(x, y, tiny)
            for (x, y), product in zip(pairs, products, strict=True)
        ]
        roots = average(tf.stack(moduli))
    return tf.transpose(tf.stack([squares, roots]), (3, 0, 1, 2))


def _inverse_root_modulus(x: tf.Tensor, y: tf.Tensor, tiny: tf.Tensor) -> tf.Tensor:
    """1/√|x y| of coefficients (2, …)."""
    return tf.math.rsqrt(tf.sqrt(tf.reduce_sum(x**2, axis=0) * tf.reduce_sum(y**2, axis=0) + tiny))


def _average_over_m(values: tf.Tensor) -> tf.Tensor:
    """Mean over −ℓ ≤ m ≤ ℓ of (…, L, L, n_maps), (m, ℓ): (…, L, n_maps)."""
    lmax = values.shape[-2] - 1
    weights = np.full((lmax + 1, lmax + 1), 2.0)
    weights[0] = 1.0
    weights[np.tril_indices(lmax + 1, -1)] = 0.0  # ℓ < m
    weights /= 2 * np.arange(lmax + 1) + 1
    return tf.einsum("ml,xmln->xln", tf.constant(weights, values.dtype), values)
