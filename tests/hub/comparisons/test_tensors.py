from __future__ import annotations

import json
import struct

import pytest

from entrepot.errors import Malformed
from entrepot.hub.comparisons.sides import ComparedFile, ReadBudget
from entrepot.hub.comparisons.tensors import compare_gguf, compare_safetensors
from entrepot.previews.sources import BytesRangeReader


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], **metadata: str) -> bytes:
    """A file of these tensors: type, shape and bytes of each."""
    header, data = dict[str, object](__metadata__=metadata), b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def sides(old: bytes, new: bytes) -> tuple[ComparedFile, ComparedFile]:
    budget = ReadBudget()
    return ComparedFile(BytesRangeReader(old), None, budget), ComparedFile(BytesRangeReader(new), None, budget)


def test_tensors_are_added_removed_reshaped_changed_or_equal() -> None:
    old = safetensors(
        {
            "same": ("U8", [4], b"abcd"),
            "changed": ("U8", [4], b"abcd"),
            "gone": ("U8", [1], b"x"),
            "wider": ("U8", [2], b"xy"),
            "typed": ("I8", [2], b"xy"),
        },
        format="pt",
        step="1",
    )
    new = safetensors(
        {
            "new": ("U8", [1], b"x"),
            "same": ("U8", [4], b"abcd"),
            "changed": ("U8", [4], b"abXd"),
            "wider": ("U8", [3], b"xyz"),
            "typed": ("U8", [2], b"xy"),
        },
        format="pt",
        step="2",
    )
    found = compare_safetensors(*sides(old, new))
    assert {change.name: change.kind for change in found.tensors} == {
        "new": "added",
        "changed": "changed",
        "gone": "removed",
        "wider": "reshaped",
        "typed": "reshaped",
    }
    assert (found.equal, found.equal_bytes) == (1, 4)
    assert [(item.key, item.old, item.new) for item in found.metadata] == [("step", "1", "2")]


def test_files_that_are_no_models_are_refused() -> None:
    with pytest.raises(Malformed):
        compare_safetensors(*sides(b"nothing", b"nothing"))
    with pytest.raises(Malformed):
        compare_gguf(*sides(b"nothing", b"nothing"))


def gguf(metadata: dict[str, str], tensors: dict[str, tuple[int, ...]]) -> bytes:
    """A file of texts and of tensors of type F32."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += text(key) + struct.pack("<I", 8) + text(value)
    for name, shape in tensors.items():
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", 0, 0)
    return head


def test_headers_of_gguf_files_are_compared() -> None:
    old = gguf({"general.architecture": "llama", "general.name": "a" * 300}, {"w": (2, 3), "v": (1,)})
    new = gguf({"general.architecture": "llama", "general.name": "b"}, {"w": (2, 4), "v": (1,), "u": (1,)})
    found = compare_gguf(*sides(old, new))
    assert [(item.key, item.new) for item in found.metadata] == [("general.name", "b")]
    assert found.metadata[0].old == "a" * 200 + "…"
    assert {change.name: change.kind for change in found.tensors} == {"w": "reshaped", "u": "added"}
    assert found.equal == 1


def test_tensors_that_overlap_are_not_compared() -> None:
    names = {f"t{number}": {"dtype": "U8", "shape": [100], "data_offsets": [0, 100]} for number in range(50)}
    text = json.dumps(names).encode()
    data = struct.pack("<Q", len(text)) + text + b"x" * 100
    with pytest.raises(Malformed, match="overlap"):
        compare_safetensors(*sides(safetensors({"a": ("U8", [1], b"x")}), data))
