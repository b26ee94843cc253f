"""Progress bars of a class passed as ``tqdm_class=``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from entrepot.client.progress import BarMeter, Meter

TqdmClass = Callable[..., Any]
"""A class like ``tqdm.tqdm``, or a function that returns such bars."""


class TqdmProgress:
    """Progress drawn with bars of a given class."""

    def __init__(self, tqdm_class: TqdmClass) -> None:
        self._class = tqdm_class

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """Create a bar."""
        return BarMeter(self._class(desc=label, total=total, unit=unit, unit_scale=unit == "B"))
