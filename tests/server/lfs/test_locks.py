from __future__ import annotations

import re
from typing import Any

import pytest

from entrepot.catalog.repos import locks as lock_rows
from entrepot.catalog.repos import repositories
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.names import RepoRef
from tests.support.served_hub import ServedHub

JSON = "application/vnd.git-lfs+json"


def locks(world: ServedHub, ref: RepoRef, token: str | None, method: str = "GET", place: str = "", **more: Any) -> Any:
    with world.client(token or None, accept=JSON) as client:
        return client.request(method, f"/{ref.path}.git/info/lfs/locks{place}", **more)


def lock(world: ServedHub, ref: RepoRef, path: str = "a.bin", token: str = "") -> Any:
    body = {"path": path, "ref": {"name": "refs/heads/main"}}
    return locks(world, ref, token or world.alice, "POST", json=body)


@pytest.fixture(scope="module")
def mate(world: ServedHub) -> str:
    """A user who may write to the repositories of the organisation ``team``, like alice."""
    accounts.create_user(world.hub, "mate")
    accounts.create_org(world.hub, "team", admin="alice")
    accounts.set_member(world.hub, "team", "mate", Role.WRITE)
    secret: str = accounts.create_token(world.hub, "mate", role="write").secret
    return secret


def shared(world: ServedHub, name: str) -> Any:
    from entrepot.hub.repos import repositories
    from entrepot.hub.repos.repositories import NewRepo
    from entrepot.names import RepoType

    return repositories.create(world.hub, world.caller(), NewRepo(RepoType.MODEL, name, "team")).ref


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_lock_is_made_listed_and_released(world: ServedHub, kind: str) -> None:
    ref = world.repo(f"locks-{kind}", kind)
    answer = lock(world, ref)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == JSON
    made = answer.json()["lock"]
    assert (made["path"], made["owner"]) == ("a.bin", {"name": "alice"})
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["locked_at"])
    assert locks(world, ref, None).json() == {"locks": [made]}
    answer = locks(world, ref, world.alice, "POST", f"/{made['id']}/unlock", json={})
    assert (answer.status_code, answer.json()) == (200, {"lock": made})
    assert locks(world, ref, None).json() == {"locks": []}


@pytest.mark.parametrize(
    ("named", "recorded"),
    [({"ref": {"name": "refs/heads/main"}}, "refs/heads/main"), ({}, None), ({"ref": {"name": "a..b"}}, None)],
)
def test_the_branch_of_a_lock_is_recorded_if_it_is_named_and_valid(
    world: ServedHub, named: dict[str, Any], recorded: str | None
) -> None:
    ref = world.repo(f"locks-ref-{len(str(named))}")
    answer = locks(world, ref, world.alice, "POST", json={"path": "a.bin", **named})
    assert answer.status_code == 201
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
        assert row is not None
        [held] = lock_rows.page(tx, row.id, limit=10)
    assert held.ref == recorded


def test_a_second_lock_is_a_conflict_that_tells_of_the_first(world: ServedHub) -> None:
    ref = world.repo("locks-twice")
    made = lock(world, ref).json()["lock"]
    answer = lock(world, ref)
    assert answer.status_code == 409
    assert answer.json() == {"lock": made, "message": "already created lock: it is held by alice"}


def test_lists_are_filtered_and_come_in_pages(world: ServedHub) -> None:
    ref = world.repo("locks-pages")
    made = [lock(world, ref, f"f{n}").json()["lock"] for n in range(3)]
    assert locks(world, ref, None, params={"path": "f1"}).json() == {"locks": [made[1]]}
    assert locks(world, ref, None, params={"id": made[2]["id"], "refspec": "refs/heads/x"}).json() == {
        "locks": [made[2]]
    }
    first = locks(world, ref, None, params={"limit": 2}).json()
    rest = locks(world, ref, None, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert len(first["locks"]) == 2
    assert "next_cursor" not in rest
    assert {item["id"] for item in first["locks"] + rest["locks"]} == {item["id"] for item in made}
    assert locks(world, ref, None, params={"limit": "many"}).status_code == 400


def test_before_a_push_ours_are_distinguished_from_theirs(world: ServedHub, mate: str) -> None:
    ref = shared(world, "locks-verify")
    ours, theirs = lock(world, ref, "a").json()["lock"], lock(world, ref, "b", mate).json()["lock"]
    answer = locks(world, ref, world.alice, "POST", "/verify", json={"ref": {"name": "refs/heads/main"}})
    assert answer.json() == {"ours": [ours], "theirs": [theirs]}
    page = locks(world, ref, mate, "POST", "/verify", json={"limit": 1}).json()
    assert len(page["ours"] + page["theirs"]) == 1
    assert page["next_cursor"]
    assert locks(world, ref, world.bob, "POST", "/verify", json={}).status_code == 403
    assert locks(world, ref, None, "POST", "/verify", json={}).status_code == 401


def test_a_lock_of_someone_else_is_broken_with_force_only(world: ServedHub, mate: str) -> None:
    ref = shared(world, "locks-force")
    made = lock(world, ref).json()["lock"]
    place = f"/{made['id']}/unlock"
    refused = locks(world, ref, mate, "POST", place, json={"force": False})
    assert refused.status_code == 403
    assert "locked by alice" in refused.json()["message"]
    assert locks(world, ref, world.bob, "POST", place, json={"force": True}).status_code == 403
    assert locks(world, ref, mate, "POST", place, json={"force": True}).json() == {"lock": made}
    assert locks(world, ref, mate, "POST", place, json={"force": True}).status_code == 404


def test_who_may_not_see_a_repository_sees_no_locks(world: ServedHub) -> None:
    ref = world.repo("locks-secret", visibility="private")
    lock(world, ref)
    hidden = locks(world, ref, world.bob)
    absent = locks(world, type(ref)(ref.type, type(ref.id)("alice", "locks-absent")), world.bob)
    assert (hidden.status_code, hidden.json()) == (absent.status_code, absent.json())
    assert hidden.status_code == 404
    asked = locks(world, ref, None)
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Basic")
    assert lock(world, ref, token=world.alice_reads).status_code == 403


@pytest.mark.parametrize("path", ["", "/a", "../a", "a//b", "a/", ".git/config"])
def test_paths_that_cannot_be_are_refused(world: ServedHub, path: str) -> None:
    ref = world.repo(f"locks-path-{abs(hash(path))}")
    answer = lock(world, ref, path)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("invalid path")


def test_a_branch_that_cannot_be_does_no_harm(world: ServedHub) -> None:
    ref = world.repo("locks-branch")
    answer = locks(world, ref, world.alice, "POST", json={"path": "a", "ref": {"name": "refs/heads/..x"}})
    assert answer.status_code == 201
