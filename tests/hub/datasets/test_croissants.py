from __future__ import annotations

import pytest

from entrepot.errors import GatedRepo, RepoNotFound, UnsupportedDataset
from entrepot.hub.conversions import conversions
from entrepot.hub.datasets import croissants
from entrepot.hub.datasets.croissants import describe_dataset
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoRef, RepoType
from tests.support.parquet_files import parquet_of
from tests.support.worlds import World

ROOT = "https://hub.example"
CARD = b"---\nconfigs:\n- {config_name: own, data_files: a.parquet}\n- {config_name: other, data_files: b.csv}\n---\n"


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("alice/d", kind=RepoType.DATASET)


def convert(world: World, ref: RepoRef) -> None:
    list(conversions.convert_steps(world.hub, world.row_id(ref)))


def test_linked_and_converted_configurations_have_features(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.parquet", parquet_of({"a": ["x"]}))
    world.add(ref, "b.csv", b"n\n1\n")
    head = world.add(ref, "README.md", CARD)
    with pytest.raises(UnsupportedDataset, match="not been converted to Parquet yet"):
        describe_dataset(world.hub, None, ref, ROOT)
    convert(world, ref)
    found = describe_dataset(world.hub, None, ref, ROOT)
    assert (found.commit, found.content["url"]) == (head, f"{ROOT}/datasets/alice/d")
    records = {record["name"]: [field["name"] for field in record["field"]] for record in found.content["recordSet"]}
    assert {name: fields for name, fields in records.items() if not name.endswith("_splits")} == {
        "own": ["split", "a"],
        "other": ["split", "n"],
    }


def test_what_cannot_be_described_has_a_reason(world: World, ref: RepoRef) -> None:
    world.add(ref, "b.csv", b"n\n1,2\n")
    convert(world, ref)
    with pytest.raises(UnsupportedDataset, match="row 2 has 2 fields"):
        describe_dataset(world.hub, None, ref, ROOT)
    model = world.repo()
    world.add(model, "b.csv", b"n\n1\n")
    with pytest.raises(UnsupportedDataset, match="only datasets"):
        describe_dataset(world.hub, None, model, ROOT)


def test_rights_are_those_of_the_files(world: World, ref: RepoRef) -> None:
    world.add(ref, "b.csv", b"n\n1\n")
    convert(world, ref)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        describe_dataset(world.hub, world.bob, ref, ROOT)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    with pytest.raises(RepoNotFound):
        describe_dataset(world.hub, world.bob, ref, ROOT)


def test_footers_are_read_for_a_limited_time(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(ref, "a.parquet", parquet_of({"a": ["x"]}))
    convert(world, ref)
    monkeypatch.setattr(croissants, "_READING_S", -1)
    with pytest.raises(UnsupportedDataset, match="ask again"):
        describe_dataset(world.hub, None, ref, ROOT)
