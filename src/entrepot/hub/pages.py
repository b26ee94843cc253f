"""Pages of long lists, as use cases return them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.frozen
class NamePage(Generic[T]):
    """A part of a list that is in the order of names; ``after`` is the last name of this part, None at the end."""

    items: Sequence[T]
    after: str | None


@attrs.frozen
class Page(Generic[T]):
    """A part of a list, in its order; ``after`` (sort value, row id) is the start of the next page, None at the end."""

    items: Sequence[T]
    after: tuple[float, int] | None
