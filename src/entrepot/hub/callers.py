"""Callers: the accounts behind tokens and sessions, and the rights that a token gives."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts, passkeys, second_factors, sessions, sso_identities
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account, Membership
from entrepot.catalog.accounts.sessions import SessionRow
from entrepot.catalog.accounts.tokens import OwnedToken, Token
from entrepot.catalog.repos.grants import FolderPlace, GrantedRoles
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.errors import AccountSuspended, InvalidCredentials, LoginRequired, NotAllowed, SecondFactorMissing
from entrepot.hub import scopes
from entrepot.hub.scopes import ScopeRows
from entrepot.names import Sha256, Uid
from entrepot.settings import Settings

FINE_GRAINED = "fineGrained"
"""Role of tokens that allow only what their scopes list."""

SESSION_MS = 60 * 86_400_000
"""Longest duration of a session of a browser, in milliseconds."""

SESSION_IDLE_MS = 14 * 86_400_000
"""How long a session lasts that is not used."""

_NO_ROLE = 0
_STAMP_DIGITS = 16
_SESSION = "session"
"""The stamp of a session begins with this, where that of a token has an id of hex digits."""


class Role(enum.IntEnum):
    """Rights in a namespace; a higher role includes the lower ones."""

    READ = 1
    CONTRIBUTOR = 2
    WRITE = 3
    ADMIN = 4

    @classmethod
    def parse(cls, word: str) -> Role:
        """Return the role with this name; case is ignored."""
        return cls[word.upper()]


@attrs.frozen
class Caller:
    """An authenticated caller.

    ``limits``: the scopes of a fine-grained token; None for tokens that allow
    everything that their role and the account's roles allow. ``granted``: what
    was looked up about grants of folders (:mod:`entrepot.hub.access`); it is as old as
    the roles. ``session``: the id of the browser's session that sent the request; None
    if a token did, or if the caller is the operator of the machine.
    """

    account: Account
    token: Token
    memberships: tuple[Membership, ...]
    roles: Mapping[int, Role]
    limits: ScopeRows | None = None
    granted: dict[FolderPlace, GrantedRoles] = attrs.field(factory=dict, eq=False, repr=False)
    session: Uid | None = None

    @property
    def may_write(self) -> bool:
        """Whether the token allows changes wherever the account may make them."""
        return self.token.role == "write"

    @property
    def sees_all(self) -> bool:
        """Whether the caller may see everything on the hub."""
        return self.account.is_admin and self.limits is None

    def own_role(self, namespace_id: int, parent_id: int | None = None) -> Role | None:
        """Return the account's role in a namespace, regardless of the token; None if it has none.

        For repositories and folders, use :mod:`entrepot.hub.access`.

        Args:
            parent_id: the owner of a folder, for the namespace of one.
        """
        if self.account.is_admin:
            return Role.ADMIN
        found = self.roles.get(namespace_id)
        return self.roles.get(parent_id) if found is None and parent_id is not None else found

    def orgs_with(self, least: Role) -> list[str]:
        """Return the names of the organisations in which the account has at least a role as a member, sorted."""
        orgs = (item.org for item in self.memberships)
        return sorted(org.name for org in orgs if self.roles.get(org.id, Role.READ) >= least)

    def role_in(self, namespace_id: int) -> Role | None:
        """Return the caller's role in a namespace as limited by the token; None if it has none.

        For repositories, use :mod:`entrepot.hub.access`. A fine-grained token
        has a role above READ only with ``org.write``.
        """
        role = self.own_role(namespace_id)
        if role is None or self.limits is None:
            return role
        allowed = self.limits.at(namespace_id)
        if not allowed:
            return None
        return role if scopes.ORG_WRITE in allowed else Role.READ

    def permits(self, permission: str, namespace_id: int) -> bool:
        """Return whether the token gives a permission there; tokens that are not fine-grained give all permissions."""
        return self.limits is None or permission in self.limits.at(namespace_id)

    def permits_on(self, permission: str, row: RepoRow) -> bool:
        """Return whether the token gives a permission for a repository, as :meth:`permits`."""
        return self.permits_any(frozenset({permission}), row)

    def permits_any(self, permissions: frozenset[str], row: RepoRow) -> bool:
        """Return whether the token gives at least one of some permissions for a repository, as :meth:`permits`."""
        return self.limits is None or bool(permissions & self.limits.on(row))


MaybeCaller = Caller | None
"""A caller, or None for an anonymous one."""


def identify(tx: Read, secret: str | None, now_ms: int) -> MaybeCaller:
    """Return the caller that a token's secret belongs to; None if no secret was sent.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
        AccountSuspended: an administrator of the hub has suspended its account.
    """
    if secret is None:
        return None
    return _valid(tx, token_rows.find_sent(tx, hash_secret(secret)), now_ms)


def still_valid(caller: Caller, now_ms: int) -> Caller:
    """Return a caller who was identified earlier, and about whom nothing has been written since.

    Raises:
        InvalidCredentials: the token has expired meanwhile.
    """
    if is_expired(caller.token, now_ms):
        raise InvalidCredentials
    return Caller(caller.account, caller.token, caller.memberships, caller.roles, caller.limits)


def of_session(tx: Read, session: SessionRow | None, now_ms: int) -> Caller:
    """Return the caller of a session of a browser, with their present roles.

    Raises:
        LoginRequired: there is no session, or it has ended.
        AccountSuspended: an administrator of the hub has suspended its account.
    """
    account = None if session is None else accounts.find_by_id(tx, session.user_id)
    if session is None or account is None or not is_live(session, now_ms):
        raise LoginRequired
    if account.is_suspended:
        raise AccountSuspended
    return attrs.evolve(acting_as(tx, account), session=session.uid)


def is_live(session: SessionRow, now_ms: int) -> bool:
    """Return whether a session that was not ended is neither too old nor unused for too long."""
    return now_ms < session.created_ms + SESSION_MS and now_ms < session.seen_ms + SESSION_IDLE_MS


def stamp_of(caller: Caller) -> str:
    """Return what a signed capability stores about what it was issued for.

    That is the id of the token and which secret it had, or the id of the session.
    """
    if caller.session is not None:
        return f"{_SESSION}.{caller.session}"
    return f"{caller.token.uid}.{caller.token.secret_hash[:_STAMP_DIGITS]}"


def find_by_stamp(tx: Read, stamp: str, user_id: int, now_ms: int) -> Caller:
    """Return the caller that a :func:`stamp_of` belongs to, with their current roles and scopes.

    Raises:
        InvalidCredentials: the token was revoked or rotated, has expired, or belongs to another user.
        LoginRequired: the session has ended.
        AccountSuspended: an administrator of the hub has suspended the account.
    """
    uid, _, digits = stamp.partition(".")
    if uid == _SESSION:
        session = sessions.by_uid(tx, digits)
        return of_session(tx, session if session is not None and session.user_id == user_id else None, now_ms)
    if not digits:  # signed by a command on the server's machine: only those act without a token
        account = accounts.find_by_id(tx, user_id)
        if account is None:
            raise InvalidCredentials
        return operator(account)
    found = token_rows.find_by_uid(tx, uid)
    if found is None or found.token.user_id != user_id or found.token.secret_hash[:_STAMP_DIGITS] != digits:
        raise InvalidCredentials
    return _valid(tx, found, now_ms)


def renewed(tx: Read, caller: Caller, now_ms: int) -> Caller:
    """Return a caller with the roles and scopes that they have now, some time after they were identified.

    Raises:
        InvalidCredentials, LoginRequired, AccountSuspended: as :func:`find_by_stamp`.
    """
    if caller.session is None and not caller.token.secret_hash:
        return caller  # the operator of the machine
    return find_by_stamp(tx, stamp_of(caller), caller.account.id, now_ms)


def ask_ahead_renewed(tx: Read, caller: Caller) -> None:
    """Announce that :func:`renewed` will be called."""
    if caller.session is None and caller.token.secret_hash:
        token_rows.ask_ahead_by_uid(tx, caller.token.uid)


def check_still_holds(tx: Read, caller: Caller, now_ms: int) -> None:
    """Raise if a caller has lost any right since they were identified, and forget the grants looked up since.

    What was judged about them before then still holds in this transaction, if its locks exclude changes of it.

    Raises:
        InvalidCredentials, LoginRequired, AccountSuspended: as :func:`find_by_stamp`.
        NotAllowed: a role is lower, or the token allows something else.
    """
    now = renewed(tx, caller, now_ms)
    caller.granted.clear()
    is_lower = any(now.roles.get(place, _NO_ROLE) < role for place, role in caller.roles.items())
    is_narrower = (now.token.role, now.limits) != (caller.token.role, caller.limits)
    if is_lower or is_narrower or (caller.account.is_admin and not now.account.is_admin):
        raise NotAllowed("Your rights have changed since this request began: send it again")


def operator(account: Account) -> Caller:
    """Return a caller with every right in one namespace: the machine's operator, acting as its owner."""
    token = Token(Uid("0" * 24), account.id, "operator", "write", 0, None)
    return Caller(attrs.evolve(account, kind="user"), token, (), {account.id: Role.ADMIN})


