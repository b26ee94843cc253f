"""Use cases on folders: create, show, change, rename, delete.

A folder holds repositories of one type and is the unit of sharing
(:mod:`entrepot.hub.folders.grants`). Source: docs/folders.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders, grants
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.folders import FolderRow
from entrepot.catalog.search import full_text
from entrepot.errors import AlreadyExists, InvalidName
from entrepot.hub import access, audit, events, folder_access
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import Caller, MaybeCaller, require_change
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folder_homes
from entrepot.names import (
    RepoRef,
    RepoType,
    folder_namespace,
    parse_description,
    parse_folder_name,
    parse_labels,
)


@attrs.frozen
class FolderId:
    """A folder as callers name it: type, owner and name."""

    type: RepoType
    owner: str
    name: str


@attrs.frozen
class FolderDraft:
    """A folder to create; ``owner`` None: the caller."""

    type: RepoType
    name: str
    owner: str | None = None
    labels: Sequence[str] = ()
    description: str = ""


@attrs.frozen
class FolderChanges:
    """Changes to a folder; None leaves a value as it is."""

    name: str | None = None
    labels: Sequence[str] | None = None
    description: str | None = None


@attrs.frozen
class KnownFolder:
    """A folder, and the permission of the caller in it: ``own``, ``edit`` or ``view``."""

    row: FolderRow
    permission: str


def create(hub: HubContext, caller: MaybeCaller, new: FolderDraft) -> KnownFolder:
    """Create a folder without repositories and grants.

    Raises:
        LoginRequired, NotAllowed: the caller may not make folders for the owner.
        InvalidName, Malformed, LimitExceeded: the name or a value cannot be used, or the owner has too many folders.
        AlreadyExists: the owner has a folder of this type and name, in any case.
    """
    maker = require_change(caller)
    check_type(new.type)
    labels, description = parse_labels(new.labels), parse_description(new.description)
    with hub.read() as tx:
        owner, _ = folder_access.maker_of(tx, maker, new.owner or maker.account.name)
    parse_folder_name(owner.name, new.name)
    with hub.write(Lock.namespace(owner.id), Lock.audit(), by=caller) as tx:
        owner, _ = folder_access.maker_of(tx, maker, owner.name)
        made = folder_homes.create(hub, tx, maker, owner, new.type, new.name)
        folders.update(tx, made.id, labels=list(labels), description=description)
        return _known(tx, maker, made)


def show(hub: HubContext, caller: MaybeCaller, wanted: FolderId) -> KnownFolder:
    """Return a folder.

    Raises:
        RepoMoved, ThingNotFound: as :func:`entrepot.hub.folder_access.visible`.
    """
    with hub.read() as tx:
        return _known(tx, caller, folder_access.visible(tx, caller, wanted.type, wanted.owner, wanted.name))


def change(hub: HubContext, caller: MaybeCaller, wanted: FolderId, changes: FolderChanges) -> KnownFolder:
    """Change name, labels and description of a folder; the old name redirects to the new one.

    Guarantees: one transaction, whose statements do not depend on the number of repositories
    (only the events for webhooks do, if the hub has any).

    Raises:
        LoginRequired, NotAllowed, RepoMoved, ThingNotFound: no access; a new name needs the permission "own".
        InvalidName, Malformed, LimitExceeded: a value cannot be used.
        AlreadyExists: the owner has a folder of this type with the new name.
    """
    values: dict[str, object] = {}
    if changes.labels is not None:
        values["labels"] = list(parse_labels(changes.labels))
    if changes.description is not None:
        values["description"] = parse_description(changes.description)
    gate = folder_access.editable if changes.name is None else folder_access.owned
    with hub.read() as tx:
        before, _ = gate(tx, caller, wanted.type, wanted.owner, wanted.name)
    places = (Lock.namespace(before.owner_id), Lock.namespace(before.namespace_id))
    with hub.write(*places, Lock.audit(), by=caller) as tx:
        folder, editor = gate(tx, caller, wanted.type, wanted.owner, wanted.name)
        if values:
            folders.update(tx, folder.id, **values)
            audit.record(hub, tx, editor, "folder.update", folder_homes.subject(folder), _details(values))
        if changes.name is not None and changes.name != folder.name:
            owner = accounts.by_ids(tx, [folder.owner_id])[folder.owner_id]
            relocate(hub, tx, editor, folder, owner, changes.name)
            values["name"] = changes.name
        if values:
            folders.update(tx, folder.id, editor_id=editor.account.id, updated_ms=hub.now_ms())
        return _known(tx, editor, folder)


def delete(hub: HubContext, caller: MaybeCaller, wanted: FolderId) -> None:
    """Delete a folder with all its repositories: their names immediately, their bytes after the grace period.

    Raises:
        LoginRequired, NotAllowed, RepoMoved, ThingNotFound: as :func:`entrepot.hub.folder_access.owned`.
    """
    with hub.read() as tx:
        before, _ = folder_access.owned(tx, caller, wanted.type, wanted.owner, wanted.name)
        rows = repos.page_of(tx, before.namespace_id, before.type, None)
    # A repository that is created in between cannot be written yet: its namespace is locked.
    places = (Lock.namespace(before.owner_id), Lock.namespace(before.namespace_id))
    with hub.write(*places, *(Lock.repo(row.id) for row in rows), Lock.audit(), by=caller) as tx:
        folder, remover = folder_access.owned(tx, caller, wanted.type, wanted.owner, wanted.name)
        discard(hub, tx, remover, folder)


def discard(hub: HubContext, tx: Write, by: Caller | str, folder: FolderRow) -> None:
    """Make a folder and its repositories unreachable; the caller has checked the right to do so."""
    rows = repos.page_of(tx, folder.namespace_id, folder.type, None)
    is_watched = events.has_listeners(tx)
    for row in rows:
        if is_watched:
            events.emit(hub, tx, row, "repo", "delete")
        audit.record(hub, tx, by, "repo.delete", access.subject(row))
    full_text.remove_all(tx, folder.namespace_id, folder.type)
    repos.unlink_all(tx, folder.namespace_id, folder.type, hub.now_ms())
    folders.remove(tx, folder)
    audit.record(hub, tx, by, "folder.delete", folder_homes.subject(folder), {"repositories": len(rows)})


def relocate(hub: HubContext, tx: Write, by: Caller | str, folder: FolderRow, owner: Account, name: str) -> None:
    """Give a folder another name or owner, with all its repositories; the caller has checked the right to do so.

    Raises:
        InvalidName: the name breaks a rule.
        AlreadyExists: the owner has a folder of this type with the name.
    """
    target = folder_namespace(owner.name, parse_folder_name(owner.name, name))
    taken = folders.find(tx, folder.type, target)
    if taken is not None and taken.id != folder.id:
        raise AlreadyExists(f"A {folder.type.value} folder called {name} already exists for {owner.name}")
    namespace = folder_homes.find_or_add_namespace(hub, tx, owner, target)
    if events.has_listeners(tx):
        moved_to = {"owner": {"id": owner.uid}}
        for row in repos.page_of(tx, folder.namespace_id, folder.type, None):
            details = {"movedTo": {"name": f"{target}/{row.name}", **moved_to}}
            events.emit(hub, tx, row, "repo", "move", details)
    if namespace.id == folder.namespace_id:
        folders.respell(tx, namespace.id, target)
    else:
        folders.move(tx, folder, namespace.id, namespace.name)
    full_text.rename_all(tx, namespace.id, folder.type)
    audit.record(hub, tx, by, "folder.rename", folder_homes.subject(folder), {"to": target})


def transfer(hub: HubContext, tx: Write, by: Caller | str, folder: FolderRow, owner: Account) -> list[RepoRef]:
    """Give a folder to another account, and return the new names of its repositories.

    A grant to the new owner ends; the others stay.

    Raises:
        InvalidName: the name is too long below the new owner.
        AlreadyExists: the new owner has a folder of this type and name.
        QuotaExceeded: the repositories exceed the quota of the new owner.
    """
    quotas.check_new_folder(hub, tx, owner, repos.page_of(tx, folder.namespace_id, folder.type, None))
    relocate(hub, tx, by, folder, owner, folder.name)
    grants.remove(tx, folder.id, owner.id)
    there = folders.by_uids(tx, [folder.uid])[0]
    return [row.ref for row in repos.page_of(tx, there.namespace_id, there.type, None)]


def check_type(kind: RepoType) -> None:
    """Raise unless repositories of a type are kept in folders.

    Raises:
        InvalidName: the type is neither model nor dataset.
    """
    if kind not in folder_access.KINDS:
        raise InvalidName("folder type", kind.value, "expected model or dataset")


def _known(tx: Read, caller: MaybeCaller, folder: FolderRow) -> KnownFolder:
    """Return a folder as it is now."""
    row = folders.by_uids(tx, [folder.uid])[0]
    return KnownFolder(row, folder_access.permission(tx, caller, row))


def _details(values: dict[str, object]) -> dict[str, audit.Detail]:
    """Return changed values for the audit log: what they are about, not long texts."""
    return {name: len(value) for name, value in values.items() if isinstance(value, str | list)}
