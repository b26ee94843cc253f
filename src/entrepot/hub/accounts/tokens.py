"""The tokens of one user: listed, made, renamed, rotated and revoked by their owner, or by whoever runs the hub.

Nobody gets more out of a token than went in: a fine-grained token manages no
tokens, a read token makes none, and what an expiring token makes does not
outlive it. Secrets are shown once and stored as a hash.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Sequence

import attrs

from entrepot.catalog import Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account, Token
from entrepot.errors import AccountNotFound, InvalidName, LimitExceeded, Malformed, NotAllowed, RepoMoved, ThingNotFound
from entrepot.hub import access, audit, callers, scopes
from entrepot.hub.callers import FINE_GRAINED, Caller, MaybeCaller, hash_secret, require_login, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.scopes import NamedTarget, RequestedScope, Scopes, ScopeTarget
from entrepot.names import RepoRef, new_uid, parse_repo_id

ROLES = ("read", "write", FINE_GRAINED)
MAX_TOKENS = 1_000
"""Tokens of one user."""

_MAX_NAME = 100
_THOUSAND_YEARS_MS = 1000 * 365 * 86_400_000


@attrs.frozen
class TokenDraft:
    """A token to make.

    ``name`` None is ``token-N``; ``expires_ms`` None is never. The rest is for
    the role ``fineGrained`` only: permissions at places, permissions
    everywhere, and whether the content of gated repositories may be read.
    """

    role: str
    name: str | None = None
    expires_ms: int | None = None
    places: Sequence[RequestedScope] = ()
    everywhere: Sequence[str] = ()
    reads_gated: bool = False


@attrs.frozen
class IssuedToken:
    """A token and, this once, its secret."""

    token: Token
    secret: str = attrs.field(repr=False)


@attrs.frozen
class KnownToken:
    """A token with the places of its scopes by their present names; ``scopes`` None unless it is fine-grained."""

    token: Token
    scopes: Scopes | None
    places: Sequence[NamedTarget]


def own(hub: HubContext, caller: MaybeCaller) -> list[KnownToken]:
    """The caller's tokens without their secrets, oldest first.

    Raises:
        LoginRequired, NotAllowed: nobody in particular, or a fine-grained token, is asking.
    """
    known = require_login(caller)
    if known.limits is not None:
        raise NotAllowed("This token is fine-grained: those do not manage tokens")
    with hub.read() as tx:
        return [describe(tx, token) for token in accounts.tokens_of(tx, known.account.id)]


def make(hub: HubContext, caller: MaybeCaller, wish: TokenDraft) -> tuple[IssuedToken, KnownToken]:
    """Make a token for the caller.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not make others, or a
            place is not the caller's.
        InvalidName, Malformed, LimitExceeded: the wish cannot be fulfilled as it is.
        AccountNotFound, RepoNotFound, RepoMoved: a place does not exist.
    """
    maker = require_write(caller)
    with hub.write() as tx:
        wish = attrs.evolve(wish, expires_ms=_expiry_within(maker.token, wish.expires_ms))
        made = _make(hub, tx, maker, wish, fresh_secret())
        audit.record(hub, tx, maker, "token.create", _subject(maker.account, made.token), {"role": wish.role})
        return made, describe(tx, made.token)


def make_for(
    hub: HubContext, user: str, wish: TokenDraft, *, secret: str | None = None
) -> tuple[IssuedToken, KnownToken]:
    """Make a token for a user, on the machine itself.

    Args:
        secret: an existing secret to import; None makes a random one.

    Raises:
        AccountNotFound: no such user, or as :func:`make`.
        AlreadyExists: the secret is in use.
        InvalidName: the secret breaks a rule, or as :func:`make`.
        as :func:`make`, for what concerns the wish.
    """
    value = fresh_secret() if secret is None else _imported(secret)
    with hub.write() as tx:
        owner = accounts.find(tx, user)
        if owner is None or not owner.is_user:
            raise AccountNotFound(user, "user")
        made = _make(hub, tx, callers.acting_for(tx, owner), wish, value)
        details: dict[str, audit.Detail] = {"role": wish.role, "imported": secret is not None}
        audit.record(hub, tx, audit.CONSOLE, "token.create", _subject(owner, made.token), details)
        return made, describe(tx, made.token)


def rename(hub: HubContext, caller: MaybeCaller, uid: str, name: str) -> KnownToken:
    """Call one of the caller's tokens something else.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not change others.
        ThingNotFound: the caller has no such token.
        InvalidName: the name breaks a rule.
    """
    owner = require_write(caller)
    with hub.write() as tx:
        token = _own_token(tx, owner, uid)
        accounts.update_token(tx, token.uid, name=_name(name))
        return describe(tx, _own_token(tx, owner, uid))


def rotate(hub: HubContext, caller: MaybeCaller, uid: str) -> tuple[IssuedToken, KnownToken]:
    """Give one of the caller's tokens a new secret; the old one is worth nothing from then on.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not change others.
        ThingNotFound: the caller has no such token.
        Malformed: the token would outlive the one that asks.
    """
    owner = require_write(caller)
    secret = fresh_secret()
    with hub.write() as tx:
        token = _own_token(tx, owner, uid)
        if token.uid != owner.token.uid:
            _expiry_within(owner.token, token.expires_ms, is_fixed=True)
        accounts.update_token(tx, token.uid, secret_hash=hash_secret(secret))
        audit.record(hub, tx, owner, "token.rotate", _subject(owner.account, token))
        return IssuedToken(token, secret), describe(tx, token)


def revoke(hub: HubContext, caller: MaybeCaller, uid: str) -> None:
    """Make one of the caller's tokens invalid at once; it may be the very one that asks.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not change others.
        ThingNotFound: the caller has no such token.
    """
    owner = require_write(caller)
    with hub.write() as tx:
        token = _own_token(tx, owner, uid)
        accounts.remove_token(tx, token.uid)
        audit.record(hub, tx, owner, "token.revoke", _subject(owner.account, token))


def describe(tx: Read, token: Token) -> KnownToken:
    """A token with what its scopes say."""
    if token.role != FINE_GRAINED:
        return KnownToken(token, None, ())
    found = scopes.decode(token.scopes)
    return KnownToken(token, found, scopes.shown(tx, found))


def present(hub: HubContext, caller: MaybeCaller) -> tuple[Caller, KnownToken]:
    """The caller, and the token they came with.

    Raises:
        LoginRequired: nobody in particular is asking.
    """
    known = require_login(caller)
    with hub.read() as tx:
        return known, describe(tx, known.token)


def fresh_secret() -> str:
    """The secret of a new token: 202 random bits behind the prefix that clients look for."""
    return "hf_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(34))


def _imported(secret: str) -> str:
    if not re.fullmatch(r"hf_[A-Za-z0-9_-]{5,500}", secret):
        cure = "it must start with 'hf_' and go on with 5 to 500 letters, digits, '_', '-'"
        raise InvalidName("token secret", secret[:3] + "…", cure)
    return secret


def _make(hub: HubContext, tx: Write, owner: Caller, wish: TokenDraft, secret: str) -> IssuedToken:
    if wish.role not in ROLES:
        raise InvalidName("token role", wish.role, f"expected {', '.join(ROLES)}")
    now = hub.now_ms()
    if wish.expires_ms is not None and not now < wish.expires_ms < now + _THOUSAND_YEARS_MS:
        raise Malformed("expiry", "the end of a token's life lies ahead, and within 1,000 years")
    there = len(accounts.tokens_of(tx, owner.account.id))
    if there >= MAX_TOKENS:
        raise LimitExceeded("the number of tokens of one user", MAX_TOKENS, "revoke some first")
    name = f"token-{there + 1}" if wish.name is None else _name(wish.name)
    stored = _scopes(tx, owner, wish)
    encoded = None if stored is None else stored.encode()
    token = Token(new_uid(), owner.account.id, name, wish.role, now, wish.expires_ms, scopes=encoded)
    accounts.add_token(tx, token, hash_secret(secret))
    return IssuedToken(token, secret)


def _scopes(tx: Read, owner: Caller, wish: TokenDraft) -> Scopes | None:
    if wish.role != FINE_GRAINED:
        if wish.places or wish.everywhere or wish.reads_gated:
            raise Malformed("token", f"only one with role '{FINE_GRAINED}' has scopes")
        return None
    scopes.check_places(wish.places)
    everywhere = scopes.check_permissions(wish.everywhere, scopes.EVERYWHERE, "everything")
    return Scopes(tuple(_place(tx, owner, place) for place in wish.places), everywhere, wish.reads_gated)


def _place(tx: Read, owner: Caller, wish: RequestedScope) -> ScopeTarget:
    kind = scopes.repo_type_of(wish.kind)
    if kind is not None:
        ref = RepoRef(kind, parse_repo_id(wish.name))
        try:
            return scopes.target_of(access.visible(tx, owner, ref), wish.permissions)
        except RepoMoved as moved:
            raise Malformed("entity of a scope", moved.message) from None
    account = accounts.find(tx, wish.name)
    if account is None or account.kind != wish.kind:
        raise AccountNotFound(wish.name, "user" if wish.kind == "user" else "organisation")
    if account.id not in owner.roles:
        raise NotAllowed(f"{owner.account.name} is not a member of {account.name}")
    return scopes.target_of(account, wish.permissions)


def _expiry_within(asking: Token, wanted_ms: int | None, *, is_fixed: bool = False) -> int | None:
    """When a token ends that another one makes: not after it."""
    limit_ms = asking.expires_ms
    if limit_ms is None or (wanted_ms is not None and wanted_ms <= limit_ms):
        return wanted_ms
    if wanted_ms is None and not is_fixed:
        return limit_ms
    raise Malformed("expiry", "a token cannot give another one a longer life than its own")


def _own_token(tx: Read, owner: Caller, uid: str) -> Token:
    found = [token for token in accounts.tokens_of(tx, owner.account.id) if token.uid == uid]
    if not found:
        raise ThingNotFound("token", uid)
    return found[0]


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidName("token name", text, f"expected 1 to {_MAX_NAME} printable characters")
    return name


def _subject(owner: Account, token: Token) -> str:
    return f"token {token.name} of {owner.name}"
