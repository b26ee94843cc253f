from __future__ import annotations

import attrs
import pytest

from entrepot.errors import LoginRequired, NotAllowed, NotMergeable, Refused, RepoNotFound, RevisionNotFound
from entrepot.hub.community import discussions, pull_request_access
from entrepot.hub.community.discussion_events import Comment, CommitAdded
from entrepot.hub.files.operations import AddFile, AddLarge, Delete
from entrepot.hub.repos import branches, histories, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import merges, openings, reviews
from entrepot.names import Oid, RepoPath, RepoRef
from tests.support.pull_requests import parents, propose, pull_head
from tests.support.worlds import World


def test_a_draft_begins_at_the_head_of_main(world: World, ref: RepoRef) -> None:
    discussion = openings.open_draft(world.hub, world.bob, ref, "Draft", "text")
    assert (discussion.num, discussion.status, discussion.base) == (1, "draft", "refs/heads/main")
    assert pull_head(world, ref, 1) == world.head(ref)
    with pytest.raises(NotMergeable, match="draft: publish it"):
        merges.merge(world.hub, world.wendy, ref, 1)


def test_a_commit_opens_one_with_its_message(world: World, ref: RepoRef) -> None:
    opened = openings.open_with_commit(
        world.hub, world.bob, ref, "main", CommitDraft("A title", [AddFile(RepoPath("b"), b"b")], "why")
    )
    found = discussions.show(world.hub, None, ref, opened.num)
    assert (found.shown.discussion.title, found.shown.discussion.status) == ("A title", "open")
    assert isinstance(found.events[0].what, Comment)
    assert found.events[0].what.latest.raw == "why"
    assert found.events[1].what == CommitAdded("A title", opened.recorded.oid)
    assert parents(world, ref, opened.recorded.oid) == (world.head(ref),)


@pytest.mark.parametrize(
    ("summary", "title"), [("x", "Pull request: x"), ("y" * 300, "y" * 199 + "…"), ("a title\nb c", "a title")]
)
def test_any_message_makes_a_title(world: World, ref: RepoRef, summary: str, title: str) -> None:
    num = propose(world, ref, summary=summary)
    assert discussions.show(world.hub, None, ref, num).shown.discussion.title == title


def test_it_may_begin_at_an_older_commit(world: World, ref: RepoRef) -> None:
    start = world.head(ref)
    world.add(ref, "later", by=world.wendy)
    num = propose(world, ref, parent=start[:10])
    head = pull_head(world, ref, num)
    assert head is not None
    assert parents(world, ref, head) == (start,)
    with pytest.raises(RevisionNotFound):
        propose(world, ref, parent="f" * 40)


