"""Use cases on tokens: list, create, rename, rotate, revoke; by their owner, or for them by administrators.

A token cannot be used to gain more rights than it has: a fine-grained token
manages no tokens, a read token creates none, and tokens created with an expiring
token expire no later. Secrets are shown once and stored as a hash.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import string
from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    AccountNotFound,
    InvalidName,
    LimitExceeded,
    Malformed,
    NotAllowed,
    Refused,
    RepoMoved,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import access, audit, callers, folder_access, scopes
from entrepot.hub.accounts import oauth_grants
from entrepot.hub.callers import FINE_GRAINED, Caller, MaybeCaller, hash_secret, require_login, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.scopes import NamedTarget, RequestedScope, Scopes, ScopeTarget
from entrepot.names import RepoRef, new_uid, parse_repo_id, split_namespace
from entrepot.wire.accounts.tokens import TokenCreation
from entrepot.wire.times import parse_time

ROLES = ("read", "write", FINE_GRAINED)
MAX_TOKENS = 1_000
"""Maximum number of tokens of one user."""

_MAX_NAME = 100
_THOUSAND_YEARS_MS = 1000 * 365 * 86_400_000


@attrs.frozen
class TokenDraft:
    """A token to create.

    ``name`` None: ``token-N``; ``expires_ms`` None: never. The other fields are for
    the role ``fineGrained`` only: permissions at places, permissions
    everywhere, whether the content of gated repositories may be read, and whether a
    newer token continues its uploads (:class:`~entrepot.hub.scopes.Scopes`).
    """

    role: str
    name: str | None = None
    expires_ms: int | None = None
    places: Sequence[RequestedScope] = ()
    everywhere: Sequence[str] = ()
    reads_gated: bool = False
    is_resumable: bool = False


@attrs.frozen
class IssuedToken:
    """A token and, this once, its secret."""

    token: Token
    secret: str = attrs.field(repr=False)


@attrs.frozen
class KnownToken:
    """A token and the current names of its scopes' targets; ``scopes`` is None unless it is fine-grained."""

    token: Token
    scopes: Scopes | None
    places: Sequence[NamedTarget]


def draft_of(body: TokenCreation) -> TokenDraft:
    """Return the token to create, as described by a body.

    Raises:
        Malformed: scopes and role do not match, or the time is malformed.
    """
    given = body.fine_grained
    if (given is not None) != (body.role == FINE_GRAINED):
        raise Malformed("body", f"'fineGrained' belongs to the role '{FINE_GRAINED}', and only to it")
    expires_ms = None if body.expires_at is None else parse_time(body.expires_at)
    if given is None:
        return TokenDraft(body.role, body.name, expires_ms)
    places = [RequestedScope(item.entity.type, item.entity.name, item.permissions) for item in given.scoped]
    return TokenDraft(body.role, body.name, expires_ms, places, given.everywhere, given.reads_gated)


