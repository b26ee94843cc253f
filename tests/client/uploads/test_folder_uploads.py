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
    from conftest import Quay


def filled(quay: Quay) -> CommitTarget:
    quay.write(**{"a.txt": "a", "logs__one.txt": "1", "logs__two.bin": "2", "other__logs__x.txt": "x"})
    target = CommitTarget(quay.repo())
    publish(quay.hub, target, additions(quay.folder, None), CommitMessage("first"))
    return target


def test_every_selected_file_becomes_an_addition_below_a_folder(quay: Quay) -> None:
    quay.write(**{"a.txt": "a", "b.bin": "b", "sub__c.txt": "c", ".git__config": "no"})
    assert [item.path for item in additions(quay.folder, "x/y", allow="*.txt")] == ["x/y/a.txt", "x/y/sub/c.txt"]
    assert [item.path for item in additions(quay.folder, None)] == ["a.txt", "b.bin", "sub/c.txt"]


def test_patterns_of_deletions_are_about_paths_below_the_folder(quay: Quay) -> None:
    target = filled(quay)
    assert {item.path for item in deletions(quay.hub, target, "logs", "*.txt")} == {"logs/one.txt"}
    assert {item.path for item in deletions(quay.hub, target, None, ["logs/*"])} == {"logs/one.txt", "logs/two.bin"}
    assert deletions(quay.hub, target, "logs", None) == []
    assert deletions(quay.hub, target, "not/there", "*") == []


def test_gitattributes_are_never_deleted(quay: Quay) -> None:
    target = filled(quay)
    assert ".gitattributes" not in {item.path for item in deletions(quay.hub, target, None, "*")}
    assert len(deletions(quay.hub, target, "/", "*")) == 4


def test_files_that_are_written_are_not_deleted_first(quay: Quay) -> None:
    target = filled(quay)
    (quay.folder / "logs" / "two.bin").unlink()
    operations = folder_operations(quay.hub, target, quay.folder / "logs", "logs", delete="*")
    assert [(type(item), item.path) for item in operations] == [(Delete, "logs/two.bin"), (Add, "logs/one.txt")]


def test_impossible_paths_are_refused(quay: Quay) -> None:
    nowhere = CommitTarget(RepoRef(RepoType.MODEL, parse_repo_id("tester/nothing-here")))
    with pytest.raises(SourceMissing, match="there is no folder"):
        additions(quay.folder / "none", None)
    with pytest.raises(RepoNotFound):
        deletions(quay.hub, nowhere, None, "*")
    quay.write(**{"a.txt": "a"})
    with pytest.raises(InvalidPath):
        additions(quay.folder, "../x")
