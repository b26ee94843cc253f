"""A progress display that records its calls."""

from __future__ import annotations

import attrs


@attrs.define
class RecordedProgress:
    """A progress display that records its calls."""

    begun: list[tuple[str, int | None]] = attrs.field(factory=list)
    done: int = 0
    finished: int = 0

    def begin(self, label: str, total: int | None, *, unit: str = "B") -> RecordedProgress:
        self.begun.append((label, total))
        return self

    def advance(self, amount: int) -> None:
        self.done += amount

    def finish(self) -> None:
        self.finished += 1
