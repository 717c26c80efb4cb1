"""How datasets are judged."""

from typing import Annotated

from pydantic import Field

from fewtomany.config.sections.base import (
    ABSENT,
    LIST,
    UNIQUE,
    Count,
    Names,
    NotNegative,
    Positive,
    Section,
    Several,
)


class Parameter(Section):
    """What each covariance of the systematic does to the tensor-to-scalar ratio r and to the
    reionization bump, in a likelihood of Q and U with CMB and white noise. Of Q and U at nside 32
    at most, where a truth is known."""

    amplitudes: Annotated[tuple[Positive, ...], LIST] = (1.0, 0.3)
    """Amplitudes of the systematic, its own being 1; none to leave it out."""
    r: NotNegative = 0
    """Fiducial tensor-to-scalar ratio."""
    noise_uk_arcmin: Positive = 2.0
    """White noise of Q and of U (µK arcmin)."""
    large_scales: Several | None = 10
    """Largest multipole of the combinations of pixels that the likelihood uses, 2 nside at most;
    null for all pixels, where a noisy covariance does far more harm."""


class Validation(Section):
    """How the datasets are compared."""

    n_modes: Count = 150
    """Leading covariance modes of the eigenvalue ratios and the reduced chi-squared; fewer where a
    dataset has fewer maps. An even number: a scan about an axis has its modes in pairs of equal
    variance, and half a pair is another half on another machine."""
    chi2_maps: Several = 1000
    """Reference maps whose chi-squared is taken under each covariance."""
    minkowski_maps: Several = 1000
    """Maps of each dataset whose Minkowski functionals are measured, at most."""
    parameter: Parameter = Field(default_factory=Parameter)


class Trust(Section):
    """Cross-validation of emulations, as one would without a reference: each fold of the inputs is
    held out in turn, the rest is emulated, and the fold judges the covariances."""

    datasets: Annotated[Names, *UNIQUE] = ABSENT
    """Emulated datasets to cross-validate, by name. By default none where the truth is known, else
    all."""
    n_folds: Several = 5
    """Folds of the inputs."""
    n_maps: Annotated[int, Field(ge=4)] = 100
    """Maps emulated for each fold."""
    n_directions: Count = 25
    """Modes and random directions in which held-out maps are judged; at most half of n_maps or all
    but 5, whichever is less."""
