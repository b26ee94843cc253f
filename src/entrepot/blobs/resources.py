"""Base classes that free readers and sinks of all stores at the end of a ``with`` block."""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Self


class Closing(abc.ABC):
    """A resource that is closed at the end of its ``with`` block."""

    @abc.abstractmethod
    def close(self) -> None:
        """Free the resource; idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Discarding(abc.ABC):
    """A sink whose bytes are dropped at the end of its ``with`` block, unless they were published."""

    @abc.abstractmethod
    def discard(self) -> None:
        """Drop unpublished bytes; idempotent, and harmless after publish."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
