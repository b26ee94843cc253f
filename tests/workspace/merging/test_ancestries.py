"""Ancestries of versions on a hub, where the parents of a commit are the versions that it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.testing.hubs import RunningHub
from entrepot.workspace.merging.ancestries import Ancestry
from entrepot.workspace.merging.merges import MergeReport, merge_version
from entrepot.workspace.metadata.git_objects import read_parents
from entrepot.workspace.projects.versions import read_version, resolve
from tests.support.hub_sites import TAG, Site, create, publish
from tests.support.machines import Machine

X1, X2, X3, X4 = (TAG.format("x", number) for number in (1, 2, 3, 4))


@pytest.fixture
def site(entrepot_hub: RunningHub, tmp_path: Path) -> Site:
    return Site.create(entrepot_hub, tmp_path)


@pytest.fixture
def ann(site: Site) -> Machine:
    """A machine that has published version 1 of the strict dataset x."""
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "strict", site.files)
    publish(machine, "datasets", "x")
    return machine


def commit(machine: Machine, name: str, *options: str) -> None:
    machine.write(f"datasets/x/data/{name}", f"of {machine.home}")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x", *options)


def test_a_merged_version_on_a_hub_has_both_parents(site: Site, ann: Machine) -> None:
    bob = site.machine("bob", "datasets")
    bob.ok("datasets", "checkout", "x")
    commit(ann, "of-ann")
    ann.ok("datasets", "push", "x")
    commit(bob, "of-bob")
    assert bob.run("datasets", "push", "x").code == 3
    assert merge_version(bob.entity("x"), X2) == MergeReport(X2, X1, 1, 0)
    bob.ok("datasets", "add", "x", "--bumpversion")
    bob.ok("datasets", "commit", "x", "-m", "both")
    bob.ok("datasets", "push", "x")
    files = {*site.files, "of-ann", "of-bob"}
    assert set(bob.files("datasets/x/data")) == files
    git, refs = bob.state().metadata.git, bob.state().metadata.refs()
    assert read_parents(git, refs.tags[X3].commit) == (refs.tags[X1].commit, refs.tags[X2].commit)
    listed = site.api.list_repo_files(f"{site.user.name}/x", repo_type="dataset")
    assert {f"data/{name}" for name in files} <= set(listed)

    commit(ann, "more", "--version=4")
    ann.ok("datasets", "push", "x")
    bob.ok("datasets", "update")
    assert merge_version(bob.entity("x"), X4) == MergeReport(X4, X2, 1, 0)


def test_a_version_and_one_that_was_made_from_it_have_the_first_in_common(site: Site, ann: Machine) -> None:
    commit(ann, "more")
    state = ann.state()
    refs, head = state.metadata.refs(), state.database.head("x")
    assert head is not None
    old, new = (read_version(state, *resolve(state, refs, "x", number)) for number in (1, 2))
    ancestry = Ancestry(state, refs, head)
    assert ancestry.find_common(new, old) == ancestry.find_common(old, new) == old
