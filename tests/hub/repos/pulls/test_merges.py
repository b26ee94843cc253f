from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from entrepot.catalog.files import file_links
from entrepot.errors import (
    BranchMoved,
    Busy,
    EntrepotError,
    LargeFileMissing,
    NotAllowed,
    NotMergeable,
    Refused,
    ThingNotFound,
)
from entrepot.hub.community import discussions, pull_request_access
from entrepot.hub.community.discussion_events import StatusChange
from entrepot.hub.files.operations import Delete
from entrepot.hub.repos import histories, repositories
from entrepot.hub.repos.pulls import merges, openings
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.pull_requests import parents, propose, pull_head, status
from tests.support.worlds import World


def test_merging_makes_a_commit_with_both_parents(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    world.add(ref, "c.txt", by=world.wendy)
    before, head = world.head(ref), pull_head(world, ref, num)
    done = merges.merge(world.hub, world.wendy, ref, num, text="Thank you.")
    assert done.oid == world.head(ref)
    assert parents(world, ref, done.oid) == (before, head)
    with world.hub.read() as tx:
        commit = stored.read_commit(tx, world.row_id(ref), done.oid)
    assert (commit.title, commit.body, commit.author.name) == ("Merge refs/pr/1: Add it", "Thank you.", "wendy")
    assert world.paths(ref) == [".gitattributes", "a.txt", "b.txt", "c.txt"]
    found = discussions.show(world.hub, None, ref, num)
    assert (found.shown.discussion.status, found.shown.discussion.merge_oid) == ("merged", done.oid)
    assert found.events[-1].what == StatusChange("merged")
    with pytest.raises(Refused, match="merged"):
        discussions.set_status(world.hub, world.wendy, ref, num, "closed")


def test_squashing_makes_one_with_one_parent(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    before = world.head(ref)
    done = merges.merge(world.hub, world.wendy, ref, num, is_squash=True)
    assert parents(world, ref, done.oid) == (before,)
    assert status(world, ref, num) == "merged"


def test_only_writers_merge(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    for who in (world.bob, world.rita, world.zed, world.caller("wendy", "read")):
        with pytest.raises(NotAllowed):
            merges.merge(world.hub, who, ref, num)
    assert status(world, ref, num) == "open"


def test_a_refused_merge_says_why(world: World, ref: RepoRef) -> None:
    num = propose(world, ref, "a.txt", b"two\n")
    world.add(ref, "a.txt", b"three\n", by=world.wendy)
    with pytest.raises(NotMergeable, match=r"in conflict with refs/heads/main in a\.txt"):
        merges.merge(world.hub, world.wendy, ref, num)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(NotMergeable, match="closed"):
        merges.merge(world.hub, world.wendy, ref, num)
    empty = openings.open_draft(world.hub, world.bob, ref, "Nothing", "text").num
    discussions.set_status(world.hub, world.bob, ref, empty, "open")
    with pytest.raises(NotMergeable, match="no associated changes"):
        merges.merge(world.hub, world.wendy, ref, empty)
    discussions.create(world.hub, world.bob, ref, "Words only", "text")
    with pytest.raises(ThingNotFound):
        merges.merge(world.hub, world.wendy, ref, empty + 1)


def test_a_protected_branch_can_be_merged_into(world: World, ref: RepoRef) -> None:
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(options={"protectedBranches": ["main"]}))
    num = propose(world, ref)
    merges.merge(world.hub, world.wendy, ref, num)
    assert "b.txt" in world.paths(ref)


def test_a_merge_indexes_the_card(world: World, ref: RepoRef) -> None:
    openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    world.add(ref, "README.md", b"---\nlicense: mit\n---\n", by=world.bob, branch="refs/pr/1")
    with world.hub.read() as tx:
        row = pull_request_access.proposer(tx, world.bob, ref)[0]
    assert row.card is None
    discussions.set_status(world.hub, world.bob, ref, 1, "open")
    merges.merge(world.hub, world.wendy, ref, 1)
    with world.hub.read() as tx:
        assert pull_request_access.proposer(tx, world.bob, ref)[0].card == {"license": "mit"}


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Return the results or exceptions of calls that start at the same moment."""
    gate, outcomes = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        gate.wait()
        try:
            outcomes[number] = call()
        except EntrepotError as error:
            outcomes[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_one_pull_request_is_merged_once(world: World, ref: RepoRef) -> None:
    num = propose(world, ref)
    before = histories.history(world.hub, None, ref, "main", offset=0, limit=1).total
    done = together(*[lambda: merges.merge(world.hub, world.wendy, ref, num)] * 4)
    assert sorted(type(it).__name__ for it in done) == ["NotMergeable"] * 3 + ["RecordedCommit"]
    assert histories.history(world.hub, None, ref, "main", offset=0, limit=1).total == before + 2


def test_merges_and_commits_at_once_all_succeed(world: World, ref: RepoRef) -> None:
    nums = [propose(world, ref, f"p{number}", b"%d" % number) for number in range(4)]
    merging = [lambda num=num: merges.merge(world.hub, world.wendy, ref, num) for num in nums]
    writes = [lambda n=n: world.add(ref, f"w{n}", by=world.wendy) for n in range(4)]
    done = together(*merging, *writes)
    assert [it for it in done if isinstance(it, EntrepotError)] == []
    assert set(world.paths(ref)) >= {f"{kind}{n}" for kind in "pw" for n in range(4)}
    assert {status(world, ref, num) for num in nums} == {"merged"}


def test_a_commit_that_comes_with_the_merge_is_in_it_or_refused(world: World, ref: RepoRef) -> None:
    for number in range(5):
        num = propose(world, ref, f"first{number}")
        merged, added = together(
            partial(merges.merge, world.hub, world.wendy, ref, num),
            partial(world.add, ref, f"late{number}", by=world.bob, branch=f"refs/pr/{num}"),
        )
        assert not isinstance(merged, EntrepotError)
        is_in = f"late{number}" in world.paths(ref)
        assert is_in == (not isinstance(added, Refused | Busy | BranchMoved)), (merged, added)


def test_a_large_file_that_was_deleted_for_good_is_not_merged(world: World, ref: RepoRef) -> None:
    openings.open_draft(world.hub, world.wendy, ref, "Draft", "text")
    sha256 = world.add_large(ref, "big.bin", b"\0" * 500, by=world.wendy, branch="refs/pr/1")
    discussions.set_status(world.hub, world.wendy, ref, 1, "open")
    with world.hub.write() as tx:
        file_links.unlink(tx, world.row_id(ref), [sha256])
    with pytest.raises(LargeFileMissing):
        merges.merge(world.hub, world.wendy, ref, 1)
    assert status(world, ref, 1) == "open"


def test_a_large_file_is_named_by_its_new_branch(world: World, ref: RepoRef) -> None:
    openings.open_draft(world.hub, world.wendy, ref, "Draft", "text")
    sha256 = world.add_large(ref, "big.bin", b"\0" * 500, by=world.wendy, branch="refs/pr/1")
    world.commit(ref, Delete(RepoPath("a.txt")), by=world.wendy, branch="refs/pr/1")
    discussions.set_status(world.hub, world.wendy, ref, 1, "open")
    merges.merge(world.hub, world.wendy, ref, 1)
    with world.hub.read() as tx:
        link = file_links.link_of(tx, world.row_id(ref), sha256)
    assert link is not None
    assert (link.ref, link.path) == ("refs/heads/main", "big.bin")
    assert world.read(ref, "big.bin") == b"\0" * 500
