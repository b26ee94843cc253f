"""Create and delete users, organisations and tokens, by commands on the server's machine.

Use cases of users on their own tokens and organisations are in
:mod:`entrepot.hub.accounts.tokens` and :mod:`entrepot.hub.accounts.orgs`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts, sessions
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.catalog.repos import repositories
from entrepot.errors import AccountNotFound, InvalidName, Refused, ThingNotFound
from entrepot.hub import audit, notifications
from entrepot.hub.accounts import oauth_grants, tokens
from entrepot.hub.accounts.passwords import hash_password
from entrepot.hub.accounts.tokens import IssuedToken, TokenDraft
from entrepot.hub.aliases import check_account_name
from entrepot.hub.callers import Caller, MaybeCaller, Role
from entrepot.hub.context import HubContext
from entrepot.names import parse_account, parse_fullname

TOKEN_ROLES = ("read", "write")
VISIBILITIES = ("public", "private")


def create_user(
    hub: HubContext,
    name: str,
    *,
    fullname: str | None = None,
    email: str | None = None,
    password: str | None = None,
    is_admin: bool = False,
) -> Account:
    """Create a user.

    Raises:
        InvalidName: the name, address or password breaks a rule.
        AlreadyExists: the name is taken, in any case.
    """
    chosen = None if fullname is None else parse_fullname(fullname)
    fresh = accounts.fresh(parse_account(name), "user", hub.now_ms(), fullname=chosen, email=parse_email(email))
    hashed = hash_password(password) if password is not None else None
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        check_account_name(tx, name)
        made = accounts.add(tx, attrs.evolve(fresh, is_admin=is_admin, password_hash=hashed))
        audit.record(hub, tx, audit.CONSOLE, "user.create", f"user {made.name}", {"admin": is_admin})
    return made


def create_org(
    hub: HubContext, name: str, *, admin: str, fullname: str | None = None, default_visibility: str | None = None
) -> Account:
    """Create an organisation with one administrator.

    Raises:
        InvalidName: the name breaks a rule.
        AlreadyExists: the name is taken, in any case.
        AccountNotFound: no user is called ``admin``.
    """
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        return add_org(hub, tx, audit.CONSOLE, name, find_user(tx, admin), fullname, default_visibility)


def add_org(
    hub: HubContext,
    tx: Write,
    by: Caller | str,
    name: str,
    admin: Account,
    fullname: str | None,
    default_visibility: str | None,
) -> Account:
    """Add an organisation with one administrator.

    Raises:
        InvalidName, AlreadyExists: as :func:`create_org`.
    """
    chosen = None if fullname is None else parse_fullname(fullname)
    fresh = accounts.fresh(parse_account(name), "org", hub.now_ms(), fullname=chosen)
    check_account_name(tx, name)
    org = accounts.add(tx, attrs.evolve(fresh, default_visibility=parse_visibility(default_visibility)))
    accounts.join_org(tx, org.id, admin.id, Role.ADMIN.name.lower())
    audit.record(hub, tx, by, "org.create", org_subject(org), {"admin": admin.name})
    return org


def set_member(hub: HubContext, org: str, user: str, role: Role) -> None:
    """Give a user a role in an organisation.

    Raises:
        AccountNotFound: the organisation or user does not exist.
        Refused: the organisation would be left without an administrator.
    """
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        found = accounts.find(tx, org)
        if found is None or not found.is_org:
            raise AccountNotFound(org, "organisation")
        assign_role(hub, tx, audit.CONSOLE, found, find_user(tx, user), role)


def assign_role(hub: HubContext, tx: Write, by: Caller | str, org: Account, user: Account, role: Role) -> None:
    """Give a user a role in an organisation, replacing an earlier one.

    Raises:
        Refused: the organisation would be left without an administrator.
    """
    if role is not Role.ADMIN:
        check_admin_left(tx, org, user)
    before, word = accounts.role_of(tx, org.id, user.id), role.name.lower()
    accounts.join_org(tx, org.id, user.id, word)
    audit.record(hub, tx, by, "member.role", org_subject(org), {"user": user.name, "role": word, "from": before})
    if word != before:
        notify_member(hub, tx, by, org, user, word)


def notify_member(hub: HubContext, tx: Write, by: Caller | str, org: Account, user: Account, role: str | None) -> None:
    """Notify a user of their current role in an organisation; None: they were removed from it."""
    actor = None if isinstance(by, str) else by.account
    kind, topic, data = notifications.MEMBERSHIP, f"member:{org.id}", {"role": role}
    notifications.notify(hub, tx, [user.id], kind, topic, actor=actor, org_id=org.id, data=data)


def check_admin_left(tx: Read, org: Account, user: Account) -> None:
    """Raise if a user is the only administrator of an organisation.

    Raises:
        Refused: the user is its only administrator.
    """
    if org.name in accounts.sole_admin_of(tx, user.id):
        raise Refused(f"{user.name} is the only administrator of {org.name}: appoint another one first")


def org_subject(org: Account) -> str:
    """Return the name of an organisation in the audit log."""
    return f"organisation {org.name}"


def create_token(
    hub: HubContext,
    user: str,
    *,
    role: str,
    name: str | None = None,
    expires_ms: int | None = None,
    secret: str | None = None,
) -> IssuedToken:
    """Create a token for a user, or import an existing secret.

    Args:
        user: the owner of the token.
        role: ``read`` or ``write``.
        name: a name to recognise it by; default ``token-N``.
        expires_ms: time of expiry, ms since 1970 UTC; None: never.
        secret: an existing secret to import, starting with ``hf_``;
            None generates a random one.

    Raises:
        AccountNotFound: the user does not exist.
        InvalidName: the role, the name or the secret breaks a rule.
        Malformed: the time of expiry is past.
        LimitExceeded: the user has too many tokens.
        AlreadyExists: the secret is in use.
    """
    if role not in TOKEN_ROLES:
        raise InvalidName("token role", role, "expected read or write")
    made, _ = tokens.create_for(hub, user, TokenDraft(role, name, expires_ms), secret=secret)
    return made


def revoke_token(hub: HubContext, user: str, token: str, *, by: MaybeCaller | str = audit.CONSOLE) -> Token:
    """Make a token invalid immediately.

    Args:
        user: the owner of the token.
        token: its id or its name.

    Raises:
        AccountNotFound, ThingNotFound: the user or token does not exist.
        Refused: several tokens have this name.
    """
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        owner = find_user(tx, user)
        known = oauth_grants.listed(token_rows.of_user(tx, owner.id))
        found = [item for item in known if token in (item.uid, item.name)]
        if not found:
            raise ThingNotFound("token", token)
        if len(found) > 1:
            raise Refused(f"{user} has {len(found)} tokens called {token!r}: name one by its id")
        oauth_grants.remove_token(tx, found[0])
        audit.record(hub, tx, by, "token.revoke", _token_subject(owner, found[0]))
    return found[0]


def list_tokens(hub: HubContext, user: str) -> Sequence[Token]:
    """Return the tokens of a user, without secrets.

    Raises:
        AccountNotFound: the user does not exist.
    """
    with hub.read() as tx:
        return oauth_grants.listed(token_rows.of_user(tx, find_user(tx, user).id))


def remove_user(hub: HubContext, tx: Write, by: Caller | str, user: Account) -> None:
    """Delete a user who owns nothing; the caller has checked the right to do so.

    Raises:
        Refused: repositories, an organisation or the hub would lose their owner or administrator.
    """
    owned = [str(row.ref.id) for row in repositories.owned_by(tx, user.id)]
    if owned:
        raise Refused(f"{user.name} still owns {some(owned)}: move or delete them first")
    orphans = accounts.sole_admin_of(tx, user.id)
    if orphans:
        raise Refused(f"{user.name} is the only administrator of {some(orphans)}: appoint another one first")
    check_hub_admin_left(tx, user)
    accounts.remove(tx, user.id)
    audit.record(hub, tx, by, "user.delete", f"user {user.name}")


def check_hub_admin_left(tx: Read, user: Account) -> None:
    """Raise if a user is the only administrator of the hub who can sign in.

    Raises:
        Refused: the hub would be left without an administrator.
    """
    if user.is_admin and not user.is_suspended and accounts.hub_admins(tx) <= 1:
        raise Refused(f"{user.name} is the only administrator of the hub: appoint another one first")


def reset_password(hub: HubContext, name: str, password: str | None) -> str:
    """Set a user's password, or generate and return a random one.

    Raises:
        AccountNotFound: the user does not exist.
        InvalidName: the password breaks a rule.
    """
    chosen = password if password is not None else random_text(20)
    hashed = hash_password(chosen)
    with hub.write(Lock.hub(), Lock.audit()) as tx:
        user = find_user(tx, name)
        sessions.set_password(tx, user.id, hashed)
        audit.record(hub, tx, audit.CONSOLE, "user.password", f"user {user.name}")
    return chosen


def has_accounts(hub: HubContext) -> bool:
    """Return whether any account exists yet."""
    with hub.read() as tx:
        return accounts.count(tx) > 0


def parse_visibility(word: str | None) -> str | None:
    """Parse the default visibility of new repositories; None stands for the hub's setting.

    Raises:
        InvalidName: it is neither ``public`` nor ``private``.
    """
    if word is not None and word not in VISIBILITIES:
        raise InvalidName("visibility", word, "expected public or private")
    return word


def _token_subject(owner: Account, token: Token) -> str:
    return f"token {token.name} of {owner.name}"


def find_user(tx: Read, name: str) -> Account:
    """Return the user of this name.

    Raises:
        AccountNotFound: no user has this name.
    """
    found = accounts.find(tx, name)
    if found is None or not found.is_user:
        raise AccountNotFound(name, "user")
    return found


def parse_email(text: str | None) -> str | None:
    """Return an e-mail address if it looks like one; None stays None.

    Raises:
        InvalidName: the text is no e-mail address.
    """
    if text is not None and not re.fullmatch(r"[^@\s<>]{1,200}@[^@\s<>]{1,200}", text):
        raise InvalidName("email address", text, "expected name@host")
    return text


def random_text(length: int) -> str:
    """Return that many random letters and digits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(length))


def some(names: Sequence[str]) -> str:
    """Return the first names for a message, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
