"""The sample covariance of maps of any part of the sky, with other pixel deviations put in."""

from dataclasses import dataclass

import numpy as np

from fewtomany.covariance import linear
from fewtomany.covariance.model import BLOCK


@dataclass(frozen=True)
class Sample:
    """C = D Σ_k x_k x_kᵀ D.

    Attributes
    ----------
    maps : array of shape (n_rows, n_components, n_pix): x, with Σ_k x_k² = 1 in every pixel
    deviation : array of shape (n_components, n_pix), K: D
    """

    maps: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, maps: np.ndarray, deviation: np.ndarray) -> "Sample":
        """The covariance of maps (n_maps, n_components, n_pix) of zero mean, scaled."""
        return cls(maps / np.sqrt(np.sum(maps**2, axis=0)), deviation)

    def variance(self) -> np.ndarray:
        """Diagonal, shape (n_components, n_pix), K²."""
        return self.deviation**2

    def amplitudes(self, directions: np.ndarray) -> np.ndarray:
        """Factor (n_rows, k) in directions (k, n): the covariance there is its transpose
        times it."""
        scaled = directions * self.deviation.ravel()
        return self.maps.reshape(len(self.maps), -1) @ scaled.T

    def within(self, directions: np.ndarray) -> np.ndarray:
        """The covariance in directions (k, n), shape (k, k), K²."""
        factor = self.amplitudes(directions)
        return factor.T @ factor

    def rows(self, chosen: np.ndarray) -> np.ndarray:
        """Some rows of the matrix, shape (len(chosen), n), K²."""
        scaled = (self.maps * self.deviation).reshape(len(self.maps), -1)
        return scaled[:, chosen].T @ scaled

    def covariance(self) -> np.ndarray:
        """The whole matrix, shape (n, n), K²."""
        rows = (self.maps * self.deviation).reshape(len(self.maps), -1)
        return rows.T @ rows

    def draw(
        self,
        campaign_seed: int,
        key: tuple[str | int, ...],
        start: int,
        stop: int,
        block: int = BLOCK,
    ) -> np.ndarray:
        """Gaussian maps ``start <= k < stop``; map k uses the stream ``(*key, k)``.

        Returns
        -------
        float64 array of shape (stop - start, n_components, n_pix), K
        """
        return linear.draw(self.maps, campaign_seed, key, start, stop, block) * self.deviation
