"""Scopes of fine-grained tokens: permissions, and the places where they apply.

A scope adds nothing to the rights of the token's owner; it is checked in addition
to their roles, never instead of them. Places are stored by their permanent ids,
so a renamed repository stays the same place and a new one under an old name
is another. Source: docs/protocols/hf_api.md, section 1A.1 (the shape and the words).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from entrepot.catalog import Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders, grants, repositories
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.repos.grants import FolderPlace
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.errors import InvalidName, LimitExceeded, Malformed
from entrepot.names import RepoType

READ = "repo.content.read"
COMMIT = "repo.commit"
WRITE = "repo.write"
REQUESTS = "repo.access.read"
DISCUSS = "discussion.write"
ORG_READ = "org.read"
ORG_WRITE = "org.write"
COLLECT = "collection.write"
HOOKS_READ = "user.webhooks.read"
HOOKS_WRITE = "user.webhooks.write"

ON_REPOS = frozenset({READ, COMMIT, WRITE, REQUESTS, DISCUSS})
"""Permissions that can be given for one repository, or for all of a namespace."""

ON_NAMESPACES = ON_REPOS | {ORG_READ, ORG_WRITE, COLLECT, HOOKS_READ, HOOKS_WRITE}
READS = frozenset({READ, COMMIT, WRITE})
"""Permissions that include reading the content of a repository."""

COMMITS = frozenset({COMMIT, WRITE})
"""Permissions that include changing the content of a repository; ``repo.write`` also changes its settings."""

EVERYWHERE = frozenset({DISCUSS})
"""Permissions that can be given for everything that the owner sees."""

MAX_PLACES = 200


@attrs.frozen
class ScopeTarget:
    """The entity to which permissions apply: a user, an organisation, a folder or one repository, by its permanent id.

    ``kind``: ``user``, ``org``, ``folder``, ``model``, ``dataset`` or ``space``.
    """

    kind: str
    uid: str
    permissions: frozenset[str]


@attrs.frozen
class Scopes:
    """Everything that a fine-grained token allows.

    ``everywhere``: permissions that apply wherever the owner has rights;
    ``reads_gated``: also the content of gated repositories that the owner has
    been granted access to; ``is_resumable``: tokens of one account with the same
    scopes may refer to chunks that one of them has sent, so that an upload can go
    on with a newer token.
    """

    places: tuple[ScopeTarget, ...] = ()
    everywhere: frozenset[str] = frozenset()
    reads_gated: bool = False
    is_resumable: bool = False

    def encode(self) -> Mapping[str, Any]:
        """Return the form that is stored in the token's row."""
        return {
            "places": [[place.kind, place.uid, sorted(place.permissions)] for place in self.places],
            "everywhere": sorted(self.everywhere),
            "gated": self.reads_gated,
            **({"resumable": True} if self.is_resumable else {}),
        }


@attrs.frozen
class ScopeRows:
    """The scopes of a token, by row ids of namespaces and repositories.

    ``visibility``: where a permission needs repositories to be seen; ``reach``:
    where content may be read. Permissions in a namespace apply to its folders too.
    """

    namespaces: Mapping[int, frozenset[str]]
    repos: Mapping[int, frozenset[str]]
    folders: Mapping[FolderPlace, frozenset[str]]
    everywhere: frozenset[str]
    reads_gated: bool
    visibility: Visibility
    reach: Visibility

    def at(self, namespace_id: int) -> frozenset[str]:
        """Return the permissions in the namespace of a user or an organisation."""
        return self.namespaces.get(namespace_id, frozenset())

    def in_folder(self, owner_id: int, place: FolderPlace) -> frozenset[str]:
        """Return the permissions in a folder."""
        return self.at(owner_id) | self.folders.get(place, frozenset())

    def on(self, row: RepoRow) -> frozenset[str]:
        """Return the permissions for one repository."""
        found = self.at(row.namespace_id) | self.repos.get(row.id, frozenset())
        return found if row.parent_id is None else found | self.in_folder(row.parent_id, (row.namespace_id, row.type))


@attrs.frozen
class NamedTarget:
    """A scope's target with its current name."""

    place: ScopeTarget
    name: str


@attrs.frozen
class RequestedScope:
    """A scope's target as a client names it: ``acme``, ``alice.llm``, ``alice/model``."""

    kind: str
    name: str
    permissions: Sequence[str]


def decode(stored: Mapping[str, Any] | None) -> Scopes:
    """Return the scopes that :meth:`Scopes.encode` stored; a token without scopes allows nothing."""
    if not stored:
        return Scopes()
    places = tuple(ScopeTarget(kind, uid, frozenset(words)) for kind, uid, words in stored["places"])
    return Scopes(places, frozenset(stored["everywhere"]), stored["gated"], stored.get("resumable", False))


def check_permissions(words: Iterable[str], allowed: frozenset[str], where: str) -> frozenset[str]:
    """Return the given permissions if all of them can be used.

    Raises:
        InvalidName: a permission is unknown, or has no meaning for such a target.
    """
    found = frozenset(words)
    for word in sorted(found - allowed):
        raise InvalidName("permission", word, f"for {where}, expected {', '.join(sorted(allowed))}")
    return found


