from __future__ import annotations

import msgspec

from entrepot.wire.files.tensors import HeaderEntry, ModelHeadersResponse, TensorIndex


def test_headers_are_those_of_the_files_and_an_absent_index_is_empty() -> None:
    tensor: HeaderEntry = {"dtype": "F32", "shape": (2, 3), "data_offsets": (0, 24)}
    made = ModelHeadersResponse(
        headers={"a.safetensors": {"__metadata__": {"format": "pt"}, "weight": tensor}}, index=TensorIndex()
    )
    assert msgspec.json.encode(made) == (
        b'{"headers":{"a.safetensors":{"__metadata__":{"format":"pt"},'
        b'"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}},"index":{}}'
    )
    assert msgspec.json.encode(TensorIndex(metadata={"total_size": 1})) == b'{"metadata":{"total_size":1}}'
