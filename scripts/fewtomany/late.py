"""Heavy libraries, imported when something of them is first used.

A program imports much of the package and uses a part of it. ``from fewtomany.late import healpy``
stands for ``import healpy`` and costs nothing until it is used. SciPy needs no such help: after
``import scipy`` it loads ``scipy.linalg`` and the like by itself at their first use.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

UNUSED = {"healpy": "matplotlib", "tensorflow": "keras"}
"""What a library loads where it finds it, for functions that nothing here calls: healpy for its own
figures, TensorFlow for ``tf.keras`` (which loads pandas and matplotlib). It is half of the start of
the first and a third of that of the second."""

AROUND: dict[str, Callable[[], AbstractContextManager]] = {}
"""What is done around the import of a library; the folders that use it say so."""


class _Late:
    """Stands for a module."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(load(self._name), attribute)


astropy_time = _Late("astropy.time")
healpy = _Late("healpy")
healpy_projector = _Late("healpy.projector")
litebird_sim = _Late("litebird_sim")
pandas = _Late("pandas")


def load(name: str) -> ModuleType:
    """A module, imported without what it loads though it is UNUSED."""
    if name not in sys.modules:
        with _hidden(UNUSED.get(name)), AROUND.get(name, contextlib.nullcontext)():
            importlib.import_module(name)
    return sys.modules[name]


@contextlib.contextmanager
def _hidden(library: str | None) -> Iterator[None]:
    """As if a library were not installed, unless it is imported already."""
    if library is None or library in sys.modules:
        yield
        return
    sys.modules[library] = None
    try:
        yield
    finally:
        del sys.modules[library]
