from __future__ import annotations

import json

import httpx2
import pytest
from huggingface_hub.errors import BadRequestError, RemoteEntryNotFoundError, RepositoryNotFoundError

from entrepot.previews import time_limits
from tests.previews.test_safetensors import HEADER, tensor_file
from tests.support.site import Committer, Site

OTHER = {"bias é": {"dtype": "I64", "shape": [3], "data_offsets": [0, 24]}}
WEIGHTS = {"weight": "a.safetensors", "scale": "a.safetensors", "bias é": "b.safetensors"}
MODEL = {
    "a.safetensors": tensor_file(HEADER),
    "b.safetensors": tensor_file(OTHER, bytes(24)),
    "model.safetensors.index.json": json.dumps(
        {"metadata": {"total_size": 50, "more": [1, None]}, "weight_map": WEIGHTS}
    ).encode(),
}


def test_one_request_says_of_a_sharded_model_what_reading_each_file_says(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    Committer(alice).write_large(repo, MODEL)
    api = site.api()
    found = api.get_sharded_safetensors_metadata(repo)
    assert found == api.get_safetensors_metadata(repo)
    assert found.parameter_count == {"F32": 6, "BF16": 1, "I64": 3}
    assert found.metadata == {"total_size": 50, "more": [1, None]}


def test_a_model_in_one_file_has_the_same_shape(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    Committer(alice).write(repo, {"model.safetensors": MODEL["a.safetensors"]})
    found = site.api().get_sharded_safetensors_metadata(repo, filename="model.safetensors")
    expected = site.api().get_safetensors_metadata(repo)
    assert (found.files_metadata, found.weight_map, found.metadata) == (
        expected.files_metadata,
        expected.weight_map,
        None,
    )


def test_an_index_in_a_folder_is_found_at_a_revision(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    commit = Committer(alice).write(repo, {f"unet/é {name}": data for name, data in MODEL.items()})
    index = json.dumps({"weight_map": {"weight": "é a.safetensors"}}).encode()
    Committer(alice).write(repo, {"unet/i.json": index})
    found = site.api().get_sharded_safetensors_metadata(repo, filename="unet/i.json")
    assert (found.weight_map, found.metadata) == (dict.fromkeys(["weight", "scale"], "é a.safetensors"), None)
    path = f"/api/models/{repo}/safetensors-metadata/unet/i.json"
    assert alice.get(path, params={"revision": commit}).status_code == 404


def test_errors_are_those_that_the_client_knows(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    api = site.api()
    with pytest.raises(RemoteEntryNotFoundError):
        api.get_sharded_safetensors_metadata(repo)
    with pytest.raises(RemoteEntryNotFoundError):
        api.get_sharded_safetensors_metadata(repo, filename="a/../b")
    Committer(alice).write(repo, {"model.safetensors.index.json": b"{}"})
    with pytest.raises(BadRequestError, match=r"malformed index model\.safetensors\.index\.json: "):
        api.get_sharded_safetensors_metadata(repo)
    private = site.new_repo(visibility="private")
    with pytest.raises(RepositoryNotFoundError):
        site.api(site.bob).get_sharded_safetensors_metadata(private)


def test_the_time_of_a_request_is_limited(site: Site, alice: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = site.new_repo()
    Committer(alice).write(repo, {"model.safetensors": MODEL["a.safetensors"]})
    monkeypatch.setattr(time_limits, "MAX_CPU_S", 0.0)
    answer = alice.get(f"/api/models/{repo}/safetensors-metadata/model.safetensors")
    assert (answer.status_code, "too much time" in answer.text) == (400, True)