def is_active(tx: Read, user_id: int | None) -> bool:
    """Return whether an account exists and is not suspended; True for None (anonymous)."""
    if user_id is None:
        return True
    account = accounts.find_by_id(tx, user_id)
    return account is not None and not account.is_suspended


def has_second_factor(tx: Read, account: Account, settings: Settings) -> bool:
    """Return whether an account has two-step sign-in or a passkey.

    If the settings say so, an identity at the issuer counts too; not beside a password, which would not need it.
    """
    return bool(owners_of_factors(tx, [account], settings))


def owners_of_factors(tx: Read, users: Sequence[Account], settings: Settings) -> set[int]:
    """Return the row ids of those of the given users for whom :func:`has_second_factor` is true."""
    ids = [user.id for user in users]
    owners = second_factors.with_factor(tx, ids) | passkeys.owners(tx, ids)
    if not settings.sso_is_second_factor:
        return owners
    others = [user for user in users if user.id not in owners]
    return owners | {user.id for user in others if is_guarded_by_issuer(tx, user, settings)}


def is_guarded_by_issuer(tx: Read, account: Account, settings: Settings) -> bool:
    """Return whether the identity of an account at the issuer counts as its second factor."""
    if not settings.sso_is_second_factor or account.password_hash is not None:
        return False
    return any(known.issuer == settings.sso_issuer for known in sso_identities.of_user(tx, account.id))


