from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.access_requests import ACCEPTED, PENDING, REJECTED
from entrepot.catalog.audit import AuditFilter
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
from entrepot.hub import accounts, audit, contents, gates, git_wire, logs, passes, repositories, transfers
from entrepot.hub.gates import Asker
from entrepot.hub.repositories import Changes, NewRepo
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType

FORM = b"---\nextra_gated_fields:\n  Company: text\n  I agree: checkbox\n---\n"
ANSWERS = {"Company": "Acme", "I agree": True}


@pytest.fixture
def make_gated(world: Any) -> Any:
    def make(gate: str = "manual", name: str = "acme/m", card: bytes = b"") -> RepoRef:
        files = {"README.md": card} if card else {}
        space, _, short = name.partition("/")
        new = NewRepo(RepoType.MODEL, short, space, "public", files=files)
        ref = repositories.create(world.hub, world.olga, new).ref
        repositories.configure(world.hub, world.olga, ref, Changes(gated=gate))
        return ref

    return make


def status(world: Any, ref: RepoRef, name: str = "zed") -> str | None:
    found = gates.describe(world.hub, world.caller(name), ref).request
    return None if found is None else found.status


def may_read(world: Any, ref: RepoRef, name: str = "zed") -> bool:
    try:
        contents.locate(world.hub, world.caller(name), ref, "main", RepoPath(".gitattributes"))
    except GatedRepo:
        assert not gates.describe(world.hub, world.caller(name), ref).is_open
        return False
    assert gates.describe(world.hub, world.caller(name), ref).is_open
    return True


def test_an_automatic_gate_opens_for_whoever_fills_in_the_form(world: Any, make_gated: Any) -> None:
    ref = make_gated("auto", card=FORM)
    assert not may_read(world, ref)
    with pytest.raises(Malformed, match="Company"):
        gates.ask(world.hub, world.zed, ref, {})
    made = gates.ask(world.hub, world.zed, ref, ANSWERS | {"more": "is left out"})
    assert (made.status, made.fields) == (ACCEPTED, ANSWERS)
    assert may_read(world, ref)
    assert not may_read(world, ref, "bob")


