"""Use cases of users on their own sessions and password.

A user sees where they are signed in, ends sessions, and changes the password,
which ends all sessions but the one that did it.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts, passkeys, sso_identities
from entrepot.catalog.accounts import sessions as rows
from entrepot.errors import ConfirmationNeeded, NotAllowed, StepExpired, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts.passwords import hash_password, is_right
from entrepot.hub.accounts.sessions import CODE, SessionRow
from entrepot.hub.callers import Caller, MaybeCaller, hash_secret, is_live, require_login, require_write
from entrepot.hub.context import HubContext

RECENT_MS = 3_600_000
"""How long a sign-in counts as recent."""

RESET_WITHIN_MS = 3_600_000
"""How long after a one-time link the user may set a password without the current one, which is probably forgotten."""


@attrs.frozen
class OwnSession:
    """A session of the caller; ``is_present``: it sent the request."""

    row: SessionRow
    is_present: bool


@attrs.frozen
class SessionPage:
    """Some sessions of the caller; ``has_more``: there is another page."""

    items: Sequence[OwnSession]
    has_more: bool


def list_own(
    hub: HubContext, caller: MaybeCaller, secret: str | None, *, page: int = 0, size: int = 100
) -> SessionPage:
    """Return a page of the caller's sessions that have not ended, last used first; it may be shorter than ``size``.

    Args:
        secret: that of the current session; None if the request has no session.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    known, now = _reader(caller), hub.now_ms()
    with hub.read() as tx:
        present = present_session(tx, known, secret)
        found = rows.of_user(tx, known.account.id, offset=page * size, limit=size + 1)
    valid = [row for row in found[:size] if is_live(row, now)]
    items = [OwnSession(row, present is not None and row.uid == present.uid) for row in valid]
    return SessionPage(items, len(found) > size)


def end(hub: HubContext, caller: MaybeCaller, uid: str) -> None:
    """End one of the caller's sessions.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
        ThingNotFound: the caller has no such session.
    """
    known = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        if not rows.remove_of(tx, known.account.id, uid=uid):
            raise ThingNotFound("session", uid)
        audit.record(hub, tx, known, "user.sign_out", _subject(known), {"sessions": 1})


def end_all(hub: HubContext, caller: MaybeCaller) -> int:
    """End all sessions of the caller, including the one that sent the request; return their number.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token does not permit this.
    """
    known = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        count = rows.remove_of(tx, known.account.id)
        audit.record(hub, tx, known, "user.sign_out", _subject(known), {"sessions": count})
    return count


def needs_password(hub: HubContext, caller: MaybeCaller, secret: str | None) -> bool:
    """Return whether the caller must know the current password to set another one.

    They need not if the account has none, or if a one-time link has opened the session within the last hour.

    Raises:
        LoginRequired, NotAllowed: as :func:`list_own`.
    """
    known = _reader(caller)
    with hub.read() as tx:
        return _needs_password(hub, tx, known, secret)


def change_password(hub: HubContext, caller: MaybeCaller, secret: str | None, present: str, wanted: str) -> None:
    """Set the caller's password and end their sessions, except the one that sent the request.

    An account without one is opened by another issuer or by a passkey: its first password is a new way in, so
    only a recent sign-in may set it.

    Args:
        secret: of the session that asks.
        present: the current password, unless it is not needed (:func:`needs_password`).

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, the token does not permit this, or the
            current password is another one.
        ConfirmationNeeded: the account has no password, and the caller signed in longer ago than an hour.
        InvalidName: the wanted password breaks a rule.
    """
    known = require_write(caller)
    with hub.read() as tx:
        is_needed = _needs_password(hub, tx, known, secret)
    if is_needed and not is_right(known.account.password_hash, present):
        raise NotAllowed("The current password is wrong")
    hashed = hash_password(wanted)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        user = accounts.by_ids(tx, [known.account.id]).get(known.account.id)
        session = present_session(tx, known, secret)
        # The session, or the password that was compared, may have ended while the hash was made.
        if user is None or session is None or user.password_hash != known.account.password_hash:
            raise NotAllowed("This session has ended; sign in again to change the password")
        if user.password_hash is None and not was_confirmed(session, hub.now_ms()):
            raise ConfirmationNeeded
        rows.set_password(tx, user.id, hashed, kept=hash_secret(secret or ""))
        audit.record(hub, tx, known, "user.password", _subject(known))


def needs_link(hub: HubContext, caller: Caller) -> bool:
    """Return whether only one-time links sign the caller in: there is no password, passkey or linked identity."""
    if caller.account.password_hash is not None:
        return False
    with hub.read() as tx:
        return not (passkeys.of_user(tx, caller.account.id) or sso_identities.of_user(tx, caller.account.id))


def _needs_password(hub: HubContext, tx: Read, known: Caller, secret: str | None) -> bool:
    session = present_session(tx, known, secret)
    if session is None:
        raise NotAllowed("The password can only be changed in a browser that is signed in")
    is_reset = session.means == CODE and hub.now_ms() < session.created_ms + RESET_WITHIN_MS
    return known.account.password_hash is not None and not is_reset


def was_confirmed(session: SessionRow, now_ms: int) -> bool:
    """Return whether the user of a session has confirmed their identity within the last hour."""
    return now_ms < session.confirmed_ms + RECENT_MS


def present_session(tx: Read, known: Caller, secret: str | None) -> SessionRow | None:
    """Return the session with a secret if it is the caller's, else None."""
    found = None if secret is None else rows.find(tx, hash_secret(secret))
    return found if found is not None and found.user_id == known.account.id else None


def require_session(tx: Read, known: Caller, secret: str | None) -> None:
    """Raise unless the session with a secret is still the caller's.

    Raises:
        StepExpired: it has ended, maybe since the request arrived.
    """
    if present_session(tx, known, secret) is None:
        raise StepExpired


def _reader(caller: MaybeCaller) -> Caller:
    known = require_login(caller)
    if known.limits is not None:
        raise NotAllowed("This token is fine-grained: it cannot manage sessions")
    return known


def _subject(known: Caller) -> str:
    return f"user {known.account.name}"