def list_own(
    hub: HubContext, caller: MaybeCaller, *, after: tuple[int, str] | None = None, limit: int = MAX_TOKENS
) -> list[KnownToken]:
    """Return a page of the caller's tokens without their secrets, oldest first.

    Args:
        after: time of creation and id of the last token of the previous page, which may be revoked meanwhile.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    known = require_login(caller)
    if known.limits is not None:
        raise NotAllowed("This token is fine-grained: it cannot manage tokens")
    with hub.read() as tx:
        found = oauth_grants.listed(token_rows.of_user(tx, known.account.id))
        return [describe(tx, token) for token in found[_start(found, after) :][:limit]]


def create(hub: HubContext, caller: MaybeCaller, draft: TokenDraft) -> tuple[IssuedToken, KnownToken]:
    """Create a token for the caller.

    Guarantees: none is created with a token or session that has ended in the meantime.

    Raises:
        InvalidCredentials, AccountSuspended: the caller's token has ended, or their account was suspended.
        LoginRequired, NotAllowed: the caller's token may not create others, or the
            caller is not a member of an organisation in the scopes.
        InvalidName, Malformed, LimitExceeded: a value of the draft cannot be used.
        AccountNotFound, RepoNotFound, RepoMoved: a target of the scopes does not exist.
    """
    maker = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        draft = attrs.evolve(draft, expires_ms=_expiry_within(maker.token, draft.expires_ms))
        made = _create(hub, tx, maker, draft, new_secret())
        audit.record(hub, tx, maker, "token.create", _subject(maker.account, made.token), {"role": draft.role})
        return made, describe(tx, made.token)


def create_for(
    hub: HubContext,
    user: str,
    draft: TokenDraft,
    *,
    secret: str | None = None,
    by: Caller | str = audit.CONSOLE,
) -> tuple[IssuedToken, KnownToken]:
    """Create a token for a user, by a command on the server's machine or an administrator of the hub.

    Args:
        secret: an existing secret to import; None makes a random one.
        by: the console, or an administrator, whose right the caller has checked.

    Raises:
        AccountNotFound: the user does not exist, or as :func:`make`.
        AlreadyExists: the secret is in use.
        InvalidName: the secret breaks a rule, or as :func:`make`.
        as :func:`make`, for what concerns the draft.
    """
    value = new_secret() if secret is None else _imported(secret)
    if isinstance(by, Caller):
        draft = attrs.evolve(draft, expires_ms=_expiry_within(by.token, draft.expires_ms))
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        owner = accounts.find(tx, user)
        if owner is None or not owner.is_user:
            raise AccountNotFound(user, "user")
        made = _create(hub, tx, callers.acting_as(tx, owner), draft, value)
        details: dict[str, audit.Detail] = {"role": draft.role, "imported": secret is not None}
        audit.record(hub, tx, by, "token.create", _subject(owner, made.token), details)
        return made, describe(tx, made.token)


def rename(hub: HubContext, caller: MaybeCaller, uid: str, name: str) -> KnownToken:
    """Rename one of the caller's tokens.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not change others.
        ThingNotFound: the caller has no token with this id.
        InvalidName: the name breaks a rule.
    """
    owner = require_write(caller)
    with hub.write(Lock.hub(), by=caller) as tx:
        token = _own_token(tx, owner, uid)
        token_rows.update(tx, token.uid, name=_name(name))
        return describe(tx, _own_token(tx, owner, uid))


def rotate(hub: HubContext, caller: MaybeCaller, uid: str) -> tuple[IssuedToken, KnownToken]:
    """Replace the secret of one of the caller's tokens; the old secret becomes invalid.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not change others.
        ThingNotFound: the caller has no token with this id.
        Malformed: the token expires later than the one used for the request.
        Refused: it belongs to a program that was signed in, which would not know the new secret.
    """
    owner = require_write(caller)
    secret = new_secret()
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        token = _own_token(tx, owner, uid)
        if token.grant_uid is not None:
            raise Refused("a program was signed in with this token and renews it: revoke it, and sign in again")
        if token.uid != owner.token.uid:
            _expiry_within(owner.token, token.expires_ms, is_fixed=True)
        token_rows.update(tx, token.uid, secret_hash=hash_secret(secret))
        audit.record(hub, tx, owner, "token.rotate", _subject(owner.account, token))
        return IssuedToken(token, secret), describe(tx, token)


def revoke(hub: HubContext, caller: MaybeCaller, uid: str) -> None:
    """Make one of the caller's tokens invalid immediately; it may be the one used for the request.

    A program that was signed in with it can no longer renew it.

    Raises:
        LoginRequired, NotAllowed: the caller's token may not change others.
        ThingNotFound: the caller has no token with this id.
    """
    owner = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        token = _own_token(tx, owner, uid)
        oauth_grants.remove_token(tx, token)
        audit.record(hub, tx, owner, "token.revoke", _subject(owner.account, token))


def describe(tx: Read, token: Token) -> KnownToken:
    """Return a token with its scopes, without the names of repositories and folders that its owner may not see."""
    if token.role != FINE_GRAINED:
        return KnownToken(token, None, ())
    found = scopes.decode(token.scopes)
    owner = callers.acting_as(tx, accounts.by_ids(tx, [token.user_id])[token.user_id])

    def sees(row: FolderRow | RepoRow) -> bool:
        if isinstance(row, RepoRow):
            return access.may_see(tx, owner, row)
        return folder_access.may_see(tx, owner, row)

    return KnownToken(token, found, scopes.shown(tx, found, sees))


def present(hub: HubContext, caller: MaybeCaller) -> tuple[Caller, KnownToken]:
    """Return the caller and the token of the request.

    Raises:
        LoginRequired: the caller is anonymous.
    """
    known = require_login(caller)
    if known.token.role != FINE_GRAINED:
        return known, KnownToken(known.token, None, ())
    with hub.read() as tx:
        return known, describe(tx, known.token)


def _start(found: Sequence[Token], after: tuple[int, str] | None) -> int:
    """Return the index of the first token of a page."""
    if after is None:
        return 0
    last = next((number for number, token in enumerate(found) if token.uid == after[1]), None)
    if last is not None:
        return last + 1
    return next((number for number, token in enumerate(found) if token.created_ms > after[0]), len(found))


def new_secret() -> str:
    """Return the secret for a new token: 202 random bits after the prefix that clients look for."""
    return "hf_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(34))


def _imported(secret: str) -> str:
    if not re.fullmatch(r"hf_[A-Za-z0-9_-]{5,500}", secret):
        cure = "it must start with 'hf_' and go on with 5 to 500 letters, digits, '_', '-'"
        raise InvalidName("token secret", secret[:3] + "…", cure)
    return secret


def _create(hub: HubContext, tx: Write, owner: Caller, draft: TokenDraft, secret: str) -> IssuedToken:
    if draft.role not in ROLES:
        raise InvalidName("token role", draft.role, f"expected {', '.join(ROLES)}")
    now = hub.now_ms()
    if draft.expires_ms is not None and not now < draft.expires_ms < now + _THOUSAND_YEARS_MS:
        raise Malformed("expiry", "the end of a token's life must lie in the future, within 1,000 years")
    there = len(oauth_grants.listed(token_rows.of_user(tx, owner.account.id)))
    if there >= MAX_TOKENS:
        raise LimitExceeded("the number of tokens of one user", MAX_TOKENS, "revoke some first")
    name = f"token-{there + 1}" if draft.name is None else _name(draft.name)
    stored = _scopes(tx, owner, draft)
    encoded = None if stored is None else stored.encode()
    token = Token(new_uid(), owner.account.id, name, draft.role, now, draft.expires_ms, scopes=encoded)
    token_rows.add(tx, token, hash_secret(secret))
    return IssuedToken(token, secret)


def _scopes(tx: Read, owner: Caller, draft: TokenDraft) -> Scopes | None:
    if draft.role != FINE_GRAINED:
        if draft.places or draft.everywhere or draft.reads_gated:
            raise Malformed("token", f"only one with role '{FINE_GRAINED}' has scopes")
        return None
    scopes.check_target_count(draft.places)
    everywhere = scopes.check_permissions(draft.everywhere, scopes.EVERYWHERE, "everything")
    places = tuple(target for place in draft.places for target in _targets(tx, owner, place))
    return Scopes(places, everywhere, draft.reads_gated, draft.is_resumable)


def _targets(tx: Read, owner: Caller, requested: RequestedScope) -> list[ScopeTarget]:
    """Return the targets that a name stands for: one, or the folders of both types with one name."""
    if requested.kind != "folder":
        return [_place(tx, owner, requested)]
    name = split_namespace(requested.name)
    found = []
    for kind in folder_access.KINDS:
        with contextlib.suppress(ThingNotFound, RepoMoved):
            found.append(folder_access.visible(tx, owner, kind, *name))
    if not found:
        raise ThingNotFound("folder", requested.name)
    return [scopes.target_of(folder, requested.permissions) for folder in found]


def _place(tx: Read, owner: Caller, requested: RequestedScope) -> ScopeTarget:
    kind = scopes.repo_type_of(requested.kind)
    if kind is not None:
        ref = RepoRef(kind, parse_repo_id(requested.name))
        try:
            return scopes.target_of(access.visible(tx, owner, ref), requested.permissions)
        except RepoMoved as moved:
            raise Malformed("entity of a scope", moved.message) from None
        except RepoNotFound:  # one of several places: say which
            raise ThingNotFound(requested.kind, requested.name) from None
    account = accounts.find(tx, requested.name)
    if account is None or account.kind != requested.kind:
        raise AccountNotFound(requested.name, "user" if requested.kind == "user" else "organisation")
    if account.id not in owner.roles:
        raise NotAllowed(f"{owner.account.name} is not a member of {account.name}")
    return scopes.target_of(account, requested.permissions)


def _expiry_within(creator: Token, wanted_ms: int | None, *, is_fixed: bool = False) -> int | None:
    """Return the expiry of a token created with another one: no later than that one's."""
    limit_ms = creator.expires_ms
    if limit_ms is None or (wanted_ms is not None and wanted_ms <= limit_ms):
        return wanted_ms
    if wanted_ms is None and not is_fixed:
        return limit_ms
    raise Malformed("expiry", "a token cannot give another one a longer life than its own")


def _own_token(tx: Read, owner: Caller, uid: str) -> Token:
    found = [token for token in token_rows.of_user(tx, owner.account.id) if token.uid == uid]
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
