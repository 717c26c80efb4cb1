"""fewtomany: from a few end-to-end CMB simulations to many.

The library behind the workflow; Campeti et al. 2025 (arXiv:2503.11643) is the
method's reference. See ARCHITECTURE.md for the way of the data.
"""

__version__ = "0.2.0"
