"""The pass over the mission that the response is made of, and its merge.

A pass over a range of chunks gives its share of PᵀP and the Pᵀ w_c of every
chunk, linear systematic and detector c, sparse in the pixels that the chunk touches; w
is the TOD of a unit amplitude (:mod:`.columns`), the signal itself for a gain. The merge
adds up PᵀP, in the order of the chunks, and makes the columns of the response,
a_c = (PᵀP)⁻¹ Pᵀ w_c. Both give the same bits however the pass is cut into ranges.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from fewtomany import config
from fewtomany.config.campaign import Campaign
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.jobs.progress import progress
from fewtomany.late import healpy
from fewtomany.simulation import binning, systematics
from fewtomany.simulation.observation import observe
from fewtomany.simulation.resolution import downgrade


def scan_range(campaign: Campaign, start: int, stop: int) -> dict[str, np.ndarray]:
    """One pass over the chunks ``start <= chunk < stop``.

    Returns
    -------
    arrays of a "response-part"; chunk c owns the rows ``offsets[c - start]`` to
    ``offsets[c - start + 1]`` of the others, one row per pixel touched:
    offsets : (stop - start + 1,), int64
    pixels : (n_rows,), int64, ascending within a chunk
    normal : (n_rows, 6), float64, share of PᵀP, all detectors
    projected : (n_rows, n_kinds · n_detectors, 3), float64, Pᵀ w_c in K per unit
        amplitude; the detector is the faster index
    """
    simulation = campaign.simulation
    kinds = systematics.linear(simulation)
    n_detectors = len(simulation.detectors)
    slots = np.empty(healpy.nside2npix(simulation.nside), np.int64)
    pixels, normals, projections = [], [], []
    for observation in observe(campaign, start, stop, f"chunks {start} to {stop}"):
        touched = np.flatnonzero(np.bincount(observation.pixels.ravel(), minlength=len(slots)))
        slots[touched] = np.arange(len(touched))
        normal = np.zeros((len(touched), 6))
        projected = np.zeros((len(touched), len(kinds), n_detectors, 3))
        seen = (
            slots[observation.pixels],
            observation.psi,
            observation.direction_of,
            observation.polarization_angles,
        )
        for number, kind in enumerate(kinds):
            tod = kind.tod(observation, observation.tod)
            if number == 0:
                binning.accumulate(*seen, tod, normal, projected[:, 0])
            else:
                binning.project(*seen, tod, projected[:, number])
        pixels.append(touched)
        normals.append(normal)
        projections.append(projected.reshape(len(touched), -1, 3))
    return {
        "offsets": np.cumsum([0, *map(len, pixels)]),
        "pixels": np.concatenate(pixels),
        "normal": np.concatenate(normals),
        "projected": np.concatenate(projections),
    }


def join_ranges(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The passes over consecutive ranges as the pass over all of them."""
    lengths = np.concatenate([np.diff(part["offsets"]) for part in parts])
    arrays = {
        name: np.concatenate([part[name] for part in parts])
        for name in ("pixels", "normal", "projected")
    }
    return {"offsets": np.cumsum([0, *lengths]), **arrays}


def write_part(
    path: str | Path,
    simulation: config.Simulation,
    start: int,
    stop: int,
    arrays: dict[str, np.ndarray],
    provenance: Mapping,
) -> None:
    """Keep the arrays of :func:`scan_range` as a "response-part" (HDF5)."""
    store.write(
        path,
        arrays,
        kind="response-part",
        provenance=provenance,
        start=start,
        stop=stop,
        nside=simulation.nside,
        n_detectors=len(simulation.detectors),
        unit="K",
    )


def write_response(
    path: str | Path, campaign: Campaign, parts: Sequence[str | Path], provenance: Mapping
) -> None:
    """Merge parts, in any order, into a "response" (HDF5); see :func:`merge`."""
    with store.create(
        path,
        kind="response",
        provenance=provenance,
        stokes="TQU",
        nside=campaign.maps.nside,
        simulation_nside=campaign.simulation.nside,
        n_detectors=len(campaign.simulation.detectors),
        unit="K per unit amplitude",
    ) as file:
        merge(campaign, parts, file)


def merge(campaign: Campaign, paths: Sequence[str | Path], file: h5py.File) -> None:
    """Make the response of all parts of a pass and write it to an open product.

    One part is in memory at a time. The datasets are
    response : (n_chunks · n_kinds · n_detectors, 3, n_pix), float64, T, Q, U in K per
        unit amplitude at ``maps.nside``; index = (chunk · n_kinds + kind) · n_detectors
        + detector
    hits : samples per pixel of ``simulation.nside``, float64
    condition : condition number of PᵀP there

    Raises
    ------
    UserError : if parts are missing, overlap or belong to another configuration,
        or if T, Q and U cannot be solved for in every pixel
    """
    simulation = campaign.simulation
    paths = _in_order(campaign, paths)
    normal = np.zeros((healpy.nside2npix(simulation.nside), 6))
    for path in paths:
        for pixels, rows in _chunks(path, "normal"):
            normal[pixels] += rows
    inverse = binning.invert(normal)
    file["hits"] = normal[:, 0]
    file["condition"] = binning.condition_numbers(normal)
    n_columns = len(systematics.linear(simulation)) * len(simulation.detectors)
    columns = file.create_dataset(
        "response",
        (simulation.n_chunks * n_columns, 3, healpy.nside2npix(campaign.maps.nside)),
        np.float64,
    )
    index = 0
    for path in progress(paths, "parts merged"):
        for pixels, projected in _chunks(path, "projected"):
            maps = np.zeros((n_columns, 3, len(normal)))
            maps[:, :, pixels] = np.einsum("pij,pdj->dip", inverse[pixels], projected)
            columns[index : index + n_columns] = downgrade(
                maps, campaign.maps.nside, simulation.downgrade
            )
            index += n_columns


def _in_order(campaign: Campaign, paths: Sequence[str | Path]) -> list[str | Path]:
    """The parts by their first chunk; UserError unless they make one whole pass."""
    simulation = campaign.simulation
    expected = {"nside": simulation.nside, "n_detectors": len(simulation.detectors)}
    found = {path: store.read_attributes(path, "response-part") for path in paths}
    for path, attributes in found.items():
        for name, value in expected.items():
            if attributes[name] != value:
                raise UserError(
                    f"{path}: {name} is {attributes[name]}, the configuration expects {value}"
                )
    ordered = sorted(paths, key=lambda path: found[path]["start"])
    chunk = 0
    for path in ordered:
        if found[path]["start"] != chunk:
            raise UserError(f"{path}: starts at chunk {found[path]['start']}, expected {chunk}")
        chunk = found[path]["stop"]
    if chunk != simulation.n_chunks:
        raise UserError(
            f"the parts end at chunk {chunk}, the configuration has {simulation.n_chunks}"
        )
    return ordered


def _chunks(path: str | Path, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pixels and rows of the named array, chunk by chunk."""
    part = store.read(path, "response-part", "offsets", "pixels", name)
    for first, last in itertools.pairwise(part["offsets"]):
        yield part["pixels"][first:last], part[name][first:last]
