"""A Gaussian pixel likelihood of Q and U: CMB, white noise, and a systematic's covariance.

The data are maps of zero mean, x = CMB + s · systematic + white noise. The likelihood
believes C = S + s² M + N with a model M of the systematic's covariance. The parameters are r
and the amplitude A of the reionization bump (``cmb``); S = Y diag(C_ℓ) Yᵀ is linear in them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany.covariance import base as covariance
from fewtomany.errors import UserError
from fewtomany.late import healpy
from fewtomany.validation import cmb, effective

NOISE_UK_ARCMIN = 2.0
"""White noise of Q and U, as of LiteBIRD's channels together; it keeps C regular."""

INDEPENDENT = 1e-3
"""Combinations of harmonics weaker than this part of the strongest are masked."""


@dataclass(frozen=True)
class LowRank:
    """A covariance U Uᵀ + diag(d), as a sample covariance and its shrinkage are.

    Attributes
    ----------
    columns : array of shape (n, q), U, K
    diagonal : array of shape (n,), d, K²
    """

    columns: np.ndarray
    diagonal: np.ndarray

    @classmethod
    def of_maps(
        cls, maps: np.ndarray, intensity: float = 0.0, target: float | np.ndarray = 0.0
    ) -> "LowRank":
        """Sample covariance S of maps, shrunk: (1 - α) S + α diag(t).

        Parameters
        ----------
        maps : array of shape (n_maps, n), K
        intensity, target : α; t, a number or an array of shape (n,), K²
        """
        maps = np.asarray(maps, np.float64)
        centred = maps - maps.mean(axis=0)
        columns = centred.T * np.sqrt((1 - intensity) / (len(maps) - 1))
        return cls(columns, np.broadcast_to(intensity * np.float64(target), len(columns)))

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return self.columns @ (self.columns.T @ other) + self.diagonal[:, None] * other


Matrix = np.ndarray | LowRank
AnyCovariance = Matrix | covariance.Model | Callable[[], Matrix | covariance.Model]
"""A covariance of Q, then U, of the observed pixels or of all, K², or a function that reads it."""


@dataclass(frozen=True)
class Likelihood:
    """A Gaussian pixel likelihood of Q and U, all but the covariance of the systematic.

    Attributes
    ----------
    values : array of int: which of the 2 · 12 nside² values are observed
    basis : array of shape (n_observed, n), orthonormal columns: the combinations of observed
        values that are used as data; None where the n values themselves are
    harmonics : array of shape (n, k), Y
    ell, field : arrays of shape (k,), int: of its columns; field 0 is E, 1 is B
    scalar : array of shape (k,), K²: C_ℓ at r = 0 and A = 1
    templates : array of shape (2, k), K²: derivatives by r and A
    noise : variance of white noise in a value, K²
    r : fiducial r; fiducial A is 1
    nside, lmax, noise_uk_arcmin, large_scales : what it was made with
    """

    values: np.ndarray
    basis: np.ndarray | None
    harmonics: np.ndarray
    ell: np.ndarray
    field: np.ndarray
    scalar: np.ndarray
    templates: np.ndarray
    noise: float
    r: float
    nside: int
    lmax: int
    noise_uk_arcmin: float
    large_scales: int | None

    def known(self, r: float | None = None, amplitude: float = 1.0) -> np.ndarray:
        """CMB and noise, S + N, shape (n, n), K²."""
        power = self.power(self.r if r is None else r, amplitude)
        matrix = (self.harmonics * power) @ self.harmonics.T
        matrix[np.diag_indices_from(matrix)] += self.noise
        return matrix

    def power(self, r: float, amplitude: float = 1.0) -> np.ndarray:
        """C_ℓ of every column, shape (k,), K²."""
        return self.scalar + r * self.templates[0] + (amplitude - 1) * self.templates[1]


