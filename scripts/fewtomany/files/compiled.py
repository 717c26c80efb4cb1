"""The folder of compiled programs that jobs leave for later ones."""

import functools
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from fewtomany.files import provenance

logger = logging.getLogger(__name__)

VARIABLE = "FEWTOMANY_COMPILED"
"""Environment variable: where compiled programs are kept for later jobs. The workflow sets it;
without it, or where it is empty, every process compiles anew."""


def folder(*about: str | None) -> Path | None:
    """The folder of these versions, this processor and what else is said of the programs.

    None where nothing is kept: nothing is wanted, or it cannot be written.
    """
    if not os.environ.get(VARIABLE):
        return None
    known = [provenance.package_versions(), provenance.instructions(), *about]
    name = hashlib.sha256(repr(known).encode()).hexdigest()[:16]
    found = Path(os.environ[VARIABLE], name)
    try:
        found.mkdir(parents=True, exist_ok=True)
        if os.access(found, os.W_OK):
            return found
    except OSError:
        pass
    logger.warning("%s: compiled programs cannot be kept there", found)
    return None


def by_numba(function: Callable) -> Callable:
    """Decorator: a function that numba compiles at its first call, or loads."""

    @functools.cache
    def made() -> Callable:
        from fewtomany.files import jitted  # numba, half a second

        return jitted.njit(function)

    return functools.wraps(function)(lambda *arguments: made()(*arguments))
