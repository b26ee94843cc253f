"""Which files are tables, how they are compressed, and whether tables can be read here; pyarrow is not loaded."""

from __future__ import annotations

import importlib.util
import re

from entrepot.errors import ExtraNotInstalled
from entrepot.previews.sources import RangeReader

CONVERTIBLE = frozenset({"csv", "json", "text", "arrow"})
"""The formats that are converted to Parquet."""

FOLDERS = frozenset({"imagefolder", "audiofolder", "videofolder"})
"""The formats whose files are one image, audio clip or video each."""

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

MAX_TEXT = 32 << 20
"""Bytes of a file without an index that are read."""


COMPRESSIONS = {
    "gz": "gzip",
    "gzip": "gzip",
    "bz2": "bz2",
    "xz": "xz",
    "zst": "zstd",
    "zstd": "zstd",
    "lz4": "lz4",
}
"""Compressions of single files by the endings of their names."""

UNPACKED_RATIO = 100
"""How many times as large as a compressed file its content may be, if it has more than 64 MiB."""

_ARCHIVES = {"zip": "zip", "eval": "zip", "tar": "tar", "tgz": "tar"}
_TAR_ENDINGS = (".tar.gz", ".tar.bz2", ".tar.xz")
# What `datasets` never takes for compressed, whatever it begins with.
_PLAIN = frozenset("txt csv json jsonl tsv conll conllu orig parquet pkl pickle rel xml arrow".split())  # noqa: SIM905
_BEGINNINGS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"BZh", "bz2"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


def is_compressed(name: str) -> bool:
    """Return whether a file of this name is compressed by itself: no archive."""
    return not name.endswith(_TAR_ENDINGS) and _ending_of(name) in COMPRESSIONS


def compression_of(name: str, source: RangeReader) -> str:
    """Return how a file is compressed, as ``datasets`` decides: by its ending, or if that is unknown by its beginning.

    Returns:
        A value of :data:`COMPRESSIONS`, or ``zip`` or ``tar`` for archives; empty: it is not compressed.

    Source: ``datasets`` 5.2.0, which is the oracle of the tests.
    """
    ending = _ending_of(name)
    if name.endswith(_TAR_ENDINGS) or ending in _ARCHIVES:
        return _ARCHIVES.get(ending, "tar")
    if ending in _PLAIN:
        return ""
    begin = source.read_at(0, 6) if ending not in COMPRESSIONS else b""
    found = (compression for beginning, compression in _BEGINNINGS if begin.startswith(beginning))
    return COMPRESSIONS.get(ending) or next(found, "")


def _ending_of(name: str) -> str:
    """Return the ending of a name, without the number of a shard behind it: ``gz`` of ``a.gz-00000-of-00002``."""
    return re.split("[?_-]", name.rpartition(".")[2], maxsplit=1)[0]


def separator_of(name: str) -> str:
    """Return the separator of a CSV file of this name."""
    return "\t" if ".tsv" in name.lower() else ","


def check_installed() -> None:
    """Raise if tables cannot be read here. The library is not imported: it would take 60 MB of the server.

    Raises:
        ExtraNotInstalled: pyarrow is missing.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ExtraNotInstalled("preview")
