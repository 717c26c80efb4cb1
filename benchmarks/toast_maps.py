"""Write maps of a made-up telescope with toast 3: noise with a knee, filtered, binned.

    python benchmarks/toast_maps.py --n-maps 100 --output build/toast/ground
    python benchmarks/toast_maps.py --satellite --n-maps 30 --output build/toast/satellite

It needs toast (3.0.6 was used), not this project; ``benchmarks/ground.py`` installs it into an
environment of its own. Every map is one realization of the noise of fourteen detectors through the
same scan, less a straight line (``--order 1``) of every sweep, binned to T, Q and U. What toast
writes is left as it is: K, NESTED, equatorial, COSMO, 0 where the telescope did not look. FITS goes
to ``OUTPUT/fits``, HDF5 to ``OUTPUT/h5``.

The ground telescope stands in the Atacama and sees a patch of 5% of the sky, rising and setting;
the satellite sees all of the sky in a hundred days.
"""

import argparse
import datetime
import logging
import tempfile
from pathlib import Path

import astropy.units as u
import toast
from astropy.utils import iers
from toast import ops
from toast.instrument import GroundSite, SpaceSite, Telescope
from toast.instrument_sim import fake_hexagon_focalplane
from toast.schedule import GroundSchedule
from toast.schedule_sim_ground import run_scheduler
from toast.schedule_sim_satellite import create_satellite_schedule

SITE = {"lat": "-22:57:30", "lon": "-67:47:10", "alt": 5200}
PATCH = "patch,1,20,0,60,-40"
"""Name, weight, right ascension and declination (deg) of two corners."""

logger = logging.getLogger(__name__)


def focalplane(rate_hz: float, knee_hz: float) -> toast.instrument.Focalplane:
    """Seven pairs of detectors within 5 degrees, of 2 mK √s, with a knee of 1/f noise."""
    return fake_hexagon_focalplane(
        n_pix=7,
        width=5 * u.degree,
        sample_rate=rate_hz * u.Hz,
        psd_net=2e-3 * u.K * u.s**0.5,
        psd_fmin=1e-5 * u.Hz,
        psd_fknee=knee_hz * u.Hz,
        psd_alpha=1.5,
    )


def ground(days: int, rate_hz: float, knee_hz: float, patch: str = PATCH) -> toast.ops.Operator:
    """Scans of constant elevation over a patch, as toast's own scheduler orders them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "schedule.txt"
        options = {
            "site-name": "atacama",
            "telescope": "ground",
            "site-lat": SITE["lat"],
            "site-lon": SITE["lon"],
            "site-alt": SITE["alt"],
            "patch": patch,
            "start": "2026-10-01 00:00:00",
            "stop": f"2026-10-{days + 1:02d} 00:00:00",
            "ces-max-time-s": 1200,
            "out": path,
        }
        run_scheduler([f"--{name}={value}" for name, value in options.items()])
        schedule = GroundSchedule()
        schedule.read(str(path))
    logger.info("%d scans", len(schedule.scans))
    site = GroundSite("atacama", SITE["lat"], SITE["lon"], SITE["alt"] * u.m)
    return ops.SimGround(
        telescope=Telescope("ground", focalplane=focalplane(rate_hz, knee_hz), site=site),
        schedule=schedule,
        detset_key="pixel",
        scan_rate_az=1 * u.degree / u.s,
    )


def satellite(days: int, rate_hz: float, knee_hz: float) -> toast.ops.Operator:
    """A spin of 50 degrees about an axis that goes around the Sun's direction at 45."""
    schedule = create_satellite_schedule(
        mission_start=datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC),
        observation_time=4 * u.hour,
        num_observations=6 * days,
        prec_period=192 * u.minute,
        spin_period=20 * u.minute,
    )
    telescope = Telescope(
        "satellite", focalplane=focalplane(rate_hz, knee_hz), site=SpaceSite("L2")
    )
    return ops.SimSatellite(
        telescope=telescope,
        schedule=schedule,
        spin_angle=50 * u.degree,
        prec_angle=45 * u.degree,
        detset_key="pixel",
    )


def write(scan: toast.ops.Operator, numbers: range, order: int, nside: int, output: Path) -> None:
    """Maps of some realizations as ``map_0000.fits`` and ``map_0000.h5``."""
    data = toast.Data()
    scan.apply(data)
    ops.DefaultNoiseModel().apply(data)
    boresight = (
        ops.PointingDetectorSimple(boresight="boresight_radec")
        if isinstance(scan, ops.SimGround)
        else ops.PointingDetectorSimple()
    )
    pixels = ops.PixelsHealpix(nside=nside, nest=True, detector_pointing=boresight)
    weights = ops.StokesWeights(mode="IQU", detector_pointing=boresight)
    pointing = {"pixel_pointing": pixels, "stokes_weights": weights, "pixel_dist": "pixel_dist"}
    ops.BuildPixelDistribution(
        pixel_dist="pixel_dist", pixel_pointing=pixels, save_pointing=True
    ).apply(data)
    ops.CovarianceAndHits(**pointing, covariance="cov", rcond_threshold=1e-3).apply(data)
    pixels.apply(data)  # once: every map has the same pointing
    weights.apply(data)
    binning = ops.BinMap(**pointing, covariance="cov", binned="binned", full_pointing=True)
    for folder in ("fits", "h5"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        if number > numbers.start:
            ops.Reset(detdata=["signal"]).apply(data)
        ops.SimNoise(realization=number).apply(data)
        if order >= 0:
            view = "throw" if isinstance(scan, ops.SimGround) else None
            ops.PolyFilter(order=order, view=view).apply(data)
        binning.apply(data)
        for folder in ("fits", "h5"):
            data["binned"].write(str(output / folder / f"map_{number:04d}.{folder}"))
        logger.info("map %d of %d", 1 + number - numbers.start, len(numbers))


def get_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--n-maps", type=int, default=100)
    options.add_argument("--first", type=int, default=0, help="realization; others share no noise")
    options.add_argument("--nside", type=int, default=32)
    options.add_argument("--days", type=int, help="of observation; ground 6, satellite 100")
    options.add_argument("--rate", type=float, help="of samples (Hz); ground 1, satellite 0.5")
    options.add_argument("--knee", type=float, default=0.05, help="of the 1/f noise (Hz)")
    options.add_argument("--order", type=int, default=1, help="of the polynomial; -1 is none")
    options.add_argument("--patch", default=PATCH, help="of the ground telescope, as toast has it")
    options.add_argument("--satellite", action="store_true")
    options.add_argument("--output", type=Path, required=True)
    return options


def main(arguments: argparse.Namespace) -> None:
    if arguments.satellite:
        scan = satellite(arguments.days or 100, arguments.rate or 0.5, arguments.knee)
    else:
        scan = ground(arguments.days or 6, arguments.rate or 1, arguments.knee, arguments.patch)
    numbers = range(arguments.first, arguments.first + arguments.n_maps)
    write(scan, numbers, arguments.order, arguments.nside, arguments.output)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    iers.conf.auto_download = False
    main(get_parser().parse_args())
