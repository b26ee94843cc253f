from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from entrepot.catalog.repos import repositories
from entrepot.hub.conversions import plans
from entrepot.hub.conversions.plans import ConversionPlan, read_plan
from entrepot.names import RepoRef, RepoType
from tests.support.parquet_files import parquet_of
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("alice/d", kind=RepoType.DATASET)


def plan(world: World, ref: RepoRef) -> ConversionPlan:
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        return read_plan(world.hub, tx, row, world.head(ref))


def test_a_plan_changes_with_what_it_depends_on_only(world: World, ref: RepoRef) -> None:
    world.add(ref, "train.csv", b"a\n1\n")
    first = plan(world, ref)
    world.add(ref, "LICENSE", b"MIT")
    assert plan(world, ref).fingerprint == first.fingerprint
    world.add(ref, "train.csv", b"a\n2\n")
    second = plan(world, ref)
    world.add(ref, "README.md", b"---\ndataset_info: {features: [{name: a, dtype: string}]}\n---\n")
    third = plan(world, ref)
    assert len({first.fingerprint, second.fingerprint, third.fingerprint}) == 3
    assert third.configs[0].features == {"a": {"dtype": "string", "_type": "Value"}}


def test_reasons_not_to_convert_are_told(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan(world, ref).reason == "it has no data files"
    world.add(ref, "a.parquet", parquet_of({"a": [1]}))
    assert plan(world, ref).configs[0].reason is None
    with monkeypatch.context() as patch:
        patch.setattr(plans, "MAX_SHARDS", 0)
        assert plan(world, ref).configs[0].reason == "a split has more than 0 files"
        patch.setattr(plans, "MAX_FILES", 1)
        assert plan(world, ref).reason == "it has more than 1 files"
    for card, reason in (("viewer: false", "viewer: false"), ("configs: 1", "'configs' must be"), ("a: [", "")):
        world.add(ref, "README.md", f"---\n{card}\n---\n".encode())
        found = plan(world, ref).reason
        assert found is not None
        assert reason in found


def test_features_that_cannot_be_read_are_a_reason(world: World, ref: RepoRef) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    world.add(ref, "README.md", b"---\ndataset_info: {features: [{dtype: string}]}\n---\n")
    assert plan(world, ref).configs[0].reason == "dataset_info: every feature needs a unique 'name'"


def test_a_hub_without_the_packages_says_so(world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(ref, "a.csv", b"a\n1\n")
    for missing, reason in (("pyarrow", "preview"), ("resource", "Linux and macOS")):
        with monkeypatch.context() as patch:
            patch.setattr(importlib.util, "find_spec", _without(missing))
            assert reason in str(plan(world, ref).configs[0].reason)


def _without(missing: str) -> Any:
    find = importlib.util.find_spec
    return lambda name, *more: None if name == missing else find(name, *more)
