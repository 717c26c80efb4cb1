"""Silent damage: digests that every product carries, and their check.

HDF5: a block before HDF5's own bytes (a *user block*, which HDF5 passes over) holds the SHA-256
of the bytes of every dataset, and that of all other bytes: attributes, names and structure. They
are checked before HDF5 sees the file, because a flipped bit in its structure can make HDF5
loop or crash; then a flipped bit is found where it lies, and only the datasets that are read
are checked. (HDF5's own checksums cover neither contiguous data nor texts in attributes.)

JSON: the last key, ``sha256``, is the digest of the rest. HTML and PDF end with a comment that
holds the digest of what stands before it. PNG has a checksum of its own for every part, FITS for
every unit; both are used.

Files of format version 1 carry no digest and are read as they are.
"""

import gzip
import hashlib
import json
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import h5py

KEY = "sha256"
VERSION = 2
"""Format version since which files carry digests; a file of this version without is damaged."""

UNREADABLE = (
    *(OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, AttributeError),
    *(OverflowError, MemoryError, SystemError, EOFError, zlib.error, gzip.BadGzipFile),
)
"""What libraries raise when a file is cut off or its structure is damaged."""

_MAGIC = b"fewtomany-digests"
_CHUNK = 1 << 24
_MARKS = {".html": "<!-- sha256 {} -->\n", ".pdf": "% sha256 {}\n"}
_ENDS = {".html": b"</html>", ".pdf": b"%%EOF"}


class DamagedError(Exception):
    """A product is not what was written; the message says which part of it."""


# HDF5


@dataclass(frozen=True)
class Digests:
    """What the block before an HDF5 file holds.

    Attributes
    ----------
    size : bytes of the block
    length : bytes after it
    rest : digest of all bytes after it that belong to no dataset
    datasets : first byte, number of bytes and digest of every dataset, by name; bytes count
        from the end of the block
    """

    size: int
    length: int
    rest: str
    datasets: dict[str, tuple[int, int, str]]


def extents(file: h5py.File) -> dict[str, tuple[int, int]]:
    """First byte and number of bytes of the datasets of an open file.

    Those without a place of their own (empty, or stored with the attributes) are left out.
    """
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.id.get_offset() is not None:
            found[name] = (item.id.get_offset(), item.id.get_storage_size())

    file.visititems(visit)
    return found


def block(content: memoryview, places: Mapping[str, tuple[int, int]]) -> bytes:
    """The block to put before the bytes of an HDF5 file, given its :func:`extents`."""
    datasets = {
        name: (first, size, hashlib.sha256(content[first : first + size]).hexdigest())
        for name, (first, size) in places.items()
    }
    rest = hashlib.sha256()
    for first, stop in _gaps(places.values(), len(content)):
        rest.update(content[first:stop])
    facts = {"length": len(content), "rest": rest.hexdigest(), "datasets": datasets}
    text = json.dumps(facts).encode()
    size = 512
    while size < len(text) + 128:
        size *= 2
    # The first line is 92 to 103 bytes; the digest after it covers all that follows it.
    padded = text.ljust(size - 104)
    line = b"%s %d %s" % (_MAGIC, size, hashlib.sha256(padded).hexdigest().encode())
    return line.ljust(103) + b"\n" + padded


