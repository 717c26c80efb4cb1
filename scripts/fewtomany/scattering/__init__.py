"""Scattering covariances and spectra of maps on a grid (arXiv:2503.11643, Section 3)."""
