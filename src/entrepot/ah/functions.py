"""The functions of ``ah``: each takes the path of a resource, and reads or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from entrepot.ah import assets, commits, folders, objects, references, sessions, sharing
from entrepot.ah.assets import need_asset
from entrepot.ah.errors import AssetHubError, NotFound
from entrepot.ah.folders import need_folder
from entrepot.ah.paths import MAIN, ListingPath, ResourcePath, parse_listing, parse_resource
from entrepot.ah.plans import Additions
from entrepot.ah.properties import Row
from entrepot.ah.resources import Branch, Commit, Dataset, Folder, Model, Tag, asset_of, ref_of
from entrepot.ah.sessions import HubSession
from entrepot.client.calls import accounts
from entrepot.errors import InvalidArgument

Rows: TypeAlias = list[Row]

_LISTS = ("default", "branch", "tag", "commit")


def create(
    path: str,
    labels: Sequence[str] | None = None,
    description: str = "",
    exist_ok: bool = False,
    create_tag: bool = False,
    source: str = MAIN,
) -> Folder | Model | Dataset | Branch | Tag:
    """Create a folder, an asset, a branch or a tag, and return it.

    An asset's missing folder is made too. A branch begins without objects,
    unless ``source`` names another ref than main.

    Args:
        path: of the resource to create.
        labels, description: of a folder or an asset.
        exist_ok: return an existing folder or asset, unchanged.
        create_tag: create a tag instead of a branch.
        source: the branch, tag or commit, or the path of one, that a tag is made of.

    Raises:
        AlreadyExists: the resource exists.
        Denied: the caller may not create it.
        NotFound: the asset or the source is absent.
        InvalidPath, InvalidArgument, TypeError: an argument cannot be used.
    """
    session, parsed = _parsed(path)
    need_folder(parsed)
    endpoint = session.hub.endpoint
    if parsed.asset is None:
        return Folder(endpoint, folders.create_folder(session, parsed, labels, description, exist_ok=exist_ok))
    if parsed.ref is None:
        return asset_of(endpoint, assets.create_asset(session, parsed, labels, description, exist_ok=exist_ok))
    asset = asset_of(endpoint, assets.get_asset(session, parsed))
    at = asset._path.at(parsed.ref)
    if create_tag:
        return Tag(asset, references.create_tag(session, at, source))
    references.create_branch(session, at, source)
    return Branch(asset, references.find_ref(session, at))


def get(path: str) -> Folder | Model | Dataset | Branch | Tag | Commit:
    """Return a folder, an asset, a branch, a tag or a commit.

    Args:
        path: of the resource; a commit is named by at least the first 4 digits of its id.

    Raises:
        NotFound: it is absent or invisible.
        AssetHubError: several commits begin with these digits, or the path names all folders.
        InvalidPath, TypeError: the path cannot be used.
    """
    session, parsed = _parsed(path)
    need_folder(parsed)
    endpoint = session.hub.endpoint
    if parsed.asset is None:
        return Folder(endpoint, folders.get_folder(session, parsed))
    asset = asset_of(endpoint, assets.get_asset(session, parsed))
    return asset if parsed.ref is None else ref_of(asset, references.find_ref(session, asset._path.at(parsed.ref)))


def commit(
    path: str,
    msg: str,
    delete: Sequence[str] | None = None,
    add: Additions = None,
    force: bool = False,
) -> Commit | None:
    """Commit changes to a branch: first deletions, then additions, all of them or none.

    Args:
        path: of a branch; of an asset: its main.
        msg: the message.
        delete: objects (``a/b``) and folders (``a/b/``); absent ones are no error.
        add: local files and folders, or a mapping from them to paths in the asset.
        force: commit even if the caller has staged other changes (which are then
            committed too), or others have changed the same objects meanwhile.

    Returns:
        The commit; None if nothing changed.

    Raises:
        Canceled: unknown or unimplemented changes were found; nothing was committed.
        NotFound, Denied: the branch is invisible, or the caller may not change it.
        SourceMissing, SourceUnreadable: a local file cannot be read; nothing was sent.
        InvalidPath, InvalidArgument, TypeError: an argument cannot be used; nothing was sent.
    """
    session, parsed = _parsed(path)
    need_asset(parsed)
    oid = commits.make_commit(session, parsed, msg, delete, add, force=force)
    return None if oid is None else Commit(session.hub.endpoint, parsed.at(oid))


def download(path: str, objects: Sequence[str] | None = None, save_dir: str = ".") -> None:
    """Download objects of a branch, tag or commit below a folder.

    Objects that are there with the same content stay untouched; others are
    replaced atomically. Nothing else is written.

    Args:
        path: of a ref; of an asset: its main.
        objects: objects (``a/b``) and folders (``a/b/``); None is everything.
        save_dir: the folder.

    Raises:
        NotFound: an object, or the ref, is absent or invisible; nothing was written.
        DownloadDamaged, DiskFull, CannotWrite: an object could not be received or stored.
        InvalidPath, TypeError: an argument cannot be used.
    """
    session, parsed = _parsed(path)
    need_asset(parsed)
    _download(session, parsed, objects, save_dir)


def merge(path: str) -> None:
    """Give the main branch of a model exactly the objects of another branch, in one commit.

    Raises:
        AssetHubError: the path is that of main, or of no branch.
        NotFound, Denied: the branch is invisible, or the caller may not change main.
    """
    session, parsed = _parsed(path)
    references.merge_branch(session, parsed)


def reset(path: str, all_users: bool = False) -> None:
    """Drop the caller's staged changes of a branch.

    Args:
        all_users: drop the staged changes of all users; only the owner of the folder may.

    Raises:
        AssetHubError: the path is not that of a branch.
        NotFound, Denied: the branch is invisible, or the caller may not do this.
    """
    session, parsed = _parsed(path)
    commits.reset_branch(session, parsed, all_users=all_users)


def update(
    path: str, name: str | None = None, labels: Sequence[str] | None = None, description: str | None = None
) -> None:
    """Rename, relabel or describe a folder or an asset; None keeps a property, an empty list or text clears it.

    Raises:
        AssetHubError: the path is that of a branch, tag or commit.
        AlreadyExists: the new name is taken.
        NotFound, Denied: the resource is invisible, or the caller may not change it.
        InvalidPath, InvalidArgument, TypeError: an argument cannot be used.
    """
    session, parsed = _parsed(path)
    need_folder(parsed)
    if parsed.ref is not None:
        raise AssetHubError(f"Cannot update a reference: '{parsed}'")
    if name is None and labels is None and description is None:
        return
    if parsed.asset is None:
        folders.update_folder(session, parsed, name, labels, description)
    else:
        assets.update_asset(session, parsed, name, labels, description)


def delete(path: str, force: bool = False) -> None:
    """Delete a folder with every asset in it, an asset, a branch or a tag.

    Args:
        force: an absent resource is no error; a missing right still is one.

    Raises:
        AssetHubError: the path is that of main or of a commit.
        NotFound, Denied: the resource is absent or invisible, or the caller may not delete it.
    """
    session, parsed = _parsed(path)
    need_folder(parsed)
    try:
        if parsed.asset is None:
            folders.delete_folder(session, parsed)
        elif parsed.ref is None:
            assets.delete_asset(session, parsed)
        else:
            references.delete_ref(session, parsed)
    except NotFound:
        if not force:
            raise


def share(
    path: str, user: str | None = None, group: str | None = None, public: bool = False, permission: str = "view"
) -> None:
    """Share a folder with a user, with all members of an organisation, or with everyone.

    Args:
        permission: ``view``, or ``edit``, which includes it; a new grant replaces an earlier one.

    Raises:
        InvalidArgument: not exactly one of user, group and public, or another permission.
        NotFound, Denied: the folder is invisible, or the caller does not own it.
        AssetHubError: the subject is unknown or the owner.
    """
    session, parsed = _parsed(path)
    sharing.share_folder(session, parsed, user, group, public, permission)


def unshare(path: str, user: str | None = None, group: str | None = None, public: bool = False) -> None:
    """Revoke the grant of a user, an organisation or everyone; raises as :func:`share`."""
    session, parsed = _parsed(path)
    sharing.unshare_folder(session, parsed, user, group, public)


def list_grants(path: str) -> Rows:
    """Return with whom a folder is shared: rows with ``user`` or ``group``, ``public`` and ``permission``.

    Raises:
        NotFound, Denied: the folder is invisible, or the caller does not own it.
    """
    session, parsed = _parsed(path)
    return sharing.grant_rows(session, parsed)


def stage(path: str, add: Additions = None, delete: Sequence[str] | None = None) -> None:
    """Stage changes on a branch without committing them; only the caller sees them, in ``status``.

    They become part of the next ``commit(…, force=True)``, and end after a week or with ``reset``.

    Raises:
        NotFound, Denied: the branch is invisible, or the caller may not change it.
        SourceMissing, SourceUnreadable, InvalidPath, InvalidArgument, TypeError: as :func:`commit`.
    """
    session, parsed = _parsed(path)
    need_asset(parsed)
    commits.stage_changes(session, parsed, add, delete)


def status(path: str) -> Rows:
    """Return the caller's staged changes of a branch: rows with ``path``, ``op``, ``size_bytes`` and ``time``.

    Raises:
        NotFound, Denied: the branch is invisible, or the caller may not change it.
    """
    session, parsed = _parsed(path)
    need_asset(parsed)
    return commits.staged_rows(session, parsed)


def whoami() -> Row:
    """Return the account of the session: ``name``, ``host`` and ``groups``, its organisations.

    Raises:
        NotLoggedIn: there is no session, or its key is no longer valid.
    """
    session = sessions.current()
    with sessions.translated_login(session.hub.endpoint):
        found = session.hub.send(accounts.whoami())
    return {"name": found.name, "host": session.hub.endpoint, "groups": [org.name for org in found.orgs]}


def _listed(path: str, resource: str) -> Rows:
    session = sessions.current()
    if resource not in _LISTS:
        raise InvalidArgument(f"resource is 'default', 'branch', 'tag' or 'commit', not {resource!r}")
    parsed = parse_listing(path, session.user)
    if isinstance(parsed, ListingPath) or parsed.asset is None:
        if resource != "default":
            raise AssetHubError(f"resource={resource!r} needs the path of an asset: {path!r}")
        if isinstance(parsed, ListingPath) or parsed.folder is None:
            return folders.list_folders(session, parsed)
        return folders.list_assets(session, parsed)
    if resource in ("branch", "tag"):
        if parsed.ref is not None:
            raise AssetHubError(f"resource={resource!r} needs the path of an asset, without a ref: '{parsed}'")
        return assets.list_refs(session, parsed, resource)
    if resource == "commit":
        return assets.list_commits(session, parsed)
    return objects.list_objects(session, parsed, references.find_ref(session, parsed).commit.id)


def _parsed(path: str) -> tuple[HubSession, ResourcePath]:
    session = sessions.current()
    return session, parse_resource(path, session.user)


def _download(session: HubSession, path: ResourcePath, wanted: Sequence[str] | None, save_dir: str) -> None:
    objects.download_objects(session, path, references.find_ref(session, path).commit.id, wanted, save_dir)


# The last one, because it hides the type of this name in the module.
def list(path: str, resource: str = "default") -> Rows:
    """Return folders, the assets of a folder, or the objects of a ref; or branches, tags or commits.

    Args:
        path: ``model`` lists the caller's folders, ``shared/model`` those shared with the caller,
            ``/public/t9k-assethub/model`` those shared with everyone, a folder its assets,
            an asset or ref its objects.
        resource: ``branch`` and ``tag`` list those of an asset, ``commit`` the commits of a ref.

    Raises:
        InvalidArgument: ``resource`` is another word.
        NotFound: the resource is absent or invisible.
        AssetHubError: ``resource`` does not go with this path.
        InvalidPath, TypeError: the path cannot be used.
    """
    return _listed(path, resource)
