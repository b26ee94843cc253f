"""Compiled modules, which this process and those that tests start keep."""

from __future__ import annotations

import os
import sys


def keep_bytecode() -> None:
    """Let this process and its children write compiled modules, whatever the environment says.

    Hundreds of tests start servers and clients; with ``PYTHONDONTWRITEBYTECODE`` every one of them compiles all that it
    imports, and each process of pytest-xdist all tests. The files are below ``PYTHONPYCACHEPREFIX``, if it is set.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
