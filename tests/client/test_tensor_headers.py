"""Headers of tensor files: parsing, refusals, and the number of bytes that are downloaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.client.tensor_headers import FIRST_READ, header_of, index_of
from entrepot.errors import EntryNotFound, Offline, TensorsUnreadable
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.scripted_hub import Reply, ScriptedHub

REF = RepoRef(RepoType.MODEL, RepoId("alice", "bert"))
PATH = "/alice/bert/resolve/main/model.safetensors"
HEADER = {
    "__metadata__": {"format": "pt"},
    "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "scale": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
}


def tensor_file(header: dict[str, Any], data: bytes = b"\0" * 26) -> bytes:
    """Return a file of the format: length, header, data."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def hub_at(url: str, folder: Path, **more: str) -> Hub:
    return Hub(read_paths({"ENTREPOT_ENDPOINT": url, "ENTREPOT_HOME": str(folder), **more}))


def test_one_request_for_the_beginning_is_enough(scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path) -> None:
    scripted_hub.on("GET", PATH, reply(tensor_file(HEADER), 206))
    header = header_of(hub_at(scripted_hub.url, tmp_path), REF, "main", "model.safetensors")
    assert list(header.tensors) == ["weight", "scale"]
    [seen] = scripted_hub.seen
    assert seen.headers["range"] == f"bytes=0-{FIRST_READ - 1}"


def test_a_long_header_takes_a_second_request(scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path) -> None:
    many = {f"layer.{n}": {"dtype": "I8", "shape": [1], "data_offsets": [n, n + 1]} for n in range(3_000)}
    whole = tensor_file(many)
    assert len(whole) > FIRST_READ
    scripted_hub.on("GET", PATH, reply(whole[:FIRST_READ], 206), reply(whole, 206))
    header = header_of(hub_at(scripted_hub.url, tmp_path), REF, "main", "model.safetensors")
    assert len(header.tensors) == 3_000
    assert len(scripted_hub.seen) == 2


def test_a_hub_without_ranges_sends_the_whole_file(
    scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path
) -> None:
    scripted_hub.on("GET", PATH, reply(tensor_file(HEADER, b"\0" * 300_000)))
    header = header_of(hub_at(scripted_hub.url, tmp_path), REF, "main", "model.safetensors")
    assert len(header.tensors) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\1\2", "only 2 bytes"),
        (struct.pack("<Q", 2**40), "its header would have 1,099,511,627,776 bytes"),
        (struct.pack("<Q", 50) + b"{}", "ends within its header"),
    ],
)
def test_other_files_are_refused(
    scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path, body: bytes, reason: str
) -> None:
    scripted_hub.on("GET", PATH, reply(body, 206))
    with pytest.raises(TensorsUnreadable, match=reason):
        header_of(hub_at(scripted_hub.url, tmp_path), REF, "main", "model.safetensors")


def test_an_empty_file_is_refused(scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path) -> None:
    scripted_hub.on("GET", PATH, reply({"error": "range"}, 416, {"content-range": "bytes */0"}))
    with pytest.raises(TensorsUnreadable, match="only 0 bytes"):
        header_of(hub_at(scripted_hub.url, tmp_path), REF, "main", "model.safetensors")


def test_an_index_maps_tensors_to_files(scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path) -> None:
    index = {"metadata": {"total_size": 26}, "weight_map": {"weight": "a.safetensors"}}
    scripted_hub.on("GET", "/alice/bert/resolve/main/i.json", reply(index), reply(["none"]))
    hub = hub_at(scripted_hub.url, tmp_path)
    found = index_of(hub, REF, "main", "i.json")
    assert (found.weight_map, found.metadata) == ({"weight": "a.safetensors"}, {"total_size": 26})
    with pytest.raises(TensorsUnreadable):
        index_of(hub, REF, "main", "i.json")


def test_a_missing_file_is_not_found(scripted_hub: ScriptedHub, reply: type[Reply], tmp_path: Path) -> None:
    scripted_hub.on("GET", PATH, reply({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"}))
    with pytest.raises(EntryNotFound):
        header_of(hub_at(scripted_hub.url, tmp_path), REF, "main", "model.safetensors")


def test_offline_mode_is_respected(tmp_path: Path) -> None:
    with pytest.raises(Offline):
        header_of(hub_at("http://127.0.0.1:9", tmp_path, ENTREPOT_OFFLINE="1"), REF, "main", "model.safetensors")
