"""Progress as a callback: who transfers tells a meter, who shows it decides how."""

from __future__ import annotations

import threading
from typing import Protocol


class Meter(Protocol):
    """Counts one piece of work. Safe to use from many threads."""

    def advance(self, amount: int) -> None:
        """So much more is done; below zero when a piece has to be done again."""

    def finish(self) -> None:
        """The work has ended, well or not; later calls change nothing."""


class Progress(Protocol):
    """Where meters come from."""

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """A meter for a piece of work of this size; None: nobody knows it."""


class _SilentMeter:
    def advance(self, amount: int) -> None:
        pass

    def finish(self) -> None:
        pass


class Silent:
    """Progress that nobody sees."""

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """A meter that does nothing."""
        return _SilentMeter()


class Bar(Protocol):
    """What is needed of a bar of tqdm."""

    def update(self, amount: int, /) -> object:
        """So much more is done."""

    def close(self) -> object:
        """It has ended."""


class BarMeter:
    """A meter that is drawn by a bar."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        """Move the bar on; from any thread."""
        with self._lock:
            self._bar.update(amount)

    def finish(self) -> None:
        """Close the bar."""
        with self._lock:
            self._bar.close()


class Bars:
    """Progress as bars on standard error, with rate and remaining time; none when it is not a terminal.

    Args:
        is_forced: draw them even when standard error is no terminal.
    """

    def __init__(self, *, is_forced: bool = False) -> None:
        self._disable = False if is_forced else None  # None lets the terminal decide

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """A new bar below those that are there."""
        import tqdm

        is_bytes = unit == "B"
        return BarMeter(
            tqdm.tqdm(
                desc=label,
                total=total,
                unit=unit,
                unit_scale=is_bytes,
                unit_divisor=1024 if is_bytes else 1000,
                disable=self._disable,
                dynamic_ncols=True,
                leave=True,
            )
        )
