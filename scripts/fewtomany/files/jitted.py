"""Functions that numba compiles, and keeps for later jobs beside TensorFlow's programs.

numba finds a compiled function by its source, the types of its arguments and the processor. It
writes its index before the file that the index names: two processes that keep one function for
other types at once may take one file for both, and call what was compiled for other types. So a
lock is held here. Where there is none to be had, nothing is kept.
"""

import contextlib
import fcntl
import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

from fewtomany.files import compiled
from fewtomany.files.integrity import UNREADABLE

_njit = numba.njit


def njit(*arguments: Callable, **options: Any) -> Callable:
    """``numba.njit``, as a decorator with or without options; what it compiles is kept.

    Where ``NUMBA_DISABLE_JIT`` is set functions stay as they are.
    """
    made = _njit(*arguments, **options)
    is_function = bool(arguments) and callable(arguments[0])
    return _kept(made) if is_function else lambda function: _kept(made(function))


@contextlib.contextmanager
def library() -> Iterator[None]:
    """While a library is imported: its functions are kept, too."""
    numba.njit = njit
    try:
        yield
    finally:
        numba.njit = _njit


def _kept(function: Callable) -> Callable:
    folder = compiled.folder("numba")
    if folder is not None and isinstance(function, Dispatcher):
        os.environ["NUMBA_CACHE_DIR"] = str(folder.resolve())
        numba.config.reload_config()
        function._cache = _Shared(function.py_func)
    return function


class _Shared(FunctionCache):
    """The cache of one function, which processes use one after the other."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            with self._lock():
                return super().load_overload(sig, target_context)
        except (*UNREADABLE, pickle.UnpicklingError):
            return None  # it is compiled, and written anew

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError), self._lock():
            super().save_overload(sig, data)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with open(os.path.join(self.cache_path, "lock"), "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