def _gaps(places: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """The ranges of bytes between those of the datasets."""
    taken = [(0, 0), *sorted((first, first + size) for first, size in places), (length, length)]
    return [(stop, first) for (_, stop), (first, _) in pairwise(taken)]


def digests(path: Path) -> Digests | None:
    """The block before an HDF5 file; None if there is none.

    Raises
    ------
    DamagedError : for a block that is damaged itself
    """
    with path.open("rb") as file:
        line = file.read(104)
        if not line.startswith(_MAGIC):
            return None
        try:
            _, size, digest = line.split()
            text = file.read(int(size) - len(line))
            if hashlib.sha256(text).hexdigest().encode() != digest:
                raise ValueError
            return Digests(int(size), **json.loads(text))
        except (ValueError, TypeError, OverflowError, MemoryError):
            raise DamagedError("is damaged (truncated?): its digests themselves are") from None


def content(path: Path) -> str:
    """Digest of the values that an HDF5 or JSON product holds: not of where they come from."""
    if path.suffix == ".json":
        values = json.loads(path.read_bytes())
        return _digest_of_json({n: v for n, v in values.items() if n not in ("provenance", KEY)})
    known = digests(path)
    if known is None:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return _digest_of_json({n: known.datasets[n][2] for n in sorted(known.datasets)})


def check_structure(path: Path, known: Digests) -> None:
    """Check all of an HDF5 file but the values of its datasets.

    Raises
    ------
    DamagedError : naming the datasets that are damaged as well
    """
    length = path.stat().st_size - known.size
    if length < known.length:
        raise DamagedError(f"is truncated: it lacks {known.length - length} bytes")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for first, stop in _gaps([entry[:2] for entry in known.datasets.values()], known.length):
            _update(digest, file, known.size + first, stop - first)
    if digest.hexdigest() != known.rest:
        names = [name for name in known.datasets if not _is_whole(path, known, name)]
        datasets = f", and so is dataset {', '.join(names)}" if names else ""
        raise DamagedError(f"is damaged in its attributes or structure{datasets}")


def check_dataset(path: Path, known: Digests, name: str) -> None:
    """Check the values of a dataset. DamagedError, naming it, if they are not what was written."""
    if name in known.datasets and not _is_whole(path, known, name):
        raise DamagedError(f"dataset {name} is damaged: it has not the digest of what was written")


def _is_whole(path: Path, known: Digests, name: str) -> bool:
    first, size, expected = known.datasets[name]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        _update(digest, file, known.size + first, size)
    return digest.hexdigest() == expected


def _update(digest, file: BinaryIO, first: int, size: int) -> None:
    """Add a range of a file to a digest, little at a time."""
    file.seek(first)
    while size > 0:
        part = file.read(min(size, _CHUNK))
        if not part:
            return
        digest.update(part)
        size -= len(part)


def names(file: h5py.File) -> list[str]:
    """Names of all datasets, those inside groups as "group/name"."""
    found: list[str] = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return found


# JSON


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a JSON file with its version and digest, the last keys."""
    whole = {**content, "format_version": VERSION}
    return {**whole, KEY: _digest_of_json(whole)}


def unsealed(content: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The content as it was before :func:`sealed`, checked, and whether it had a digest.

    Raises
    ------
    DamagedError : if it is not what was written
    """
    rest = dict(content)
    found = rest.pop(KEY, None)
    if found is None and "format_version" not in rest:
        return rest, False
    if found != _digest_of_json(rest):
        raise DamagedError("is damaged: it has not the digest of what was written")
    rest.pop("format_version", None)
    return rest, True


def _digest_of_json(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


# Pages, pictures and FITS files


def mark(path: Path) -> None:
    """Append the digest of an HTML or PDF file to it, as a comment; nothing for other files."""
    if path.suffix in _MARKS:
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            content += b"\n"
        digest = hashlib.sha256(content).hexdigest()
        path.write_bytes(content + _MARKS[path.suffix].format(digest).encode())


def check_page(path: Path) -> bool:
    """Check an HTML or PDF file; whether it carries a digest. DamagedError if it is damaged."""
    content = path.read_bytes()
    start = content.rstrip(b"\n").rfind(b"\n") + 1
    pattern = re.escape(_MARKS[path.suffix]).replace(r"\{\}", "([0-9a-f]{64})")
    found = re.fullmatch(pattern.encode(), content[start:])
    if found:
        if hashlib.sha256(content[:start]).hexdigest() != found[1].decode():
            raise DamagedError("is damaged: it has not the digest of what was written")
        return True
    if not content.rstrip().endswith(_ENDS[path.suffix]):
        raise DamagedError("is damaged: its end is missing")
    return False


def check_picture(path: Path) -> bool:
    """Check a PNG file by its own checksums. DamagedError if it is damaged."""
    from PIL import Image  # only where there are pictures

    try:
        with Image.open(path) as picture:
            picture.verify()
    except (*UNREADABLE, SyntaxError) as error:
        raise DamagedError(f"is damaged: {error}") from None
    return True


def check_fits(path: Path) -> bool:
    """Check a FITS file by its own checksums; whether it has any. DamagedError if damaged."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    try:
        # Opened here, since astropy leaves a file that it cannot read open.
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("error", AstropyUserWarning)
            with fits.open(stream, checksum=True) as file:
                for unit in file:
                    _ = unit.data
                return all("CHECKSUM" in unit.header for unit in file)
    except (*UNREADABLE, AstropyUserWarning) as error:
        raise DamagedError(f"is damaged: {' '.join(str(error).split())}") from None


CHECKS: dict[str, Callable[[Path], bool]] = {
    ".html": check_page,
    ".pdf": check_page,
    ".png": check_picture,
    ".fits": check_fits,
}
"""How products other than HDF5 and JSON are checked, by their suffix."""
