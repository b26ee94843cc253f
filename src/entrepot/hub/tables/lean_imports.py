"""Imports of pyarrow and DuckDB without pandas and numpy, which they would load if they are installed."""

from __future__ import annotations

import sys


class _Refusal:
    """A finder of modules that finds neither pandas nor numpy."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Refuse the two; leave other modules to other finders."""
        if name in ("pandas", "numpy"):
            raise ModuleNotFoundError(name)


def leave_out_numpy() -> None:
    """Make this process import neither pandas nor numpy; loading them takes longer than all else, for nothing here."""
    if not any(isinstance(finder, _Refusal) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Refusal())
