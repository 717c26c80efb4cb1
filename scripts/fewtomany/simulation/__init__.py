"""Simulated time-ordered data (TOD) of systematics, and their maps.

The systematics alone are simulated: what they add to the signal s that an ideal
detector sees, for a gain error g in a chunk of samples d(t) = g s(t). Maps are binned,
m = (PᵀP)⁻¹ Pᵀd with P = (1, cos 2ψ, sin 2ψ), and therefore linear in d. Two
engines use this:

- :mod:`.direct` makes the TOD of every realization;
- :mod:`.response`, where d is linear in independent normal numbers, scans the mission once
  and keeps the map of a unit amplitude in every chunk, from which every realization and
  the exact covariance follow.

Work is shared among processes by ranges of chunks and realizations, so the MPI
mode of litebird_sim stays off, and its loops run on the one thread that a job asks for.
"""

import os

from fewtomany import late

os.environ.setdefault("LITEBIRD_SIM_MPI", "0")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # read where numba is first imported


def _kept():
    """Around litebird_sim's import: what numba compiles of it is kept."""
    from fewtomany.files import jitted

    return jitted.library()


late.AROUND["litebird_sim"] = _kept

GAIN_KEY = ("gains", "original")
"""Seed key of the gains; realization k draws one standard normal number per
chunk and detector (detector fastest) from the stream ``(*GAIN_KEY, k)``."""
