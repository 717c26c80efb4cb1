#!/usr/bin/env bash
# healpy 1.20.1: read_map of one field gives big-endian numbers, of several fields native ones.
#
# Guess: NumPy arrays of the machine's own order, however many fields are read.
# Seen: one field has the dtype >f4 of the file, several have float32. Sums and plots are right; what
# looks at the bytes is not (tofile, buffers of MPI or CUDA), and libraries of compiled kernels refuse
# it or copy. dtype=np.float32 gives native numbers in both cases.
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q healpy==1.20.1 numpy==2.4.6
"$work/env/bin/python" - "$work/map.fits" <<'PYTHON'
import sys

import healpy
import numpy as np

path = sys.argv[1]
healpy.write_map(path, np.ones((3, 192)), dtype=np.float32)
one = healpy.read_map(path, field=0)
several = healpy.read_map(path, field=None)
print("one field:", one.dtype.str, "several:", several.dtype.str)
print("the number 1 from its bytes:", np.frombuffer(one.tobytes(), np.float32)[0])
assert one.dtype.str == ">f4" and several.dtype.isnative
assert healpy.read_map(path, field=0, dtype=np.float32).dtype.isnative
PYTHON
