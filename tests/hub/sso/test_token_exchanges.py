from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    AccountSuspended,
    InvalidCredentials,
    LimitExceeded,
    NotAllowed,
    OAuthRefused,
    RepoNotFound,
)
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, administration, oauth_grants, tokens
from entrepot.hub.callers import Caller, Role
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, commits, contents, repositories, restrictions
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.sso import publishers, token_exchanges
from entrepot.hub.sso.publishers import Publisher
from entrepot.hub.sso.token_exchanges import LIFE_S, exchange
from entrepot.names import RepoId, RepoPath, RepoRef
from entrepot.wire.accounts.administration import UserChanges
from tests.hub.sso.test_publishers import draft
from tests.support.issuer import LocalIssuer
from tests.support.worlds import World


def add(world: World, issuer: LocalIssuer, ref: RepoRef, by: Caller | None = None, **changes: Any) -> Publisher:
    return publishers.add(world.hub, by or world.alice, ref, draft(issuer, **changes))


def swap(world: World, issuer: LocalIssuer, ref: RepoRef, **claims: Any) -> str:
    return exchange(world.hub, issuer.token(world.clock.now_ms, **claims), f"{ref.path}").secret


def as_ci(world: World, secret: str) -> Caller:
    found = world.hub.identify(secret)
    assert found is not None
    return found


def upload(world: World, caller: Caller, ref: RepoRef) -> None:
    commits.create(world.hub, caller, ref, "main", CommitDraft("from CI", [AddFile(RepoPath("a"), b"x")]))


def refusal(world: World, token: str, resource: str) -> str:
    with pytest.raises(OAuthRefused) as caught:
        exchange(world.hub, token, resource)
    assert caught.value.code == "invalid_grant"
    return caught.value.message


def test_a_job_gets_a_token_for_one_repository_and_one_hour(ci_world: World, issuer: LocalIssuer) -> None:
    ref, other = (ci_world.repo(name, visibility="private") for name in ("alice/m", "alice/other"))
    add(ci_world, issuer, ref, claims={"repository": "acme/train", "ref": "refs/heads/*"})
    secret = swap(ci_world, issuer, ref)
    caller = as_ci(ci_world, secret)
    upload(ci_world, caller, ref)
    assert ci_world.read(ref, "a") == b"x"
    with pytest.raises(RepoNotFound):
        upload(ci_world, caller, other)
    with pytest.raises(NotAllowed):
        tokens.list_own(ci_world.hub, caller)
    with pytest.raises(NotAllowed):
        publishers.of_repo(ci_world.hub, caller, ref)
    ci_world.clock.advance(LIFE_S * 1000)
    with pytest.raises(InvalidCredentials):
        ci_world.hub.identify(secret)


