from __future__ import annotations

import hashlib
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.names import XetHash, parse_xet_hash
from entrepot.xet import (
    ZERO_HASH,
    MerkleTree,
    chunk_hash,
    encode_hash,
    file_hash,
    keyed_chunk_hash,
    merkle_root,
    range_hash,
    read_hash,
    xorb_hash,
)
from entrepot.xet.hashes import DATA_KEY, FILE_KEY, NODE_KEY, RANGE_KEY


def node_hash(hashes: bytes, lengths: list[int]) -> bytes:
    """Return the hash of an inner node: that of one line of text for each child, its hash and its length."""
    children = zip(range(0, len(hashes), 32), lengths, strict=True)
    lines = [f"{read_hash(hashes[at : at + 32])} : {length}\n" for at, length in children]
    return blake3("".join(lines).encode(), key=NODE_KEY).digest()


def reference_root(nodes: list[tuple[bytes, int]]) -> bytes:
    """Return the root of the tree, computed one node at a time as in the specification."""
    while len(nodes) > 1:
        above, i = [], 0
        while i < len(nodes):
            j = min(i + 9, len(nodes))
            if len(nodes) - i > 2:
                for k in range(i + 2, j):
                    if int.from_bytes(nodes[k][0][24:], "little") % 4 == 0:
                        j = k + 1
                        break
            children = nodes[i:j]
            lengths = [length for _, length in children]
            above.append((node_hash(b"".join(raw for raw, _ in children), lengths), sum(lengths)))
            i = j
        nodes = above
    return nodes[0][0] if nodes else bytes(32)


def many(count: int) -> tuple[bytes, list[int]]:
    digests = [hashlib.sha256(str(number).encode()).digest() for number in range(count)]
    return b"".join(digests), [8192 + 7 * number % 122880 for number in range(count)]


def test_the_keys_are_those_of_the_protocol(vectors: dict[str, Any]) -> None:
    known = vectors["constants"]
    names = ("data_key_hex", "internal_node_key_hex", "verification_key_hex", "file_hash_salt_hex")
    assert [key.hex() for key in (DATA_KEY, NODE_KEY, RANGE_KEY, FILE_KEY)] == [known[name] for name in names]


def test_a_hash_has_its_text_form(vectors: dict[str, Any]) -> None:
    for vector in vectors["string_conversion"]:
        raw = bytes.fromhex(vector["raw_hex"])
        assert read_hash(raw) == vector["string"]
        assert encode_hash(XetHash(vector["string"])) == raw


@given(st.binary(min_size=32, max_size=32))
def test_the_text_form_comes_back(raw: bytes) -> None:
    assert encode_hash(parse_xet_hash(read_hash(raw))) == raw


@pytest.mark.parametrize("size", [0, 31, 33])
def test_other_bytes_are_no_hash(size: int) -> None:
    with pytest.raises(Malformed):
        read_hash(bytes(size))


def test_a_chunk_has_its_hash(vectors: dict[str, Any]) -> None:
    for vector in vectors["chunk_hash"]:
        raw = chunk_hash(vector["input_ascii"].encode())
        assert (raw.hex(), read_hash(raw)) == (vector["raw_hex"], vector["string"])


def test_an_inner_node_has_its_hash(vectors: dict[str, Any]) -> None:
    for vector in vectors["internal_node"]:
        hashes = b"".join(encode_hash(child["hash"]) for child in vector["children"])
        assert read_hash(node_hash(hashes, [child["size"] for child in vector["children"]])) == vector["result"]


def test_a_range_has_its_hash(vectors: dict[str, Any]) -> None:
    for vector in vectors["range_verification"]:
        assert read_hash(range_hash(b"".join(map(encode_hash, vector["chunk_hashes"])))) == vector["result"]


def test_a_keyed_hash_is_the_one_that_clients_compute(vectors: dict[str, Any]) -> None:
    for vector in vectors["dedup_response_shard"]:
        raw = keyed_chunk_hash(chunk_hash(b"Hello World!"), bytes.fromhex(vector["hmac_key_hex"]))
        assert read_hash(raw) == vector["keyed_chunk_hash"]


def test_trees_are_those_of_the_reference(tree: dict[str, Any]) -> None:
    hashes = b"".join(encode_hash(chunk["hash"]) for chunk in tree["chunks"])
    lengths = [chunk["length"] for chunk in tree["chunks"]]
    assert xorb_hash(hashes, lengths) == tree["xorb_hash"]
    for salted in tree["file_hash_by_salt"]:
        key = encode_hash(salted["salt"])
        found = read_hash(keyed_chunk_hash(merkle_root(hashes, lengths), key)) if lengths else ZERO_HASH
        assert found == salted["file_hash"]
        assert any(key) or file_hash(hashes, lengths) == salted["file_hash"]


def test_files_have_the_hash_that_the_client_gave_them(upload: Any) -> None:
    chunks = upload.vector["file_chunks"]
    assert file_hash(b"".join(encode_hash(chunk["hash"]) for chunk in chunks), upload.lengths) == upload.file_hash


def test_nothing_hashes_to_zeros() -> None:
    assert (merkle_root(b"", []), xorb_hash(b"", []), file_hash(b"", [])) == (bytes(32), ZERO_HASH, ZERO_HASH)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=60), st.data())
def test_a_tree_does_not_depend_on_how_its_chunks_are_split(raws: list[bytes], data: st.DataObject) -> None:
    # Bytes 24 decide where nodes end; hypothesis likes zeros there, so many shapes are tried.
    tree = MerkleTree()
    at = 0
    while at < len(raws):
        step = data.draw(st.integers(1, 20))
        tree.add(b"".join(raws[at : at + step]), [1] * len(raws[at : at + step]))
        at += step
        assert tree.root() == reference_root([(raw, 1) for raw in raws[:at]])
    assert tree.root() == reference_root([(raw, 1) for raw in raws])


@pytest.mark.parametrize("count", [8191, 8192, 8193, 20_000])
def test_long_lists_are_hashed_in_blocks_without_a_seam(count: int) -> None:
    hashes, lengths = many(count)
    expected = reference_root([(hashes[32 * i : 32 * i + 32], lengths[i]) for i in range(count)])
    assert merkle_root(hashes, lengths) == expected


def test_hashes_without_their_lengths_are_malformed() -> None:
    with pytest.raises(Malformed):
        merkle_root(bytes(64), [1])