def make(
    nside: int,
    *,
    r: float = 0.0,
    noise_uk_arcmin: float = NOISE_UK_ARCMIN,
    lmax: int | None = None,
    observed: np.ndarray | None = None,
    large_scales: int | None = None,
) -> Likelihood:
    """The likelihood of maps at a resolution.

    Parameters
    ----------
    r : fiducial tensor-to-scalar ratio
    noise_uk_arcmin : white noise of Q and of U, µK arcmin, positive
    lmax : largest multipole of the CMB, 2 nside by default; the CMB is smoothed by
        ``cmb.taper`` and by nothing else, the systematic and the noise are not
    observed : array of shape (12 nside²,), bool, RING; every pixel by default
    large_scales : use only the combinations of pixels that span the harmonics with ℓ up to
        this one, 2 ((ℓ + 1)² - 4) on the full sky; all pixels by default. A noisy covariance
        does far less harm there, as fine combinations are where it is nearly singular
    """
    n_pix = healpy.nside2npix(nside)
    if not noise_uk_arcmin > 0:
        raise UserError(f"noise_uk_arcmin {noise_uk_arcmin:g}: must be positive")
    if observed is None:
        observed = np.ones(n_pix, bool)
    if observed.shape != (n_pix,) or not observed.any():
        raise UserError(f"observed pixels: expected ({n_pix},) values, some of them true")
    lmax = 2 * nside if lmax is None else lmax
    spectra = cmb.fiducial(lmax)
    window = cmb.taper(lmax)[spectra.ell] ** 2
    sky = cmb.harmonics(nside, lmax)
    values = np.flatnonzero(np.tile(observed, 2))
    matrix = sky.matrix if len(values) == 2 * n_pix else sky.matrix[values]
    basis = None
    if large_scales is not None:
        if not cmb.LMIN <= large_scales <= lmax:
            raise UserError(f"large_scales {large_scales}: must be {cmb.LMIN} to lmax = {lmax}")
        basis = scipy.linalg.orth(matrix[:, sky.ell <= large_scales], rcond=INDEPENDENT)
        matrix = basis.T @ matrix
    arcmin2 = healpy.nside2pixarea(nside, degrees=True) * 3600
    return Likelihood(
        values=values,
        basis=basis,
        harmonics=matrix,
        ell=sky.ell,
        field=sky.field,
        scalar=sky.spread(spectra.scalar * window),
        templates=sky.spread(spectra.templates * window),
        noise=cmb.KELVIN2 * noise_uk_arcmin**2 / arcmin2,
        r=r,
        nside=nside,
        lmax=lmax,
        noise_uk_arcmin=noise_uk_arcmin,
        large_scales=large_scales,
    )


def solve(setting: Likelihood, model: Matrix, scale: float, known: np.ndarray | None) -> np.ndarray:
    """C⁻¹ Y, shape (n, k)."""
    sky = setting.harmonics
    if isinstance(model, LowRank):
        power = setting.power(setting.r)
        inverse = 1 / (setting.noise + scale**2 * model.diagonal)
        columns = np.hstack((sky * np.sqrt(power), scale * model.columns))
        weighted = columns * inverse[:, None]
        inner = columns.T @ weighted
        inner[np.diag_indices_from(inner)] += 1
        factor = scipy.linalg.cho_factor(inner, lower=True, overwrite_a=True, check_finite=False)
        inside = scipy.linalg.cho_solve(factor, weighted.T @ sky, check_finite=False)
        return inverse[:, None] * sky - weighted @ inside
    total = scale**2 * model
    total += setting.known() if known is None else known
    return scipy.linalg.cho_solve(_factor(total), sky, check_finite=False)


