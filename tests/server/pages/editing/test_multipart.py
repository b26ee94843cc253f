from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import LimitExceeded, Malformed
from entrepot.server.pages.editing.multipart import MAX_PARTS, boundary_of, fields_of, read_parts


def encode(parts: list[tuple[str, bytes]], boundary: bytes = b"X") -> bytes:
    pieces = [b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary, names.encode(), data)
              for names, data in parts]  # fmt: skip
    return b"".join(pieces) + b"--" + boundary + b"--\r\n"


def test_fields_and_files_are_ranges_of_the_body() -> None:
    body = encode(
        [('name="a"', "é".encode()), ('name="files"; filename="b %22c%22.txt"', b"\r\n--\r\n"), ('name="a"', b"")]
    )
    parts = read_parts(body, b"X")
    assert [(part.name, part.filename, part.size) for part in parts] == [
        ("a", None, 2),
        ("files", 'b "c".txt', 6),
        ("a", None, 0),
    ]
    assert body[parts[1].start : parts[1].end] == b"\r\n--\r\n"
    assert fields_of(body, parts) == {"a": ["é", ""]}


def test_a_form_without_parts_is_empty() -> None:
    assert read_parts(b"--X--\r\n", b"X") == []


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_every_content_comes_back(contents: list[bytes]) -> None:
    boundary = b"boundary-that-is-in-no-content-of-this-size-1234"
    body = encode([('name="f"; filename="x"', data) for data in contents], boundary)
    assert [body[part.start : part.end] for part in read_parts(body, boundary)] == contents


@given(st.binary(max_size=200))
def test_any_bytes_are_parts_or_an_error(data: bytes) -> None:
    for body in (data, b"--X\r\n" + data, encode([('name="f"', data)])):
        try:
            parts = read_parts(body, b"X")
        except Malformed:
            continue
        assert all(0 <= part.start <= part.end <= len(body) for part in parts)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"--X", b"--X\r\n", b"--Xy\r\n\r\n\r\n--X--", encode([('filename="a"', b"")]),
        b"--X\r\n\r\n\r\n--X--", encode([('name="a"', b"b")])[:-7], b"--X\r\nA: \xff\r\n\r\n\r\n--X--",
        b"--X\r\n" + b"a" * 20_000 + b"\r\n\r\n\r\n--X--",
    ],
)  # fmt: skip
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_parts(body, b"X")


def test_a_field_that_is_no_text_is_refused() -> None:
    body = encode([('name="a"', b"\xff")])
    with pytest.raises(Malformed):
        fields_of(body, read_parts(body, b"X"))


def test_too_many_parts_are_refused() -> None:
    body = encode([('name="a"', b"")] * (MAX_PARTS + 1))
    with pytest.raises(LimitExceeded):
        read_parts(body, b"X")
    assert len(read_parts(encode([('name="a"', b"")] * MAX_PARTS), b"X")) == MAX_PARTS


def test_the_boundary_is_in_the_type() -> None:
    for text in ("multipart/form-data; boundary=ab-c", 'Multipart/Form-Data;charset=utf-8; boundary="ab-c"'):
        assert boundary_of(text) == b"ab-c"
    for text in (
        "",
        "multipart/form-data",
        "application/x-www-form-urlencoded; boundary=x",
        "multipart/form-data; boundary=",
    ):
        with pytest.raises(Malformed):
            boundary_of(text)
