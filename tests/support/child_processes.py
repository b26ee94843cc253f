"""The processes that a process has started, and how they were called."""

from __future__ import annotations

import contextlib

import psutil


def children_called(word: str, pid: int | None = None) -> list[psutil.Process]:
    """Return the processes below one (None: this one) whose command lines have an argument that contains a word.

    Those that end meanwhile, or have ended and are not waited for, are left out.
    """
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # also of those that nothing has waited for
            if any(word in argument for argument in child.cmdline()):
                found.append(child)
    return found
