from __future__ import annotations

import json

import pytest

from entrepot.errors import EntryNotFound, GatedRepo, LimitExceeded, Malformed, RepoNotFound
from entrepot.hub.comparisons import tensor_headers
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoPath, RepoRef
from entrepot.previews.safetensors import Tensor
from tests.previews.test_safetensors import HEADER, tensor_file
from tests.support.worlds import World

INDEX = RepoPath("model.safetensors.index.json")


def index(*files: str) -> bytes:
    return json.dumps(
        {"metadata": {"total_size": 26}, "weight_map": {f"t{n}": name for n, name in enumerate(files)}}
    ).encode()


def sharded(world: World, *files: str, of: bytes = tensor_file(HEADER)) -> RepoRef:
    model = world.repo()
    for file in files:
        world.add(model, file, of)
    world.add(model, INDEX, index(*files))
    return model


def test_the_files_of_an_index_are_read_at_one_commit_large_and_small_ones(world: World) -> None:
    model = world.repo()
    world.add_large(model, "b.safetensors", tensor_file(HEADER))
    world.add(model, "a.safetensors", tensor_file({}, b""))
    world.add(model, INDEX, index("b.safetensors", "a.safetensors", "b.safetensors"))
    found = tensor_headers.read_headers(world.hub, None, model, "main", INDEX)
    assert list(found.headers) == ["a.safetensors", "b.safetensors"]
    assert found.headers["b.safetensors"].tensors["weight"] == Tensor("F32", (2, 3), (0, 24))
    assert found.headers["b.safetensors"].metadata == {"format": "pt"}
    assert found.headers["a.safetensors"].tensors == {}
    assert (found.metadata, found.commit) == ({"total_size": 26}, world.head(model))


def test_an_index_names_files_of_its_own_folder(world: World) -> None:
    model = world.repo()
    world.add(model, "unet/w.safetensors", tensor_file(HEADER))
    world.add(model, "unet/w.safetensors.index.json", index("w.safetensors"))
    found = tensor_headers.read_headers(world.hub, None, model, "main", RepoPath("unet/w.safetensors.index.json"))
    assert list(found.headers) == ["w.safetensors"]


def test_one_file_is_a_model_without_an_index(world: World) -> None:
    model = world.repo()
    world.add(model, "model.safetensors", tensor_file(HEADER))
    found = tensor_headers.read_headers(world.hub, None, model, "main", RepoPath("model.safetensors"))
    assert (list(found.headers), found.metadata) == (["model.safetensors"], None)


def test_an_absent_file_of_the_index_is_named(world: World) -> None:
    model = world.repo()
    world.add(model, INDEX, index("gone.safetensors"))
    with pytest.raises(EntryNotFound) as caught:
        tensor_headers.read_headers(world.hub, None, model, "main", INDEX)
    assert caught.value.message == f"Entry not found: gone.safetensors, which {INDEX} names"


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("m.json", b"[]", "malformed index m.json: "),
        ("m.json", index("../secret"), "malformed index m.json: it names the file '../secret'"),
        ("m.json", b'{"weight_map": {}, "metadata": {"a": "%s"}}' % bytes(300_000).hex().encode(), "262,144 bytes"),
        ("m.json", b'{"weight_map": {}, "metadata": [1]}', "malformed index m.json: "),
        ("m.bin", b"\1\2", "malformed safetensors file m.bin: it has only 2 bytes"),
    ],
)
def test_files_that_are_not_what_their_names_say_are_named(world: World, path: str, data: bytes, words: str) -> None:
    model = world.repo()
    world.add(model, path, data)
    with pytest.raises(Malformed) as caught:
        tensor_headers.read_headers(world.hub, None, model, "main", RepoPath(path))
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("limit", "most", "words"),
    [
        ("MAX_HEADERS", 300, "the size of the headers of the model in bytes exceeds the limit of 300"),
        ("MAX_TENSORS", 3, "the number of tensors of the model exceeds the limit of 3"),
        ("MAX_SHARDS", 1, f"the number of files that {INDEX} names exceeds the limit of 1"),
        ("MAX_INDEX", 10, f"the size of {INDEX} in bytes exceeds the limit of 10"),
    ],
)
def test_a_model_is_read_within_bounds_of_all_its_files(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, words: str
) -> None:
    model = sharded(world, "a.safetensors", "b.safetensors")
    assert len(tensor_headers.read_headers(world.hub, None, model, "main", INDEX).headers) == 2
    monkeypatch.setattr(tensor_headers, limit, most)
    with pytest.raises(LimitExceeded, match=words):
        tensor_headers.read_headers(world.hub, None, model, "main", INDEX)


def test_headers_are_as_protected_as_their_files(world: World) -> None:
    model = sharded(world, "a.safetensors")
    repositories.configure(world.hub, world.alice, model, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        tensor_headers.read_headers(world.hub, world.bob, model, "main", INDEX)
    repositories.configure(world.hub, world.alice, model, RepoChanges(visibility="private"))
    with pytest.raises(RepoNotFound):
        tensor_headers.read_headers(world.hub, world.bob, model, "main", INDEX)
    assert tensor_headers.read_headers(world.hub, world.alice, model, "main", INDEX).headers
