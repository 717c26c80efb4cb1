"""Products with sparse triangular matrices of regressions on neighbours, in place.

Of (1 − B) x = y with B strictly lower triangular: value (pixel i, component c) has coefficients
``coefficients[i, c]`` on all components of the pixels ``near[i]``, the nearest first, then on the
components before c of its own. Values are pixel by pixel, (n_pix · n_components, k).
"""

import numpy as np

from fewtomany.files import compiled


@compiled.by_numba
def forward(near: np.ndarray, coefficients: np.ndarray, values: np.ndarray) -> None:
    """(1 − B)⁻¹ in place, of values (n_pix · n_components, k)."""
    n_pix, n_components, _ = coefficients.shape
    m = near.shape[1]
    for i in range(n_pix):
        for c in range(n_components):
            for j in range(m + 1):
                place = near[i, j] if j < m else i
                if place >= 0:
                    for b in range(n_components if j < m else c):
                        factor = coefficients[i, c, j * n_components + b]
                        for r in range(values.shape[1]):
                            values[i * n_components + c, r] += (
                                factor * values[place * n_components + b, r]
                            )


@compiled.by_numba
def backward(near: np.ndarray, coefficients: np.ndarray, values: np.ndarray) -> None:
    """(1 − B)⁻ᵀ in place, of values (n_pix · n_components, k)."""
    n_pix, n_components, _ = coefficients.shape
    m = near.shape[1]
    for i in range(n_pix - 1, -1, -1):
        for c in range(n_components - 1, -1, -1):
            for j in range(m + 1):
                place = near[i, j] if j < m else i
                if place >= 0:
                    for b in range(n_components if j < m else c):
                        factor = coefficients[i, c, j * n_components + b]
                        for r in range(values.shape[1]):
                            values[place * n_components + b, r] += (
                                factor * values[i * n_components + c, r]
                            )


@compiled.by_numba
def dense(near: np.ndarray, coefficients: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The whole matrix in order, (n, n): each row is a mixture of those of its neighbours."""
    n_pix, n_components, _ = coefficients.shape
    m = near.shape[1]
    found = np.zeros((n_pix * n_components, n_pix * n_components))
    for i in range(n_pix):
        for c in range(n_components):
            own = i * n_components + c
            for j in range(m + 1):
                place = near[i, j] if j < m else i
                if place >= 0:
                    for b in range(n_components if j < m else c):
                        factor = coefficients[i, c, j * n_components + b]
                        for r in range(own):
                            found[own, r] += factor * found[place * n_components + b, r]
            total = variance[i, c]
            for j in range(m + 1):
                place = near[i, j] if j < m else i
                if place >= 0:
                    for b in range(n_components if j < m else c):
                        total += (
                            coefficients[i, c, j * n_components + b]
                            * found[own, place * n_components + b]
                        )
            found[own, own] = total
            for r in range(own):
                found[r, own] = found[own, r]
    return found
