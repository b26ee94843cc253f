"""Sessions of browsers: opened by authentication, ended by signing out or by time.

The secret of a session is random (256 bits), stored as a hash, and new at every
sign-in. A session has the rights of its account, as a token with role ``write``.
"""

from __future__ import annotations

import secrets

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.accounts import accounts, passkeys, sign_in_codes
from entrepot.catalog.accounts import second_factors as factor_rows
from entrepot.catalog.accounts import sessions as rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.sessions import SessionRow as SessionRow
from entrepot.errors import (
    AccountSuspended,
    InvalidSignInCode,
    LoginRequired,
    PasskeyNeeded,
    SecondFactorNeeded,
    WrongPassword,
)
from entrepot.hub import audit, callers
from entrepot.hub.accounts.passwords import is_right
from entrepot.hub.accounts.second_factors import seal_password_proof
from entrepot.hub.callers import SESSION_IDLE_MS, SESSION_MS, Caller, MaybeCaller, hash_secret
from entrepot.hub.context import HubContext
from entrepot.names import new_uid

MAX_SESSIONS = 100
"""Sessions of a user at a time: the next one ends the one that was not used for longest."""

_NOTED_EVERY_MS = 3_600_000

PASSWORD, CODE, SSO = "password", "code", "sso"
TWO_STEP, RECOVERY, PASSKEY = "two-step", "recovery", "passkey"
"""How sessions are opened."""


@attrs.frozen
class SessionOrigin:
    """The origin of a session: the network of the client's address, and the kind of the browser."""

    network: str = ""
    agent: str = ""


NOWHERE = SessionOrigin()
"""The origin of a session that nothing is known about."""


@attrs.frozen
class OpenedSession:
    """A new session: the user's name and, this once, the secret."""

    user: str
    secret: str = attrs.field(repr=False)


def sign_in(
    hub: HubContext, name: str, password: str, *, replaced: str | None = None, origin: SessionOrigin = NOWHERE
) -> OpenedSession:
    """Open a session with a password.

    Args:
        replaced: the secret of an earlier session of the same browser, which ends.

    Raises:
        WrongPassword: the name or the password is wrong; finding out takes as long in both cases.
        AccountSuspended: an administrator of the hub has suspended the account.
        SecondFactorNeeded: the password is right, and a code is needed too (:mod:`entrepot.hub.accounts.second_steps`).
        PasskeyNeeded: the password is right, but the hub requires a second factor, and the only one is a passkey.
    """
    with hub.read() as tx:
        found = accounts.find(tx, name)
    user = found if found is not None and found.is_user else None
    if not is_right(user.password_hash if user else None, password) or user is None:
        raise WrongPassword
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        now = accounts.by_ids(tx, [user.id]).get(user.id)
        if now is None or now.password_hash != user.password_hash:
            raise WrongPassword
        if not now.is_suspended and factor_rows.find(tx, now.id) is not None:
            raise SecondFactorNeeded(seal_password_proof(hub, now))
        is_strict = hub.settings.second_factor == "required"
        if is_strict and not now.is_suspended and passkeys.owners(tx, [now.id]):
            raise PasskeyNeeded
        return open_session(hub, tx, now, PASSWORD, replaced, origin)


def sign_in_with_code(
    hub: HubContext, code: str, *, replaced: str | None = None, origin: SessionOrigin = NOWHERE
) -> OpenedSession:
    """Open a session with a one-time code, which cannot be used again.

    Raises:
        InvalidSignInCode: the code is unknown, used or expired.
        AccountSuspended: as :func:`sign_in`.
    """
    code_hash = hash_secret(code.strip())
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user_id = sign_in_codes.find(tx, code_hash, hub.now_ms())
        user = None if user_id is None else accounts.by_ids(tx, [user_id]).get(user_id)
        if user is None:
            raise InvalidSignInCode
        opened = open_session(hub, tx, user, CODE, replaced, origin)
        sign_in_codes.remove(tx, code_hash)
    return opened


def sign_out(hub: HubContext, secret: str) -> None:
    """End a session; do nothing if it has ended already."""
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        found = rows.find(tx, hash_secret(secret))
        if found is not None and rows.remove_of(tx, found.user_id, uid=found.uid):
            user = accounts.by_ids(tx, [found.user_id])[found.user_id]
            audit.record(hub, tx, user.name, "user.sign_out", f"user {user.name}")


def identify(hub: HubContext, secret: str) -> MaybeCaller:
    """Return the caller of a session; None if it has ended or its account is suspended."""
    secret_hash, now = hash_secret(secret), hub.now_ms()
    with hub.read() as tx:
        found = rows.find(tx, secret_hash)
        try:
            caller = callers.of_session(tx, found, now)
        except (LoginRequired, AccountSuspended):
            return None
    assert found is not None, "it has a caller"
    if now >= found.seen_ms + _NOTED_EVERY_MS:
        with hub.write(Lock.hub()) as tx:
            rows.touch(tx, secret_hash, now)
    return caller


def is_restricted(hub: HubContext, caller: Caller) -> bool:
    """Return whether a session may only be used to set up the second factor that the hub requires."""
    if hub.settings.second_factor != "required":
        return False
    with hub.read() as tx:
        return callers.is_without_factor(tx, caller.account, hub.settings)


def open_session(
    hub: HubContext, tx: Write, user: Account, means: str, replaced: str | None, origin: SessionOrigin
) -> OpenedSession:
    """Open a session of an authenticated user.

    Args:
        means: how they have proved it.
        replaced: the secret of an earlier session of the same browser, which ends.

    Raises:
        AccountSuspended: an administrator of the hub has suspended the account.
    """
    if user.suspended_ms is not None:
        raise AccountSuspended
    now, secret = hub.now_ms(), secrets.token_urlsafe(32)
    rows.remove_old(tx, created_before_ms=now - SESSION_MS, seen_before_ms=now - SESSION_IDLE_MS)
    if replaced is not None:
        rows.remove(tx, hash_secret(replaced))
    rows.keep_newest(tx, user.id, MAX_SESSIONS - 1)
    row = SessionRow(user.id, now, now, new_uid(), means, origin.network[:50], origin.agent[:200], now)
    rows.add(tx, hash_secret(secret), row)
    audit.record(hub, tx, user.name, "user.sign_in", f"user {user.name}", {"with": means})
    return OpenedSession(user.name, secret)
