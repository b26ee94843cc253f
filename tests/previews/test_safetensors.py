from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest

from entrepot.errors import Malformed
from entrepot.previews import safetensors
from entrepot.previews.safetensors import Tensor
from entrepot.previews.sources import BytesRangeReader
from tests.support.memory import measured_peak

HEADER: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "scale": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
}


def tensor_file(header: object, data: bytes = bytes(26)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_a_header_has_tensors_by_name_and_metadata() -> None:
    header = safetensors.read_header(BytesRangeReader(tensor_file(HEADER)))
    assert header.metadata == {"format": "pt"}
    assert header.tensors == {"weight": Tensor("F32", (2, 3), (0, 24)), "scale": Tensor("BF16", (), (24, 26))}
    assert safetensors.count_parameters([header, header]) == {"F32": 12, "BF16": 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\1\2", "only 2 bytes"),
        (struct.pack("<Q", 2**40), "would have 1,099,511,627,776 bytes"),
        (struct.pack("<Q", 50) + b"{}", "ends within its header"),
        (tensor_file(HEADER, b""), "the tensor 'weight' lies outside the file"),
        (tensor_file({"a": {"dtype": "I8", "shape": [-1], "data_offsets": [0, 1]}}), "outside the file"),
        (tensor_file({"a": {"dtype": "I8", "shape": [1], "data_offsets": [3, 1]}}), "outside the file"),
        (tensor_file([1]), "Expected `object`"),
        (tensor_file({"__metadata__": 3}), "Expected `object`"),
    ],
)
def test_other_files_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        safetensors.read_header(BytesRangeReader(data))


def test_a_header_above_the_limit_is_not_read() -> None:
    with pytest.raises(Malformed, match="its header would have"):
        safetensors.read_header(BytesRangeReader(tensor_file(HEADER)), most=10)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Malformed):
        safetensors.parse_header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def test_an_index_maps_tensors_to_files() -> None:
    index = safetensors.parse_index(b'{"metadata": {"total_size": 26}, "weight_map": {"weight": "a.safetensors"}}')
    assert index.weight_map == {"weight": "a.safetensors"}
    with pytest.raises(Malformed, match="index of safetensors files"):
        safetensors.parse_index(b"[]")


def test_damaged_headers_are_read_or_refused() -> None:
    chance, whole = random.Random(7), tensor_file(HEADER)
    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            safetensors.read_header(BytesRangeReader(bytes(data[: chance.randint(0, len(data))])))
        except Malformed:
            continue


@pytest.mark.parametrize("shape", [[2**62, 4], [2**63 - 1] * 20_000, [1] * 65])
def test_impossible_shapes_are_refused_before_they_are_multiplied(shape: list[int]) -> None:
    entry = {"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}
    with pytest.raises(Malformed, match="the shape of the tensor 'w' is impossible"):
        safetensors.read_header(BytesRangeReader(tensor_file(entry, b"")))


@pytest.mark.parametrize(
    "entries",
    [
        b",".join(b'"%d": 1' % at for at in range(500_000)),
        b'"__metadata__": {' + b",".join(b'"%d": ""' % at for at in range(500_000)) + b"}",
        b'"w": {"dtype": "F32", "data_offsets": [0, 0], "shape": [' + b"0," * 3_000_000 + b"0]}",
    ],
)
def test_entries_that_are_small_as_text_and_large_in_memory_are_refused(entries: bytes) -> None:
    data = b"{" + entries + b"}"
    with measured_peak() as peak, pytest.raises(Malformed):
        safetensors.parse_header(data)
    assert peak.grown < 32 << 20


def test_the_files_of_a_model_are_those_of_its_index() -> None:
    index = (
        b'{"metadata": {"a": [{}]}, "weight_map": {"w": "a.safetensors", "v": "b.safetensors", "u": "a.safetensors"}}'
    )
    assert safetensors.parse_shards(index) == {"a.safetensors", "b.safetensors"}
    for damaged in (b"[]", b'{"weight_map": {' + b",".join(b'"%d": ""' % at for at in range(600_000)) + b"}}"):
        with pytest.raises(Malformed):
            safetensors.parse_shards(damaged)
