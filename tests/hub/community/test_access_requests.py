from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.catalog.community.access_requests import ACCEPTED, PENDING, REJECTED
from entrepot.errors import (
    AccountNotFound,
    AlreadyGranted,
    GatedRepo,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    NotGated,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import audit
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import access_requests
from entrepot.hub.community.access_requests import RequesterId
from entrepot.hub.files import lfs, xet_tokens
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.git import git_wire
from entrepot.hub.repos import contents, histories, repo_rights, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

FORM = b"---\nextra_gated_fields:\n  Company: text\n  I agree: checkbox\n---\n"
ANSWERS = {"Company": "Acme", "I agree": True}


@pytest.fixture
def make_gated(world: World) -> Callable[..., RepoRef]:
    def make(gate: str = "manual", name: str = "acme/m", card: bytes = b"") -> RepoRef:
        files = {"README.md": card} if card else {}
        space, _, short = name.partition("/")
        new = NewRepo(RepoType.MODEL, short, space, "public", files=files)
        ref = repositories.create(world.hub, world.olga, new).ref
        repositories.configure(world.hub, world.olga, ref, RepoChanges(gated=gate))
        return ref

    return make


def status(world: World, ref: RepoRef, name: str = "zed") -> str | None:
    found = access_requests.describe(world.hub, world.caller(name), ref).request
    return None if found is None else found.status


def may_read(world: World, ref: RepoRef, name: str = "zed") -> bool:
    try:
        contents.locate(world.hub, world.caller(name), ref, "main", RepoPath(".gitattributes"))
    except GatedRepo:
        assert not access_requests.describe(world.hub, world.caller(name), ref).is_open
        return False
    assert access_requests.describe(world.hub, world.caller(name), ref).is_open
    return True


def test_an_automatic_gate_opens_for_anyone_who_fills_in_the_form(
    world: World, make_gated: Callable[..., RepoRef]
) -> None:
    ref = make_gated("auto", card=FORM)
    assert not may_read(world, ref)
    with pytest.raises(Malformed, match="Company"):
        access_requests.request_access(world.hub, world.zed, ref, {})
    made = access_requests.request_access(world.hub, world.zed, ref, ANSWERS | {"more": "is left out"})
    assert (made.status, made.fields) == (ACCEPTED, ANSWERS)
    assert may_read(world, ref)
    assert not may_read(world, ref, "bob")


def test_a_manual_gate_opens_with_acceptance_and_closes_with_rejection(
    world: World, make_gated: Callable[..., RepoRef]
) -> None:
    ref = make_gated()
    assert access_requests.request_access(world.hub, world.zed, ref, {}).status == PENDING
    assert not may_read(world, ref)
    access_requests.decide(world.hub, world.wendy, ref, RequesterId(user="ZED"), ACCEPTED)
    assert may_read(world, ref)
    access_requests.decide(world.hub, world.wendy, ref, RequesterId(user="zed"), REJECTED, "misuse")
    assert not may_read(world, ref)
    gate = access_requests.describe(world.hub, world.zed, ref)
    assert gate.request is not None
    assert (gate.request.status, gate.request.reason) == (REJECTED, "misuse")
    access_requests.decide(world.hub, world.wendy, ref, RequesterId(user="zed"), PENDING)
    assert (status(world, ref), may_read(world, ref)) == (PENDING, False)


def test_the_error_says_where_a_request_stands(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()

    def told(caller: MaybeCaller) -> str:
        with pytest.raises(GatedRepo) as caught:
            repo_rights.check_read(world.hub, caller, ref)
        return str(caught.value)

    assert "Please log in" in told(None)
    assert "ask for access" in told(world.zed)
    access_requests.request_access(world.hub, world.zed, ref, {})
    assert "awaiting a review" in told(world.zed)
    access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), REJECTED)
    assert "has been rejected" in told(world.zed)