def test_the_exchange_and_what_it_is_used_for_are_in_the_audit_log(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m")
    made = add(ci_world, issuer, ref)
    caller = as_ci(ci_world, swap(ci_world, issuer, ref))
    [row] = [row for row in audit.search(ci_world.hub, AuditFilter()) if row.action == "publisher.exchange"]
    details = json.loads(row.details)
    assert (row.actor, row.subject) == ("alice", "model alice/m")
    assert (details["publisher"], details["issuer"], details["token"]) == (made.row.uid, issuer.url, caller.token.uid)
    assert json.loads(details["said"])["sub"] == "repo:acme/train:ref:refs/heads/main"
    branches.create_branch(ci_world.hub, caller, ref, "made", start=None, is_empty=False, overwrites=False)
    branches.delete_branch(ci_world.hub, caller, ref, "made")
    newest = audit.search(ci_world.hub, AuditFilter())[0]
    assert (newest.action, newest.token) == ("ref.delete", caller.token.uid)
    [listed] = publishers.of_repo(ci_world.hub, ci_world.alice, ref)
    assert listed.row.used_ms == ci_world.clock.now_ms


def test_a_publisher_that_may_read_cannot_write(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m", visibility="private")
    ci_world.add(ref, "a")
    add(ci_world, issuer, ref, role="read")
    caller = as_ci(ci_world, swap(ci_world, issuer, ref))
    assert contents.locate(ci_world.hub, caller, ref, "main", RepoPath("a")).size == 2
    with pytest.raises(NotAllowed):
        upload(ci_world, caller, ref)


def test_absent_private_and_distrustful_repositories_are_refused_alike(ci_world: World, issuer: LocalIssuer) -> None:
    ci_world.repo("alice/p", visibility="private")
    trusting = ci_world.repo("alice/t", visibility="private")
    add(ci_world, issuer, trusting, claims={"repository": "acme/other"})
    disabled = ci_world.repo("alice/d")
    add(ci_world, issuer, disabled)
    restrictions.disable(ci_world.hub, ci_world.root, disabled, "x")
    told = set()
    for name in ("alice/p", "alice/t", "alice/x", "alice/d", "nobody/x"):
        token = issuer.token(ci_world.clock.now_ms)
        told.add(refusal(ci_world, token, name).replace(name, "NAME"))
    assert len(told) == 1
    assert "no trusted publisher of 'NAME' accepts this" in told.pop()
    for name in ("alice", "alice/", "/x", "datasets/alice/t", "kernels/alice/t", "a/b/c", "", "../x", "é/x"):
        assert "no trusted publisher" in refusal(ci_world, issuer.token(ci_world.clock.now_ms), name)


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "acme/train2"},
        {"repository": "acme/Train"},
        {"repository": None},
        {"repository": ["acme/train"]},
        {"ref": "refs/heads/feature/x"},
        {"ref": "refs/pull/1/merge"},
    ],
)
def test_claims_that_do_not_match_are_refused(ci_world: World, issuer: LocalIssuer, claims: dict[str, Any]) -> None:
    ref = ci_world.repo("alice/m")
    add(ci_world, issuer, ref, claims={"repository": "acme/train", "ref": "refs/heads/*"})
    assert "no trusted publisher" in refusal(ci_world, issuer.token(ci_world.clock.now_ms, **claims), "alice/m")
    assert swap(ci_world, issuer, ref)


def test_the_token_of_another_issuer_with_the_same_claims_is_refused(
    make_world: Callable[..., World], issuer: LocalIssuer, tmp_path: Any
) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(issuer.pages["/keys"])
    second = "https://other.example"
    world = make_world(
        base_url="https://hub.example.org",
        oidc_issuers=(issuer.url, f"{second}={file}"),
        oidc_private_issuers=True,
    )
    ref = world.repo("alice/m")
    add(world, issuer, ref)
    token = issuer.token(world.clock.now_ms, iss=second)
    assert "no trusted publisher" in refusal(world, token, "alice/m")
    publishers.add(world.hub, world.alice, ref, attrs.evolve(draft(issuer), issuer=second))
    assert exchange(world.hub, token, "alice/m").expires_s == 3600


