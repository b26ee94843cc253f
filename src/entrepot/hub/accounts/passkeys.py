"""Passkeys: keys of an authenticator that sign in without a password and without a code.

A challenge is sealed in a cookie of the browser that asked, belongs to its session, expires after ten minutes, and
can be used once.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import passkeys as rows
from entrepot.catalog.accounts import sessions as session_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.passkeys import PasskeyRow
from entrepot.catalog.repos.trusted_publishers import use_once
from entrepot.errors import InvalidName, LimitExceeded, PasskeyRefused, StepExpired, ThingNotFound
from entrepot.hub import audit, callers
from entrepot.hub.accounts import passkey_proofs, sessions
from entrepot.hub.accounts.confirmations import require_recent
from entrepot.hub.accounts.own_sessions import require_session
from entrepot.hub.accounts.passkey_proofs import PasskeySite, PasskeyUser
from entrepot.hub.accounts.second_factors import unseal
from entrepot.hub.accounts.sessions import NOWHERE, OpenedSession, SessionOrigin
from entrepot.hub.callers import MaybeCaller, hash_secret, require_write
from entrepot.hub.context import HubContext
from entrepot.names import new_uid

LIFETIME_S = 600
"""How long a person may take at the authenticator."""

MAX_PASSKEYS = 20
MAX_NAME = 100

ADDING, USING = "adding", "using"

_PURPOSE = "passkey"


@attrs.frozen
class BegunPasskey:
    """The options that a browser passes to the authenticator, as JSON, and the sealed state that its cookie keeps."""

    options: str
    sealed: str = attrs.field(repr=False)


@attrs.frozen
class PasskeyReply:
    """The response of the authenticator, as JSON, and the sealed state that the browser's cookie kept."""

    credential: str = attrs.field(repr=False)
    sealed: str = attrs.field(repr=False)


def list_own(hub: HubContext, caller: MaybeCaller) -> Sequence[PasskeyRow]:
    """Return the caller's passkeys, oldest first.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or their token may not change the account.
    """
    known = require_write(caller)
    with hub.read() as tx:
        return rows.of_user(tx, known.account.id)


def begin_adding(hub: HubContext, caller: MaybeCaller, session: str | None, site: PasskeySite) -> BegunPasskey:
    """Prepare a new passkey of the caller.

    Args:
        session: the secret of the session that asks.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`~entrepot.hub.accounts.confirmations.require_recent`.
        LimitExceeded: the caller has 20 passkeys.
    """
    account = require_recent(hub, caller, session).account
    known = list_own(hub, caller)
    _check_count(known)
    challenge, sealed = _challenge(hub, ADDING, session, account.uid)
    user = PasskeyUser(account.uid, account.name, account.fullname)
    options = passkey_proofs.creation_options(site, challenge, user, [row.credential_id for row in known])
    return BegunPasskey(options, sealed)


def add(
    hub: HubContext, caller: MaybeCaller, session: str | None, site: PasskeySite, reply: PasskeyReply, name: str
) -> None:
    """Store the passkey that an authenticator has created.

    If it is the second factor that the hub requires and the account lacked, all other sessions of the user end.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded, LimitExceeded: as :func:`begin_adding`.
        InvalidName: the name breaks a rule.
        StepExpired: it was not begun in this session, took too long, or was added already.
        PasskeyRefused: it was created for another challenge or site, or is known already.
    """
    known = require_recent(hub, caller, session)
    account = known.account
    named = parse_name(name)
    kept = _kept(hub, ADDING, session, reply.sealed)
    if kept["user"] != account.uid:
        raise StepExpired
    made = passkey_proofs.verify_new(site, _challenge_of(kept), reply.credential)
    row = PasskeyRow(
        passkey_proofs.hash_id(made.credential_id), new_uid(), account.id, made.credential_id, made.public_key,
        made.sign_count, named, hub.now_ms(),
    )  # fmt: skip
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        _use_up(hub, tx, kept)
        _check_count(rows.of_user(tx, account.id))
        if callers.is_without_factor(tx, account, hub.settings):
            # As with two-step sign-in: the others were opened without a second factor, and would count from now on.
            session_rows.remove_of(tx, account.id, kept=hash_secret(session or ""))
        if not rows.add(tx, row):
            raise PasskeyRefused
        audit.record(hub, tx, known, "passkey.add", f"user {account.name}", {"passkey": row.uid, "name": named})


def attempted(reply: PasskeyReply) -> str:
    """Return an identifier of the passkey in a response, known or not, by which attempts are limited."""
    try:
        return passkey_proofs.credential_hash(passkey_proofs.parse_credential(reply.credential))
    except PasskeyRefused:
        return ""


def begin_using(hub: HubContext, session: str | None, site: PasskeySite) -> BegunPasskey:
    """Prepare the use of a passkey; the response is the same for everyone, with an account or without.

    Args:
        session: the secret of the session of the browser; None: it has none.
    """
    challenge, sealed = _challenge(hub, USING, session, "")
    return BegunPasskey(passkey_proofs.request_options(site, challenge), sealed)


