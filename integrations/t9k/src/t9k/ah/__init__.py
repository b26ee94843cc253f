"""The functions and classes of ``entrepot.ah`` under the name that scripts for Asset Hub import."""

from __future__ import annotations

from entrepot import ah as _ah

__all__ = list(_ah.__all__)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 't9k.ah' has no attribute {name!r}")
    return getattr(_ah, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
