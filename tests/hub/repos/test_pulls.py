from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest

from entrepot.catalog.files import file_links
from entrepot.catalog.git import objects as object_rows
from entrepot.catalog.repos import refs
from entrepot.errors import (
    BranchMoved,
    Busy,
    EntrepotError,
    InvalidPath,
    LargeFileMissing,
    LoginRequired,
    NotAllowed,
    NotMergeable,
    Refused,
    RepoNotFound,
    RevisionNotFound,
    ThingNotFound,
)
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions, pull_request_access
from entrepot.hub.community.discussion_events import Comment, CommitAdded, StatusChange
from entrepot.hub.files.operations import AddFile, AddLarge, Delete
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import branches, histories, pulls, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import MAIN, Oid, RefName, RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    made = world.repo("acme/m", world.wendy)
    world.add(made, "a.txt", b"one\n", by=world.wendy)
    return made


def proposed(
    world: World, ref: RepoRef, path: str = "b.txt", content: bytes = b"b\n", by: MaybeCaller = None, **draft: Any
) -> int:
    wish = CommitDraft(draft.pop("summary", "Add it"), [AddFile(RepoPath(path), content)], **draft)
    return pulls.open_with_commit(world.hub, by or world.bob, ref, "main", wish).num


def status(world: World, ref: RepoRef, num: int) -> str:
    return str(discussions.show(world.hub, world.wendy, ref, num).shown.discussion.status)


def parents(world: World, ref: RepoRef, commit: Oid) -> tuple[Oid, ...]:
    with world.hub.read() as tx:
        return stored.read_commit(tx, world.row_id(ref), commit).parents


def pull_head(world: World, ref: RepoRef, num: int) -> Oid | None:
    with world.hub.read() as tx:
        return refs.find(tx, world.row_id(ref), RefName(f"refs/pr/{num}"))


def test_a_draft_begins_at_the_head_of_main(world: World, ref: RepoRef) -> None:
    discussion = pulls.open_draft(world.hub, world.bob, ref, "Draft", "text")
    assert (discussion.num, discussion.status, discussion.base) == (1, "draft", "refs/heads/main")
    assert pull_head(world, ref, 1) == world.head(ref)
    with pytest.raises(NotMergeable, match="draft: publish it"):
        pulls.merge(world.hub, world.wendy, ref, 1)


