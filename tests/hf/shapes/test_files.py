from __future__ import annotations

import datetime
from pathlib import Path

from entrepot.client.calls.files import FileFacts
from entrepot.client.downloads.downloads import DownloadPlan
from entrepot.hf.shapes.files import RepoFile, RepoFolder, XetFileData, dry_run_of, entry_of, metadata_of
from entrepot.wire.repos.trees import LastCommit, LfsInfo, TreeEntry

LAST = LastCommit(id="c" * 40, title="first", date="2024-05-01T12:34:56.789Z")


def test_a_large_file_has_the_fields_of_its_pointer() -> None:
    lfs = LfsInfo(oid="s" * 64, size=1000, pointer_size=129)
    file = entry_of(TreeEntry(type="file", oid="o" * 40, size=1000, path="d/m", lfs=lfs, xet_hash="x" * 64))
    assert isinstance(file, RepoFile)
    assert (file.path, file.size, file.blob_id, file.xet_hash, file.last_commit) == (
        "d/m",
        1000,
        "o" * 40,
        "x" * 64,
        None,
    )
    assert file.lfs == {"size": 1000, "sha256": "s" * 64, "pointer_size": 129}


def test_a_folder_shows_its_last_commit() -> None:
    folder = entry_of(TreeEntry(type="directory", oid="t" * 40, size=0, path="d", last_commit=LAST))
    assert isinstance(folder, RepoFolder)
    assert folder.tree_id == "t" * 40
    assert folder.last_commit is not None
    assert folder.last_commit["oid"] == folder.last_commit.oid == "c" * 40
    assert folder.last_commit.date == datetime.datetime(2024, 5, 1, 12, 34, 56, 789000, datetime.UTC)


def test_metadata_has_the_fields_of_huggingface_hub() -> None:
    facts = metadata_of(FileFacts("c" * 40, "e", 5, "http://hub/f", "x" * 64, "http://hub/pass"))
    assert (facts.commit_hash, facts.etag, facts.size, facts.location) == ("c" * 40, "e", 5, "http://hub/f")
    assert facts.xet_file_data == XetFileData("x" * 64, "http://hub/pass")


def test_a_dry_run_has_the_fields_of_huggingface_hub() -> None:
    found = dry_run_of(DownloadPlan("c" * 40, "d/f", 5, Path("/c/d/f"), is_cached=False, will_download=True))
    assert (found.commit_hash, found.file_size, found.filename) == ("c" * 40, 5, "d/f")
    assert (found.local_path, found.is_cached, found.will_download) == ("/c/d/f", False, True)
