#!/usr/bin/env bash
# healsparse 1.15.0: HealSparseMap(healpix_map=m) takes m to be NESTED.
#
# Guess: RING, as every function of healpy has it unless told otherwise.
# Seen: no warning, no error; a map in RING order is taken pixel by pixel as NESTED. Asked for its
# RING pixels, none comes back where it was; generate_healpix_map() also gives NESTED, so that a map
# passed in and out looks right. nest=False has to be said at both ends.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healsparse==1.15.0 healpy==1.20.1 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import healsparse
import numpy as np

ring = np.arange(12 * 16**2, dtype=float)
pixels = np.arange(len(ring))
taken = healsparse.HealSparseMap(healpix_map=ring, nside_coverage=4)
told = healsparse.HealSparseMap(healpix_map=ring, nside_coverage=4, nest=False)
right = np.mean(taken.get_values_pix(pixels, nest=False) == ring)
print(f"RING pixels that keep their value: {right:.0%}, with nest=False "
      f"{np.mean(told.get_values_pix(pixels, nest=False) == ring):.0%}")
assert right < 0.01
assert (told.get_values_pix(pixels, nest=False) == ring).all()
assert (taken.generate_healpix_map() == ring).all()
PYTHON