def test_a_commit_opens_one_with_its_message(world: World, ref: RepoRef) -> None:
    opened = pulls.open_with_commit(
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
    num = proposed(world, ref, summary=summary)
    assert discussions.show(world.hub, None, ref, num).shown.discussion.title == title


def test_it_may_begin_at_an_older_commit(world: World, ref: RepoRef) -> None:
    start = world.head(ref)
    world.add(ref, "later", by=world.wendy)
    num = proposed(world, ref, parent=start[:10])
    head = pull_head(world, ref, num)
    assert head is not None
    assert parents(world, ref, head) == (start,)
    with pytest.raises(RevisionNotFound):
        proposed(world, ref, parent="f" * 40)


def test_it_may_ask_to_change_another_branch(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    pulls.open_with_commit(world.hub, world.bob, ref, "dev", CommitDraft("To dev", [AddFile(RepoPath("d"), b"d")]))
    pulls.merge(world.hub, world.wendy, ref, 1)
    assert "d" in world.paths(ref, "dev")
    assert "d" not in world.paths(ref)
    for revision in ("refs/pr/1", world.head(ref), "absent"):
        with pytest.raises(RevisionNotFound):
            pulls.check_open(world.hub, world.bob, ref, revision)


def test_merging_makes_a_commit_with_both_parents(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref)
    world.add(ref, "c.txt", by=world.wendy)
    before, head = world.head(ref), pull_head(world, ref, num)
    done = pulls.merge(world.hub, world.wendy, ref, num, text="Thank you.")
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
    num = proposed(world, ref)
    before = world.head(ref)
    done = pulls.merge(world.hub, world.wendy, ref, num, is_squash=True)
    assert parents(world, ref, done.oid) == (before,)
    assert status(world, ref, num) == "merged"


def test_only_writers_merge(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref)
    for who in (world.bob, world.rita, world.zed, world.caller("wendy", "read")):
        with pytest.raises(NotAllowed):
            pulls.merge(world.hub, who, ref, num)
    assert status(world, ref, num) == "open"


def test_a_refused_merge_says_why(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref, "a.txt", b"two\n")
    world.add(ref, "a.txt", b"three\n", by=world.wendy)
    with pytest.raises(NotMergeable, match=r"in conflict with refs/heads/main in a\.txt"):
        pulls.merge(world.hub, world.wendy, ref, num)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(NotMergeable, match="closed"):
        pulls.merge(world.hub, world.wendy, ref, num)
    empty = pulls.open_draft(world.hub, world.bob, ref, "Nothing", "text").num
    discussions.set_status(world.hub, world.bob, ref, empty, "open")
    with pytest.raises(NotMergeable, match="no associated changes"):
        pulls.merge(world.hub, world.wendy, ref, empty)
    discussions.create(world.hub, world.bob, ref, "Words only", "text")
    with pytest.raises(ThingNotFound):
        pulls.merge(world.hub, world.wendy, ref, empty + 1)


def test_a_protected_branch_can_be_merged_into(world: World, ref: RepoRef) -> None:
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(options={"protectedBranches": ["main"]}))
    num = proposed(world, ref)
    pulls.merge(world.hub, world.wendy, ref, num)
    assert "b.txt" in world.paths(ref)


def test_a_merge_indexes_the_card(world: World, ref: RepoRef) -> None:
    pulls.open_draft(world.hub, world.bob, ref, "Draft", "text")
    world.add(ref, "README.md", b"---\nlicense: mit\n---\n", by=world.bob, branch="refs/pr/1")
    with world.hub.read() as tx:
        row = pull_request_access.proposer(tx, world.bob, ref)[0]
    assert row.card is None
    discussions.set_status(world.hub, world.bob, ref, 1, "open")
    pulls.merge(world.hub, world.wendy, ref, 1)
    with world.hub.read() as tx:
        assert pull_request_access.proposer(tx, world.bob, ref)[0].card == {"license": "mit"}


def test_a_review_tells_differences_and_conflicts(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref, "a.txt", b"two\n")
    seen = pulls.review(world.hub, None, ref, num, with_diff=True)
    assert seen.conflicts == []
    assert seen.diff is not None
    assert "-one\n+two\n" in seen.diff
    world.add(ref, "a.txt", b"three\n", by=world.wendy)
    world.add(ref, "other", by=world.wendy)
    seen = pulls.review(world.hub, None, ref, num, with_diff=True)
    assert seen.conflicts == ["a.txt"]
    assert seen.diff is not None
    assert "other" not in seen.diff


def test_how_a_caller_may_change_files_is_known_before(world: World, ref: RepoRef) -> None:
    def found(by: MaybeCaller, revision: str) -> tuple[str, bool, bool]:
        target = pulls.find_target(world.hub, by, ref, revision)
        return target.ref, target.may_commit, target.may_propose

    assert found(world.wendy, "main") == ("refs/heads/main", True, True)
    assert found(world.bob, "main") == ("refs/heads/main", False, True)
    num = proposed(world, ref)
    for by in (world.wendy, world.bob):
        assert found(by, f"refs/pr/{num}") == (f"refs/pr/{num}", True, False)
    with pytest.raises(NotAllowed):
        found(world.alice, f"refs/pr/{num}")
    with pytest.raises(RevisionNotFound):
        found(world.wendy, pulls.find_target(world.hub, world.wendy, ref, "main").head)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(Refused):
        found(world.bob, f"refs/pr/{num}")
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(options={"discussionsDisabled": True}))
    assert found(world.wendy, "main") == ("refs/heads/main", True, False)
    with pytest.raises(NotAllowed):
        found(world.bob, "main")


