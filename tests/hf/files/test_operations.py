import hashlib
import io
import warnings
from pathlib import Path

import pytest

from entrepot.client.operations import Add, AddStored, Copy, Delete, DeleteFolder
from entrepot.errors import InvalidArgument, InvalidName, InvalidPath, SourceMissing
from entrepot.hf.files.operations import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    to_operation,
    warn_of_overwriting,
)
from entrepot.names import RepoPath, RepoType, Sha256


def test_an_addition_takes_a_path_bytes_or_an_open_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    for content in (str(tmp_path / "a"), tmp_path / "a", b"content", io.BytesIO(b"content")):
        addition = CommitOperationAdd("./x/a.txt", content)
        assert (addition.path_in_repo, addition.upload_info.size) == ("x/a.txt", 7)
        assert addition.upload_info.sample == b"content"
        assert addition.upload_info.sha256 == hashlib.sha256(b"content").digest()
        assert addition.b64content() == b"Y29udGVudA=="
        with addition.as_file() as file:
            assert file.read() == b"content"
        operation = to_operation(addition)
        assert isinstance(operation, Add)
        assert (operation.path, operation.source.read()) == ("x/a.txt", b"content")


def test_the_digest_is_computed_on_access() -> None:
    info = CommitOperationAdd("a", b"x").upload_info
    assert not info.is_hashed
    assert len(info.sha256) == 32
    assert info.is_hashed


def test_the_id_of_a_content_is_that_of_git() -> None:
    assert CommitOperationAdd("a", b"hello").local_oid == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"


def test_an_invalid_addition_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        CommitOperationAdd("a", str(tmp_path))
    with pytest.raises(SourceMissing):
        CommitOperationAdd("a", tmp_path / "none")
    with pytest.raises(ValueError, match="binary"):
        CommitOperationAdd("a", io.StringIO("text"))  # type: ignore[arg-type]
    for path in ("", "../a", ".git/config", "a/.git/b"):
        with pytest.raises(InvalidPath):
            CommitOperationAdd(path, b"")


def test_a_released_addition_keeps_its_digest_and_not_its_content() -> None:
    addition, stored = CommitOperationAdd("a", b"content"), AddStored(RepoPath("a"), Sha256("a" * 64), 7)
    addition.release(stored, free_memory=True)
    assert addition.path_or_fileobj == b""
    assert (addition.upload_info.size, addition.upload_info.sha256.hex()) == (7, "a" * 64)
    assert to_operation(addition) == stored


@pytest.mark.parametrize(
    ("path", "is_folder", "expected"),
    [
        ("a", "auto", Delete(RepoPath("a"))),
        ("a/", "auto", DeleteFolder(RepoPath("a"))),
        ("a", True, DeleteFolder(RepoPath("a"))),
        ("a/", False, Delete(RepoPath("a"))),
        ("./a/b/", "auto", DeleteFolder(RepoPath("a/b"))),
    ],
)
def test_a_slash_in_the_end_means_a_folder(path: str, is_folder: bool, expected: object) -> None:
    assert to_operation(CommitOperationDelete(path, is_folder)) == expected


def test_an_invalid_deletion_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="is_folder must be"):
        CommitOperationDelete("a", "perhaps")  # type: ignore[arg-type]
    with pytest.raises(InvalidPath):
        CommitOperationDelete("/")


def test_a_copy_names_its_source() -> None:
    assert to_operation(CommitOperationCopy("a", "b")) == Copy(RepoPath("b"), RepoPath("a"))
    far = to_operation(CommitOperationCopy("a/", "/b", "v1", "x/y", "dataset"))
    assert isinstance(far, Copy)
    assert far.source_repo is not None
    assert (far.path, far.source_path, far.source_revision) == ("b", "a", "v1")
    assert (far.source_repo.type, str(far.source_repo.id)) == (RepoType.DATASET, "x/y")


def test_a_copy_from_half_a_repository_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="or neither"):
        CommitOperationCopy("a", "b", src_repo_id="x/y")
    with pytest.raises(InvalidName):
        CommitOperationCopy("a", "b", src_repo_id="x/y/z", src_repo_type="model")


def test_committed_additions_and_other_objects_are_refused() -> None:
    addition = CommitOperationAdd("a", b"x")
    addition._is_committed = True
    with pytest.raises(InvalidArgument, match="create a new CommitOperationAdd"):
        to_operation(addition)
    with pytest.raises(InvalidArgument, match="not str"):
        to_operation("a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operations", "count"),
    [
        ([CommitOperationAdd("a", b""), CommitOperationAdd("b", b"")], 0),
        ([CommitOperationAdd("a", b""), CommitOperationAdd("a", b"")], 1),
        ([CommitOperationAdd("d/a", b""), CommitOperationDelete("d/")], 1),
        ([CommitOperationAdd("a", b""), CommitOperationDelete("a")], 1),
        ([CommitOperationDelete("d/"), CommitOperationAdd("d/a", b"")], 0),
        ([CommitOperationCopy("a", "b"), CommitOperationDelete("a")], 0),
    ],
)
def test_a_commit_that_overwrites_itself_issues_a_warning(operations: list[CommitOperationAdd], count: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_overwriting(operations)
    # Of other tests, sockets that are closed by the garbage collector are told here too.
    assert len([warning for warning in caught if issubclass(warning.category, UserWarning)]) == count
