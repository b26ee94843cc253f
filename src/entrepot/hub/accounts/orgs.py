"""Use cases of users on organisations: create, configure, delete."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog import audit as audit_rows
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account as Account
from entrepot.catalog.repos import repositories
from entrepot.errors import AccountNotFound, NotAllowed, Refused
from entrepot.hub import audit
from entrepot.hub.accounts.accounts import add_org, org_subject, parse_visibility
from entrepot.hub.audit import AuditFilter, AuditRow
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_change, require_login, require_write
from entrepot.hub.context import HubContext
from entrepot.names import parse_details, parse_fullname

HUB_DEFAULT = "default"
"""Stands for the visibility in the hub's settings."""


@attrs.frozen
class NewOrg:
    """An organisation to create; ``fullname`` None: its name, ``default_visibility`` None: the hub's setting."""

    name: str
    fullname: str | None = None
    default_visibility: str | None = None


@attrs.frozen
class OrgChanges:
    """Changes to an organisation; None leaves a value as it is.

    ``default_visibility``: ``public``, ``private``, or ``default`` for the hub's setting.
    """

    fullname: str | None = None
    details: str | None = None
    default_visibility: str | None = None


def create(hub: HubContext, caller: MaybeCaller, new: NewOrg) -> Account:
    """Create an organisation with the caller as its administrator.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, the token is not sufficient, or
            only administrators of the hub may create organisations.
        InvalidName: the name or a value breaks a rule.
        AlreadyExists: the name is taken, in any case.
    """
    maker = require_write(caller)
    if not (hub.settings.users_create_orgs or maker.sees_all):
        raise NotAllowed("On this hub only administrators create organisations: ask one of them")
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        return add_org(hub, tx, maker, new.name, maker.account, new.fullname, new.default_visibility)


def settings(hub: HubContext, caller: MaybeCaller, name: str) -> Account:
    """Return an organisation with its settings, for its members.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: as :func:`belonging`.
    """
    with hub.read() as tx:
        org, _ = get_as_member(tx, caller, name)
        return org


def configure(hub: HubContext, caller: MaybeCaller, name: str, changes: OrgChanges) -> Account:
    """Change the full name, profile or default visibility of an organisation.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: as :func:`administered`.
        InvalidName, Malformed, LimitExceeded: a value cannot be used.
    """
    values: dict[str, str | None] = {}
    if changes.fullname is not None:
        values["fullname"] = parse_fullname(changes.fullname)
    if changes.details is not None:
        values["details"] = parse_details(changes.details)
    if changes.default_visibility is not None:
        word = changes.default_visibility
        values["default_visibility"] = parse_visibility(None if word == HUB_DEFAULT else word)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        org, admin = get_administered(tx, caller, name)
        if values:
            accounts.update(tx, org.id, **values)
            audit.record(hub, tx, admin, "org.settings", org_subject(org), values)
        return find(tx, org.name)


def delete(hub: HubContext, caller: MaybeCaller, name: str) -> None:
    """Delete an organisation that owns no repositories, with its collections and invitations.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: as :func:`administered`.
        Refused: it owns repositories.
    """
    with hub.write(Lock.hub(), Lock.namespace_named(name), Lock.audit(), by=caller) as tx:
        org, admin = get_administered(tx, caller, name)
        owned = [str(row.ref.id) for row in repositories.owned_by(tx, org.id)]
        if owned:
            more = f" and {len(owned) - 5} more" if len(owned) > 5 else ""
            raise Refused(f"{org.name} still owns {', '.join(owned[:5])}{more}: move or delete them first")
        accounts.remove(tx, org.id)
        audit.record(hub, tx, admin, "org.delete", org_subject(org))


def get_administered(tx: Read, caller: MaybeCaller, name: str) -> tuple[Account, Caller]:
    """Return the organisation if the caller may change it and its members.

    Raises:
        LoginRequired: the caller is anonymous.
        AccountNotFound: no organisation has this name.
        NotAllowed: the caller is not its administrator, or the token is not sufficient.
    """
    known = require_change(caller)
    org = find(tx, name)
    role = known.role_in(org.id)
    if role is None or role < Role.ADMIN:
        own = "you are not a member" if role is None else f"with this token your role is '{role.name.lower()}'"
        raise NotAllowed(f"The role 'admin' in {org.name} is needed for this: {own}")
    return org, known


def get_as_member(tx: Read, caller: MaybeCaller, name: str) -> tuple[Account, Caller]:
    """Return the organisation if the caller is a member, in any role.

    Raises:
        LoginRequired: the caller is anonymous.
        AccountNotFound: no organisation has this name.
        NotAllowed: the caller is not a member, or the token is not sufficient.
    """
    known = require_login(caller)
    org = find(tx, name)
    if known.role_in(org.id) is None:
        raise NotAllowed(f"You are not a member of {org.name}")
    return org, known


def find(tx: Read, name: str) -> Account:
    """Return the organisation with this name.

    Raises:
        AccountNotFound: it does not exist.
    """
    found = accounts.find(tx, name)
    if found is None or not found.is_org:
        raise AccountNotFound(name, "organisation")
    return found


def list_audit(
    hub: HubContext,
    by: MaybeCaller | str,
    name: str,
    wanted: AuditFilter,
    *,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[AuditRow]:
    """Return recorded changes of an organisation and of what belonged to it at that time, newest first.

    What happened to a repository before it came, or after it left, is not among them.

    Args:
        by: the caller of a request, or the console.
        before: the last id of the previous page.

    Raises:
        LoginRequired, NotAllowed: the caller is not an administrator of the organisation.
        AccountNotFound: the organisation does not exist.
    """
    with hub.read() as tx:
        org = find(tx, name) if isinstance(by, str) else get_administered(tx, by, name)[0]
        return audit_rows.search(tx, attrs.evolve(wanted, namespace=org.uid), before=before, limit=limit)
