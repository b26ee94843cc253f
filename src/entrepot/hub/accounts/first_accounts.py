"""The first account of a hub, its administrator: made in a browser with a link that the server prints.

The link carries a code that only this hub can have signed. It works as long as the hub has no account.
"""

from __future__ import annotations

import attrs

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts
from entrepot.errors import InvalidSignature, Refused, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts.accounts import parse_email
from entrepot.hub.accounts.passwords import hash_password
from entrepot.hub.accounts.sessions import OpenedSession, SessionOrigin, sign_in
from entrepot.hub.context import HubContext
from entrepot.names import parse_account

_PURPOSE = "first-account"


@attrs.frozen
class FirstAccount:
    """The account to make: its name, password, and address (None: none)."""

    name: str
    password: str = attrs.field(repr=False)
    email: str | None = None


def setup_code(hub: HubContext) -> str:
    """Return the code of the link; only readers of the data folder, or of the output of the server, get it."""
    return hub.signer.seal(_PURPOSE, hub.store_id)


def check_setup(hub: HubContext, code: str) -> None:
    """Raise unless the first account can be made with a code.

    Raises:
        ThingNotFound: the code is wrong; whether the hub has an account makes no difference.
        Refused: the code is right, and the hub has an account.
    """
    try:
        is_right = hub.signer.unseal(_PURPOSE, code) == hub.store_id
    except InvalidSignature:
        is_right = False
    if not is_right:
        raise ThingNotFound("page", "setup")
    with hub.read() as tx:
        if accounts.count(tx) > 0:
            raise _used()


def create_first(hub: HubContext, code: str, new: FirstAccount, origin: SessionOrigin) -> OpenedSession:
    """Make the administrator of the hub, and open their first session.

    Raises:
        ThingNotFound, Refused: as :func:`check_setup`.
        InvalidName: the name, the password or the address breaks a rule.
    """
    check_setup(hub, code)
    name, email = parse_account(new.name), parse_email(new.email)
    hashed = hash_password(new.password)
    fresh = accounts.fresh(name, "user", hub.now_ms(), email=email)
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        if accounts.count(tx) > 0:
            raise _used()
        made = accounts.add(tx, attrs.evolve(fresh, is_admin=True, password_hash=hashed))
        audit.record(hub, tx, made.name, "user.create", f"user {made.name}", {"admin": True})
    return sign_in(hub, made.name, new.password, origin=origin)


def _used() -> Refused:
    return Refused("this link works once, and the first account of the hub exists: sign in instead")
