from __future__ import annotations

from typing import Any

import pytest

from entrepot.hub.repos import repositories
from entrepot.names import RepoId, RepoRef
from tests.support.served_hub import ServedHub


def ask(world: ServedHub, path: str, service: str = "git-upload-pack", **headers: str) -> Any:
    with world.client(**headers) as client:
        return client.get(f"/{path}/info/refs", params={"service": service} if service else {})


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_refs_of_every_kind_of_repository_are_advertised(world: ServedHub, kind: str) -> None:
    ref = world.repo(f"adv-{kind}", kind)
    commit = world.commit(ref, {"a": b"1"})
    for path in (ref.path, f"{ref.path}.git"):
        answer = ask(world, path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-git-upload-pack-advertisement"
        assert answer.content.startswith(b"001e# service=git-upload-pack\n0000")
        assert f"{commit} HEAD".encode() in answer.content
        assert b"symref=HEAD:refs/heads/main" in answer.content


def test_version_two_begins_with_its_number(world: ServedHub) -> None:
    ref = world.repo("adv-two")
    answer = ask(world, ref.path, **{"git-protocol": "version=2"})
    assert answer.content.startswith(b"000eversion 2\n")
    assert b"filter" in answer.content


@pytest.mark.parametrize("service", ["", "git-upload-archive"])
def test_other_services_are_not_spoken(world: ServedHub, service: str) -> None:
    ref = world.repo(f"adv-other{len(service)}")
    assert ask(world, ref.path, service).status_code == 400


def test_a_renamed_repository_is_found_at_its_new_place(world: ServedHub) -> None:
    ref = world.repo("adv-old")
    repositories.move(world.hub, world.caller(), ref, RepoRef(ref.type, RepoId("alice", "adv-new")))
    answer = ask(world, "alice/adv-old.git")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/alice/adv-new.git/info/refs?service=git-upload-pack"
