"""Memory of a server process: returns what loading has freed, keeps freed buffers for reuse afterwards, exempts what is
loaded from garbage collection, and avoids the source text of generated methods."""

from __future__ import annotations

import ctypes
import gc
import importlib
import linecache
import sys
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGEST_KEPT: Final = 8 << 20
_KEPT: Final = 32 << 20
_STEPS: Final = (
    *("entrepot.hub.accounts.accounts", "entrepot.hub.context", "entrepot.server.git"),
    *("entrepot.server.lfs", "entrepot.server.hf", "entrepot.server.app"),
)


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to reuse buffers of up to 8 MiB; return whether it does.

    Without this, every buffer of 128 KiB and more goes back to the kernel when it is freed, and its
    pages are faulted in again for the next one, which is a third of the cost of a download.
    Each arena keeps at most 32 MiB. Other C libraries are left alone.

    Source: glibc, mallopt(3).
    """
    if sys.platform != "linux":
        return False
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - musl has another allocator, and no such function
        return bool(library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT) and library.mallopt(_TRIM_THRESHOLD, _KEPT))
    except (OSError, AttributeError):
        return False


def exempt_loaded_objects() -> None:
    """Exempt all objects that exist now from garbage collection; call it once the application is loaded.

    A full collection visits every object, while no other thread runs Python code: 60 ms for the modules of a
    server, which live until it ends.
    """
    gc.collect()
    gc.freeze()


def return_freed_memory() -> bool:
    """Give the kernel the memory that loading has used for a moment; return whether the C library can do that.

    Source: glibc, malloc_trim(3).
    """
    if sys.platform != "linux":
        return False
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # musl
        return False
    return True


def prepare_memory() -> None:
    """Prepare for a long life, once, when the application is loaded.

    Objects that exist now are exempt from garbage collection, what loading them has freed goes back to the kernel,
    and what is freed from now on is kept.
    """
    exempt_loaded_objects()
    return_freed_memory()
    keep_freed_memory()


def import_server() -> None:
    """Import the application in steps, without keeping the source text of generated methods.

    For debuggers, attrs keeps the text of the methods that it generates, 2 MiB for all classes of a server.
    This text is dropped after each step, so that the modules of the next step reuse the memory.
    """
    for name in _STEPS:
        importlib.import_module(name)
        linecache.clearcache()
