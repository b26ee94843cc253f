"""Use cases on members of organisations: list, change a role, remove."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account, Member
from entrepot.errors import AccountNotFound, InvalidName, NotAllowed, ThingNotFound
from entrepot.hub import audit, scopes
from entrepot.hub.accounts import orgs
from entrepot.hub.accounts.accounts import assign_role, check_admin_left, notify_member, org_subject
from entrepot.hub.callers import MaybeCaller, Role, require_change
from entrepot.hub.context import HubContext


@attrs.frozen
class MemberPage:
    """A page of the members of an organisation, by name.

    ``with_roles``: whether the caller is a member too, and so may see the
    roles; ``after``: the last name of this page, None at the end.
    """

    members: Sequence[Member]
    with_roles: bool
    after: str | None


def list_members(hub: HubContext, caller: MaybeCaller, name: str, *, after: str = "", limit: int = 500) -> MemberPage:
    """Return a page of the members of an organisation; membership is public, roles are not.

    Raises:
        AccountNotFound: no organisation has this name.
    """
    with hub.read() as tx:
        org = orgs.find(tx, name)
        found = accounts.members(tx, org.id, after=after, limit=limit + 1)
    page = found[:limit]
    with_roles = caller is not None and caller.role_in(org.id) is not None
    return MemberPage(page, with_roles, page[-1].user.name if len(found) > limit else None)


def change_role(hub: HubContext, caller: MaybeCaller, name: str, user: str, role: str) -> None:
    """Give a member another role; users who are not members need an invitation.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the organisation does not exist, or the caller may not change it.
        ThingNotFound: the user is not a member.
        InvalidName: the role does not exist.
        Refused: the organisation would be left without an administrator.
    """
    wanted = parse_role(role)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        org, admin = orgs.get_administered(tx, caller, name)
        assign_role(hub, tx, admin, org, _member(tx, org, user), wanted)


def remove(hub: HubContext, caller: MaybeCaller, name: str, user: str) -> None:
    """Remove a member from an organisation; members may also remove themselves.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: the organisation does not exist, or the caller may not change it.
        ThingNotFound: the user is not a member.
        Refused: the organisation would be left without an administrator.
    """
    known = require_change(caller)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        is_self = known.account.name.lower() == user.lower()
        org = orgs.find(tx, name) if is_self else orgs.get_administered(tx, known, name)[0]
        if not known.permits(scopes.ORG_WRITE, org.id):
            raise NotAllowed(f"This token lacks the permission '{scopes.ORG_WRITE}' for {org.name}")
        member = _member(tx, org, user)
        check_admin_left(tx, org, member)
        accounts.leave_org(tx, org.id, member.id)
        action = "member.leave" if is_self else "member.remove"
        audit.record(hub, tx, known, action, org_subject(org), {"user": member.name})
        notify_member(hub, tx, known, org, member, None)


def parse_role(word: str) -> Role:
    """Parse the name of a role.

    Raises:
        InvalidName: the role does not exist.
    """
    names = [role.name.lower() for role in Role]
    if word not in names:
        raise InvalidName("role", word, f"expected {', '.join(names)}")
    return Role.parse(word)


def _member(tx: Read, org: Account, user: str) -> Account:
    found = accounts.find(tx, user)
    if found is None or not found.is_user:
        raise AccountNotFound(user, "user")
    if accounts.role_of(tx, org.id, found.id) is None:
        raise ThingNotFound(f"member of {org.name}", found.name)
    return found