def test_a_merged_one_shows_what_it_changed(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref)
    pulls.merge(world.hub, world.wendy, ref, num)
    pulls.delete_ref(world.hub, world.bob, ref, num)
    seen = pulls.review(world.hub, None, ref, num, with_diff=True)
    assert seen.conflicts == ()
    assert seen.diff is not None
    assert "+b\n" in seen.diff


def test_a_history_that_was_rewritten_and_swept_does_no_harm(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref)
    pulls.merge(world.hub, world.wendy, ref, num)
    pulls.delete_ref(world.hub, world.bob, ref, num)
    histories.squash(world.hub, world.wendy, ref, "main", "all in one")
    world.clock.advance(10**10)
    list(maintenance.gc(world.hub, grace_ms=1000))
    assert pulls.review(world.hub, None, ref, num, with_diff=True) == pulls.PullRequestDiff((), "")


def test_proposals_do_not_make_a_repository_look_newer(world: World, ref: RepoRef) -> None:
    def updated() -> int:
        with world.hub.read() as tx:
            return int(pull_request_access.proposer(tx, world.bob, ref)[0].updated_ms)

    before = updated()
    world.clock.advance(1000)
    num = proposed(world, ref)
    world.add(ref, "c", by=world.bob, branch=f"refs/pr/{num}")
    assert updated() == before
    pulls.merge(world.hub, world.wendy, ref, num)
    assert updated() == before + 1000


def test_content_behind_a_gate_is_in_no_diff(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref)
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(gated="manual"))
    assert pulls.review(world.hub, world.zed, ref, num, with_diff=True).diff is None
    assert pulls.review(world.hub, world.wendy, ref, num, with_diff=True).diff is not None
    assert discussions.show(world.hub, None, ref, num).shown.discussion.title == "Add it"


def test_a_ref_is_deleted_after_the_end_and_its_objects_are_swept(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref, content=b"only here\n")
    head = pull_head(world, ref, num)
    assert head is not None

    def is_kept() -> bool:
        with world.hub.read() as tx:
            return object_rows.find(tx, world.row_id(ref), head) is not None

    def sweep() -> None:
        world.clock.advance(10**10)
        list(maintenance.gc(world.hub, grace_ms=1000))

    sweep()
    assert is_kept()
    with pytest.raises(Refused, match="close it first"):
        pulls.delete_ref(world.hub, world.bob, ref, num)
    discussions.set_status(world.hub, world.bob, ref, num, "closed")
    with pytest.raises(NotAllowed):
        pulls.delete_ref(world.hub, world.zed, ref, num)
    pulls.delete_ref(world.hub, world.bob, ref, num)
    with pytest.raises(RevisionNotFound):
        pulls.delete_ref(world.hub, world.bob, ref, num)
    sweep()
    assert not is_kept()
    with pytest.raises(Refused, match="ref was deleted"):
        discussions.set_status(world.hub, world.bob, ref, num, "open")
    assert pulls.review(world.hub, None, ref, num, with_diff=True).diff == ""
    assert list(maintenance.fsck(world.hub)) == []


def test_its_bytes_are_counted(world: World, ref: RepoRef) -> None:
    num = proposed(world, ref, content=b"12345")
    assert pulls.added_bytes(world.hub, None, ref, num) == 5


def test_a_copy_of_a_repository_has_no_pull_requests(world: World, ref: RepoRef) -> None:
    proposed(world, ref)
    copy = repositories.duplicate(world.hub, world.alice, ref, attrs.evolve(ref.id, namespace="alice"), None)
    assert discussions.list_page(world.hub, world.alice, copy.ref).total == 0
    assert [it.ref for it in branches.list_refs(world.hub, world.alice, copy.ref)] == ["refs/heads/main"]


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
    num = proposed(world, ref)
    before = histories.history(world.hub, None, ref, "main", offset=0, limit=1).total
    done = together(*[lambda: pulls.merge(world.hub, world.wendy, ref, num)] * 4)
    assert sorted(type(it).__name__ for it in done) == ["NotMergeable"] * 3 + ["RecordedCommit"]
    assert histories.history(world.hub, None, ref, "main", offset=0, limit=1).total == before + 2