def _factor(total: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cholesky factor of a symmetric matrix, which is destroyed."""
    try:
        return scipy.linalg.cho_factor(total.T, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        raise UserError(
            "covariance of the systematic: with CMB and noise it is not positive definite"
        ) from None


def quadratic(setting: Likelihood, matrix: np.ndarray) -> np.ndarray:
    """½ Σ_ij t_a,i (matrix_ij)² t_b,j, shape (2, 2)."""
    return 0.5 * setting.templates @ (matrix * matrix.T) @ setting.templates.T


def estimate(
    setting: Likelihood, maps: np.ndarray, model: Matrix, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates of (r, A) and their claimed covariance.

    Parameters
    ----------
    maps : array of shape (n_maps, n), :func:`data`, K
    model : M, :func:`restricted`, (n, n) or LowRank, K²

    Returns
    -------
    estimates : array of shape (n_maps, 2)
    claimed : array of shape (2, 2)
    """
    solved = solve(setting, model, scale, None)
    own = setting.harmonics.T @ solved
    claimed = np.linalg.inv(quadratic(setting, own))
    score = 0.5 * ((maps @ solved) ** 2 - np.diagonal(own)) @ setting.templates.T
    return np.array([setting.r, 1.0]) + score @ claimed, claimed


def log_likelihood(
    setting: Likelihood,
    maps: np.ndarray,
    model: np.ndarray,
    *,
    r: float,
    amplitude: float = 1.0,
    n_maps: float = math.inf,
) -> np.ndarray:
    """Log-likelihood of maps at a value of the parameters.

    Parameters
    ----------
    maps : array of shape (n_maps, n), :func:`data` less their mean, K
    model : array of shape (n, n), M, :func:`restricted`, K²
    n_maps : effective number of simulations of the *total* covariance
        (``effective.total_number``), for the t-distribution of Sellentin & Heavens; infinity
        for the Gaussian likelihood

    Returns
    -------
    array of shape (n_maps,)

    Raises
    ------
    UserError : for ``n_maps`` that is no larger than the number of values used
    """
    factor = _factor(model + setting.known(r, amplitude))
    chi2 = np.sum(maps.T * scipy.linalg.cho_solve(factor, maps.T), axis=0)
    log_determinant = 2 * float(np.sum(np.log(np.diagonal(factor[0]))))
    return effective.log_t(chi2, maps.shape[1], n_maps, log_determinant)


def data(setting: Likelihood, maps: np.ndarray) -> np.ndarray:
    """What the likelihood uses of maps of all values, (n_maps, 2, 12 nside²) or flat.

    Returns
    -------
    array of shape (n_maps, n), K
    """
    used = maps.reshape(len(maps), -1)[:, setting.values]
    return used if setting.basis is None else used @ setting.basis


def restricted(setting: Likelihood, model: AnyCovariance) -> Matrix:
    """What the likelihood uses of a model of all values, or of the observed ones alone.

    A covariance model is asked for the combinations that are used, and no matrix of all values
    is formed, unless they are all used.

    Raises
    ------
    UserError : for a model of other values
    """
    found = model() if callable(model) else model
    shape = found.columns.shape[:1] if isinstance(found, LowRank) else np.shape(found)
    shape = (len(found),) * 2 if isinstance(found, covariance.Model) else shape
    every, observed = 2 * healpy.nside2npix(setting.nside), len(setting.values)
    if shape[0] not in (every, observed) or shape != shape[:1] * len(shape):
        allowed = f"{every}" if observed == every else f"{observed} observed or all {every}"
        raise UserError(
            f"covariance of the systematic of shape {shape}: expected {allowed} values of Q and U "
            f"at nside {setting.nside}"
        )
    used = setting.values if shape[0] > observed else slice(None)
    if setting.basis is None:
        return _of_values(found, used)
    if isinstance(found, covariance.Model):
        directions = np.zeros((setting.basis.shape[1], shape[0]))
        directions[:, used] = setting.basis.T
        inside = found.within(directions)
    else:
        inside = setting.basis.T @ (_of_values(found, used) @ setting.basis)
    return (inside + inside.T) / 2


def _of_values(found: Matrix | covariance.Model, used: slice | np.ndarray) -> Matrix:
    """A model of the given values alone."""
    if isinstance(found, LowRank):
        return LowRank(found.columns[used], found.diagonal[used])
    matrix = found.dense() if isinstance(found, covariance.Model) else found
    return matrix if isinstance(used, slice) else matrix[np.ix_(used, used)]