def test_everything_that_gives_content_is_guarded_and_metadata_are_not(
    world: World, make_gated: Callable[..., RepoRef]
) -> None:
    ref = make_gated()
    target = RepoId("zed", "copy")
    uses = (
        lambda: contents.locate(world.hub, world.zed, ref, "main", RepoPath(".gitattributes"), is_raw=True),
        lambda: histories.compare(world.hub, world.zed, ref, "main^..main"),
        lambda: git_wire.advertise_uploads(world.hub, world.zed, ref, "").release(),
        lambda: lfs.plan_downloads(world.hub, world.zed, ref, []),
        lambda: xet_tokens.issue_read(world.hub, world.zed, ref, "main"),
        lambda: repositories.duplicate(world.hub, world.zed, ref, target, None),
    )
    for use in uses:
        with pytest.raises(GatedRepo):
            use()
    assert histories.history(world.hub, world.zed, ref, "main", offset=0, limit=1).total == 1
    access_requests.grant(world.hub, world.olga, ref, "zed")
    for use in uses:
        use()


def test_the_copy_of_a_gated_repository_is_gated(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    access_requests.grant(world.hub, world.olga, ref, "zed")
    copy = repositories.duplicate(world.hub, world.zed, ref, RepoId("zed", "copy"), None)
    assert copy.gated == "manual"
    assert not may_read(world, copy.ref, "bob")


def test_links_and_xet_tokens_end_with_the_right(
    world: World, make_gated: Callable[..., RepoRef], sender: Sender
) -> None:
    ref = make_gated()
    sha256 = world.add_large(ref, "a.bin", b"large" * 1000, by=world.olga)
    access_requests.grant(world.hub, world.olga, ref, "zed")
    [answer] = lfs.plan_downloads(world.hub, world.zed, ref, [lfs.RequestedObject(sha256, 5000)])
    assert isinstance(answer.link, SignedUrl)
    issued = xet_tokens.issue_read(world.hub, world.zed, ref, None)
    lfs.fetch(world.hub, sha256, answer.link.query).close()
    xet_tokens.check(world.hub, issued.secret, issued.store)
    access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), REJECTED)
    with pytest.raises(ThingNotFound):
        lfs.fetch(world.hub, sha256, answer.link.query)
    from entrepot.errors import InvalidCredentials

    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, issued.secret, issued.store)


def test_the_holder_of_a_link_cannot_be_exchanged(world: World, make_gated: Callable[..., RepoRef]) -> None:
    from entrepot.errors import InvalidSignature

    ref = make_gated()
    sha256 = world.add_large(ref, "a.bin", b"large" * 1000, by=world.olga)
    access_requests.grant(world.hub, world.olga, ref, "zed")
    [answer] = lfs.plan_downloads(world.hub, world.zed, ref, [lfs.RequestedObject(sha256, 5000)])
    assert isinstance(answer.link, SignedUrl)
    forged = dict(answer.link.query) | {"user": str(world.olga.account.id)}
    with pytest.raises(InvalidSignature):
        lfs.fetch(world.hub, sha256, forged)


def test_access_ends_when_the_repository_becomes_private(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    access_requests.grant(world.hub, world.olga, ref, "zed")
    repositories.configure(world.hub, world.olga, ref, RepoChanges(visibility="private"))
    for use in (access_requests.describe, repo_rights.check_read, access_requests.cancel):
        with pytest.raises(RepoNotFound):
            use(world.hub, world.zed, ref)
    with pytest.raises(RepoNotFound):
        access_requests.request_access(world.hub, world.zed, ref, {})


def test_asking_again_changes_nothing(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    first = access_requests.request_access(world.hub, world.zed, ref, {})
    assert access_requests.request_access(world.hub, world.zed, ref, {}) == first
    access_requests.decide(world.hub, world.olga, ref, RequesterId(request_id=first.uid), ACCEPTED)
    assert access_requests.request_access(world.hub, world.zed, ref, {}).status == ACCEPTED


def test_a_rejected_request_can_be_neither_repeated_nor_withdrawn(
    world: World, make_gated: Callable[..., RepoRef]
) -> None:
    ref = make_gated("auto")
    access_requests.request_access(world.hub, world.zed, ref, {})
    access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), REJECTED)
    for use in (
        lambda: access_requests.request_access(world.hub, world.zed, ref, {}),
        lambda: access_requests.cancel(world.hub, world.zed, ref),
    ):
        with pytest.raises(NotAllowed, match="rejected"):
            use()


