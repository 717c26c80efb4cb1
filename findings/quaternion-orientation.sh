#!/usr/bin/env bash
# litebird_sim 0.18.0 beside toast 3.0.6 and so3g 0.2.9: one quaternion, detectors 90 degrees apart.
#
# Guess: the quaternion that takes a detector to the sky means the same detector to all of them.
# Seen: toast and so3g have it sensitive along its x axis, and give one map of one scan (to float32).
# litebird_sim's orientation angle is 90 degrees less (270 more): the detector is sensitive along y.
# Time-ordered data of one of them, mapped by the other with the same quaternions, have the right T
# and -Q and -U. Files of detectors and of attitudes go from one to the other with a turn of 90
# degrees. (Order of the numbers: x, y, z, w in toast and litebird_sim, w first in so3g.)
set -euo pipefail
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/one"
"$work/one/bin/pip" install -q toast==3.0.6 so3g==0.2.9
python3 -m venv "$work/two"
"$work/two/bin/pip" install -q litebird_sim==0.18.0
cat > "$work/scan.py" <<'PYTHON'
import numpy as np

quaternions = np.random.default_rng(5).standard_normal((50, 4))
quaternions /= np.linalg.norm(quaternions, axis=1)[:, None]
PYTHON
cd "$work"
TOAST_LOGLEVEL=ERROR one/bin/python -W ignore - <<'PYTHON'
import numpy as np
import toast
from astropy import units
from astropy.table import QTable
from so3g.proj import Assembly, FocalPlane, quat
from so3g.proj.wcs import ProjectionistHealpix
from toast import ops

import sys; sys.path.insert(0, ".")
from scan import quaternions

detectors = QTable(
    {"name": ["a"], "quat": np.array([[0, 0, 0, 1.0]]), "pol_leakage": [0.0],
     "gamma": [0.0] * units.rad}
)
plane = toast.instrument.Focalplane(detector_data=detectors, sample_rate=1 * units.Hz)
telescope = toast.instrument.Telescope(
    "one", focalplane=plane, site=toast.instrument.SpaceSite("space")
)
data = toast.Data(toast.Comm())
scan = toast.Observation(data.comm, telescope, n_samples=len(quaternions))
scan.shared.create_column("times", (len(quaternions),), dtype=float)
scan.shared.create_column("boresight_radec", quaternions.shape, dtype=float)
scan.shared["boresight_radec"].set(quaternions)
data.obs.append(scan)
pointing = ops.PointingDetectorSimple(boresight="boresight_radec", shared_flags=None)
ops.StokesWeights(mode="IQU", detector_pointing=pointing, hwp_angle=None).apply(data)
toasts = np.array(scan.detdata["weights"][0])

boresight = quat.G3VectorQuat(np.roll(quaternions, 1, axis=1).copy())
assembly = Assembly.attach(boresight, FocalPlane.from_xieta([0.0], [0.0], [0.0]))
_, _, cosine, sine = np.array(ProjectionistHealpix.for_healpix(8).get_coords(assembly)[0]).T
# so3g counts the angle from north over west, which is from south over east: as HEALPix has it.
so3gs = np.stack([np.ones(len(sine)), cosine**2 - sine**2, 2 * sine * cosine], axis=-1)
print("so3g - toast:", np.abs(so3gs - toasts).max())
assert np.abs(so3gs - toasts).max() < 1e-6
np.save("toast.npy", toasts)
PYTHON
two/bin/python -W ignore - <<'PYTHON'
import sys

import numpy as np
from litebird_sim.scanning import all_compute_pointing_and_orientation

sys.path.insert(0, ".")
from scan import quaternions

angles = np.empty((len(quaternions), 3))
all_compute_pointing_and_orientation(angles, quaternions.copy())
litebirds = np.stack([np.cos(2 * angles[:, 2]), np.sin(2 * angles[:, 2])], axis=-1)
toasts = np.load("toast.npy")[:, 1:]
print("litebird_sim - toast:", np.abs(litebirds - toasts).max())
print("litebird_sim + toast:", np.abs(litebirds + toasts).max())
assert np.abs(litebirds + toasts).max() < 1e-6
PYTHON
