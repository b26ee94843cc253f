"""Plans of the rows of folders of images, audio and video: from names of folders, or from metadata.

Source: docs/dataset-viewer.md, section "Folders of images, audio and video"; ``datasets`` 5.2.0, which is the oracle
of the tests.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from entrepot.cards import MEDIA_FOLDERS, SEPARATORS, DatasetConfig, JsonValue
from entrepot.errors import Malformed
from entrepot.previews.folders import FolderSplit, MediaFolder
from entrepot.previews.table_formats import CONVERTIBLE, is_compressed

_OPTIONS = ("drop_labels", "drop_metadata")


def unread_option(config: DatasetConfig, *, is_converted: bool) -> str | None:
    """Return why a configuration is not read: an option of its card that the hub does not support; or None.

    Args:
        is_converted: whether it is asked for a conversion; its files are not read in all ways that its conversion is.
    """
    known: Sequence[str] = _OPTIONS if config.format in MEDIA_FOLDERS else ()
    if config.format == "json" and is_converted:
        known = ("field",)
        if "field" in config.options and not config.field:
            return "the 'field' in the card must be the name of a member"
    if config.format == "csv":
        known = ("sep", "delimiter")
        if config.separator not in SEPARATORS:
            several = " ".join("tab" if sign == "\t" else sign for sign in sorted(SEPARATORS))
            return f"the separator of CSV files that the card names is not one of: {several}"
    others = sorted(set(config.options).difference(known))
    if others == ["field"] and config.format == "json":
        return f"the rows in the field {config.field!r} of JSON files are shown when they were converted to Parquet"
    if others:
        return f"the card says with {others[0]!r} how its files are read"
    packed = next((path for files in config.splits.values() for path in files if is_compressed(path)), None)
    if packed is None or is_converted or config.format not in CONVERTIBLE:
        return None
    return f"{packed} is compressed; its rows are shown when they were converted to Parquet"


def plan_media_folder(config: DatasetConfig) -> MediaFolder | None:
    """Return the plan of the rows of a folder of media; None for configurations of other formats.

    Raises:
        Malformed: it has archives or compressed files, or what the card says about it cannot be read.
    """
    column = MEDIA_FOLDERS.get(config.format)
    if column is None:
        return None
    drop_labels, drop_metadata = (_switch(config.options, name) for name in _OPTIONS)
    labels, depths, is_described = set[str](), set[int](), False
    splits: dict[str, FolderSplit] = {}
    has_labels = False
    for split, files in config.splits.items():
        for path in files:
            if posixpath.splitext(path)[1].lower() in (".zip", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".7z"):
                raise Malformed("folder", f"{path} is an archive or compressed; the hub reads neither")
        if not (drop_labels and drop_metadata):
            labels.update(posixpath.basename(posixpath.dirname(path)) for path in files)
            depths.update(path.count("/") for path in files)
            is_described = is_described or bool(config.metadata.get(split))
        # As `datasets` does, each split is judged by itself and those before it.
        has_metadata = is_described and not drop_metadata
        wanted = len(labels) > 1 and len(depths) == 1 if drop_labels is None else not drop_labels
        has_labels = wanted and not is_described
        metadata = tuple(sorted(config.metadata.get(split, ()))) if has_metadata else ()
        splits[split] = FolderSplit(files, metadata, has_labels, has_metadata)
    if any(split.has_labels for split in splits.values()):
        if "" in labels:
            raise Malformed("folder", "its labels are names of folders, and some files are in none")
        if not has_labels:
            raise Malformed("folder", "its first splits have labels, and later ones have metadata")
    return MediaFolder(column, column.capitalize(), tuple(sorted(labels)) if has_labels else (), splits)


def _switch(options: Mapping[str, JsonValue], name: str) -> bool | None:
    value = options.get(name)
    if value is not None and not isinstance(value, bool):
        raise Malformed("card", f"{name!r} must be true or false")
    return value