def test_withdrawing_a_request_ends_its_access(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated("auto")
    access_requests.request_access(world.hub, world.zed, ref, {})
    access_requests.cancel(world.hub, world.zed, ref)
    assert (status(world, ref), may_read(world, ref)) == (None, False)
    with pytest.raises(ThingNotFound):
        access_requests.cancel(world.hub, world.zed, ref)


def test_an_open_repository_needs_no_request(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated("no")
    with pytest.raises(NotGated):
        access_requests.request_access(world.hub, world.zed, ref, {})
    with pytest.raises(NotGated):
        access_requests.grant(world.hub, world.olga, ref, "zed")
    with pytest.raises(NotGated):
        access_requests.list_requests(world.hub, world.olga, ref, PENDING, after=None, limit=1)
    gated = make_gated("auto", "acme/other")
    with pytest.raises(AlreadyGranted):
        access_requests.request_access(world.hub, world.rita, gated, {})


@pytest.mark.parametrize(("who", "role", "error"), [("", "", LoginRequired), ("zed", "read", NotAllowed)])
def test_requesting_access_needs_a_write_token(
    world: World, make_gated: Callable[..., RepoRef], who: str, role: str, error: type[Exception]
) -> None:
    caller = world.caller(who, role) if who else None
    with pytest.raises(error):
        access_requests.request_access(world.hub, caller, make_gated(), {})


def test_only_those_who_may_write_decide(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    access_requests.request_access(world.hub, world.zed, ref, {})
    uses = (
        lambda caller: access_requests.decide(world.hub, caller, ref, RequesterId(user="zed"), ACCEPTED),
        lambda caller: access_requests.decide_many(world.hub, caller, ref, [RequesterId(user="zed")], ACCEPTED),
        lambda caller: access_requests.grant(world.hub, caller, ref, "bob"),
        lambda caller: access_requests.list_requests(world.hub, caller, ref, PENDING, after=None, limit=1),
        lambda caller: access_requests.report(world.hub, caller, ref),
    )
    for use in uses:
        with pytest.raises(LoginRequired):
            use(None)
        for caller in (world.zed, world.bob, world.rita, world.carl, world.caller("olga", "read")):
            with pytest.raises(NotAllowed):
                use(caller)
    assert status(world, ref) == PENDING


def test_a_decision_needs_a_requester_and_a_new_status(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    made = access_requests.request_access(world.hub, world.zed, ref, {})
    for requester, wanted, error in (
        (RequesterId(user="zed"), PENDING, ThingNotFound),
        (RequesterId(user="bob"), ACCEPTED, ThingNotFound),
        (RequesterId(user="nobody"), ACCEPTED, AccountNotFound),
        (RequesterId(user="acme"), ACCEPTED, AccountNotFound),
        (RequesterId(request_id="0" * 24), ACCEPTED, ThingNotFound),
        (RequesterId(), ACCEPTED, Malformed),
        (RequesterId(user="zed"), "maybe", InvalidName),
    ):
        with pytest.raises(error):
            access_requests.decide(world.hub, world.olga, ref, requester, wanted)
    with pytest.raises(Malformed, match="only a rejection"):
        access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), ACCEPTED, "welcome")
    with pytest.raises(LimitExceeded):
        access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), REJECTED, "x" * 2001)
    other = make_gated("manual", "acme/other")
    with pytest.raises(ThingNotFound):
        access_requests.decide(world.hub, world.olga, other, RequesterId(request_id=made.uid), ACCEPTED)


