"""Content ids of the old format, computed and checked."""

from __future__ import annotations

import hashlib
import json

import pytest

from entrepot.errors import ContentMismatch, InvalidName, Malformed
from entrepot.workspace.manifests import Cid, DescriptorHasher, cid_of, parse_cid, read_descriptor
from entrepot.workspace.manifests.cids import CHUNK_BYTES

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def decode(cid: str) -> bytes:
    number = 0
    for digit in cid[1:]:
        number = number * 58 + ALPHABET.index(digit)
    return number.to_bytes(36, "big")


def test_an_id_of_a_published_repository_has_this_shape() -> None:
    # An id in a manifest that ML-Git has written.
    published = "zdj7WWsMkELZSGQGgpm5VieCWV8NxY5n5XEP73H4E7eeDMA3A"
    assert decode(published)[:4] == bytes.fromhex("01701220")
    assert parse_cid(published) == published


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 1000])
def test_an_id_has_the_digest_of_its_object(data: bytes) -> None:
    cid = cid_of(data)
    assert parse_cid(cid) == cid
    assert decode(cid) == bytes.fromhex("01701220") + hashlib.sha256(data).digest()


def test_a_content_is_a_descriptor_of_its_chunks() -> None:
    data = bytes(CHUNK_BYTES) + b"rest"
    hasher = DescriptorHasher()
    for at in range(0, len(data), 10_001):
        hasher.update(data[at : at + 10_001])
    first, second = cid_of(bytes(CHUNK_BYTES)), cid_of(b"rest")
    text = f'{{"Links": [{{"Hash": "{first}", "Size": 262144}}, {{"Hash": "{second}", "Size": 4}}]}}'
    assert hasher.descriptor() == text.encode()
    assert hasher.cid() == cid_of(text.encode())


def test_an_empty_content_has_no_chunks() -> None:
    assert DescriptorHasher().descriptor() == b'{"Links": []}'


def test_a_descriptor_is_read() -> None:
    hasher = DescriptorHasher()
    hasher.update(b"abc")
    text = hasher.descriptor()
    found = read_descriptor(text, cid_of(text))
    assert found.links == ((cid_of(b"abc"), 3),)
    assert found.size == 3


def test_a_descriptor_with_other_bytes_is_refused() -> None:
    with pytest.raises(ContentMismatch):
        read_descriptor(b'{"Links": []} ', cid_of(b'{"Links": []}'))


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"Links": {}},
        {"Links": [{"Hash": "x", "Size": 1}]},
        {"Links": [{"Hash": cid_of(b"x"), "Size": 0}]},
        {"Links": [{"Hash": cid_of(b"x"), "Size": CHUNK_BYTES + 1}]},
        {"Links": [{"Hash": cid_of(b"x")}]},
    ],
)
def test_a_document_that_is_no_descriptor_is_refused(document: object) -> None:
    text = json.dumps(document).encode()
    with pytest.raises(Malformed, match="descriptor"):
        read_descriptor(text, cid_of(text))


@pytest.mark.parametrize("text", ["", "zdj7W", "../../etc/passwd", "zdj7W" + "0" * 44, "zdj7W" + "1" * 45, "a" * 49])
def test_a_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_cid(text)
    assert Cid(text) == text