def test_it_may_ask_to_change_another_branch(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    openings.open_with_commit(world.hub, world.bob, ref, "dev", CommitDraft("To dev", [AddFile(RepoPath("d"), b"d")]))
    merges.merge(world.hub, world.wendy, ref, 1)
    assert "d" in world.paths(ref, "dev")
    assert "d" not in world.paths(ref)
    for revision in ("refs/pr/1", world.head(ref), "absent"):
        with pytest.raises(RevisionNotFound):
            openings.check_open(world.hub, world.bob, ref, revision)


def test_proposals_do_not_make_a_repository_look_newer(world: World, ref: RepoRef) -> None:
    def updated() -> int:
        with world.hub.read() as tx:
            return int(pull_request_access.proposer(tx, world.bob, ref)[0].updated_ms)

    before = updated()
    world.clock.advance(1000)
    num = propose(world, ref)
    world.add(ref, "c", by=world.bob, branch=f"refs/pr/{num}")
    assert updated() == before
    merges.merge(world.hub, world.wendy, ref, num)
    assert updated() == before + 1000


def test_a_copy_of_a_repository_has_no_pull_requests(world: World, ref: RepoRef) -> None:
    propose(world, ref)
    copy = repositories.duplicate(world.hub, world.alice, ref, attrs.evolve(ref.id, namespace="alice"), None)
    assert discussions.list_page(world.hub, world.alice, copy.ref).total == 0
    assert [it.ref for it in branches.list_refs(world.hub, world.alice, copy.ref)] == ["refs/heads/main"]


def test_the_commits_of_a_branch_are_proposed_as_they_are_now(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    added = [world.add(ref, f"{name}.txt", by=world.wendy, branch="dev", summary=f"Add {name}") for name in "bc"]
    num = openings.open_from_branch(world.hub, world.bob, ref, "From dev", "text", source="dev").num
    world.add(ref, "later.txt", by=world.wendy, branch="dev")
    found = discussions.show(world.hub, world.bob, ref, num)
    assert found.shown.discussion.status == "open"
    said = [event.what for event in found.events if isinstance(event.what, CommitAdded)]
    assert said == [CommitAdded("Add b", added[0]), CommitAdded("Add c", added[1])]
    review = reviews.review(world.hub, world.bob, ref, num, with_diff=True)
    assert review.diff is not None
    assert "b/c.txt" in review.diff
    assert "later.txt" not in review.diff
    merged = merges.merge(world.hub, world.wendy, ref, num)
    assert parents(world, ref, merged.oid)[1] == added[1]


def test_a_branch_without_new_commits_and_unknown_ones_are_not_propose(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)

    def propose(source: str, base: str = "main") -> None:
        openings.open_from_branch(world.hub, world.wendy, ref, "From dev", "text", source=source, base=base)

    with pytest.raises(Refused, match="'dev' has no commit that 'main' lacks"):
        propose("dev")
    with pytest.raises(RevisionNotFound):
        propose("nothing")
    branches.create_tag(world.hub, world.wendy, ref, "main", "v1", None)
    world.add(ref, "b.txt", by=world.wendy, branch="dev")
    with pytest.raises(RevisionNotFound):
        propose("dev", "v1")


def test_what_a_commit_did_is_undone_and_what_came_after_it_stays(world: World, ref: RepoRef) -> None:
    wrong = world.commit(ref, AddFile(RepoPath("a.txt"), b"two\n"), AddFile(RepoPath("b.txt"), b"b"), by=world.wendy)
    world.add(ref, "c.txt", b"later\n", by=world.wendy)
    num = openings.open_revert(world.hub, world.bob, ref, wrong)
    found = discussions.show(world.hub, world.bob, ref, num)
    assert found.shown.discussion.title == 'Revert "change"'
    assert found.shown.discussion.status == "open"
    assert any(isinstance(event.what, CommitAdded) for event in found.events)
    assert world.read(ref, "a.txt") == b"two\n", "main has not changed yet"
    merges.merge(world.hub, world.wendy, ref, num)
    assert world.read(ref, "a.txt") == b"one\n"
    assert world.read(ref, "c.txt") == b"later\n"
    listed = histories.compare(world.hub, world.wendy, ref, f"{wrong}..main")
    assert "deleted file" in listed


def test_a_large_file_comes_back(world: World, ref: RepoRef) -> None:
    sha256 = world.upload(ref, b"weights" * 100, by=world.wendy)
    world.commit(ref, AddLarge(RepoPath("w.bin"), sha256), by=world.wendy)
    gone = world.commit(ref, Delete(RepoPath("w.bin")), by=world.wendy)
    num = openings.open_revert(world.hub, world.wendy, ref, gone)
    merges.merge(world.hub, world.wendy, ref, num)
    assert world.read(ref, "w.bin") == b"weights" * 100


def test_a_merge_is_undone_as_a_whole(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    world.add(ref, "d.txt", b"d", by=world.wendy, branch="dev")
    num = openings.open_from_branch(world.hub, world.wendy, ref, "From dev", "text", source="dev").num
    merge = merges.merge(world.hub, world.wendy, ref, num).oid
    undo = openings.open_revert(world.hub, world.wendy, ref, merge)
    assert "deleted file" in (reviews.review(world.hub, world.wendy, ref, undo, with_diff=True).diff or "")


def refusal(world: World, ref: RepoRef, revision: str) -> str:
    with pytest.raises(Refused) as refused:
        openings.open_revert(world.hub, world.wendy, ref, revision)
    return refused.value.message


def test_what_cannot_be_undone_is_refused_with_the_reason(world: World, ref: RepoRef) -> None:
    changed = world.add(ref, "a.txt", b"two\n", by=world.wendy)
    world.add(ref, "a.txt", b"three\n", by=world.wendy)
    assert "later commits changed the same files: a.txt" in refusal(world, ref, changed)
    added = world.add(ref, "n.txt", b"n", by=world.wendy)
    world.commit(ref, Delete(RepoPath("n.txt")), by=world.wendy)
    assert "has nothing of commit" in refusal(world, ref, added)
    first = histories.history(world.hub, world.wendy, ref, "main", offset=0, limit=100).commits[-1].oid
    assert "is the first one" in refusal(world, ref, first)
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    elsewhere = world.add(ref, "d.txt", b"d", by=world.wendy, branch="dev")
    assert "is not on main" in refusal(world, ref, elsewhere)
    with pytest.raises(RevisionNotFound):
        openings.open_revert(world.hub, world.wendy, ref, "nothing")


def test_only_who_may_propose_changes_may_revert(world: World) -> None:
    ref = world.repo("acme/hidden", world.wendy, visibility="private")
    wrong: Oid = world.add(ref, "a.txt", b"two\n", by=world.wendy)
    with pytest.raises(RepoNotFound):
        openings.open_revert(world.hub, world.bob, ref, wrong)
    public = world.repo("acme/open", world.wendy)
    wrong = world.add(public, "a.txt", b"two\n", by=world.wendy)
    with pytest.raises((LoginRequired, NotAllowed)):
        openings.open_revert(world.hub, None, public, wrong)
