"""Sizes for people, in decimal units."""

from __future__ import annotations


def render_size(size: int) -> str:
    """Return a size as text: ``0 B``, ``3.1 MB``."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 999.95:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} PB"