def test_several_requests_are_decided_independently(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    for caller in (world.zed, world.bob):
        access_requests.request_access(world.hub, caller, ref, {})
    askers = [
        RequesterId(user="zed"),
        RequesterId(user="nobody"),
        RequesterId(user_id=world.bob.account.uid),
        RequesterId(user="zed"),
    ]
    outcomes = access_requests.decide_many(world.hub, world.olga, ref, askers, ACCEPTED)
    assert [type(item.error) for item in outcomes] == [type(None), AccountNotFound, type(None), ThingNotFound]
    assert may_read(world, ref)
    assert may_read(world, ref, "bob")
    with pytest.raises(LimitExceeded):
        access_requests.decide_many(world.hub, world.olga, ref, [RequesterId(user="zed")] * 1001, ACCEPTED)


def test_access_is_granted_without_a_request_and_after_a_rejection(
    world: World, make_gated: Callable[..., RepoRef]
) -> None:
    ref = make_gated()
    access_requests.grant(world.hub, world.olga, ref, "zed")
    assert may_read(world, ref)
    [asked] = access_requests.report(world.hub, world.olga, ref)
    assert asked.request.fields is None
    for name in ("zed", "rita", "olga"):
        with pytest.raises(AlreadyGranted):
            access_requests.grant(world.hub, world.olga, ref, name)
    with pytest.raises(AccountNotFound):
        access_requests.grant(world.hub, world.olga, ref, "nobody")
    access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), REJECTED)
    access_requests.grant(world.hub, world.olga, ref, "zed")
    assert may_read(world, ref)


def test_requests_are_listed_by_status_in_pages(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    for name in ("zed", "bob", "alice"):
        access_requests.request_access(world.hub, world.caller(name), ref, {})
        world.clock.advance(1000)
    access_requests.decide(world.hub, world.olga, ref, RequesterId(user="bob"), ACCEPTED)
    first = access_requests.list_requests(world.hub, world.olga, ref, PENDING, after=None, limit=1)
    rest = access_requests.list_requests(world.hub, world.olga, ref, PENDING, after=first.after, limit=1)
    assert [item.user.name for item in (*first.items, *rest.items)] == ["alice", "zed"]
    assert rest.after is None
    accepted = access_requests.list_requests(world.hub, world.olga, ref, ACCEPTED, after=None, limit=9)
    assert [item.user.name for item in accepted.items] == ["bob"]
    assert [item.user.name for item in access_requests.report(world.hub, world.olga, ref)] == ["zed", "bob", "alice"]


def test_requests_are_deleted_with_their_user(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    access_requests.request_access(world.hub, world.zed, ref, {})
    hub_work.delete_user(world.hub, "zed")
    assert access_requests.report(world.hub, world.olga, ref) == []


def test_decisions_are_audited(world: World, make_gated: Callable[..., RepoRef]) -> None:
    ref = make_gated()
    access_requests.request_access(world.hub, world.zed, ref, {})
    access_requests.decide(world.hub, world.olga, ref, RequesterId(user="zed"), ACCEPTED)
    access_requests.grant(world.hub, world.wendy, ref, "bob")
    access_requests.cancel(world.hub, world.zed, ref)
    rows = audit.search(world.hub, AuditFilter(subject="model acme/m"))
    told = [(row.actor, row.action, row.details) for row in rows if row.action.startswith("access.")]
    assert told == [
        ("zed", "access.cancel", '{"from":"accepted"}'),
        ("wendy", "access.grant", '{"user":"bob"}'),
        ("olga", "access.decide", '{"from":"pending","to":"accepted","user":"zed"}'),
        ("zed", "access.request", '{"status":"pending"}'),
    ]
