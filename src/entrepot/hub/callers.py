"""Who is asking: accounts behind tokens, and what the token lets them do."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping

import attrs

from entrepot.catalog import Read, accounts
from entrepot.catalog.accounts import Account, Membership, Token
from entrepot.errors import InvalidCredentials, LoginRequired, NotAllowed
from entrepot.names import Sha256


class Role(enum.IntEnum):
    """Rights in a namespace; a higher one includes the lower ones."""

    READ = 1
    CONTRIBUTOR = 2
    WRITE = 3
    ADMIN = 4

    @classmethod
    def parse(cls, word: str) -> Role:
        """The role of this name, in any case."""
        return cls[word.upper()]


@attrs.frozen
class Caller:
    """Somebody who proved who they are."""

    account: Account
    token: Token
    memberships: tuple[Membership, ...]
    roles: Mapping[int, Role]

    @property
    def may_write(self) -> bool:
        """Whether the token allows any change at all."""
        return self.token.role != "read"

    @property
    def sees_all(self) -> bool:
        """Whether nothing on the hub is hidden from the caller."""
        return self.account.is_admin

    def role_in(self, namespace_id: int) -> Role | None:
        """The caller's role in a namespace; None for a stranger."""
        if self.account.is_admin:
            return Role.ADMIN
        return self.roles.get(namespace_id)


Anyone = Caller | None
"""A caller, or nobody in particular."""


def identify(tx: Read, secret: str | None, now_ms: int) -> Anyone:
    """The caller behind a token's secret; None when no secret was sent.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
    """
    if secret is None:
        return None
    found = accounts.find_token(tx, hash_secret(secret))
    if found is None:
        raise InvalidCredentials
    token, account = found
    if token.expires_ms is not None and token.expires_ms <= now_ms:
        raise InvalidCredentials
    return _caller(tx, token, account)


def _caller(tx: Read, token: Token, account: Account) -> Caller:
    memberships = tuple(accounts.memberships(tx, account.id))
    roles = {membership.org.id: Role.parse(membership.role) for membership in memberships}
    return Caller(account, token, memberships, roles | {account.id: Role.ADMIN})


def require(caller: Anyone) -> Caller:
    """The caller, who must be somebody.

    Raises:
        LoginRequired: nobody in particular is asking.
    """
    if caller is None:
        raise LoginRequired
    return caller


def require_write(caller: Anyone) -> Caller:
    """The caller, whose token must allow changes.

    Raises:
        LoginRequired: nobody in particular is asking.
        NotAllowed: the token may only read.
    """
    known = require(caller)
    if not known.may_write:
        raise NotAllowed("This token has role 'read': a token with role 'write' is needed for changes")
    return known


def seen_by(caller: Anyone) -> frozenset[int] | None:
    """Namespaces whose private repositories the caller sees; None means all of them."""
    if caller is None:
        return frozenset()
    return None if caller.sees_all else frozenset(caller.roles)


def hash_secret(secret: str) -> Sha256:
    """What is stored of a token's secret: secrets are random, so one fast hash is enough."""
    return Sha256(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())
