"""Files that appear whole or not at all, and JSON among them."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fewtomany.errors import UserError
from fewtomany.files import integrity


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary name beside ``path`` that becomes ``path`` when the block ends well.

    A reader never sees half a file, and two writers never share one. HTML and PDF files get
    their digest.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}-", suffix=f".part{path.suffix}", dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        integrity.mark(temporary)
        temporary.chmod(0o666 & ~umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | os.PathLike, content: Mapping[str, Any]) -> None:
    """Write JSON atomically, keys in the given order, with a digest."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(integrity.sealed(content), indent=2) + "\n")


def read_json(path: str | os.PathLike, what: str = "JSON product") -> dict[str, Any]:
    """Read what :func:`write_json` wrote; UserError naming ``what`` if it is damaged or none."""
    return checked_json(path, what)[0]


def checked_json(path: str | os.PathLike, what: str) -> tuple[dict[str, Any], bool]:
    """The same, and whether the file carries a digest."""
    try:
        content = json.loads(Path(path).read_text())
        if not isinstance(content, dict):
            raise ValueError(f"holds {type(content).__name__}, expected an object")
        return integrity.unsealed(content)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a readable {what}: {error}") from None
    except integrity.DamagedError as error:
        raise UserError(f"{path}: {error}") from None
