from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    AlreadyExists,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    OAuthRefused,
    Refused,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import audit
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.scopes import RequestedScope
from entrepot.hub.sso import publishers
from entrepot.hub.sso.publishers import PublisherDraft
from entrepot.names import RepoId, RepoRef
from tests.support import hub_work
from tests.support.issuer import AUDIENCE, LocalIssuer
from tests.support.worlds import World


def draft(origin: LocalIssuer, **changes: Any) -> PublisherDraft:
    found: dict[str, Any] = {"name": "training", "issuer": origin.url, "claims": {"repository": "acme/train"}}
    return PublisherDraft(**(found | changes))


def of(world: World, ref: RepoRef) -> list[str]:
    return [found.row.name for found in publishers.of_repo(world.hub, world.alice, ref)]


def test_a_publisher_is_added_listed_and_removed(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m")
    made = publishers.add(ci_world.hub, ci_world.alice, ref, draft(issuer, name=" training "))
    assert (made.owner, made.row.name, made.row.role, made.row.used_ms) == ("alice", "training", "write", None)
    assert of(ci_world, ref) == ["training"]
    with pytest.raises(AlreadyExists):
        publishers.add(ci_world.hub, ci_world.alice, ref, draft(issuer, name="another"))
    with pytest.raises(ThingNotFound):
        publishers.remove(ci_world.hub, ci_world.alice, ref, "0" * 24)
    other = ci_world.repo("alice/other")
    with pytest.raises(ThingNotFound):
        publishers.remove(ci_world.hub, ci_world.alice, other, made.row.uid)
    publishers.remove(ci_world.hub, ci_world.alice, ref, made.row.uid)
    assert of(ci_world, ref) == []
    actions = [row.action for row in audit.search(ci_world.hub, AuditFilter())]
    assert actions[:3] == ["publisher.remove", "repo.create", "publisher.add"]


def test_only_writers_know_of_publishers(ci_world: World, issuer: LocalIssuer) -> None:
    hidden, seen = ci_world.repo("alice/h", visibility="private"), ci_world.repo("alice/s")
    absent = RepoRef(hidden.type, RepoId("alice", "absent"))
    for caller, wrong in ((ci_world.bob, NotAllowed), (None, LoginRequired)):
        for ref, expected in ((seen, wrong), (hidden, RepoNotFound), (absent, RepoNotFound)):
            for call in (
                lambda ref=ref, caller=caller: publishers.of_repo(ci_world.hub, caller, ref),
                lambda ref=ref, caller=caller: publishers.add(ci_world.hub, caller, ref, draft(issuer, issuer="x")),
                lambda ref=ref, caller=caller: publishers.remove(ci_world.hub, caller, ref, "x"),
            ):
                with pytest.raises(expected):
                    call()


@pytest.mark.parametrize("role", ["read", FINE_GRAINED])
def test_a_token_with_fewer_rights_cannot_add_one(ci_world: World, issuer: LocalIssuer, role: str) -> None:
    ref = ci_world.repo("alice/m")
    places = [RequestedScope("model", "alice/m", ["repo.write"])] if role == FINE_GRAINED else []
    made, _ = tokens.create_for(ci_world.hub, "alice", TokenDraft(role, places=places))
    with pytest.raises(NotAllowed):
        publishers.add(ci_world.hub, ci_world.hub.identify(made.secret), ref, draft(issuer))
    assert of(ci_world, ref) == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"issuer": "https://evil.example"}, OAuthRefused),
        ({"claims": {}}, Malformed),
        ({"claims": {"sub": "*"}}, Malformed),
        ({"claims": {"sub": "x", "aud": "y"}}, InvalidName),
        ({"role": "admin"}, InvalidName),
        ({"name": " "}, InvalidName),
        ({"name": "x" * 81}, InvalidName),
        ({"name": "a\nb"}, InvalidName),
    ],
)
def test_a_draft_that_means_nothing_is_refused(
    ci_world: World, issuer: LocalIssuer, changes: dict[str, Any], error: type[Exception]
) -> None:
    ref = ci_world.repo("alice/m")
    with pytest.raises(error):
        publishers.add(ci_world.hub, ci_world.alice, ref, draft(issuer, **changes))
    assert of(ci_world, ref) == []


def test_the_number_of_publishers_is_limited(
    ci_world: World, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishers, "MAX_PUBLISHERS", 1)
    ref = ci_world.repo("alice/m")
    publishers.add(ci_world.hub, ci_world.alice, ref, draft(issuer))
    with pytest.raises(LimitExceeded):
        publishers.add(ci_world.hub, ci_world.alice, ref, draft(issuer, claims={"sub": "x"}))


def test_a_hub_that_does_not_know_its_address_has_no_publishers(
    make_world: Callable[..., World], issuer: LocalIssuer
) -> None:
    world = make_world(oidc_issuers=(issuer.url,))
    with pytest.raises(Refused, match="base_url"):
        publishers.add(world.hub, world.alice, world.repo("alice/m"), draft(issuer))


def test_publishers_go_with_their_repository_and_their_user(ci_world: World, issuer: LocalIssuer) -> None:
    assert ci_world.hub.settings.base_url == AUDIENCE
    ref = ci_world.repo("acme/m", by=ci_world.wendy)
    publishers.add(ci_world.hub, ci_world.wendy, ref, draft(issuer))
    hub_work.delete_user(ci_world.hub, "wendy")
    assert publishers.of_repo(ci_world.hub, ci_world.olga, ref) == []
