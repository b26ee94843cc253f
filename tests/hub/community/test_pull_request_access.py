from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.community import discussions as rows
from entrepot.catalog.repos import refs
from entrepot.errors import GatedRepo, LoginRequired, NotAllowed, Refused, RepoNotFound, RevisionNotFound
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.community import discussions, pull_request_access
from entrepot.hub.community.discussion_events import CommitAdded
from entrepot.hub.files import xet_tokens
from entrepot.hub.repos import histories, repositories
from entrepot.hub.repos.pulls import merges, openings, reviews
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.scopes import DISCUSS, WRITE, RequestedScope
from entrepot.names import RefName, RepoRef
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    """A repository with a draft of bob's."""
    made = world.repo("acme/m", world.wendy)
    openings.open_draft(world.hub, world.bob, made, "Draft", "text")
    return made


def place(world: World, who: Any, ref: RepoRef, revision: str) -> str:
    with world.hub.read() as tx:
        return str(pull_request_access.get_changeable_ref(tx, who, ref, revision)[2].ref)


@pytest.mark.parametrize(
    ("ref", "number"),
    [("refs/pr/1", 1), ("refs/pr/120", 120), ("refs/pr/0", None), ("refs/pr/01", None), ("main", None), ("pr/1", None)],
)  # fmt: skip
def test_heads_of_pull_requests_have_a_number(ref: str, number: int | None) -> None:
    assert pull_request_access.number_of(ref) == number


def test_the_head_of_a_pull_request_is_for_its_author_and_for_writers(world: World, ref: RepoRef) -> None:
    for who in (world.bob, world.wendy):
        assert place(world, who, ref, "refs/pr/1") == "refs/pr/1"
    assert place(world, world.wendy, ref, "main") == "refs/heads/main"
    for who in (world.zed, world.rita, world.caller("bob", "read")):
        with pytest.raises(NotAllowed):
            place(world, who, ref, "refs/pr/1")
    with pytest.raises(NotAllowed):
        place(world, world.bob, ref, "main")
    with pytest.raises(LoginRequired):
        place(world, None, ref, "refs/pr/1")
    for who in (world.bob, world.wendy):
        with pytest.raises(RevisionNotFound):
            place(world, who, ref, "refs/pr/2")


def test_a_branch_of_that_name_does_not_shadow_it(world: World, ref: RepoRef) -> None:
    with world.hub.write() as tx:  # a branch from before such names were refused
        assert refs.swap(tx, world.row_id(ref), RefName("refs/heads/refs/pr/1"), None, world.head(ref), 0)
    assert place(world, world.bob, ref, "refs/pr/1") == "refs/pr/1"


def test_a_closed_pull_request_accepts_no_commits(world: World, ref: RepoRef) -> None:
    discussions.set_status(world.hub, world.bob, ref, 1, "closed")
    for who in (world.bob, world.wendy):
        with pytest.raises(Refused, match="closed: reopen it"):
            place(world, who, ref, "refs/pr/1")
    discussions.set_status(world.hub, world.bob, ref, 1, "open")
    world.add(ref, "a", by=world.bob, branch="refs/pr/1")
    merges.merge(world.hub, world.wendy, ref, 1)
    with pytest.raises(Refused, match="merged"):
        place(world, world.bob, ref, "refs/pr/1")


def test_proposing_takes_the_right_to_read_the_content(world: World, ref: RepoRef) -> None:
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(gated="manual"))
    with pytest.raises(GatedRepo):
        openings.open_draft(world.hub, world.bob, ref, "Another", "text")
    with pytest.raises(GatedRepo):
        place(world, world.bob, ref, "refs/pr/1")
    discussions.create(world.hub, world.bob, ref, "But words are free", "text")
    repositories.configure(world.hub, world.wendy, ref, RepoChanges(visibility="private"))
    with pytest.raises(RepoNotFound):
        place(world, world.bob, ref, "refs/pr/1")


def test_an_upload_needs_a_target_that_the_uploader_may_change(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        for who, revision in ((world.bob, None), (world.bob, "refs/pr/1"), (world.zed, None), (world.wendy, "new")):
            assert pull_request_access.uploader(tx, who, ref, revision)[1] == who
        for who, revision in ((world.bob, "main"), (world.zed, "refs/pr/1"), (world.bob, "new")):
            with pytest.raises(NotAllowed):
                pull_request_access.uploader(tx, who, ref, revision)


def test_who_has_an_open_pull_request_may_push(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        assert pull_request_access.pusher(tx, world.bob, ref)[1] == world.bob
        with pytest.raises(NotAllowed):
            pull_request_access.pusher(tx, world.zed, ref)
    discussions.set_status(world.hub, world.bob, ref, 1, "closed")
    with world.hub.read() as tx, pytest.raises(NotAllowed):
        pull_request_access.pusher(tx, world.bob, ref)


def test_commits_are_written_down(world: World, ref: RepoRef) -> None:
    oid = world.add(ref, "a", by=world.bob, branch="refs/pr/1", summary="Add a")
    events = discussions.show(world.hub, None, ref, 1).events
    assert [event.what for event in events[1:]] == [CommitAdded("Add a", oid)]
    assert world.head(ref) != oid


def test_a_squashed_pull_request_keeps_its_base(world: World, ref: RepoRef) -> None:
    fork = world.head(ref)
    for number in range(2):
        world.add(ref, "a", b"%d" % number, by=world.bob, branch="refs/pr/1")
    world.add(ref, "b", by=world.wendy)
    squashed = histories.squash(world.hub, world.bob, ref, "refs/pr/1", "all")
    with world.hub.read() as tx:
        discussion = rows.find(tx, world.row_id(ref), 1)
        assert discussion is not None
        assert pull_request_access.bases_of(tx, discussion, squashed) == [fork]
    assert reviews.review(world.hub, world.bob, ref, 1, with_diff=False).conflicts == []


def test_a_limited_token_proposes_or_writes_as_its_permissions_say(world: World, ref: RepoRef) -> None:
    def limited(name: str, *permissions: str) -> Any:
        wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("model", "acme/m", list(permissions))])
        return world.hub.identify(tokens.create_for(world.hub, name, wish)[0].secret)

    talker, writer = limited("wendy", DISCUSS), limited("wendy", WRITE)
    num = openings.open_draft(world.hub, talker, ref, "Hers", "text").num
    assert place(world, talker, ref, f"refs/pr/{num}") == f"refs/pr/{num}"
    for revision in ("main", "refs/pr/1"):
        with pytest.raises(NotAllowed):
            place(world, talker, ref, revision)
        assert place(world, writer, ref, revision)
    issued = xet_tokens.issue_write(world.hub, talker, ref, None)
    assert xet_tokens.check(world.hub, issued.secret, issued.store).is_proposal
