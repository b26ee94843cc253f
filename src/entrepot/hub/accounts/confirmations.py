"""Fresh proof of identity from the user of a session, before changes that could take over an account."""

from __future__ import annotations

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import second_factors as factor_rows
from entrepot.catalog.accounts import sessions as rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.errors import ConfirmationNeeded, NotAllowed
from entrepot.hub import audit
from entrepot.hub.accounts.own_sessions import present_session, require_session, was_confirmed
from entrepot.hub.accounts.passwords import is_right
from entrepot.hub.accounts.second_factors import CodeUse, use_code
from entrepot.hub.callers import Caller, MaybeCaller, hash_secret, require_write
from entrepot.hub.context import HubContext

_WRONG = "The password is wrong"


def require_recent(hub: HubContext, caller: MaybeCaller, session: str | None) -> Caller:
    """Return the caller; raise if they have not proved their identity within the last hour.

    Args:
        session: the secret of the session that asks.

    Raises:
        LoginRequired, NotAllowed: the caller has not signed in with a browser.
        ConfirmationNeeded: they signed in longer ago.
    """
    if not is_recent(hub, caller, session):
        raise ConfirmationNeeded
    return require_write(caller)


def require_recent_of_admin(hub: HubContext, caller: MaybeCaller, session: str | None) -> None:
    """Raise if the caller is an administrator of the hub who has not proved their identity within the last hour.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`require_recent`.
    """
    if require_write(caller).account.is_admin:
        require_recent(hub, caller, session)


def is_recent(hub: HubContext, caller: MaybeCaller, session: str | None) -> bool:
    """Return whether the caller has proved their identity within the last hour.

    Raises:
        LoginRequired, NotAllowed: the caller has not signed in with a browser.
    """
    known = require_write(caller)
    with hub.read() as tx:
        found = None if known.token.secret_hash else present_session(tx, known, session)
    if found is None:
        raise NotAllowed("This needs a browser that is signed in")
    return was_confirmed(found, hub.now_ms())


def needs_code(hub: HubContext, caller: MaybeCaller) -> bool:
    """Return whether a code is needed in addition to the password.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or their token may not change the account.
    """
    known = require_write(caller)
    with hub.read() as tx:
        return factor_rows.find(tx, known.account.id) is not None


def check_password(known: Caller, password: str) -> None:
    """Raise unless the password is that of the caller. Blocks for the time of one hash: call it outside transactions.

    Raises:
        NotAllowed: the password is wrong.
    """
    if not is_right(known.account.password_hash, password):
        raise NotAllowed(_WRONG)


def recheck_password(tx: Read, known: Caller) -> Account:
    """Return the caller's account as it is now; call this after :func:`check_password`.

    Raises:
        NotAllowed: the password has changed in the meantime.
    """
    user = accounts.by_ids(tx, [known.account.id]).get(known.account.id)
    if user is None or user.password_hash != known.account.password_hash:
        raise NotAllowed(_WRONG)
    return user


def confirm(hub: HubContext, caller: MaybeCaller, session: str | None, password: str, code: str) -> None:
    """Record that the user of a session has proved their identity again.

    Args:
        code: needed if the account has a second factor.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, the session has ended, or the password is wrong.
        WrongCode, CodesPaused: the code is not accepted.
        StepExpired: the session is not the caller's.
    """
    known = require_write(caller)
    check_password(known, password)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        user = recheck_password(tx, known)
        require_session(tx, known, session)
        has_factor = factor_rows.find(tx, user.id) is not None
        use = use_code(hub, tx, user, code) if has_factor else CodeUse("password")
        if use.means:
            rows.confirm(tx, hash_secret(session or ""), hub.now_ms())
            audit.record(hub, tx, known, "user.confirm", f"user {user.name}", {"with": use.means})
    use.require()
