from __future__ import annotations

import json
import struct

import pytest

from entrepot.previews.sources import BytesRangeReader
from entrepot.server.pages.file_previews import view_file
from entrepot.server.rendering import tensor_lists
from entrepot.server.rendering.tensor_lists import TensorFilter


def test_tensors_are_found_by_a_part_of_their_name_and_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    header = {
        name: {"dtype": dtype, "shape": [1], "data_offsets": [4 * at, 4 * at + size]}
        for at, (name, dtype, size) in enumerate([("a.Attn.w", "F32", 4), ("b.attn.w", "I32", 4), ("norm", "F32", 4)])
    }
    told = json.dumps(header).encode()
    source = BytesRangeReader(struct.pack("<Q", len(told)) + told + bytes(12))
    for wanted, expected in (
        (TensorFilter("ATTN"), ["a.Attn.w", "b.attn.w"]),
        (TensorFilter("", "F32"), ["a.Attn.w", "norm"]),
        (TensorFilter("attn", "I32"), ["b.attn.w"]),
        (TensorFilter("none"), []),
    ):
        found = view_file("m.safetensors", source, wanted)
        assert [row[0] for row in found.rows] == expected
        assert ("Tensors", "3") in found.facts, "those of the file, whatever is shown"
        assert found.tensors is not None
        assert (found.tensors.total, found.tensors.dtypes) == (len(expected), [("F32", 2), ("I32", 1)])
    monkeypatch.setattr(tensor_lists, "MAX_ROWS", 1)
    note = view_file("m.safetensors", source).note
    assert note == "Only the first 1 of 3 tensors are listed. Search for a part of a name to find the others."
    assert view_file("m.safetensors", source, TensorFilter("attn")).note == "Only the first 1 of 2 tensors are listed."
    assert view_file("m.safetensors", source, TensorFilter("norm")).note == ""
