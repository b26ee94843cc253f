"""Pictures of users and organisations, which everyone who can open the hub sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import avatars
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.avatars import AvatarRow
from entrepot.hub import callers
from entrepot.hub.accounts import orgs
from entrepot.hub.callers import MaybeCaller, require_write
from entrepot.hub.context import HubContext
from entrepot.previews.avatar_images import read_avatar


def find(hub: HubContext, _caller: MaybeCaller, name: str) -> AvatarRow | None:
    """Return the picture of the account with this name; None if it has none, or does not exist."""
    with hub.read() as tx:
        return avatars.find(tx, name)


def versions(hub: HubContext, names: Sequence[str]) -> Mapping[str, int]:
    """Return a number for the picture of each account that has one, by its name in lower case: new for a new one."""
    with hub.read() as tx:
        return avatars.changes(tx, names)


def check(hub: HubContext, caller: MaybeCaller, org: str | None) -> None:
    """Raise if the caller may not change a picture, before one is received.

    Raises:
        LoginRequired, NotAllowed, AccountNotFound: as :func:`change`.
    """
    with hub.read() as tx:
        _get_account(tx, caller, org)


def change(hub: HubContext, caller: MaybeCaller, org: str | None, data: bytes) -> None:
    """Replace the picture of an organisation, or (None) of the caller; it loses its metadata.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, does not administer the organisation, or the token does not
            permit this.
        AccountNotFound: the organisation does not exist.
        Malformed: it is neither a PNG nor a JPEG picture.
        LimitExceeded: it has more than 256 KiB, or more than 1,024 pixels on a side.
    """
    check(hub, caller, org)
    picture = read_avatar(data)
    with hub.write(Lock.hub(), by=caller) as tx:
        known = caller if caller is None else callers.renewed(tx, caller, hub.now_ms())
        account = _get_account(tx, known, org)
        avatars.put(tx, AvatarRow(account.id, picture.media_type, picture.data, hub.now_ms()))


def remove(hub: HubContext, caller: MaybeCaller, org: str | None) -> None:
    """Return to the generated picture of an organisation, or (None) of the caller.

    Raises:
        LoginRequired, NotAllowed, AccountNotFound: as :func:`change`.
    """
    with hub.write(Lock.hub(), by=caller) as tx:
        avatars.remove(tx, _get_account(tx, caller, org).id)


def _get_account(tx: Read, caller: MaybeCaller, org: str | None) -> Account:
    return require_write(caller).account if org is None else orgs.get_administered(tx, caller, org)[0]
