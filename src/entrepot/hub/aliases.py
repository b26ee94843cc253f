"""Aliases: names without a namespace (``gpt2``) under which repositories can be read.

An alias grants no rights: callers who may not see the repository get the
response for one that does not exist. No change can be made through an alias.
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import aliases, repositories
from entrepot.catalog.repos.aliases import AliasRow as AliasRow
from entrepot.errors import AlreadyExists, InvalidName, NotAllowed, RepoNotFound, ThingNotFound
from entrepot.hub import access, audit
from entrepot.hub.callers import Caller, MaybeCaller, require_login
from entrepot.hub.context import HubContext
from entrepot.names import RepoId, RepoRef, RepoType, parse_wanted_id
from entrepot.names.accounts import RESERVED

PAGE = 1_000
"""Aliases on a page, as maximum and default."""


def require_admin(caller: MaybeCaller) -> Caller:
    """Return the caller if they are an administrator of the hub.

    Raises:
        LoginRequired, NotAllowed: they are not, or their token is fine-grained.
    """
    known = require_login(caller)
    if not known.sees_all:
        raise NotAllowed("Aliases are for administrators of the hub")
    return known


def search(
    hub: HubContext, kind: RepoType | None = None, *, after: tuple[str, str] = ("", ""), limit: int = PAGE
) -> Sequence[AliasRow]:
    """Return a page of the aliases of one type, or of all types, sorted by type and name.

    Args:
        after: type and name of the last alias of the previous page.
    """
    with hub.read() as tx:
        return aliases.search(tx, kind, after=after, limit=limit)


def get(hub: HubContext, kind: RepoType, name: str) -> AliasRow:
    """Return one alias.

    Raises:
        ThingNotFound: it does not exist.
    """
    with hub.read() as tx:
        row = repositories.find_redirect(tx, RepoRef(kind, RepoId("", name)))
    if row is None or "/" in name:
        raise ThingNotFound("alias", name)
    return AliasRow(name.lower(), row)


def put(hub: HubContext, name: str, target: RepoRef, *, by: Caller | str = audit.CONSOLE) -> AliasRow:
    """Create an alias, or change the repository that it stands for.

    Args:
        by: the actor, whose right the caller has checked.

    Raises:
        InvalidName: the name is malformed, or reserved for a route.
        AlreadyExists: an account has this name.
        RepoNotFound: the repository does not exist.
    """
    wanted = parse_wanted_id(name)
    if not wanted.is_short:
        raise InvalidName("alias", name, "expected a name without a namespace")
    if name.lower() in RESERVED:
        raise InvalidName("alias", name, "this word is reserved for a route of the hub")
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        if accounts.find(tx, name) is not None:
            raise AlreadyExists(f"An account called {name} exists; an alias of this name would hide it")
        row = repositories.find(tx, target)
        if row is None:
            raise RepoNotFound
        aliases.put(tx, target.type, name, row.id)
        audit.record(hub, tx, by, "alias.set", access.subject(row), {"alias": name.lower()})
    return AliasRow(name.lower(), row)


def remove(hub: HubContext, kind: RepoType, name: str, *, by: Caller | str = audit.CONSOLE) -> None:
    """Delete an alias; the repository stays.

    Raises:
        ThingNotFound: it does not exist.
    """
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        row = repositories.find_redirect(tx, RepoRef(kind, RepoId("", name)))
        if row is None or "/" in name or not aliases.remove(tx, kind, name):
            raise ThingNotFound("alias", name)
        audit.record(hub, tx, by, "alias.delete", access.subject(row), {"alias": name.lower()})


def check_account_name(tx: Read, name: str) -> None:
    """Raise if the name of a new account is in use as an alias.

    Raises:
        AlreadyExists: it is one.
    """
    if aliases.is_taken(tx, name):
        raise AlreadyExists(f"The name {name} is taken: it is an alias of a repository")


def is_account(hub: HubContext, name: str) -> bool:
    """Return whether an account has this name; an alias cannot have it then."""
    with hub.read() as tx:
        return accounts.find(tx, name) is not None
