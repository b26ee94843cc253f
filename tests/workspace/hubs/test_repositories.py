from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.errors import EntrepotError, Refused
from entrepot.names import Oid
from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import TAG, Site, create, publish
from tests.support.machines import Machine


@pytest.fixture
def site(entrepot_hub: RunningHub, tmp_path: Path) -> Site:
    return Site.create(entrepot_hub, tmp_path)


def test_repositories_that_are_no_entities_are_left_alone(site: Site) -> None:
    site.api.create_repo(f"{site.user.name}/plain", repo_type="dataset")
    site.api.create_tag(f"{site.user.name}/plain", tag="a__plain__1", repo_type="dataset")
    machine = site.machine("ann", "datasets", "labels", "models")
    create(machine, "labels", "caps", "mutable", {"a": b"a"})
    publish(machine, "labels", "caps")
    other = site.machine("bob", "datasets", "labels")
    assert [*other.state("labels").metadata.refs().tags] == [TAG.format("caps", 1)]
    assert not other.state("datasets").metadata.refs().tags


def test_a_repository_has_one_entity_at_its_root(tmp_path: Path) -> None:
    machine = Machine.create(tmp_path, "ann")
    machine.ok("repository", "init")
    machine.ok("repository", "remote", "datasets", "add", "hub+http://127.0.0.1:9/alice")
    metadata = machine.state().metadata
    assert str(metadata.own_storage) == "hub://alice"
    assert metadata.place_of("a/x") == ""
    assert metadata.spec_paths(["x.spec", "x/x.spec"], "x") == ["x.spec"]
    assert metadata.spec_in_workspace("x.spec", "a/x") == "a/x/x.spec"


def test_an_update_says_what_is_new(site: Site) -> None:
    machine, other = site.machine("ann", "datasets"), site.machine("bob", "datasets")
    create(machine, "datasets", "x", "mutable", {"a": b"a"})
    publish(machine, "datasets", "x")
    assert other.ok("datasets", "update") == "x: 1 new version (latest 1)\n"
    assert "x" not in other.ok("datasets", "update")


def test_a_hub_that_does_not_answer_leaves_no_folder(tmp_path: Path) -> None:
    machine = Machine.create(tmp_path, "ann")
    machine.ok("repository", "init")
    machine.ok("repository", "remote", "datasets", "add", "hub+http://127.0.0.1:9/alice")
    with pytest.raises(EntrepotError):
        machine.state().metadata.initialise()
    assert not machine.state().metadata.folder.exists()
    assert machine.run("datasets", "init").code == 1


def test_tags_of_users_are_made_on_the_hub(site: Site) -> None:
    hub = site.machine("ann", "datasets").state().hub
    assert hub is not None
    with pytest.raises(Refused):
        hub.add_tag("v1", Oid("a" * 40))
    with pytest.raises(Refused):
        hub.delete_tag("v1")


def test_private_entities_are_invisible_to_others(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", {"a": b"a"})
    publish(machine, "datasets", "x")
    site.api.update_repo_settings(f"{site.user.name}/x", private=True, repo_type="dataset")
    stranger = Machine.create(site.place, "eve", **site.environ(site.hub.user(f"{site.user.name}eve").token))
    stranger.ok("repository", "init")
    stranger.ok("repository", "remote", "datasets", "add", site.url)
    stranger.ok("datasets", "init")
    assert stranger.ok("datasets", "list") == "ML dataset\n"
    assert stranger.run("datasets", "checkout", "x").code == 1


def test_another_repository_cannot_give_an_entity_its_versions(site: Site) -> None:
    ann, eve = site.machine("ann", "datasets"), site.machine("eve", "datasets")
    create(ann, "datasets", "x", "mutable", {"a": b"a"})
    publish(ann, "datasets", "x")
    create(eve, "datasets", "x", "mutable", {"a": b"evil"}, "--repo-name=another")
    publish(eve, "datasets", "x")
    eve.write("datasets/x/data/b", b"b")
    eve.ok("datasets", "add", "x", "--bumpversion")
    eve.ok("datasets", "commit", "x")
    eve.ok("datasets", "push", "x")
    ann.ok("datasets", "update")
    late = site.machine("late", "datasets")
    for machine in (ann, late):
        assert [*machine.state("datasets").metadata.refs().tags] == [TAG.format("x", 1)]
        machine.ok("datasets", "checkout", "x")
        assert (machine.folder / "datasets/x/data/a").read_bytes() == b"a"