def test_a_manual_gate_opens_when_somebody_accepts_and_closes_when_they_reject(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    assert gates.ask(world.hub, world.zed, ref, {}).status == PENDING
    assert not may_read(world, ref)
    gates.decide(world.hub, world.wendy, ref, Asker(user="ZED"), ACCEPTED)
    assert may_read(world, ref)
    gates.decide(world.hub, world.wendy, ref, Asker(user="zed"), REJECTED, "misuse")
    assert not may_read(world, ref)
    gate = gates.describe(world.hub, world.zed, ref)
    assert gate.request is not None
    assert (gate.request.status, gate.request.reason) == (REJECTED, "misuse")
    gates.decide(world.hub, world.wendy, ref, Asker(user="zed"), PENDING)
    assert (status(world, ref), may_read(world, ref)) == (PENDING, False)


def test_the_error_says_where_a_request_stands(world: Any, make_gated: Any) -> None:
    ref = make_gated()

    def told(caller: Any) -> str:
        with pytest.raises(GatedRepo) as caught:
            repositories.check_read(world.hub, caller, ref)
        return str(caught.value)

    assert "Please log in" in told(None)
    assert "ask for access" in told(world.zed)
    gates.ask(world.hub, world.zed, ref, {})
    assert "awaiting a review" in told(world.zed)
    gates.decide(world.hub, world.olga, ref, Asker(user="zed"), REJECTED)
    assert "has been rejected" in told(world.zed)


def test_everything_that_gives_content_is_guarded_and_metadata_are_not(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    target = RepoId("zed", "copy")
    uses = (
        lambda: contents.locate_raw(world.hub, world.zed, ref, "main", RepoPath(".gitattributes")),
        lambda: logs.compare(world.hub, world.zed, ref, "main^..main"),
        lambda: git_wire.advertise_uploads(world.hub, world.zed, ref, "").release(),
        lambda: transfers.plan_downloads(world.hub, world.zed, ref, []),
        lambda: passes.issue_read(world.hub, world.zed, ref, "main"),
        lambda: repositories.duplicate(world.hub, world.zed, ref, target, None),
    )
    for use in uses:
        with pytest.raises(GatedRepo):
            use()
    assert logs.history(world.hub, world.zed, ref, "main", offset=0, limit=1).total == 1
    gates.grant(world.hub, world.olga, ref, "zed")
    for use in uses:
        use()


def test_the_copy_of_a_gated_repository_is_gated(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    gates.grant(world.hub, world.olga, ref, "zed")
    copy = repositories.duplicate(world.hub, world.zed, ref, RepoId("zed", "copy"), None)
    assert copy.gated == "manual"
    assert not may_read(world, copy.ref, "bob")


def test_links_and_passes_end_with_the_right(world: Any, make_gated: Any, sender: Any) -> None:
    ref = make_gated()
    sha256 = world.add_large(ref, "a.bin", b"large" * 1000, by=world.olga)
    gates.grant(world.hub, world.olga, ref, "zed")
    [answer] = transfers.plan_downloads(world.hub, world.zed, ref, [transfers.Wanted(sha256, 5000)])
    assert isinstance(answer.link, transfers.Link)
    issued = passes.issue_read(world.hub, world.zed, ref, None)
    transfers.fetch(world.hub, sha256, answer.link.query).close()
    passes.check(world.hub, issued.secret, issued.store)
    gates.decide(world.hub, world.olga, ref, Asker(user="zed"), REJECTED)
    with pytest.raises(ThingNotFound):
        transfers.fetch(world.hub, sha256, answer.link.query)
    from entrepot.errors import InvalidCredentials

    with pytest.raises(InvalidCredentials):
        passes.check(world.hub, issued.secret, issued.store)


def test_the_holder_of_a_link_cannot_be_exchanged(world: Any, make_gated: Any) -> None:
    from entrepot.errors import InvalidSignature

    ref = make_gated()
    sha256 = world.add_large(ref, "a.bin", b"large" * 1000, by=world.olga)
    gates.grant(world.hub, world.olga, ref, "zed")
    [answer] = transfers.plan_downloads(world.hub, world.zed, ref, [transfers.Wanted(sha256, 5000)])
    assert isinstance(answer.link, transfers.Link)
    forged = dict(answer.link.query) | {"user": str(world.olga.account.id)}
    with pytest.raises(InvalidSignature):
        transfers.fetch(world.hub, sha256, forged)


def test_who_was_let_in_loses_it_when_the_repository_becomes_private(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    gates.grant(world.hub, world.olga, ref, "zed")
    repositories.configure(world.hub, world.olga, ref, Changes(visibility="private"))
    for use in (gates.describe, repositories.check_read, gates.cancel):
        with pytest.raises(RepoNotFound):
            use(world.hub, world.zed, ref)
    with pytest.raises(RepoNotFound):
        gates.ask(world.hub, world.zed, ref, {})


def test_asking_again_changes_nothing(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    first = gates.ask(world.hub, world.zed, ref, {})
    assert gates.ask(world.hub, world.zed, ref, {}) == first
    gates.decide(world.hub, world.olga, ref, Asker(request_id=first.uid), ACCEPTED)
    assert gates.ask(world.hub, world.zed, ref, {}).status == ACCEPTED


def test_a_rejected_user_neither_asks_again_nor_takes_it_back(world: Any, make_gated: Any) -> None:
    ref = make_gated("auto")
    gates.ask(world.hub, world.zed, ref, {})
    gates.decide(world.hub, world.olga, ref, Asker(user="zed"), REJECTED)
    for use in (lambda: gates.ask(world.hub, world.zed, ref, {}), lambda: gates.cancel(world.hub, world.zed, ref)):
        with pytest.raises(NotAllowed, match="rejected"):
            use()


def test_a_request_is_taken_back_and_its_access_with_it(world: Any, make_gated: Any) -> None:
    ref = make_gated("auto")
    gates.ask(world.hub, world.zed, ref, {})
    gates.cancel(world.hub, world.zed, ref)
    assert (status(world, ref), may_read(world, ref)) == (None, False)
    with pytest.raises(ThingNotFound):
        gates.cancel(world.hub, world.zed, ref)


def test_there_is_nothing_to_ask_for_what_is_open(world: Any, make_gated: Any) -> None:
    ref = make_gated("no")
    with pytest.raises(NotGated):
        gates.ask(world.hub, world.zed, ref, {})
    with pytest.raises(NotGated):
        gates.grant(world.hub, world.olga, ref, "zed")
    with pytest.raises(NotGated):
        gates.list_requests(world.hub, world.olga, ref, PENDING, after=None, limit=1)
    gated = make_gated("auto", "acme/other")
    with pytest.raises(AlreadyGranted):
        gates.ask(world.hub, world.rita, gated, {})


@pytest.mark.parametrize(("who", "role", "error"), [("", "", LoginRequired), ("zed", "read", NotAllowed)])
def test_asking_needs_somebody_with_a_writing_token(
    world: Any, make_gated: Any, who: str, role: str, error: type[Exception]
) -> None:
    caller = world.caller(who, role) if who else None
    with pytest.raises(error):
        gates.ask(world.hub, caller, make_gated(), {})


def test_only_those_who_may_write_decide(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    gates.ask(world.hub, world.zed, ref, {})
    uses = (
        lambda caller: gates.decide(world.hub, caller, ref, Asker(user="zed"), ACCEPTED),
        lambda caller: gates.decide_many(world.hub, caller, ref, [Asker(user="zed")], ACCEPTED),
        lambda caller: gates.grant(world.hub, caller, ref, "bob"),
        lambda caller: gates.list_requests(world.hub, caller, ref, PENDING, after=None, limit=1),
        lambda caller: gates.report(world.hub, caller, ref),
    )
    for use in uses:
        with pytest.raises(LoginRequired):
            use(None)
        for caller in (world.zed, world.bob, world.rita, world.carl, world.caller("olga", "read")):
            with pytest.raises(NotAllowed):
                use(caller)
    assert status(world, ref) == PENDING


def test_a_decision_names_somebody_who_asked_and_changes_something(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    made = gates.ask(world.hub, world.zed, ref, {})
    for asker, wanted, error in (
        (Asker(user="zed"), PENDING, ThingNotFound),
        (Asker(user="bob"), ACCEPTED, ThingNotFound),
        (Asker(user="nobody"), ACCEPTED, AccountNotFound),
        (Asker(user="acme"), ACCEPTED, AccountNotFound),
        (Asker(request_id="0" * 24), ACCEPTED, ThingNotFound),
        (Asker(), ACCEPTED, Malformed),
        (Asker(user="zed"), "maybe", InvalidName),
    ):
        with pytest.raises(error):
            gates.decide(world.hub, world.olga, ref, asker, wanted)
    with pytest.raises(Malformed, match="only a rejection"):
        gates.decide(world.hub, world.olga, ref, Asker(user="zed"), ACCEPTED, "welcome")
    with pytest.raises(LimitExceeded):
        gates.decide(world.hub, world.olga, ref, Asker(user="zed"), REJECTED, "x" * 2001)
    other = make_gated("manual", "acme/other")
    with pytest.raises(ThingNotFound):
        gates.decide(world.hub, world.olga, other, Asker(request_id=made.uid), ACCEPTED)


def test_many_are_decided_each_for_itself(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    for caller in (world.zed, world.bob):
        gates.ask(world.hub, caller, ref, {})
    askers = [Asker(user="zed"), Asker(user="nobody"), Asker(user_id=world.bob.account.uid), Asker(user="zed")]
    outcomes = gates.decide_many(world.hub, world.olga, ref, askers, ACCEPTED)
    assert [type(item.error) for item in outcomes] == [type(None), AccountNotFound, type(None), ThingNotFound]
    assert may_read(world, ref)
    assert may_read(world, ref, "bob")
    with pytest.raises(LimitExceeded):
        gates.decide_many(world.hub, world.olga, ref, [Asker(user="zed")] * 1001, ACCEPTED)


def test_access_is_granted_unasked_and_after_a_rejection(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    gates.grant(world.hub, world.olga, ref, "zed")
    assert may_read(world, ref)
    [asked] = gates.report(world.hub, world.olga, ref)
    assert asked.request.fields is None
    for name in ("zed", "rita", "olga"):
        with pytest.raises(AlreadyGranted):
            gates.grant(world.hub, world.olga, ref, name)
    with pytest.raises(AccountNotFound):
        gates.grant(world.hub, world.olga, ref, "nobody")
    gates.decide(world.hub, world.olga, ref, Asker(user="zed"), REJECTED)
    gates.grant(world.hub, world.olga, ref, "zed")
    assert may_read(world, ref)


def test_requests_are_listed_by_status_in_pages(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    for name in ("zed", "bob", "alice"):
        gates.ask(world.hub, world.caller(name), ref, {})
        world.clock.advance(1000)
    gates.decide(world.hub, world.olga, ref, Asker(user="bob"), ACCEPTED)
    first = gates.list_requests(world.hub, world.olga, ref, PENDING, after=None, limit=1)
    rest = gates.list_requests(world.hub, world.olga, ref, PENDING, after=first.after, limit=1)
    assert [item.user.name for item in (*first.items, *rest.items)] == ["alice", "zed"]
    assert rest.after is None
    accepted = gates.list_requests(world.hub, world.olga, ref, ACCEPTED, after=None, limit=9)
    assert [item.user.name for item in accepted.items] == ["bob"]
    assert [item.user.name for item in gates.report(world.hub, world.olga, ref)] == ["zed", "bob", "alice"]


def test_requests_go_with_their_user(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    gates.ask(world.hub, world.zed, ref, {})
    accounts.delete_user(world.hub, "zed")
    assert gates.report(world.hub, world.olga, ref) == []


def test_decisions_are_written_down(world: Any, make_gated: Any) -> None:
    ref = make_gated()
    gates.ask(world.hub, world.zed, ref, {})
    gates.decide(world.hub, world.olga, ref, Asker(user="zed"), ACCEPTED)
    gates.grant(world.hub, world.wendy, ref, "bob")
    gates.cancel(world.hub, world.zed, ref)
    rows = audit.search(world.hub, AuditFilter(subject="model acme/m"))
    told = [(row.actor, row.action, row.details) for row in rows if row.action.startswith("access.")]
    assert told == [
        ("zed", "access.cancel", '{"from":"accepted"}'),
        ("wendy", "access.grant", '{"user":"bob"}'),
        ("olga", "access.decide", '{"from":"pending","to":"accepted","user":"zed"}'),
        ("zed", "access.request", '{"status":"pending"}'),
    ]
