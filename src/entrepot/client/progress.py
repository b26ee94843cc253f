"""Progress reporting: transfers advance a meter, and the implementation decides how to show it."""

from __future__ import annotations

import threading
from typing import Protocol


class Meter(Protocol):
    """Counts the progress of one task. Safe to use from several threads."""

    def advance(self, amount: int) -> None:
        """Advance by an amount; negative if part of the work has to be repeated."""

    def finish(self) -> None:
        """End the task, successful or not; later calls have no effect."""


class Progress(Protocol):
    """Creates meters."""

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """Create a meter for a task of this size; None: unknown."""


class _SilentMeter:
    def advance(self, amount: int) -> None:
        pass

    def finish(self) -> None:
        pass


class Silent:
    """Progress that is not shown."""

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """Return a meter that does nothing."""
        return _SilentMeter()


class Bar(Protocol):
    """The methods of a bar of tqdm that are used here."""

    def update(self, amount: int, /) -> object:
        """Advance by an amount."""

    def close(self) -> object:
        """End the bar."""


class BarMeter:
    """A meter that is drawn by a bar."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        """Advance the bar; safe to call from any thread."""
        with self._lock:
            self._bar.update(amount)

    def finish(self) -> None:
        """Close the bar."""
        with self._lock:
            self._bar.close()


class Bars:
    """Progress bars on standard error with rate and remaining time; none if it is not a terminal.

    Args:
        is_forced: show bars even if standard error is not a terminal.
    """

    def __init__(self, *, is_forced: bool = False) -> None:
        self._disable = False if is_forced else None  # None: only on a terminal

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> Meter:
        """Add a bar below the existing ones."""
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
