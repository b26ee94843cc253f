"""Progress bars of a class passed as ``tqdm_class=``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from entrepot.client.progress import Meter


class Bar(Protocol):
    """The methods of a tqdm bar that are used."""

    def update(self, amount: int, /) -> object:
        """Advance the bar by an amount."""

    def close(self) -> object:
        """Close the bar."""


TqdmClass = Callable[..., Any]
"""A class like ``tqdm.tqdm``, or a function that returns such bars."""


class TqdmProgress:
    """Progress drawn with bars of a given class."""

    def __init__(self, tqdm_class: TqdmClass) -> None:
        self._class = tqdm_class

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """Create a bar."""
        return _Meter(self._class(desc=label, total=total, unit=unit, unit_scale=unit == "B"))


class _Meter:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        with self._lock:
            self._bar.update(amount)

    def finish(self) -> None:
        with self._lock:
            self._bar.close()
