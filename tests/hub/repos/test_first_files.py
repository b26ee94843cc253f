from __future__ import annotations

import pytest

from entrepot.errors import InvalidPath, Refused
from entrepot.git import EMPTY_TREE, Kind
from entrepot.hub.repos.first_files import MAX_BYTES, MAX_FILES, compose, objects_of
from entrepot.names import RepoPath, RepoType

MODEL = RepoType.MODEL


def test_a_space_has_a_readme_with_its_sdk() -> None:
    files = compose(RepoType.SPACE, "my-space", {}, sdk=None, license_id=None)
    assert list(files) == [".gitattributes", "README.md"]
    assert b"title: My Space\n" in files[RepoPath("README.md")]
    assert b"sdk: static\n" in files[RepoPath("README.md")]


def test_given_files_replace_those_of_every_repository() -> None:
    files = compose(MODEL, "m", {"README.md": b"mine"}, sdk=None, license_id="mit")
    assert files[RepoPath("README.md")] == b"mine"


def test_a_path_that_breaks_the_rules_is_refused() -> None:
    with pytest.raises(InvalidPath):
        compose(MODEL, "m", {"../x": b""}, sdk=None, license_id=None)


def test_files_are_limited_in_number_and_size() -> None:
    most = {f"{number}": b"" for number in range(MAX_FILES - 1)}
    assert len(compose(MODEL, "m", most, sdk=None, license_id=None)) == MAX_FILES
    with pytest.raises(Refused, match="1,000 files"):
        compose(MODEL, "m", most | {"one more": b""}, sdk=None, license_id=None)
    with pytest.raises(Refused, match="10 MiB"):
        compose(MODEL, "m", {"x": bytes(MAX_BYTES)}, sdk=None, license_id=None)


def test_without_files_there_is_the_empty_tree() -> None:
    root, made = objects_of({})
    assert root == EMPTY_TREE
    assert [(item.oid, item.kind) for item in made] == [(EMPTY_TREE, Kind.TREE)]


def test_every_file_and_folder_is_an_object() -> None:
    root, made = objects_of({RepoPath("a/b"): b"1", RepoPath("c"): b"2"})
    assert sorted(item.kind.value for item in made) == ["blob", "blob", "tree", "tree"]
    assert root in {item.oid for item in made}
