from __future__ import annotations

import pytest

from entrepot.blobs.keys import check_key, check_prefix, check_upload, file_key
from entrepot.errors import InvalidName
from entrepot.names import Sha256


def test_a_file_is_stored_two_folders_deep() -> None:
    digest = Sha256("abcd" + "0" * 60)
    assert file_key(digest) == f"files/ab/cd/{digest}"
    assert check_key(file_key(digest)) == file_key(digest)


def test_long_keys_are_refused() -> None:
    assert check_key("a" * 200) == "a" * 200
    with pytest.raises(InvalidName):
        check_key("a" * 201)
    with pytest.raises(InvalidName):
        check_key("/".join(["a" * 100] * 6))


@pytest.mark.parametrize("key", ["a\n", "a/b\n", "\u0661", "incoming", "incoming/parts/x"])
def test_no_such_keys(key: str) -> None:
    with pytest.raises(InvalidName):
        check_key(key)


@pytest.mark.parametrize("prefix", ["", "a", "a/", "files/ab/c", "a/..x"])
def test_prefixes_are_any_beginning_of_a_key(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["/", "/etc", "a//", "../x", "a/../b", "a\x00", "a" * 600])
def test_prefixes_that_begin_no_key_are_refused(prefix: str) -> None:
    with pytest.raises(InvalidName):
        check_prefix(prefix)


def test_upload_ids_are_one_segment() -> None:
    assert check_upload("up_1-2.x") == "up_1-2.x"
    with pytest.raises(InvalidName):
        check_upload("up\n")
