"""Use cases of hub administrators on all accounts and repositories, over HTTP or on the server's machine.

Each use case takes an :data:`Actor`: the caller of a request, who must be an
administrator of the hub, or the console, which may do everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import AccountNotFound, NotAllowed, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.accounts import oauth_grants, orgs, quotas, tokens
from entrepot.hub.accounts.accounts import (
    add_org,
    assign_role,
    check_admin_left,
    check_hub_admin_left,
    find_user,
    notify_member,
    org_subject,
    parse_visibility,
    revoke_token,
)
from entrepot.hub.accounts.members import parse_role
from entrepot.hub.accounts.quotas import NamespaceQuota
from entrepot.hub.callers import Caller, MaybeCaller, owners_of_factors, require_login, require_write
from entrepot.hub.context import HubContext
from entrepot.wire.accounts.administration import (
    AdminMember,
    AdminOrg,
    AdminRepo,
    AdminRepos,
    AdminToken,
    AdminUser,
    IssuedAdminToken,
    NewOrgByAdmin,
    NewTokenByAdmin,
    UserChanges,
)
from entrepot.wire.accounts.quotas import QuotaChanges, QuotaInfo
from entrepot.wire.times import format_ms

Actor = MaybeCaller | str
"""The caller of a request, or :data:`entrepot.hub.audit.CONSOLE`."""

PAGE = 1_000
"""Items on a page of a list, as maximum and default."""


def require_reader(by: Actor) -> Caller | str:
    """Return the actor if it may see everything on the hub.

    Raises:
        LoginRequired: the caller is anonymous.
        NotAllowed: the caller is not an administrator of the hub, or has a fine-grained token.
    """
    if isinstance(by, str):
        return by
    known = require_login(by)
    if not known.sees_all:
        raise NotAllowed("This is for administrators of the hub")
    return known


def require_admin(by: Actor) -> Caller | str:
    """Return the actor if it may change everything on the hub.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`, or the token may only read.
    """
    known = require_reader(by)
    return known if isinstance(known, str) else require_write(known)


def list_users(hub: HubContext, by: Actor, after: str = "", limit: int = PAGE) -> list[AdminUser]:
    """Return a page of the users with their tokens (without secrets), by name.

    Args:
        after: the last name of the previous page.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`.
    """
    require_reader(by)
    with hub.read() as tx:
        return _describe_all(hub, tx, accounts.page_of_kind(tx, "user", after=after, limit=limit))


def show_user(hub: HubContext, by: Actor, name: str) -> AdminUser:
    """Return a user with their tokens (without secrets).

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`.
        AccountNotFound: the user does not exist.
    """
    require_reader(by)
    with hub.read() as tx:
        return _describe(hub, tx, find_user(tx, name))


def change_user(hub: HubContext, by: Actor, name: str, changes: UserChanges) -> AdminUser:
    """Grant or revoke a user's administration of the hub; suspend an account or lift its suspension.

    The tokens of a suspended account are refused, and so are links that were issued
    to it; both work again when the suspension is lifted. Programs that were signed in
    with a browser have to be signed in again.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`.
        AccountNotFound: the user does not exist.
        Refused: the hub would be left without an administrator.
    """
    actor = require_admin(by)
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        user = find_user(tx, name)
        if changes.is_admin is False or changes.is_suspended:
            check_hub_admin_left(tx, user)
        if changes.is_admin is not None and changes.is_admin != user.is_admin:
            accounts.update(tx, user.id, is_admin=changes.is_admin)
            audit.record(hub, tx, actor, "user.admin", f"user {user.name}", {"admin": changes.is_admin})
        if changes.is_suspended is not None and changes.is_suspended != user.is_suspended:
            accounts.update(tx, user.id, suspended_ms=hub.now_ms() if changes.is_suspended else None)
            action = "user.suspend" if changes.is_suspended else "user.unsuspend"
            audit.record(hub, tx, actor, action, f"user {user.name}")
            if changes.is_suspended:
                oauth_grants.end_all(hub, tx, actor, user)
        changed = find_user(tx, user.name)
        return _describe(hub, tx, changed)


def create_token(hub: HubContext, by: Actor, user: str, new: NewTokenByAdmin) -> IssuedAdminToken:
    """Create a token for a user, or import one; return it with its secret unless that was imported.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`, or the user is not a
            member of an organisation in the scopes.
        AccountNotFound, RepoNotFound, ThingNotFound: the user or a target of the scopes does not exist.
        AlreadyExists: the secret to import is in use.
        InvalidName, Malformed, LimitExceeded: a value cannot be used, or the token would
            outlive the one of the administrator.
    """
    actor = require_admin(by)
    draft = tokens.draft_of(new)
    made, _ = tokens.create_for(hub, user, draft, secret=new.secret, by=actor)
    shown = render_token(user, made.token)
    return IssuedAdminToken(
        id=shown.id,
        user=shown.user,
        name=shown.name,
        role=shown.role,
        created_at=shown.created_at,
        expires_at=shown.expires_at,
        last_used_at=None,
        token=made.secret if new.secret is None else None,
    )


def revoke(hub: HubContext, by: Actor, user: str, token: str) -> AdminToken:
    """Make a token of a user invalid immediately; return it.

    Args:
        token: its id or its name.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`.
        AccountNotFound, ThingNotFound: the user or token does not exist.
        Refused: several tokens have this name.
    """
    return render_token(user, revoke_token(hub, user, token, by=require_admin(by)))


def show_quota(hub: HubContext, by: Actor, namespace: str) -> QuotaInfo:
    """Return the quota and the usage of a namespace.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`.
        AccountNotFound: no user or organisation has this name.
    """
    require_reader(by)
    return render_quota(quotas.show(hub, namespace))


def set_quota(hub: HubContext, by: Actor, namespace: str, changes: QuotaChanges) -> QuotaInfo:
    """Set limits of a namespace; existing data stays, even above the limits.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`.
        AccountNotFound: no user or organisation has this name.
        Malformed: a number is out of range.
    """
    return render_quota(quotas.change(hub, namespace, changes.given(), by=require_admin(by)))


def list_orgs(hub: HubContext, by: Actor, after: str = "", limit: int = PAGE) -> list[AdminOrg]:
    """Return a page of the organisations, by name.

    Args:
        after: the last name of the previous page.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`.
    """
    require_reader(by)
    with hub.read() as tx:
        return [render_org(org) for org in accounts.page_of_kind(tx, "org", after=after, limit=limit)]


def create_org(hub: HubContext, by: Actor, new: NewOrgByAdmin) -> AdminOrg:
    """Create an organisation with one administrator.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`.
        InvalidName, AlreadyExists, AccountNotFound: the name cannot be used, or the user does not exist.
    """
    actor = require_admin(by)
    visibility = parse_visibility(new.default_visibility)
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        admin = find_user(tx, new.admin)
        return render_org(add_org(hub, tx, actor, new.name, admin, new.fullname, visibility))


def list_members(hub: HubContext, by: Actor, org: str, after: str = "", limit: int = PAGE) -> list[AdminMember]:
    """Return a page of the members of an organisation with their roles, by name.

    Args:
        after: the last name of the previous page.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`.
        AccountNotFound: the organisation does not exist.
    """
    require_reader(by)
    with hub.read() as tx:
        found = orgs.find(tx, org)
        people = accounts.members(tx, found.id, after=after, limit=limit)
    return [AdminMember(org=found.name, user=member.user.name, role=member.role) for member in people]


def set_member(hub: HubContext, by: Actor, org: str, user: str, role: str) -> AdminMember:
    """Give a user a role in an organisation, replacing an earlier one.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`.
        InvalidName: the role does not exist.
        AccountNotFound: the organisation or user does not exist.
        Refused: the organisation would be left without an administrator.
    """
    actor, wanted = require_admin(by), parse_role(role)
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        found, person = orgs.find(tx, org), find_user(tx, user)
        assign_role(hub, tx, actor, found, person, wanted)
    return AdminMember(org=found.name, user=person.name, role=role)


def remove_member(hub: HubContext, by: Actor, org: str, user: str) -> None:
    """Remove a user from an organisation.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_admin`.
        AccountNotFound, ThingNotFound: the organisation or user does not exist, or the user is not a member.
        Refused: the organisation would be left without an administrator.
    """
    actor = require_admin(by)
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        found, person = orgs.find(tx, org), find_user(tx, user)
        if accounts.role_of(tx, found.id, person.id) is None:
            raise ThingNotFound(f"member of {found.name}", person.name)
        check_admin_left(tx, found, person)
        accounts.leave_org(tx, found.id, person.id)
        audit.record(hub, tx, actor, "member.remove", org_subject(found), {"user": person.name})
        notify_member(hub, tx, actor, found, person, None)


def list_repos(hub: HubContext, by: Actor, namespace: str | None = None, after: int = 0) -> AdminRepos:
    """Return a page of the repositories of a namespace, or of the hub, including private and disabled ones.

    Args:
        namespace: a user or organisation; None is the whole hub.
        after: ``after`` of the previous page.

    Raises:
        LoginRequired, NotAllowed: as :func:`require_reader`.
        AccountNotFound: the namespace does not exist.
    """
    require_reader(by)
    with hub.read() as tx:
        if namespace is not None:
            owner_id = find_namespace(tx, namespace).id
            rows: Sequence[RepoRow] = repositories.page_owned_by(tx, owner_id, after=after, limit=PAGE)
        else:
            rows = repositories.everything(tx, after=after, limit=PAGE)
    return AdminRepos(repos=[render_repo(row) for row in rows], after=rows[-1].id if len(rows) == PAGE else None)


def find_namespace(tx: Read, name: str) -> Account:
    """Return the user or organisation of this name.

    Raises:
        AccountNotFound: it does not exist.
    """
    found = accounts.find(tx, name)
    if found is None or found.parent_id is not None:
        raise AccountNotFound(name, "user or organisation")
    return found


def _describe(hub: HubContext, tx: Read, user: Account) -> AdminUser:
    return _describe_all(hub, tx, [user])[0]


def _describe_all(hub: HubContext, tx: Read, users: Sequence[Account]) -> list[AdminUser]:
    """Return users as administrators see them, with as many queries for a page as for one user."""
    tokens = token_rows.of_users(tx, [user.id for user in users])
    factors = owners_of_factors(tx, users, hub.settings)
    return [
        render_user(user, oauth_grants.listed(tokens[user.id]), has_second_factor=user.id in factors) for user in users
    ]


def render_user(user: Account, tokens: Sequence[Token], *, has_second_factor: bool = False) -> AdminUser:
    """Return a user as administrators see it."""
    return AdminUser(
        name=user.name,
        fullname=user.fullname,
        email=user.email,
        is_admin=user.is_admin,
        is_suspended=user.is_suspended,
        created_at=format_ms(user.created_ms),
        tokens=[render_token(user.name, token) for token in tokens],
        has_second_factor=has_second_factor,
    )


def render_token(owner: str, token: Token) -> AdminToken:
    """Return a token as administrators see it, without its secret."""
    return AdminToken(
        id=token.uid,
        user=owner,
        name=token.name,
        role=token.role,
        created_at=format_ms(token.created_ms),
        expires_at=None if token.expires_ms is None else format_ms(token.expires_ms),
        last_used_at=None if token.used_ms is None else format_ms(token.used_ms),
    )


def render_quota(quota: NamespaceQuota) -> QuotaInfo:
    """Return a quota as its members and administrators see it."""
    return QuotaInfo(
        namespace=quota.namespace,
        max_bytes=quota.max_bytes,
        max_repos=quota.max_repos,
        max_file_bytes=quota.max_file_bytes,
        used_bytes=quota.used,
        repos=quota.repos,
    )


def render_org(org: Account) -> AdminOrg:
    """Return an organisation as administrators see it."""
    fields = {"name": org.name, "fullname": org.fullname, "created_at": format_ms(org.created_ms)}
    return AdminOrg(default_visibility=org.default_visibility, **fields)


def render_repo(row: RepoRow) -> AdminRepo:
    """Return a repository as administrators see it."""
    return AdminRepo(
        repo=str(row.ref.id),
        type=row.type.value,
        private=row.is_private,
        gated=row.gated,
        disabled=row.is_disabled,
        created_at=format_ms(row.created_ms),
        updated_at=format_ms(row.updated_ms),
    )
