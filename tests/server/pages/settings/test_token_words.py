from __future__ import annotations

from entrepot.catalog.accounts.tokens import Token
from entrepot.hub import scopes
from entrepot.hub.accounts.tokens import KnownToken
from entrepot.hub.scopes import NamedTarget, Scopes, ScopeTarget
from entrepot.names import Uid
from entrepot.server.pages.settings.token_words import ON_ACCOUNTS, ON_REPOS, describe_token


def token(role: str) -> Token:
    return Token(Uid("0" * 24), 1, "laptop", role, 0, None)


def test_every_permission_has_words() -> None:
    assert set(ON_REPOS) == scopes.ON_REPOS
    assert set(ON_ACCOUNTS) == scopes.ON_NAMESPACES - scopes.ON_REPOS


def test_roles_are_described() -> None:
    assert describe_token(KnownToken(token("read"), None, ())) == ["Read everything that you may read"]
    assert describe_token(KnownToken(token("write"), None, ())) == ["Read and write everything, as you may"]


def test_scopes_are_described_and_lost_ones_only_counted() -> None:
    place = ScopeTarget("dataset", "a" * 24, frozenset({scopes.DISCUSS, scopes.READ}))
    lost = ScopeTarget("model", "b" * 24, frozenset({scopes.WRITE}))
    known = KnownToken(
        token("fineGrained"),
        Scopes((place, lost), frozenset({scopes.DISCUSS}), reads_gated=True),
        [NamedTarget(place, "acme/data")],
    )
    assert describe_token(known) == [
        "datasets/acme/data: read files, also private and gated ones; take part in discussions",
        "1 more that you can no longer see",
        "everywhere: take part in discussions",
        "read gated repositories that you have access to",
    ]
    assert describe_token(KnownToken(token("fineGrained"), Scopes(), ())) == ["Nothing that needs a permission"]
