"""Which files are tables, and whether tables can be read here; nothing of pyarrow is loaded."""

from __future__ import annotations

import importlib.util

from entrepot.errors import ExtraNotInstalled

CONVERTIBLE = frozenset({"csv", "json", "text", "arrow"})
"""The formats that are converted to Parquet."""

FOLDERS = frozenset({"imagefolder", "audiofolder", "videofolder"})
"""The formats whose files are one picture, sound or film each."""

FORMATS = frozenset({"parquet", "csv", "json", "arrow", "text"})
"""The formats of tables that can be opened."""

ENDINGS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""Formats of tables by the endings of their files."""

MOST_TEXT = 32 << 20
"""Bytes of a file without an index that are read."""


def separator_of(name: str) -> str:
    """Return what separates the fields of a CSV file of this name."""
    return "\t" if ".tsv" in name.lower() else ","


def check_installed() -> None:
    """Raise if tables cannot be read here. The library is not imported: it would take 60 MB of the server.

    Raises:
        ExtraNotInstalled: pyarrow is missing.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ExtraNotInstalled("preview")
