from __future__ import annotations

import json

import attrs

from entrepot.previews.folders import HEADER, FolderSplit, MediaFolder, pack_folder

FOLDER = MediaFolder(
    "image",
    "Image",
    ("cat", "dog"),
    {"train": FolderSplit(("cat/1.png",), (), True, False), "test": FolderSplit(("dog/2.png",), (), True, False)},
)


def test_a_folder_is_told_and_understood() -> None:
    told = json.loads(json.dumps(attrs.asdict(FOLDER)))
    assert attrs.asdict(MediaFolder.of(told)) == told
    packed = pack_folder(FOLDER, "train", [("metadata.csv", 3)])
    assert int.from_bytes(packed[:HEADER], "big") == len(packed) - HEADER
    assert json.loads(packed[HEADER:]) == {"folder": told, "split": "train", "metadata": [["metadata.csv", 3]]}


def test_the_media_of_other_splits_can_be_left_out() -> None:
    reduced = FOLDER.reduced("test")
    assert [split.files for split in reduced.splits.values()] == [(), ("dog/2.png",)]
    assert reduced.labels == FOLDER.labels
