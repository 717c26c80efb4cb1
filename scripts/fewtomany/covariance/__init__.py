"""Covariances: as products and in a likelihood, learnt from inputs, shrunk.

The door holds what a reader of a product needs (:mod:`fewtomany.covariance.product`) and the model
that all of them are (:mod:`fewtomany.covariance.base`).
"""

from fewtomany.covariance.base import Model, SingularError, apart, below, together
from fewtomany.covariance.eigenmodes import (
    Modes,
    estimate,
    leading_modes,
    stream_modes,
    symmetric_root,
)
from fewtomany.covariance.product import (
    Covariance,
    load,
    of_factor,
    of_maps,
    of_matrix,
    read,
    read_evidence,
    read_factor,
    write,
    write_factor,
)

__all__ = [
    "Covariance",
    "Model",
    "Modes",
    "SingularError",
    "apart",
    "below",
    "estimate",
    "leading_modes",
    "load",
    "of_factor",
    "of_maps",
    "of_matrix",
    "read",
    "read_evidence",
    "read_factor",
    "stream_modes",
    "symmetric_root",
    "together",
    "write",
    "write_factor",
]
