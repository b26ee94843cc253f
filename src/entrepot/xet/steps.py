"""Long work in steps: a generator yields where other work may have its turn, and returns the result."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")


def end_of(steps: Generator[None, None, Result]) -> Result:
    """Run all steps without turns for others, and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
