"""Progress drawn by a class that the user brings: ``tqdm_class=``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from entrepot.client.progress import Meter


class Bar(Protocol):
    """What is needed of a bar of tqdm."""

    def update(self, amount: int, /) -> object:
        """So much more is done."""

    def close(self) -> object:
        """It has ended."""


TqdmClass = Callable[..., Any]
"""A class like ``tqdm.tqdm``, or a function that makes such bars."""


class TqdmProgress:
    """Progress on bars of a given class."""

    def __init__(self, tqdm_class: TqdmClass) -> None:
        self._class = tqdm_class

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """A new bar."""
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
