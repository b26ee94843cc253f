"""Descriptions of folders of images, audio or video for the processes that read them; nothing is read here.

Source: docs/dataset-viewer.md, section "Folders of images, audio and video".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

HEADER = 8
"""Bytes that tell how long the description of a folder is."""


@attrs.frozen
class FolderSplit:
    """The files of a split.

    ``files``: media, in order. ``metadata``: files that describe them. ``has_labels``, ``has_metadata``: where
    the rows come from.
    """

    files: Sequence[str]
    metadata: Sequence[str]
    has_labels: bool
    has_metadata: bool


@attrs.frozen
class MediaFolder:
    """A configuration whose files are media. ``column``: the one that has them; ``kind``: its feature, ``Image``.

    ``labels``: the names of its folders in order, empty if they are no labels.
    """

    column: str
    kind: str
    labels: Sequence[str]
    splits: Mapping[str, FolderSplit]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> MediaFolder:
        """Return the folder from the mapping that ``attrs.asdict`` made of it."""
        splits = {name: FolderSplit(**split) for name, split in document["splits"].items()}
        return cls(document["column"], document["kind"], document["labels"], splits)

    def reduced(self, split: str) -> MediaFolder:
        """Return the same with the media of one split only."""
        splits = {name: one if name == split else attrs.evolve(one, files=()) for name, one in self.splits.items()}
        return attrs.evolve(self, splits=splits)


def pack_folder(folder: MediaFolder, split: str, metadata: Sequence[tuple[str, int]]) -> bytes:
    """Return the beginning of a file that describes a split; the metadata follow in this order.

    :func:`entrepot.previews.tables.media_folders.open_folder` reads it.

    Args:
        metadata: paths and sizes.
    """
    header = json.dumps({"folder": attrs.asdict(folder), "split": split, "metadata": metadata}).encode()
    return len(header).to_bytes(HEADER, "big") + header
