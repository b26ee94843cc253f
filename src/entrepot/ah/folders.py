"""Operations on folders: create, read, list, change and delete them."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.ah.errors import AlreadyExists, AssetHubError, Denied, NotFound, missing, taken, translated
from entrepot.ah.paths import LOOSE, ListingPath, ResourcePath, check_folder
from entrepot.ah.properties import Row, check_description, check_labels, row_of
from entrepot.ah.sessions import LOG, HubSession
from entrepot.client.calls import folders
from entrepot.errors import Conflict
from entrepot.names import RepoType
from entrepot.wire.repos.folders import FolderInfo


def create_folder(
    session: HubSession,
    path: ResourcePath,
    labels: Sequence[str] | None = None,
    description: str | None = "",
    *,
    exist_ok: bool = False,
) -> FolderInfo:
    """Create a folder and return it; with ``exist_ok``, return an existing one unchanged.

    Raises:
        AlreadyExists: it exists.
        Denied: the owner is another user, or an organisation where the caller may not write.
    """
    check_folder(path)
    checked, text = check_labels(labels) or [], check_description(description) or ""
    assert path.folder is not None
    try:
        with translated(path, what="folder"):
            try:
                made = session.hub.send(
                    folders.create(path.type, path.folder, owner=path.owner, labels=checked, description=text)
                )
            except Conflict as error:
                raise taken(error, "Folder", path) from error
    except (AlreadyExists, Denied) as error:
        if not exist_ok:
            raise
        try:
            return get_folder(session, path)
        except NotFound:
            raise error from None
    LOG.info("Folder %s created", path_of(made))
    return made


def get_folder(session: HubSession, path: ResourcePath) -> FolderInfo:
    """Return a folder; its old name leads to it after a rename.

    Raises:
        NotFound: it is absent or invisible.
    """
    assert path.folder is not None
    with translated(path.at_folder(), what="folder"):
        found = session.hub.send(folders.get(path.type, path.owner, path.folder))
    if str(path_of(found)).lower() != str(path.at_folder()).lower():
        LOG.info("Folder %s is now called %s", path.at_folder(), path_of(found))
    return found


def list_folders(session: HubSession, path: ResourcePath | ListingPath) -> list[Row]:
    """Return the folders of an owner, or those that are shared; ``~`` comes last, if it is not empty.

    Raises:
        NotFound: the owner is unknown, or has no folder that the caller may see.
    """
    if isinstance(path, ListingPath):
        with translated(f"{path.scope}/{path.type.value}", what="folder"):
            return [folder_row(item) for item in session.hub.pages(folders.page(path.type, scope=path.scope))]
    is_own = path.owner.lower() == session.user.lower()
    call = folders.page(path.type, scope="own") if is_own else folders.page(path.type, owner=path.owner)
    rows, error = [], None
    try:
        with translated(path, what="owner of folders"):
            rows = [folder_row(item) for item in session.hub.pages(call)]
    except NotFound as absent:
        error = absent
    loose = ResourcePath(path.owner, path.type, LOOSE)
    try:
        rows.append(folder_row(get_folder(session, loose)))
    except NotFound:
        if error is not None:
            raise error from None
    return rows


def list_assets(session: HubSession, path: ResourcePath) -> list[Row]:
    """Return the assets of a folder that the caller may see.

    Raises:
        NotFound: the folder is absent or invisible.
    """
    assert path.folder is not None
    with translated(path, what="folder"):
        found = list(session.hub.pages(folders.repos(path.type, path.owner, path.folder)))
    return [
        row_of(
            path.inside(item.name),
            uid=item.id,
            labels=item.labels,
            description=item.description,
            permission=item.permission,
            editor=item.editor,
            created=item.created_at,
            modified=item.last_modified,
        )
        for item in found
    ]


def update_folder(
    session: HubSession,
    path: ResourcePath,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    description: str | None = None,
) -> FolderInfo:
    """Change a folder and return it; None keeps a property, an empty list or text clears it.

    Raises:
        NotFound, Denied: the folder is invisible, or the caller may not change it.
        AlreadyExists: the new name is taken.
    """
    check_folder(path)
    assert path.folder is not None
    checked, text = check_labels(labels), check_description(description)
    with translated(path, what="folder"):
        call = folders.change(path.type, path.owner, path.folder, new_name=name, labels=checked, description=text)
        try:
            changed = session.hub.send(call)
        except Conflict as error:
            raise taken(error, "Folder", ResourcePath(path.owner, path.type, name or path.folder)) from error
    LOG.info("Folder %s updated to %s", path, path_of(changed))
    return changed


def delete_folder(session: HubSession, path: ResourcePath) -> None:
    """Delete a folder with every asset in it; the old name of a renamed folder does not lead to it.

    Raises:
        NotFound, Denied: the folder is invisible, or the caller does not own it.
    """
    check_folder(path)
    assert path.folder is not None
    if str(path_of(get_folder(session, path))).lower() != str(path).lower():
        raise missing("folder", path)
    with translated(path, what="folder"):
        session.hub.send(folders.delete(path.type, path.owner, path.folder))
    LOG.info("Folder %s deleted", path)


def path_of(found: FolderInfo) -> ResourcePath:
    """Return the path of a folder as the hub spells it."""
    return ResourcePath(found.owner, RepoType(found.type), found.name)


def folder_row(found: FolderInfo) -> Row:
    """Return a folder as a row of a list."""
    return row_of(
        path_of(found),
        uid=found.id,
        labels=found.labels,
        description=found.description,
        permission=found.permission,
        editor=found.editor,
        created=found.created_at,
        modified=found.last_modified,
    )


def need_folder(path: ResourcePath) -> None:
    """Check that a path goes at least to a folder.

    Raises:
        AssetHubError: it names all folders of an owner.
    """
    if path.folder is None:
        raise AssetHubError(f"'{path}' names all folders of {path.owner}: add the name of one")