def test_merges_and_commits_at_once_all_succeed(world: World, ref: RepoRef) -> None:
    nums = [proposed(world, ref, f"p{number}", b"%d" % number) for number in range(4)]
    merges = [lambda num=num: pulls.merge(world.hub, world.wendy, ref, num) for num in nums]
    writes = [lambda n=n: world.add(ref, f"w{n}", by=world.wendy) for n in range(4)]
    done = together(*merges, *writes)
    assert [it for it in done if isinstance(it, EntrepotError)] == []
    assert set(world.paths(ref)) >= {f"{kind}{n}" for kind in "pw" for n in range(4)}
    assert {status(world, ref, num) for num in nums} == {"merged"}


def test_a_commit_that_comes_with_the_merge_is_in_it_or_refused(world: World, ref: RepoRef) -> None:
    for number in range(5):
        num = proposed(world, ref, f"first{number}")
        merged, added = together(
            partial(pulls.merge, world.hub, world.wendy, ref, num),
            partial(world.add, ref, f"late{number}", by=world.bob, branch=f"refs/pr/{num}"),
        )
        assert not isinstance(merged, EntrepotError)
        is_in = f"late{number}" in world.paths(ref)
        assert is_in == (not isinstance(added, Refused | Busy | BranchMoved)), (merged, added)


def test_a_large_file_that_was_deleted_for_good_is_not_merged(world: World, ref: RepoRef) -> None:
    pulls.open_draft(world.hub, world.wendy, ref, "Draft", "text")
    sha256 = world.add_large(ref, "big.bin", b"\0" * 500, by=world.wendy, branch="refs/pr/1")
    discussions.set_status(world.hub, world.wendy, ref, 1, "open")
    with world.hub.write() as tx:
        file_links.unlink(tx, world.row_id(ref), [sha256])
    with pytest.raises(LargeFileMissing):
        pulls.merge(world.hub, world.wendy, ref, 1)
    assert status(world, ref, 1) == "open"


def test_a_large_file_is_named_by_its_new_branch(world: World, ref: RepoRef) -> None:
    pulls.open_draft(world.hub, world.wendy, ref, "Draft", "text")
    sha256 = world.add_large(ref, "big.bin", b"\0" * 500, by=world.wendy, branch="refs/pr/1")
    world.commit(ref, Delete(RepoPath("a.txt")), by=world.wendy, branch="refs/pr/1")
    discussions.set_status(world.hub, world.wendy, ref, 1, "open")
    pulls.merge(world.hub, world.wendy, ref, 1)
    with world.hub.read() as tx:
        link = file_links.link_of(tx, world.row_id(ref), sha256)
    assert link is not None
    assert (link.ref, link.path) == ("refs/heads/main", "big.bin")
    assert world.read(ref, "big.bin") == b"\0" * 500


def test_a_merge_is_judged_by_the_rules_of_paths(world: World) -> None:
    ref = world.repo()
    operations = [AddFile(RepoPath("good"), b"x")]
    opened = pulls.open_with_commit(world.hub, world.alice, ref, "main", CommitDraft("Change", operations))
    planted = world.plant(ref, {"Icon\r": (0o100644, b"")})
    with world.hub.write() as tx:  # as a pull request was pushed before such names were refused
        row_id, head = world.row_id(ref), RefName(f"refs/pr/{opened.num}")
        start = refs.find(tx, row_id, MAIN)
        parent = stored.read_commit(tx, row_id, planted).parents[0]
        assert refs.swap(tx, row_id, head, refs.find(tx, row_id, head), planted, 0)
        assert refs.swap(tx, row_id, MAIN, start, parent, 0)
    with pytest.raises(InvalidPath, match="control character"):
        pulls.merge(world.hub, world.alice, ref, opened.num)


