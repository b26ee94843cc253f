from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.server.raw_path import decode_segment, raw_path, split_revision


def test_an_encoded_slash_stays_encoded_until_its_segment_is_decoded() -> None:
    path = raw_path({"path": "/tree/main/a/b", "raw_path": b"/tree/main/a%2Fb"})
    assert path == "/tree/main/a%2Fb"
    assert decode_segment(path.rpartition("/")[2]) == "a/b"


def test_a_query_is_no_part_of_the_raw_path() -> None:
    assert raw_path({"path": "/a", "raw_path": b"/a?token=secret"}) == "/a"


def test_without_a_raw_path_the_decoded_one_is_encoded_again() -> None:
    assert raw_path({"path": "/é x"}) == "/%C3%A9%20x"


@pytest.mark.parametrize("text", ["%", "%2", "%zz", "a%-1"])
def test_a_broken_escape_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="hex digits"):
        decode_segment(text)


@pytest.mark.parametrize("text", ["%ff", "%C3", "%ed%a0%80", "\xff"])
def test_bytes_that_are_not_utf8_are_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        decode_segment(text)


def test_text_and_plus_signs_are_taken_as_they_are() -> None:
    assert decode_segment("a+b.txt") == "a+b.txt"
    assert decode_segment("%E2%9C%93+") == "✓+"


@pytest.mark.parametrize(
    ("tail", "revision", "path"),
    [
        ("main", "main", ""),
        ("main/", "main", ""),
        ("main/a/b.txt", "main", "a/b.txt"),
        ("main/a%2Fb.txt", "main", "a/b.txt"),
        ("feature%2Fx/a", "feature/x", "a"),
        ("refs%2Fpr%2F1/a", "refs/pr/1", "a"),
        ("refs/pr/1/a/b", "refs/pr/1", "a/b"),
        ("refs/convert/parquet", "refs/convert/parquet", ""),
        ("refs/x", "refs/x", ""),
        ("", "", ""),
    ],
)
def test_a_revision_is_one_segment_or_three_below_refs(tail: str, revision: str, path: str) -> None:
    assert split_revision(tail) == (revision, path)
