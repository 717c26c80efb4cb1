"""Maps for other programs: FITS files as healpy writes them, NumPy files of planes and lines."""

import logging
import os
from pathlib import Path

import numpy as np
from astropy.io import fits

from fewtomany.files.store import MapSet, atomic_path
from fewtomany.late import healpy
from fewtomany.maps.flat import Flat
from fewtomany.maps.ingest.files import FRAMES

COLUMNS = {"T": "TEMPERATURE", "Q": "Q_POLARISATION", "U": "U_POLARISATION"}

logger = logging.getLogger(__name__)


def write(folder: str | os.PathLike, content: MapSet) -> list[Path]:
    """Write maps to ``folder`` for other programs; see :func:`write_fits`, :func:`write_npy`."""
    return (write_npy if isinstance(content.sky, Flat) else write_fits)(folder, content)


def write_npy(folder: str | os.PathLike, content: MapSet) -> list[Path]:
    """Write the maps of a plane or a line as ``{dataset}-{first:07d}.npy``, atomically.

    The array is (n_maps, n_components, *shape), NaN where nothing was observed; of several
    channels every channel has a file of its own, ``{dataset}-{channel}-{first:07d}.npy``.
    :func:`fewtomany.maps.ingest.load` reads whole maps back to the bit.
    """
    paths = []
    for channel in content.channels:
        name = "-".join(filter(None, (content.dataset, channel, f"{content.first:07d}")))
        path = Path(folder) / f"{name}.npy"
        maps = content.maps[:, content.components.select(channel)]
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, content.sky.image(maps))
        paths.append(path)
    return paths


def write_fits(folder: str | os.PathLike, content: MapSet) -> list[Path]:
    """Write every map to ``folder`` as ``{dataset}-{index:07d}.fits``, each atomically.

    One column per Stokes component, RING, K_CMB, COSMO polarization, the frame and the
    floating-point type of the maps, checksums of the FITS standard. Of a part of the sky the
    observed pixels are written, with a column PIXEL (explicit indexing). Of several channels
    every channel has files of its own, ``{dataset}-{channel}-{index:07d}.fits``.
    :func:`fewtomany.maps.ingest.load` reads them back to the bit.

    Returns
    -------
    the files, in the order of the maps, those of the channels of one map side by side
    """
    paths = []
    n_stokes = len(content.stokes)
    for index, components in enumerate(content.maps, content.first):
        for place, channel in enumerate(content.channels):
            name = "-".join(filter(None, (content.dataset, channel, f"{index:07d}")))
            path = Path(folder) / f"{name}.fits"
            maps = components[place * n_stokes : (place + 1) * n_stokes]
            with atomic_path(path) as temporary:
                _write(temporary, content.sky.expand(maps), content, index, channel)
            paths.append(path)
    logger.info("%s: %d files", folder, len(paths))
    return paths


def _write(path: Path, maps: np.ndarray, content: MapSet, index: int, channel: str) -> None:
    facts = [
        ("POLCCONV", "COSMO", "Polarization convention"),
        ("DATASET", content.dataset, "Dataset of the campaign"),
        ("REALIZ", index, "Index of the realization"),
    ]
    if channel:
        facts.append(("CHANNEL", channel, "Channel of the campaign"))
    # healpy has no FITS type for a PIXEL column of less than 128; UNSEEN says the same.
    explicit = not content.sky.is_full and content.sky.indices[-1] >= 128
    healpy.write_map(
        path,
        list(maps),
        coord=FRAMES[content.frame],
        column_names=[COLUMNS[letter] for letter in content.stokes],
        column_units=f"{content.unit}_CMB",
        dtype=content.maps.dtype,
        partial=explicit,
        extra_header=facts,
        overwrite=True,
    )
    with fits.open(path, mode="update", memmap=False) as file:
        for unit in file:
            unit.add_checksum(when="as written")  # not the time, so that files repeat themselves