def test_the_commits_of_a_branch_are_proposed_as_they_are_now(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    added = [world.add(ref, f"{name}.txt", by=world.wendy, branch="dev", summary=f"Add {name}") for name in "bc"]
    num = pulls.open_from_branch(world.hub, world.bob, ref, "From dev", "text", source="dev").num
    world.add(ref, "later.txt", by=world.wendy, branch="dev")
    found = discussions.show(world.hub, world.bob, ref, num)
    assert found.shown.discussion.status == "open"
    said = [event.what for event in found.events if isinstance(event.what, CommitAdded)]
    assert said == [CommitAdded("Add b", added[0]), CommitAdded("Add c", added[1])]
    review = pulls.review(world.hub, world.bob, ref, num, with_diff=True)
    assert review.diff is not None
    assert "b/c.txt" in review.diff
    assert "later.txt" not in review.diff
    merged = pulls.merge(world.hub, world.wendy, ref, num)
    assert parents(world, ref, merged.oid)[1] == added[1]


def test_a_branch_without_new_commits_and_unknown_ones_are_not_proposed(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)

    def propose(source: str, base: str = "main") -> None:
        pulls.open_from_branch(world.hub, world.wendy, ref, "From dev", "text", source=source, base=base)

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
    num = pulls.open_revert(world.hub, world.bob, ref, wrong)
    found = discussions.show(world.hub, world.bob, ref, num)
    assert found.shown.discussion.title == 'Revert "change"'
    assert found.shown.discussion.status == "open"
    assert any(isinstance(event.what, CommitAdded) for event in found.events)
    assert world.read(ref, "a.txt") == b"two\n", "main has not changed yet"
    pulls.merge(world.hub, world.wendy, ref, num)
    assert world.read(ref, "a.txt") == b"one\n"
    assert world.read(ref, "c.txt") == b"later\n"
    listed = histories.compare(world.hub, world.wendy, ref, f"{wrong}..main")
    assert "deleted file" in listed


def test_a_large_file_comes_back(world: World, ref: RepoRef) -> None:
    sha256 = world.upload(ref, b"weights" * 100, by=world.wendy)
    world.commit(ref, AddLarge(RepoPath("w.bin"), sha256), by=world.wendy)
    gone = world.commit(ref, Delete(RepoPath("w.bin")), by=world.wendy)
    num = pulls.open_revert(world.hub, world.wendy, ref, gone)
    pulls.merge(world.hub, world.wendy, ref, num)
    assert world.read(ref, "w.bin") == b"weights" * 100


def test_a_merge_is_undone_as_a_whole(world: World, ref: RepoRef) -> None:
    branches.create_branch(world.hub, world.wendy, ref, "dev", start=None, is_empty=False, overwrites=False)
    world.add(ref, "d.txt", b"d", by=world.wendy, branch="dev")
    num = pulls.open_from_branch(world.hub, world.wendy, ref, "From dev", "text", source="dev").num
    merge = pulls.merge(world.hub, world.wendy, ref, num).oid
    undo = pulls.open_revert(world.hub, world.wendy, ref, merge)
    assert "deleted file" in (pulls.review(world.hub, world.wendy, ref, undo, with_diff=True).diff or "")


def refusal(world: World, ref: RepoRef, revision: str) -> str:
    with pytest.raises(Refused) as refused:
        pulls.open_revert(world.hub, world.wendy, ref, revision)
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
        pulls.open_revert(world.hub, world.wendy, ref, "nothing")


def test_only_who_may_propose_changes_may_revert(world: World) -> None:
    ref = world.repo("acme/hidden", world.wendy, visibility="private")
    wrong: Oid = world.add(ref, "a.txt", b"two\n", by=world.wendy)
    with pytest.raises(RepoNotFound):
        pulls.open_revert(world.hub, world.bob, ref, wrong)
    public = world.repo("acme/open", world.wendy)
    wrong = world.add(public, "a.txt", b"two\n", by=world.wendy)
    with pytest.raises((LoginRequired, NotAllowed)):
        pulls.open_revert(world.hub, None, public, wrong)
