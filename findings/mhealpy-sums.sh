#!/usr/bin/env bash
# mhealpy 0.3.7: a map at a coarser grid is the sum of its children, not their mean.
#
# Guess: the mean, as healpy's ud_grade has it.
# Seen: a HealpixMap holds counts unless it is made with density=True: rasterize to half the nside
# gives 4 times the mean, and a finer grid a quarter of the value. For temperatures say density=True.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q mhealpy==0.3.7 healpy==1.20.1
"$work/env/bin/python" -W ignore - <<'PYTHON'
import mhealpy
import numpy as np

kelvin = np.full(12 * 8**2, 2.7)
for density, expected in ((False, 10.8), (True, 2.7)):
    found = mhealpy.HealpixMap(kelvin, density=density).rasterize(4, "ring")
    print(f"density={density}: 2.7 K becomes {np.asarray(found.data)[0]:.1f}")
    assert np.allclose(found.data, expected)
assert not mhealpy.HealpixMap(kelvin).density()
PYTHON