def check_target_count(places: Sequence[object]) -> None:
    """Raise if a token names too many targets: every request looks them up.

    Raises:
        LimitExceeded: it names more than 200.
    """
    if len(places) > MAX_PLACES:
        raise LimitExceeded("the number of places in one token", MAX_PLACES, "name a whole organisation instead")


def limits_of(tx: Read, scopes: Scopes, roles: Mapping[str, int], *, sees_all: bool) -> ScopeRows:
    """Return the scopes of a token by row ids; ignore targets that are gone, or that the owner has left.

    Args:
        roles: permanent id -> row id of the owner's account and organisations.
        sees_all: the owner has a role in every namespace.
    """
    namespaces: dict[int, frozenset[str]] = {}
    wanted: dict[str, dict[str, frozenset[str]]] = {"folder": {}, "repo": {}}
    for place in scopes.places:
        if place.kind in ("user", "org"):
            if place.uid in roles:
                namespaces[roles[place.uid]] = namespaces.get(roles[place.uid], frozenset()) | place.permissions
        else:
            same = wanted["folder" if place.kind == "folder" else "repo"]
            same[place.uid] = same.get(place.uid, frozenset()) | place.permissions
    chosen = folders.by_uids(tx, sorted(wanted["folder"]))
    single = repositories.places_by_uid(tx, sorted(wanted["repo"]))
    mine = _Mine(tx, frozenset(roles.values()), sees_all)
    own = {it.id: wanted["repo"][it.uid] for it in single if mine.has(it.namespace_id, it.parent_id, it.type)}
    below = {it.id: wanted["folder"][it.uid] for it in chosen if mine.has(it.namespace_id, it.owner_id, it.type)}
    return ScopeRows(
        namespaces,
        {it.id: wanted["repo"][it.uid] for it in single},
        {(it.namespace_id, it.type): wanted["folder"][it.uid] for it in chosen},
        scopes.everywhere,
        scopes.reads_gated,
        *(_visibility(namespaces, own, below, enough) for enough in (ON_REPOS, READS)),
    )


class _Mine:
    """Whether the owner of a token has a role at a place: by their roles, else by grants, which cost one query."""

    def __init__(self, tx: Read, subjects: frozenset[int], sees_all: bool) -> None:
        self._tx, self._subjects, self._sees_all = tx, subjects, sees_all

    def has(self, namespace_id: int, parent_id: int | None, kind: RepoType) -> bool:
        if self._sees_all or namespace_id in self._subjects or parent_id in self._subjects:
            return True
        return parent_id is not None and (namespace_id, kind) in self._granted

    @functools.cached_property
    def _granted(self) -> frozenset[FolderPlace]:
        return grants.places_of(self._tx, self._subjects)


def _visibility(
    namespaces: Mapping[int, frozenset[str]],
    repos: Mapping[int, frozenset[str]],
    below: Mapping[int, frozenset[str]],
    enough: frozenset[str],
) -> Visibility:
    return Visibility(
        *(
            frozenset(row_id for row_id, words in given.items() if words & enough)
            for given in (namespaces, repos, below)
        )
    )


def shown(tx: Read, scopes: Scopes, sees: Callable[[FolderRow | RepoRow], bool]) -> list[NamedTarget]:
    """Return the targets of a token with their current names, without those that are gone.

    Args:
        sees: whether the owner of the token may see a folder or a repository; others are left out,
            because the name may be one that was given after the owner lost access.
    """
    uids = [place.uid for place in scopes.places]
    names: dict[str, str] = {account.uid: account.name for account in accounts.by_uids(tx, uids)}
    names |= {row.uid: str(row.ref.id) for row in repositories.by_uids(tx, uids) if sees(row)}
    names |= {row.uid: row.namespace for row in folders.by_uids(tx, uids) if sees(row)}
    found: dict[tuple[str, str, frozenset[str]], NamedTarget] = {}
    for place in scopes.places:
        if place.uid in names:
            # Folders of both types with one name are shown as they were named: once.
            found.setdefault((place.kind, names[place.uid], place.permissions), NamedTarget(place, names[place.uid]))
    return list(found.values())


def target_of(account: Account | FolderRow | RepoRow, words: Sequence[str]) -> ScopeTarget:
    """Return an account, a folder or a repository with permissions, as the target of a scope.

    Raises:
        InvalidName: a permission has no meaning for it.
    """
    if isinstance(account, RepoRow):
        kind, allowed = account.type.value, ON_REPOS
    elif isinstance(account, FolderRow):
        kind, allowed = "folder", ON_REPOS
    else:
        kind, allowed = account.kind, ON_NAMESPACES
    where = f"a {kind}" if kind != "org" else "an organisation"
    return ScopeTarget(kind, account.uid, check_permissions(words, allowed, where))


def repo_type_of(kind: str) -> RepoType | None:
    """Return the repository type of a kind of target; None for users, organisations and folders.

    Raises:
        Malformed: the kind is unknown.
    """
    if kind in ("user", "org", "folder"):
        return None
    try:
        return RepoType(kind)
    except ValueError:
        raise Malformed("entity of a scope", "its type is user, org, folder, model, dataset, space or bucket") from None
