"""Pages of long lists, as use cases hand them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.frozen
class Page(Generic[T]):
    """Some of a list, in its order; ``after`` (sort value, row id) continues behind it, None at the end."""

    items: Sequence[T]
    after: tuple[float, int] | None