def is_without_factor(tx: Read, account: Account, settings: Settings) -> bool:
    """Return whether an account lacks the second factor that the hub requires; the only function that decides it."""
    return settings.second_factor == "required" and not has_second_factor(tx, account, settings)


def require_factor(tx: Read, account: Account, settings: Settings) -> None:
    """Raise if an account lacks the second factor that the hub requires.

    Raises:
        SecondFactorMissing: the account has to set one up first.
    """
    if is_without_factor(tx, account, settings):
        raise SecondFactorMissing


def is_expired(token: Token, now_ms: int) -> bool:
    """Return whether a token has expired."""
    return token.expires_ms is not None and token.expires_ms <= now_ms


def _valid(tx: Read, found: OwnedToken | None, now_ms: int) -> Caller:
    """Return the caller of a stored token; the only function that decides which tokens are valid.

    Raises:
        InvalidCredentials: there is no token, or it has expired.
        AccountSuspended: an administrator of the hub has suspended its account.
    """
    if found is None:
        raise InvalidCredentials
    if is_expired(found.token, now_ms):
        raise InvalidCredentials
    if found.account.is_suspended:
        raise AccountSuspended
    return _caller(tx, found)


def _caller(tx: Read, owned: OwnedToken) -> Caller:
    token, account, memberships = owned.token, owned.account, tuple(owned.memberships)
    roles = {membership.org.id: Role.parse(membership.role) for membership in memberships}
    roles |= {account.id: Role.ADMIN}
    limits = None
    if token.role == FINE_GRAINED:
        mine: dict[str, int] = {account.uid: account.id}
        mine |= {membership.org.uid: membership.org.id for membership in memberships}
        limits = scopes.limits_of(tx, scopes.decode(token.scopes), mine, sees_all=account.is_admin)
    return Caller(account, token, memberships, roles, limits)


def acting_as(tx: Read, account: Account) -> Caller:
    """Return an account as a caller with an unlimited token; for the administrator of the machine."""
    token = Token(account.uid, account.id, "", "write", 0, None)
    return _caller(tx, OwnedToken(token, account, accounts.memberships(tx, account.id)))


def require_login(caller: MaybeCaller) -> Caller:
    """Return the caller, who must be authenticated.

    Raises:
        LoginRequired: the caller is anonymous.
    """
    if caller is None:
        raise LoginRequired
    return caller


def require_write(caller: MaybeCaller) -> Caller:
    """Return the caller, whose token must allow every change that the account may make.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the token may only read, or is fine-grained: the rights of those
            depend on the repository or namespace that is changed.
    """
    known = require_change(caller)
    if not known.may_write:
        raise NotAllowed("This token is fine-grained and not for this: a token with role 'write' is needed")
    return known


def require_change(caller: MaybeCaller) -> Caller:
    """Return the caller, whose token must allow some changes; for use cases that check scopes themselves.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the token may only read.
    """
    known = require_login(caller)
    if not known.may_write and known.limits is None:
        raise NotAllowed("This token has role 'read': a token with role 'write' is needed for changes")
    return known


def require_permission(caller: MaybeCaller, permission: str) -> Caller:
    """Return the caller, whose token must have a permission in the caller's own namespace.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the token may only read, or lacks the permission there.
    """
    known = require_change(caller)
    if not known.permits(permission, known.account.id):
        raise NotAllowed(f"This token lacks the permission '{permission}' for this")
    return known


def seen_by(caller: MaybeCaller) -> Visibility | None:
    """Return where the caller may see private repositories; None means everywhere."""
    return _visibility(caller, None if caller is None or caller.limits is None else caller.limits.visibility)


def read_by(caller: MaybeCaller) -> Visibility | None:
    """Return where a role of the caller allows reading private and gated repositories; None means everywhere."""
    return _visibility(caller, None if caller is None or caller.limits is None else caller.limits.reach)


def _visibility(caller: MaybeCaller, limited: Visibility | None) -> Visibility | None:
    if caller is None:
        return Visibility()
    if limited is not None:
        return limited
    return None if caller.sees_all else Visibility(caller.roles, grantees=caller.roles)


def hash_secret(secret: str) -> Sha256:
    """Return the stored form of a token's secret: secrets are random, so one fast hash is enough."""
    return Sha256(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())
