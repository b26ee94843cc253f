from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from entrepot.server.limits import allocations

# In a process of its own, because the allocator of this one must stay as it is.
CODE = """
import resource
from entrepot.server.limits.allocations import keep_freed_memory
if {keeps}:
    assert keep_freed_memory()
for _ in range(3):
    bytes(bytearray(1 << 20))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    held = [bytearray(1 << 20) for _ in range(4)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keeps: bool) -> int:
    done = subprocess.run([sys.executable, "-c", CODE.format(keeps=keeps)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_freed_buffers_are_reused_without_faulting_them_in_again() -> None:
    assert faults(keeps=True) < faults(keeps=False) / 10


RETURNED = """
from entrepot.server.limits.allocations import return_freed_memory
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])
held = [bytearray(1000) for _ in range(64_000)]
kept = held[::1000]  # at the end of the heap too, so that freeing alone returns nothing
del held
before = resident()
assert return_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_what_loading_has_freed_goes_back_to_the_kernel() -> None:
    done = subprocess.run([sys.executable, "-c", RETURNED], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10_000, "pages, of the 15,600 that were freed"


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocations.keep_freed_memory() is False
    assert allocations.return_freed_memory() is False


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert allocations.keep_freed_memory() is False
    assert allocations.return_freed_memory() is False


EXEMPTED = """
import gc
from entrepot.server.limits.allocations import exempt_loaded_objects, import_server
import_server()
before = len(gc.get_objects())
exempt_loaded_objects()
print(gc.get_freeze_count() > before / 2, len(gc.get_objects()) < before / 100)
"""


def test_a_collection_visits_nothing_that_a_server_has_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", EXEMPTED], capture_output=True, text=True, timeout=240)
    assert done.stdout.split() == ["True", "True"], done.stderr


LOADED = """
import linecache, sys
from entrepot.server.limits.allocations import import_server
import_server()
print(len([name for name in linecache.cache if name.startswith("<")]))
print(*sorted(name for name in sys.modules if name.startswith(("entrepot.server.pages", "jinja2", "numpy"))))
"""


def test_a_server_that_has_served_nothing_holds_neither_sources_nor_pages() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=240)
    assert done.stdout.split() == ["0"], done.stderr
