from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.git import MAX_POINTER_BYTES, Pointer, parse_pointer, render_pointer
from entrepot.names import Sha256

DIGEST = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
VERSION = b"version https://git-lfs.github.com/spec/v1\n"
OID = f"oid sha256:{DIGEST}\n".encode()
# The example of git-lfs, docs/spec.md, "The Pointer".
EXAMPLE = VERSION + OID + b"size 12345\n"
POINTER = Pointer(Sha256(DIGEST), 12345)


def test_the_example_of_the_specification_is_read_and_written() -> None:
    assert parse_pointer(EXAMPLE) == POINTER
    assert render_pointer(POINTER) == EXAMPLE


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**63 - 1))
def test_pointers_come_back_as_they_went(digest: bytes, size: int) -> None:
    pointer = Pointer(Sha256(digest.hex()), size)
    assert parse_pointer(render_pointer(pointer)) == pointer


@pytest.mark.parametrize(
    "content",
    [
        EXAMPLE.rstrip(),
        EXAMPLE.replace(b"\n", b"\r\n"),
        EXAMPLE + b"\n",
        VERSION + b"ext-0-foo sha256:ab\next-1-bar sha256:cd\n" + OID + b"size 12345\n",
        EXAMPLE.replace(b"git-lfs", b"hawser"),
    ],
)
def test_a_text_that_git_lfs_takes_for_a_pointer_is_one(content: bytes) -> None:
    assert parse_pointer(content) == POINTER


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text\n",
        VERSION + b"size 12345\n" + OID,
        OID + VERSION + b"size 12345\n",
        VERSION + OID,
        VERSION + OID + b"size -1\n",
        VERSION + OID + b"size 9223372036854775808\n",
        VERSION + OID + b"size 1\nzebra 1\n",
        VERSION + b"ext-1-bar sha256:cd\next-0-foo sha256:ab\n" + OID + b"size 12345\n",
        EXAMPLE.replace(b"sha256", b"sha512"),
        EXAMPLE.replace(b"4d7a", b"4D7A"),
        EXAMPLE.replace(b"spec/v1", b"spec/v9"),
        EXAMPLE + b" " * MAX_POINTER_BYTES,
    ],
)
def test_everything_else_is_no_pointer(content: bytes) -> None:
    assert parse_pointer(content) is None


def test_the_longest_pointer_has_1024_bytes() -> None:
    fill = MAX_POINTER_BYTES - len(EXAMPLE)
    assert parse_pointer(EXAMPLE + b"\n" * fill) == POINTER
    assert parse_pointer(EXAMPLE + b"\n" * (fill + 1)) is None


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_pointer(tail: bytes) -> None:
    assert parse_pointer(tail) is None
    assert parse_pointer(VERSION + tail) is None
