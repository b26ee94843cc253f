"""Where a new repository goes: an account, or a folder, which its owner makes by naming it."""

from __future__ import annotations

import attrs

from entrepot.catalog import AnyLock, Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import folders
from entrepot.catalog.repos.folders import FolderRow
from entrepot.errors import AlreadyExists, LimitExceeded, NotAllowed
from entrepot.hub import access, audit, folder_access
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.names import RepoType, folder_namespace, parse_folder_name, split_namespace

MAX_FOLDERS = 10_000
"""Maximum number of folders of one account."""

PUBLIC, PRIVATE = "public", "private"


@attrs.frozen
class Home:
    """The namespace of a new repository.

    ``folder``: the folder that it is, None for an account. ``owns``: whether the
    caller may decide who sees what is in the folder.
    """

    namespace: Account
    folder: FolderRow | None
    owns: bool = True

    @property
    def is_public(self) -> bool:
        """Whether it is a folder that is granted to everyone."""
        return self.folder is not None and self.folder.is_public

    def visibility(self, wanted: str | None, default: str) -> tuple[str, bool]:
        """Return the visibility of a new repository, and whether it follows the folder.

        Args:
            wanted: what the caller asked for; None: nothing.
            default: outside of folders, if the caller asked for nothing.

        Raises:
            NotAllowed: it would be wider than the folder, which only the owner of the folder may decide.
        """
        if self.folder is None:
            return wanted or default, False
        outcome = outcome_of(self.folder)
        if wanted is None or (wanted == outcome == PUBLIC and not self.owns):
            return outcome, True
        if wanted == PUBLIC and not self.owns:
            raise NotAllowed(
                f"The folder {self.folder.namespace} is private, and you may not share it: "
                "leave out the visibility, or ask its owner to share the folder with everyone"
            )
        return wanted, False


def outcome_of(folder: FolderRow) -> str:
    """Return the visibility of the repositories that follow a folder."""
    return PUBLIC if folder.is_public else PRIVATE


def check(tx: Read, maker: Caller, name: str, kind: RepoType) -> Account:
    """Return the owner of a namespace if the caller may create repositories in it; a missing folder counts as existing.

    Raises:
        NotAllowed: as :func:`entrepot.hub.access.namespace_for`.
        InvalidName: the folder would have an invalid name.
    """
    owner = _owner_of_missing(tx, maker, name, kind)
    return owner if owner is not None else access.namespace_for(tx, maker, name, kind)


def get(hub: HubContext, tx: Write, maker: Caller, name: str, kind: RepoType) -> Home:
    """Return the namespace with this name if the caller may create repositories in it; make a missing folder.

    Raises:
        NotAllowed, InvalidName: as :func:`check`.
        LimitExceeded: the owner has too many folders.
    """
    owner = _owner_of_missing(tx, maker, name, kind)
    if owner is not None:
        create(hub, tx, maker, owner, kind, split_namespace(name)[1])
    return of(tx, maker, access.namespace_for(tx, maker, name, kind), kind)


def of(tx: Read, maker: Caller, namespace: Account, kind: RepoType) -> Home:
    """Return a namespace as the home of repositories of a type."""
    folder = None if namespace.parent_id is None else folders.at(tx, kind, namespace.id)
    if folder is None:
        return Home(namespace, None)
    return Home(namespace, folder, folder_access.permission(tx, maker, folder) == folder_access.OWN)


def create(hub: HubContext, tx: Write, maker: Caller | str, owner: Account, kind: RepoType, name: str) -> FolderRow:
    """Make a folder; the caller has checked the right to do so.

    Raises:
        InvalidName: the name breaks a rule.
        AlreadyExists: the owner has a folder of this type and name, in any case.
        LimitExceeded: the owner has too many folders.
    """
    namespace_name = folder_namespace(owner.name, parse_folder_name(owner.name, name))
    if folders.find(tx, kind, namespace_name) is not None:
        raise AlreadyExists(f"A {kind.value} folder called {name} already exists for {owner.name}")
    if folders.count_of(tx, owner.id) >= MAX_FOLDERS:
        raise LimitExceeded(f"the number of folders of {owner.name}", MAX_FOLDERS)
    namespace = find_or_add_namespace(hub, tx, owner, namespace_name)
    editor_id = maker.account.id if isinstance(maker, Caller) else owner.id
    folders.add(tx, kind, namespace.id, editor_id, hub.now_ms())
    folders.drop_redirect(tx, kind, namespace.name)
    made = folders.at(tx, kind, namespace.id)
    assert made is not None
    audit.record(hub, tx, maker, "folder.create", subject(made))
    return made


def find_or_add_namespace(hub: HubContext, tx: Write, owner: Account, name: str) -> Account:
    """Return the namespace of the folders with this name; add it if it is the first one."""
    there = accounts.find(tx, name)
    if there is not None:
        return there
    fresh = accounts.fresh(name, folders.KIND, hub.now_ms())
    return accounts.add(tx, attrs.evolve(fresh, parent_id=owner.id))


def locks_of(*namespaces: str) -> tuple[AnyLock, ...]:
    """Return the locks of namespaces and of the owners of those that are folders."""
    names = {name for namespace in namespaces for name in (namespace, split_namespace(namespace)[0])}
    return tuple(map(Lock.namespace_named, sorted(names)))


def subject(folder: FolderRow) -> str:
    """Return the name of a folder in the audit log: ``model folder alice.llm``."""
    return f"{folder.type.value} folder {folder.namespace}"


def _owner_of_missing(tx: Read, maker: Caller, name: str, kind: RepoType) -> Account | None:
    """Return the account for which the caller may make the folder that a namespace names; None if there is none."""
    owner, folder = split_namespace(name)
    if not folder or kind not in folder_access.KINDS or folders.find(tx, kind, name) is not None:
        return None
    try:
        account, _ = folder_access.maker_of(tx, maker, owner)
    except NotAllowed:
        return None
    parse_folder_name(account.name, folder)
    return account
