"""Description of the machine that produced the figures."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sqlite3
from pathlib import Path

import msgspec

_PACKAGES = ("entrepot", "granian", "huggingface_hub", "msgspec", "sqlalchemy", "starlette", "uvloop")


class Machine(msgspec.Struct, frozen=True):
    """Hardware and software of a measurement; ``load`` is the load average of the last minute."""

    date: str
    cpu: str
    cores: int
    has_sha_ni: bool
    memory_gib: float
    load: float
    kernel: str
    python: str
    sqlite: str
    packages: dict[str, str]


def this_machine() -> Machine:
    """Return the description of this machine."""
    text = Path("/proc/cpuinfo").read_text()
    lines = [line.partition(":") for line in text.splitlines()]
    fields = {key.strip(): value.strip() for key, _, value in lines}
    return Machine(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        cpu=f"{fields.get('model name', platform.processor())} (family {fields.get('cpu family', '?')}, "
        f"model {fields.get('model', '?')})",
        cores=os.cpu_count() or 0,
        has_sha_ni="sha_ni" in fields.get("flags", "").split(),
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        load=round(os.getloadavg()[0], 2),
        kernel=platform.release(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        packages={name: importlib.metadata.version(name) for name in _PACKAGES},
    )
