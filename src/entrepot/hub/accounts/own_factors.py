"""Use cases for the caller's own second factor: set it up, renew recovery codes, remove it.

Until the first code of the app is entered, nothing is stored: the browser holds the value from which the secret is
derived, sealed, for ten minutes and one session.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.accounts import second_factors as rows
from entrepot.catalog.accounts import sessions as session_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.second_factors import SecondFactorRow
from entrepot.errors import AlreadyExists, NotAllowed, StepExpired, ThingNotFound, WrongCode
from entrepot.hub import audit
from entrepot.hub.accounts import one_time_passwords
from entrepot.hub.accounts.confirmations import check_password, recheck_password, require_recent
from entrepot.hub.accounts.own_sessions import require_session
from entrepot.hub.accounts.second_factors import CodeUse, new_recovery_codes, secret_of, unseal, use_code
from entrepot.hub.callers import Caller, MaybeCaller, hash_secret, is_without_factor, require_write
from entrepot.hub.context import HubContext

SETUP_MS = 600_000
"""How long the set-up of an app may take."""

_PURPOSE = "second factor"

RecoveryCodes = Sequence[str]
"""Recovery codes, as they are shown once."""


@attrs.frozen
class FactorStatus:
    """Whether the caller has a second factor (``created_ms`` None: no), and how many recovery codes are left.

    ``is_missing``: the hub requires a second factor, and the account has none of any kind.
    """

    created_ms: int | None
    codes_left: int
    has_password: bool
    is_missing: bool = False


@attrs.frozen
class FactorSetup:
    """The secret of the app as text and as a URL, and the sealed state that the browser sends with the first code."""

    secret: str = attrs.field(repr=False)
    url: str = attrs.field(repr=False)
    sealed: str = attrs.field(repr=False)


def status(hub: HubContext, caller: MaybeCaller) -> FactorStatus:
    """Return the state of the caller's second factor.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or their token may not change the account.
    """
    known = require_write(caller)
    with hub.read() as tx:
        found = rows.find(tx, known.account.id)
        left = rows.count_codes(tx, known.account.id)
        is_missing = is_without_factor(tx, known.account, hub.settings)
    created = None if found is None else found.created_ms
    return FactorStatus(created, left, known.account.password_hash is not None, is_missing)


def begin(hub: HubContext, caller: MaybeCaller, session: str | None, issuer: str) -> FactorSetup:
    """Return the secret of a new app; nothing is stored yet.

    Args:
        session: the secret of the session that asks.
        issuer: the host of the hub, which the app shows.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`~entrepot.hub.accounts.confirmations.require_recent`;
            or the account has no password beside which a code could be needed.
        AlreadyExists: the account has a second factor.
    """
    known = require_recent(hub, caller, session)
    _require_password(known)
    if status(hub, caller).created_ms is not None:
        raise AlreadyExists("Two-step sign-in is on already")
    kept = {
        "user": known.account.uid,
        "salt": secrets.token_hex(16),
        "session": hash_secret(session or ""),
        "until": hub.now_ms() + SETUP_MS,
    }
    return show_setup(hub, known, hub.signer.seal(_PURPOSE, json.dumps(kept)), issuer)


def show_setup(hub: HubContext, caller: MaybeCaller, sealed: str, issuer: str) -> FactorSetup:
    """Return the secret of a set-up that has begun, to show it again.

    Raises:
        LoginRequired, NotAllowed: as :func:`status`.
        StepExpired: the set-up is not of this user, or has taken too long.
    """
    known = require_write(caller)
    kept = unseal(hub, _PURPOSE, sealed)
    if kept["user"] != known.account.uid:
        raise StepExpired
    secret = secret_of(hub, known.account.uid, str(kept["salt"]))
    url = one_time_passwords.app_url(secret, issuer, known.account.name)
    return FactorSetup(one_time_passwords.encode_secret(secret), url, sealed)


def enable(hub: HubContext, caller: MaybeCaller, session: str | None, sealed: str, code: str) -> Sequence[str]:
    """Turn two-step sign-in on with the first code of the app; return the recovery codes, this once.

    All other sessions of the user end: they were opened without the second factor.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded, AlreadyExists: as :func:`begin`.
        StepExpired: the set-up is not of this session, or has taken too long; or the session has ended.
        WrongCode: the code is not one that the app shows now.
    """
    known = require_recent(hub, caller, session)
    _require_password(known)
    kept = unseal(hub, _PURPOSE, sealed)
    user, salt = known.account, str(kept["salt"])
    if (kept["user"], kept["session"]) != (user.uid, hash_secret(session or "")):
        raise StepExpired
    typed = "".join(code[:100].split())
    step = one_time_passwords.matching_step(secret_of(hub, user.uid, salt), typed, hub.now_ms())
    if step is None:
        raise WrongCode
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        if not rows.add(tx, SecondFactorRow(user.id, salt, hub.now_ms(), step)):
            raise AlreadyExists("Two-step sign-in is on already")
        codes = new_recovery_codes(hub, tx, user)
        session_rows.remove_of(tx, user.id, kept=hash_secret(session or ""))
        audit.record(hub, tx, known, "second_factor.enable", f"user {user.name}")
    return codes


def renew_codes(hub: HubContext, caller: MaybeCaller, session: str | None, code: str) -> Sequence[str]:
    """Replace the recovery codes and return the new ones, this once.

    Args:
        code: of the app, or one of the earlier recovery codes.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`begin`.
        ThingNotFound: the account has no second factor.
        StepExpired: the session has ended.
        WrongCode, CodesPaused: the code proves nothing.
    """
    known = require_recent(hub, caller, session)
    codes: Sequence[str] = ()
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        use = _use(hub, tx, known.account, code)
        if use.means:
            codes = new_recovery_codes(hub, tx, known.account)
            audit.record(hub, tx, known, "second_factor.codes", f"user {known.account.name}")
    use.require()
    return codes


def disable(hub: HubContext, caller: MaybeCaller, session: str | None, password: str, code: str) -> None:
    """Turn two-step sign-in off.

    Args:
        code: of the app, or a recovery code.

    Raises:
        LoginRequired, NotAllowed: the caller has not signed in with a browser, or the password is wrong.
        ThingNotFound: the account has no second factor.
        WrongCode, CodesPaused: the code proves nothing.
    """
    known = require_write(caller)
    if session is None or known.token.secret_hash:
        raise NotAllowed("Two-step sign-in can only be turned off in a browser that is signed in")
    check_password(known, password)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        present = recheck_password(tx, known)
        use = _use(hub, tx, present, code)
        if use.means:
            rows.remove(tx, present.id)
            audit.record(hub, tx, known, "second_factor.disable", f"user {present.name}", {"with": use.means})
    use.require()


def _use(hub: HubContext, tx: Write, user: Account, code: str) -> CodeUse:
    if rows.find(tx, user.id) is None:
        raise ThingNotFound("second factor", user.name)
    return use_code(hub, tx, user, code)


def _require_password(known: Caller) -> None:
    if known.account.password_hash is None:
        raise NotAllowed("Two-step sign-in needs a password, and this account has none: set a password first")