def test_a_token_is_exchanged_once(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m")
    add(ci_world, issuer, ref)
    token = issuer.token(ci_world.clock.now_ms)
    exchange(ci_world.hub, token, "alice/m")
    assert "exchanged before" in refusal(ci_world, token, "alice/m")
    again = issuer.sign(issuer.claims(ci_world.clock.now_ms, jti="token-1", exp=ci_world.clock.now_ms // 1000 + 900))
    assert "exchanged before" in refusal(ci_world, again, "alice/m"), "the id counts, not the text"
    ci_world.clock.advance(400_000)
    assert "expired" in refusal(ci_world, token, "alice/m")
    without = issuer.token(ci_world.clock.now_ms, jti=None)
    assert exchange(ci_world.hub, without, "alice/m").secret != exchange(ci_world.hub, without, "alice/m").secret


def test_a_refused_exchange_does_not_use_the_token_up(ci_world: World, issuer: LocalIssuer) -> None:
    ref, token = ci_world.repo("alice/m"), issuer.token(ci_world.clock.now_ms)
    refusal(ci_world, token, "alice/m")
    add(ci_world, issuer, ref)
    assert exchange(ci_world.hub, token, "alice/m")


def test_the_right_of_the_user_is_judged_at_every_use(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("acme/m", by=ci_world.wendy, visibility="private")
    add(ci_world, issuer, ref, by=ci_world.wendy)
    secret = swap(ci_world, issuer, ref)
    upload(ci_world, as_ci(ci_world, secret), ref)
    accounts.set_member(ci_world.hub, "acme", "wendy", Role.READ)
    with pytest.raises(NotAllowed):
        upload(ci_world, as_ci(ci_world, secret), ref)
    assert "no trusted publisher" in refusal(ci_world, issuer.token(ci_world.clock.now_ms), "acme/m")
    administration.remove_member(ci_world.hub, ci_world.root, "acme", "wendy")
    with pytest.raises(RepoNotFound):
        upload(ci_world, as_ci(ci_world, secret), ref)


def test_a_suspended_user_publishes_nothing(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m")
    add(ci_world, issuer, ref)
    secret = swap(ci_world, issuer, ref)
    administration.change_user(ci_world.hub, ci_world.root, "alice", UserChanges(is_suspended=True))
    with pytest.raises((AccountSuspended, InvalidCredentials)):
        ci_world.hub.identify(secret)
    assert "no trusted publisher" in refusal(ci_world, issuer.token(ci_world.clock.now_ms), "alice/m")


def test_tokens_end_with_their_publisher_and_follow_a_renamed_repository(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m")
    made = add(ci_world, issuer, ref)
    secret = swap(ci_world, issuer, ref)
    moved = RepoRef(ref.type, RepoId("alice", "renamed"))
    repositories.move(ci_world.hub, ci_world.alice, ref, moved)
    upload(ci_world, as_ci(ci_world, secret), moved)
    squatter = ci_world.repo("alice/m")
    with pytest.raises(NotAllowed):
        upload(ci_world, as_ci(ci_world, secret), squatter)
    assert "no trusted publisher" in refusal(ci_world, issuer.token(ci_world.clock.now_ms), "alice/m")
    publishers.remove(ci_world.hub, ci_world.alice, moved, made.row.uid)
    with pytest.raises(InvalidCredentials):
        ci_world.hub.identify(secret)


def test_all_tokens_of_a_publisher_are_one_line_in_the_list_of_tokens(ci_world: World, issuer: LocalIssuer) -> None:
    ref = ci_world.repo("alice/m")
    add(ci_world, issuer, ref)
    found = [swap(ci_world, issuer, ref) for _ in range(3)]
    [line] = [item.token for item in tokens.list_own(ci_world.hub, ci_world.alice) if item.token.grant_uid]
    assert line.name == "publisher training"
    tokens.revoke(ci_world.hub, ci_world.alice, line.uid)
    for secret in found:
        with pytest.raises(InvalidCredentials):
            ci_world.hub.identify(secret)
    assert swap(ci_world, issuer, ref)
    assert len(oauth_grants.listed([line])) == 1


def test_the_number_of_valid_tokens_is_limited(
    ci_world: World, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_exchanges, "MAX_LIVE", 2)
    ref = ci_world.repo("alice/m")
    add(ci_world, issuer, ref)
    for _ in range(2):
        swap(ci_world, issuer, ref)
    with pytest.raises(LimitExceeded):
        swap(ci_world, issuer, ref)
    ci_world.clock.advance(LIFE_S * 1000)
    assert swap(ci_world, issuer, ref)


def test_an_unknown_issuer_is_never_asked(make_world: Callable[..., World], issuer: LocalIssuer) -> None:
    world = make_world(base_url="https://hub.example.org", oidc_private_issuers=True)
    assert "does not trust the issuer" in refusal(world, issuer.token(world.clock.now_ms), "alice/m")
    assert issuer.asked == []
    nowhere = make_world(oidc_issuers=(issuer.url,))
    with pytest.raises(OAuthRefused, match="base_url"):
        exchange(nowhere.hub, issuer.token(nowhere.clock.now_ms), "alice/m")
