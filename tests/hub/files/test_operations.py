from __future__ import annotations

import typing

import attrs
import pytest

from entrepot.hub.files.operations import AddFile, AddLarge, Copy, Delete, DeleteFolder, Operation
from entrepot.names import RepoPath, Sha256


def test_every_operation_says_which_path_it_is_about_and_never_changes() -> None:
    path = RepoPath("a/b")
    made: list[Operation] = [
        AddFile(path, b""),
        AddLarge(path, Sha256("0" * 64)),
        Copy(path, path),
        Delete(path),
        DeleteFolder(path),
    ]
    assert {type(operation) for operation in made} == set(typing.get_args(Operation))
    for operation in made:
        assert operation.path == path
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            operation.path = RepoPath("c")  # type: ignore[misc]


def test_content_is_not_shown() -> None:
    assert "secret" not in repr(AddFile(RepoPath("a"), b"secret"))
