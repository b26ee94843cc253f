"""Metadata of weights, compared with that of another client."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from huggingface_hub import HfApi as Oracle

import entrepot

Write = Callable[[dict[str, bytes]], str]


def tensor_file(**shapes: list[int]) -> bytes:
    """Return a file with tensors of 16-bit numbers, all zero."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def test_a_model_in_one_file(at_hub: object, write_repo: Write, oracle: Oracle) -> None:
    repo = write_repo({"model.safetensors": tensor_file(weight=[30, 4], bias=[4])})
    found = entrepot.get_safetensors_metadata(repo)
    assert found.parameter_count == {"F16": 124}
    assert found.weight_map == {"weight": "model.safetensors", "bias": "model.safetensors"}
    assert (found.sharded, found.metadata) == (False, None)
    assert dataclasses.asdict(found) == dataclasses.asdict(oracle.get_safetensors_metadata(repo))


def test_a_model_in_several_files(at_hub: object, write_repo: Write, oracle: Oracle) -> None:
    index = {"metadata": {"total_size": 248}, "weight_map": {"weight": "1.safetensors", "bias": "2.safetensors"}}
    files = {
        "1.safetensors": tensor_file(weight=[30, 4]),
        "2.safetensors": tensor_file(bias=[4]),
        "model.safetensors.index.json": json.dumps(index).encode(),
    }
    repo = write_repo(files)
    found = entrepot.get_safetensors_metadata(repo)
    assert (found.sharded, found.parameter_count) == (True, {"F16": 124})
    assert list(found.files_metadata) == ["1.safetensors", "2.safetensors"]
    assert dataclasses.asdict(found) == dataclasses.asdict(oracle.get_safetensors_metadata(repo))


def test_one_file_of_any_name(at_hub: object, write_repo: Write) -> None:
    repo = write_repo({"adapter.safetensors": tensor_file(lora=[2, 2]), "notes.txt": b"no weights at all"})
    found = entrepot.parse_safetensors_file_metadata(repo, "adapter.safetensors")
    assert found.tensors == {"lora": entrepot.TensorInfo("F16", [2, 2], (0, 8), 4)}
    assert found.metadata == {"format": "pt"}
    with pytest.raises(entrepot.SafetensorsParsingError, match=r"'notes\.txt' is not a safetensors file"):
        entrepot.parse_safetensors_file_metadata(repo, "notes.txt")
    with pytest.raises(entrepot.EntryNotFoundError):
        entrepot.parse_safetensors_file_metadata(repo, "none.safetensors")
    with pytest.raises(entrepot.NotASafetensorsRepoError, match=r"neither model\.safetensors nor"):
        entrepot.get_safetensors_metadata(repo)
    with pytest.raises(entrepot.RepositoryNotFoundError):
        entrepot.get_safetensors_metadata("tester/there-is-none")
