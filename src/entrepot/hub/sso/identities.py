"""Identities: persons as an issuer names them, and the accounts of this hub that belong to them.

An identity belongs to an account by issuer and subject only: names and addresses of e-mail can be changed, and
link nothing. Claims of the issuer are used once, for a new account: its name, full name and address.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts, sso_identities
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.sso_identities import IdentityRow
from entrepot.catalog.repos import aliases
from entrepot.errors import AlreadyExists, InvalidName, Refused, ThingNotFound, shown
from entrepot.hub import audit
from entrepot.hub.accounts.accounts import parse_email
from entrepot.hub.accounts.confirmations import require_recent
from entrepot.hub.accounts.own_sessions import require_session
from entrepot.hub.callers import Caller, MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.hub.sso.id_tokens import IdToken
from entrepot.names import AccountName, parse_account, parse_fullname

_MAX_PROPOSALS = 20
_MAX_NAME = 42


def list_own(hub: HubContext, caller: MaybeCaller) -> Sequence[IdentityRow]:
    """Return the identities with which the caller can sign in.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or their token may not change the account.
    """
    known = require_write(caller)
    with hub.read() as tx:
        return sso_identities.of_user(tx, known.account.id)


def unlink(hub: HubContext, caller: MaybeCaller, session: str | None, id_hash: str) -> None:
    """Remove an identity from the caller's account; sessions that were opened with it stay.

    Args:
        session: the secret of the session that asks.

    Raises:
        LoginRequired, NotAllowed, ConfirmationNeeded: as :func:`~entrepot.hub.accounts.confirmations.require_recent`.
        StepExpired: the session has ended.
        ThingNotFound: the caller has no such identity.
    """
    known = require_recent(hub, caller, session)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        require_session(tx, known, session)
        found = [row for row in sso_identities.of_user(tx, known.account.id) if row.id_hash == id_hash]
        if not found:
            raise ThingNotFound("identity", id_hash)
        sso_identities.remove(tx, known.account.id, id_hash)
        _record(hub, tx, known, "identity.unlink", known.account, found[0])


def account_of(hub: HubContext, tx: Write, proof: IdToken) -> Account | None:
    """Return the account of an identity; make one if the settings say so. None: the person has to choose its name.

    Raises:
        Refused: there is none, and none can be made.
    """
    known = sso_identities.find(tx, hash_of(proof))
    if known is not None:
        return accounts.by_ids(tx, [known.user_id])[known.user_id]
    if not hub.settings.sso_create_users:
        cure = "sign in as before and link it under Settings, Password; or ask an administrator for a one-time link"
        raise Refused(f"no account of this hub is linked with {shown(label(hub, proof))}: {cure}")
    claim = hub.settings.sso_name_claim
    said = proof.claims.get(claim)
    if not isinstance(said, str):
        raise Refused(f"the issuer does not say the name of the account, in the claim {shown(claim)}")
    try:
        name = parse_account(said)
    except InvalidName:
        return None
    cure = "if the account is yours, sign in as before and link it under Settings, Password"
    return create_account(hub, tx, proof, name, cure)


def create_account(hub: HubContext, tx: Write, proof: IdToken, name: AccountName, cure: str) -> Account:
    """Make the account of an identity, and link the two.

    Raises:
        Refused: the name is taken; ``cure`` says what to do.
    """
    if _is_taken(tx, name):  # one sentence: aliases may be private
        raise Refused(f"the name {shown(name)} is taken: {cure}")
    email = _usable(proof, "email", parse_email) if proof.claims.get("email_verified") is True else None
    fullname = _usable(proof, "name", parse_fullname)
    user = accounts.add(tx, accounts.fresh(name, "user", hub.now_ms(), fullname=fullname, email=email))
    audit.record(hub, tx, user.name, "user.create", f"user {user.name}", {"issuer": proof.issuer})
    _add(hub, tx, user.name, user, proof)
    return user


def link(hub: HubContext, caller: Caller, proof: IdToken) -> None:
    """Link an identity with the account of the caller.

    Raises:
        AlreadyExists: it is linked with an account.
        InvalidCredentials, LoginRequired, AccountSuspended, NotAllowed: the caller has lost the right meanwhile.
    """
    # The issuer may have taken seconds to answer.
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        if is_linked(tx, proof):
            raise AlreadyExists("This identity is linked with an account already")
        _add(hub, tx, caller, caller.account, proof)


def is_linked(tx: Read, proof: IdToken) -> bool:
    """Return whether an identity belongs to an account."""
    return sso_identities.find(tx, hash_of(proof)) is not None


def note_use(hub: HubContext, tx: Write, proof: IdToken) -> None:
    """Record that a person has signed in with an identity."""
    sso_identities.note_use(tx, hash_of(proof), hub.now_ms())


def label(hub: HubContext, proof: IdToken) -> str:
    """Return the readable name that the issuer gives a person."""
    said = proof.claims.get(hub.settings.sso_name_claim)
    text = said if isinstance(said, str) and said.isprintable() and said else proof.subject
    return text[:100].encode("ascii", "backslashreplace").decode()[:200]


def free_name(tx: Read, said: str) -> str:
    """Return a free name near the one that the issuer gives a person; empty if there is none."""
    return next((name for name in _proposals(said) if not _is_taken(tx, name)), "")


def _proposals(said: str) -> Iterator[AccountName]:
    """Yield names that follow the rules and are near the one that the issuer gives a person."""
    words = "-".join(part for part in re.split(r"[^A-Za-z0-9_]+", said) if part)
    for number in range(1, _MAX_PROPOSALS + 1):
        end = "" if number == 1 else f"-{number}"
        with contextlib.suppress(InvalidName):
            yield parse_account(words[: _MAX_NAME - len(end)].strip("-") + end)


def _is_taken(tx: Read, name: AccountName) -> bool:
    return accounts.find(tx, name) is not None or aliases.is_taken(tx, name)


def _usable(proof: IdToken, claim: str, parse: Callable[[str], str | None]) -> str | None:
    """Return the value of a claim if it follows the rules of this hub; accounts do without it otherwise."""
    value = proof.claims.get(claim)
    try:
        return parse(value) if isinstance(value, str) else None
    except InvalidName:
        return None


def _add(hub: HubContext, tx: Write, actor: Caller | str, user: Account, proof: IdToken) -> None:
    row = IdentityRow(hash_of(proof), user.id, proof.issuer, label(hub, proof), hub.now_ms())
    sso_identities.add(tx, row)
    _record(hub, tx, actor, "identity.link", user, row)


def _record(hub: HubContext, tx: Write, actor: Caller | str, action: str, user: Account, row: IdentityRow) -> None:
    audit.record(hub, tx, actor, action, f"user {user.name}", {"issuer": row.issuer, "label": row.label})


def hash_of(proof: IdToken) -> str:
    """Return the key of an identity in the catalog: a digest, in hexadecimal digits, of its issuer and subject."""
    name = json.dumps([proof.issuer, proof.subject])
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
