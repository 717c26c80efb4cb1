"""Simulated time-ordered data (TOD) of a gain systematic, and its maps.

The systematic alone is simulated, d(t) = g s(t): the relative gain error g of a
detector in a chunk of samples, times the signal s that the detector sees. Maps
are binned, m = (PᵀP)⁻¹ Pᵀd with P = (1, cos 2ψ, sin 2ψ), and therefore linear
in the gains. Two engines use this:

- :mod:`.direct` simulates the whole mission for every realization;
- :mod:`.response` scans it once and keeps the map of a unit gain in every
  chunk, from which every realization and the exact covariance follow.

Work is shared among processes by ranges of chunks and realizations, so the MPI
mode of litebird_sim stays off.
"""

import os

os.environ.setdefault("LITEBIRD_SIM_MPI", "0")

GAIN_KEY = ("gains", "original")
"""Seed key of the gains; realization k draws one standard normal number per
chunk and detector (detector fastest) from the stream ``(*GAIN_KEY, k)``."""
