from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.errors import ContentMismatch
from entrepot.git import EMPTY_TREE, BlobHasher, Kind, oid_of


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\0\xff" * 1000])
def test_a_file_object_has_the_id_git_gives_it(git: Callable[..., bytes], content: bytes) -> None:
    assert oid_of(Kind.BLOB, content) == git("hash-object", "--stdin", given=content).decode().strip()


def test_the_empty_tree_has_its_well_known_id(git: Callable[..., bytes]) -> None:
    assert oid_of(Kind.TREE, b"") == EMPTY_TREE == git("mktree").decode().strip()


def test_a_streamed_file_has_the_id_of_the_whole() -> None:
    hasher = BlobHasher(7)
    hasher.update(b"abc")
    hasher.update(memoryview(b"defg"))
    assert hasher.oid() == oid_of(Kind.BLOB, b"abcdefg")


@pytest.mark.parametrize("announced", [6, 8])
def test_a_stream_of_another_length_than_announced_has_no_id(announced: int) -> None:
    hasher = BlobHasher(announced)
    hasher.update(b"abcdefg")
    with pytest.raises(ContentMismatch):
        hasher.oid()
