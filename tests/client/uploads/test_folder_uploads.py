from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.operations import Add, Delete
from entrepot.client.uploads.folder_uploads import additions, deletions, folder_operations
from entrepot.client.uploads.publishing import publish
from entrepot.errors import InvalidPath, RepoNotFound, SourceMissing
from entrepot.names import RepoRef, RepoType, parse_repo_id

if TYPE_CHECKING:
    from tests.support.uploader import Uploader


def filled(uploader: Uploader) -> CommitTarget:
    uploader.write(**{"a.txt": "a", "logs__one.txt": "1", "logs__two.bin": "2", "other__logs__x.txt": "x"})
    target = CommitTarget(uploader.repo())
    publish(uploader.hub, target, additions(uploader.folder, None), CommitMessage("first"))
    return target


def test_every_selected_file_becomes_an_addition_below_a_folder(uploader: Uploader) -> None:
    uploader.write(**{"a.txt": "a", "b.bin": "b", "sub__c.txt": "c", ".git__config": "no"})
    assert [item.path for item in additions(uploader.folder, "x/y", allow="*.txt")] == ["x/y/a.txt", "x/y/sub/c.txt"]
    assert [item.path for item in additions(uploader.folder, None)] == ["a.txt", "b.bin", "sub/c.txt"]


def test_patterns_of_deletions_are_about_paths_below_the_folder(uploader: Uploader) -> None:
    target = filled(uploader)
    assert {item.path for item in deletions(uploader.hub, target, "logs", "*.txt")} == {"logs/one.txt"}
    assert {item.path for item in deletions(uploader.hub, target, None, ["logs/*"])} == {"logs/one.txt", "logs/two.bin"}
    assert deletions(uploader.hub, target, "logs", None) == []
    assert deletions(uploader.hub, target, "not/there", "*") == []


def test_gitattributes_are_never_deleted(uploader: Uploader) -> None:
    target = filled(uploader)
    assert ".gitattributes" not in {item.path for item in deletions(uploader.hub, target, None, "*")}
    assert len(deletions(uploader.hub, target, "/", "*")) == 4


def test_files_that_are_written_are_not_deleted_first(uploader: Uploader) -> None:
    target = filled(uploader)
    (uploader.folder / "logs" / "two.bin").unlink()
    operations = folder_operations(uploader.hub, target, uploader.folder / "logs", "logs", delete="*")
    assert [(type(item), item.path) for item in operations] == [(Delete, "logs/two.bin"), (Add, "logs/one.txt")]


def test_impossible_paths_are_refused(uploader: Uploader) -> None:
    nowhere = CommitTarget(RepoRef(RepoType.MODEL, parse_repo_id("tester/nothing-here")))
    with pytest.raises(SourceMissing, match="there is no folder"):
        additions(uploader.folder / "none", None)
    with pytest.raises(RepoNotFound):
        deletions(uploader.hub, nowhere, None, "*")
    uploader.write(**{"a.txt": "a"})
    with pytest.raises(InvalidPath):
        additions(uploader.folder, "../x")
