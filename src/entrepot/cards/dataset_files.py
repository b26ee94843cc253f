"""Metadata of a dataset derived from its files: format, modality, number of rows, libraries.

Source: docs/protocols/metadata.md, section 5.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs

from entrepot.cards.metadata import Card

_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "arrow",
    ".txt": "text",
    ".tar": "webdataset",
}
_MODALITIES = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"), "image"),
    **dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus"), "audio"),
    **dict.fromkeys((".mp4", ".mkv", ".avi", ".webm", ".mov"), "video"),
    **dict.fromkeys((".pdf",), "document"),
    **dict.fromkeys((".txt",), "text"),
    **dict.fromkeys((".ply", ".glb", ".obj", ".stl"), "3d"),
}
# Files that describe a repository instead of being its data.
_DESCRIPTIONS = frozenset({"dataset_infos.json", "dataset_info.json", "state.json", "license.txt", "requirements.txt"})

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
_MEDIA = frozenset({"image", "audio", "video"})
_TABLES = frozenset({"csv", "json", "parquet"})
_NUMBERS = frozenset({"int", "float", "int32", "int64", "float32", "float64"})


@attrs.frozen
class DatasetFiles:
    """The files of a dataset.

    ``paths``: all of them. ``columns``: types of the columns of its tables, by name; types as in
    ``previews.tables.text_tables`` and ``previews.parquet``. ``rows``: in all tables, None if unknown.
    """

    paths: Sequence[str]
    columns: Mapping[str, str] = attrs.field(factory=dict)
    rows: int | None = None


def data_format(path: str) -> str | None:
    """Return the format of a data file, such as ``parquet``; None if it is not one of a table or text."""
    name = posixpath.basename(path).lower()
    if any(part.startswith(".") for part in path.split("/")) or name in _DESCRIPTIONS:
        return None
    return _FORMATS.get(_extension(name))


def dataset_tags(card: Card, files: DatasetFiles) -> tuple[str, ...]:
    """Return the tags of a dataset's files; kinds of tags that its card gives are left out.

    The kinds are ``size_categories``, ``format``, ``modality`` and ``library``. A folder of images has
    the format ``imagefolder``; audio and video likewise.
    """
    formats = _formats(files.paths)
    modalities = _modalities(files, formats)
    found = {
        "size_categories": [size_category(files.rows)] if files.rows is not None else [],
        "format": formats,
        "modality": sorted(modalities),
        "library": list(_libraries(files.paths, formats)),
    }
    return tuple(f"{kind}:{value}" for kind, values in found.items() if not card.data.get(kind) for value in values)


def size_category(rows: int) -> str:
    """Return the category of a number of rows, such as ``1K<n<10K``."""
    return next((name for limit, name in _SIZES if rows < limit), "n>1T")


def _extension(name: str) -> str:
    return posixpath.splitext(name.removesuffix(".gz").removesuffix(".zst"))[1]


def _formats(paths: Sequence[str]) -> list[str]:
    """Return the formats of the data files, sorted."""
    counted = Counter(kind for path in paths if (kind := data_format(path)) is not None)
    media = {f"{kind}folder" for kind in _kinds_of(paths) & _MEDIA}
    return sorted({*counted, *media})


def _kinds_of(paths: Sequence[str]) -> set[str]:
    """Return the modalities that the names of files tell."""
    names = [posixpath.basename(path).lower() for path in paths]
    shown = [name for name in names if not name.startswith(".") and name not in _DESCRIPTIONS]
    return {_MODALITIES[extension] for name in shown if (extension := _extension(name)) in _MODALITIES}


def _modalities(files: DatasetFiles, formats: Sequence[str]) -> set[str]:
    found = _kinds_of(files.paths)
    if "string" in files.columns.values():
        found.add("text")
    numbers = sum(kind in _NUMBERS for kind in files.columns.values())
    if numbers >= 2 and not found & _MEDIA and _TABLES & set(formats):
        found.add("tabular")
    return found


def _libraries(paths: Sequence[str], formats: Sequence[str]) -> Iterator[str]:
    """Yield the libraries that load a dataset; pandas for one file of a table, dask for several."""
    if not formats:
        return
    yield "datasets"
    tables = [path for path in paths if data_format(path) in _TABLES]
    if tables:
        yield "pandas" if len(tables) == 1 else "dask"
        yield "mlcroissant"
        if set(formats) <= {"csv", "parquet"}:
            yield "polars"
    if "webdataset" in formats:
        yield "webdataset"
