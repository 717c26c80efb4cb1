"""Covariances: as products and in a likelihood, learnt from inputs, shrunk.

The door holds what a reader of a product needs; see :mod:`fewtomany.covariance.product`.
"""

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
    read,
    read_factor,
    write,
    write_factor,
)

__all__ = [
    "Covariance",
    "Modes",
    "estimate",
    "leading_modes",
    "load",
    "of_factor",
    "of_maps",
    "read",
    "read_factor",
    "stream_modes",
    "symmetric_root",
    "write",
    "write_factor",
]
