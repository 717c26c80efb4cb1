"""Means over inputs that have cheap realizations of the same random numbers.

Only where inputs are maps of the simulation itself, and the surrogate is a simulation that draws
as many numbers of the same kinds: :func:`fewtomany.config.products.unpaired` says what is missing.
"""

from dataclasses import dataclass

import numpy as np

from fewtomany.datasets import control
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra

FIRST_OTHER, N_OTHERS = 2**20, 1000
"""Cheap realizations of other random numbers, which tell the mean of the control: beyond the
realizations of any campaign, so that a larger campaign leaves them as they are."""

TITLES = {
    "maps": "variance of the mean map over that with a control variate",
    "spectra": "variance of the mean spectra over that with a control variate",
}


@dataclass(frozen=True)
class Paired:
    """A mean without and with its control.

    Attributes
    ----------
    mean, error : arrays of shape (...), of the realizations alone
    controlled : the same with the control
    """

    mean: np.ndarray
    error: np.ndarray
    controlled: control.Controlled

    @classmethod
    def of(cls, accurate: np.ndarray, cheap: np.ndarray, others: np.ndarray) -> "Paired":
        """Of realizations (n, ...), cheap ones of the same numbers, and others (m, ...)."""
        error = accurate.std(axis=0, ddof=1) / np.sqrt(len(accurate))
        return cls(accurate.mean(axis=0), error, control.carpool(accurate, cheap, others))

    @property
    def reduction(self) -> float:
        """Variance of the mean without a control over that with it, summed over all values."""
        left = float(np.sum(self.controlled.error**2))
        return float(np.sum(self.error**2)) / left if left > 0 else np.inf

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name."""
        found = self.controlled
        return {
            "mean": self.mean,
            "error": self.error,
            "controlled_mean": found.mean,
            "controlled_error": found.error,
            "slope": found.beta,
        }


def measure(
    accurate: np.ndarray,
    cheap: np.ndarray,
    others: np.ndarray,
    components: Components,
    sky: Sky,
) -> dict[str, Paired]:
    """Mean map (K) and mean spectra (K²) of inputs.

    Parameters
    ----------
    accurate, cheap : arrays of shape (n_maps, n_components, n_pix), K, at least 4 maps: row k of
        both of the same random numbers
    others : array of shape (m, n_components, n_pix), K, cheap ones of other numbers
    components, sky : what a map consists of, and its pixels

    Returns
    -------
    "maps", of values (n_components, n_pix), and "spectra", (n_spectra, n_multipoles) from ℓ = 2
    """
    three = [np.asarray(maps, np.float64) for maps in (accurate, cheap, others)]
    measured = [spectra.measure(maps, components, sky)[..., 2:] for maps in three]
    return {"maps": Paired.of(*three), "spectra": Paired.of(*measured)}
