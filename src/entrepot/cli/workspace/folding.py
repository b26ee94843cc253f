"""Long lists of paths, folded to folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from entrepot.cli.workspace.consoles import native

MAX_LINES = 50


def fold(rows: Sequence[tuple[str, str]], *, is_full: bool) -> list[str]:
    """Return lines for labelled paths; with more than 50 rows, folders are shown as ``data/train/ -> 10 FILES``.

    Args:
        rows: a label, which may be empty, and a path, in the order of the lines.
        is_full: never fold.
    """
    if is_full or len(rows) <= MAX_LINES:
        return [f"{label}{native(path)}" for label, path in rows]
    counts = Counter((label, path.rpartition("/")[0]) for label, path in rows)
    lines: list[str] = []
    for label, path in rows:
        folder = path.rpartition("/")[0]
        count = counts.get((label, folder), 0)
        if not folder or count == 1:
            lines.append(f"{label}{native(path)}")
        elif count:
            counts[label, folder] = 0
            lines.append(f"{label}{native(f'{folder}/')} -> {count} FILES")
    return lines
