"""Warnings for the users of the library, shown with the line of their own code that led to them."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

_PACKAGE = f"{Path(__file__).parents[1]}/"


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that names the line outside this package from which the running function was called.

    A function that runs in a thread of this package has no such line; the warning then names the first line of the
    thread.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