def sign_in(
    hub: HubContext,
    site: PasskeySite,
    reply: PasskeyReply,
    *,
    replaced: str | None = None,
    origin: SessionOrigin = NOWHERE,
) -> OpenedSession:
    """Open a session with a passkey.

    Args:
        replaced: the secret of an earlier session of the same browser, which ends.

    Raises:
        StepExpired: it was not begun in this browser, or took too long, or was used already.
        PasskeyRefused: the passkey is unknown, or its signature does not match.
        AccountSuspended: an administrator of the hub has suspended the account.
    """
    kept = _kept(hub, USING, replaced, reply.sealed)
    row, count = _verify(hub, site, kept, reply.credential)
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user = _use(hub, tx, kept, row, count)
        return sessions.open_session(hub, tx, user, sessions.PASSKEY, replaced, origin)


def confirm(hub: HubContext, caller: MaybeCaller, session: str | None, site: PasskeySite, reply: PasskeyReply) -> None:
    """Record that the user of a session has proved their identity again, with a passkey.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or their token may not change the account.
        StepExpired, PasskeyRefused: as :func:`sign_in`; also for a passkey of another user.
    """
    known = require_write(caller)
    kept = _kept(hub, USING, session, reply.sealed)
    row, count = _verify(hub, site, kept, reply.credential)
    if row.user_id != known.account.id:
        raise PasskeyRefused
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        user = _use(hub, tx, kept, row, count)
        session_rows.confirm(tx, hash_secret(session or ""), hub.now_ms())
        audit.record(hub, tx, known, "user.confirm", f"user {user.name}", {"with": sessions.PASSKEY})


def rename(hub: HubContext, caller: MaybeCaller, uid: str, name: str) -> None:
    """Rename a passkey of the caller.

    Raises:
        LoginRequired, NotAllowed: as :func:`list_own`.
        InvalidName: the name breaks a rule.
        ThingNotFound: the caller has no such passkey.
    """
    known = require_write(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        if not rows.rename(tx, known.account.id, uid, parse_name(name)):
            raise ThingNotFound("passkey", uid)
        details: dict[str, audit.Detail] = {"passkey": uid, "name": parse_name(name)}
        audit.record(hub, tx, known, "passkey.rename", f"user {known.account.name}", details)


def remove(hub: HubContext, caller: MaybeCaller, session: str | None, uid: str) -> None:
    """Remove a passkey of the caller, who can no longer sign in with it.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`begin_adding`; also if the session ends meanwhile.
        ThingNotFound: the caller has no such passkey.
    """
    known = require_recent(hub, caller, session)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        found = rows.remove(tx, known.account.id, uid)
        if found is None:
            raise ThingNotFound("passkey", uid)
        details: dict[str, audit.Detail] = {"passkey": uid, "name": found.name}
        audit.record(hub, tx, known, "passkey.remove", f"user {known.account.name}", details)


def parse_name(text: str) -> str:
    """Return the name of a passkey.

    Raises:
        InvalidName: it is empty, longer than 100 characters, or has characters that cannot be shown.
    """
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidName("passkey name", name[:MAX_NAME], f"expected 1 to {MAX_NAME} printable characters")
    return name


def _verify(hub: HubContext, site: PasskeySite, kept: Mapping[str, object], credential: str) -> tuple[PasskeyRow, int]:
    """Return the passkey that has signed, and its new count; nothing is written."""
    given = passkey_proofs.parse_credential(credential)
    with hub.read() as tx:
        row = rows.find(tx, passkey_proofs.credential_hash(given))
        user = None if row is None else accounts.by_ids(tx, [row.user_id]).get(row.user_id)
    if row is None or user is None or passkey_proofs.user_handle(given) != user.uid:
        raise PasskeyRefused
    return row, passkey_proofs.verify_use(site, _challenge_of(kept), given, row.public_key, row.sign_count)


def _use(hub: HubContext, tx: Write, kept: Mapping[str, object], verified: PasskeyRow, count: int) -> Account:
    """Use up the challenge and record the use; the passkey may have been removed or used since it was read."""
    _use_up(hub, tx, kept)
    row = rows.find(tx, verified.id_hash)
    if row is None or (row.uid, row.sign_count) != (verified.uid, verified.sign_count):
        raise PasskeyRefused
    rows.note_use(tx, row.id_hash, count, hub.now_ms())
    return accounts.by_ids(tx, [row.user_id])[row.user_id]


def _challenge(hub: HubContext, use: str, session: str | None, account_uid: str) -> tuple[bytes, str]:
    challenge = secrets.token_bytes(32)
    kept = {
        "challenge": base64.b64encode(challenge).decode(),
        "use": use,
        "user": account_uid,
        "session": hash_secret(session or ""),
        "until": hub.now_ms() + LIFETIME_S * 1000,
    }
    return challenge, hub.signer.seal(_PURPOSE, json.dumps(kept))


def _kept(hub: HubContext, use: str, session: str | None, sealed: str) -> Mapping[str, object]:
    kept = unseal(hub, _PURPOSE, sealed)
    if (kept["use"], kept["session"]) != (use, hash_secret(session or "")):
        raise StepExpired
    return kept


def _challenge_of(kept: Mapping[str, object]) -> bytes:
    return base64.b64decode(str(kept["challenge"]))


def _use_up(hub: HubContext, tx: Write, kept: Mapping[str, object]) -> None:
    spent = hash_secret(f"passkey {kept['challenge']}")
    if not use_once(tx, spent, int(str(kept["until"])), hub.now_ms()):
        raise StepExpired


def _check_count(known: Sequence[PasskeyRow]) -> None:
    if len(known) >= MAX_PASSKEYS:
        raise LimitExceeded("the number of passkeys of one user", MAX_PASSKEYS, "remove one first")
