"""Operations on assets: create, read, change and delete them, and list what they hold."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.ah.errors import AlreadyExists, AssetHubError, Denied, NotFound, taken, translated
from entrepot.ah.paths import LOOSE, MAIN, ResourcePath
from entrepot.ah.properties import Row, check_description, check_labels
from entrepot.ah.sessions import LOG, HubSession
from entrepot.client.calls import refs, repos
from entrepot.errors import Conflict
from entrepot.names import parse_repo_id
from entrepot.wire.repos.histories import LogEntry
from entrepot.wire.repos.repositories import Annotations, RepoSettings, WiderRepoInfo
from entrepot.wire.times import parse_time

_LOG_PAGE = 1000
_WANTED = ("author", "createdAt", "sha", "annotations")
"""The properties of a repository that make up an asset."""


@attrs.frozen
class AssetFacts:
    """The hub's description of an asset; ``uid`` stays when it is renamed, ``head`` is the commit of main."""

    path: ResourcePath
    uid: str
    labels: tuple[str, ...]
    description: str
    created: str
    head: str


def create_asset(
    session: HubSession,
    path: ResourcePath,
    labels: Sequence[str] | None = None,
    description: str | None = "",
    *,
    exist_ok: bool = False,
) -> AssetFacts:
    """Create an asset, and its folder if that is missing; with ``exist_ok``, return an existing one unchanged.

    Raises:
        AlreadyExists: it exists.
        Denied: the caller may not create assets in this folder.
    """
    checked, text = check_labels(labels), check_description(description)
    call = repos.create(path.repo, is_empty=True, labels=checked or None, description=text or None)
    try:
        with translated(path, what=path.type.value):
            try:
                session.hub.send(call)
            except Conflict as error:
                raise taken(error, path.noun, path) from error
    except (AlreadyExists, Denied) as error:
        if not exist_ok:
            raise
        try:
            return get_asset(session, path)
        except NotFound:
            raise error from None
    LOG.info("%s %s created for Folder %s", path.noun, path.asset, path.at_folder())
    return get_asset(session, path)


def get_asset(session: HubSession, path: ResourcePath) -> AssetFacts:
    """Return an asset; its old path leads to it after a rename.

    Raises:
        NotFound: it is absent or invisible.
    """
    asset = path.at_asset()
    with translated(asset, what=path.type.value):
        found = session.hub.send(repos.describe(asset.repo, expand=_WANTED))
    return facts_of(found, asset)


def facts_of(found: WiderRepoInfo, asked: ResourcePath) -> AssetFacts:
    """Return an asset as the hub describes it, and say so if it has another path than the one that was asked for."""
    repo = parse_repo_id(found.id)
    owner, _, folder = repo.namespace.partition(".")
    path = ResourcePath(owner, asked.type, folder or LOOSE, repo.name)
    if str(path).lower() != str(asked).lower():
        LOG.info("%s %s is now called %s", path.noun, asked, path)
    notes = found.annotations if isinstance(found.annotations, Annotations) else Annotations()
    return AssetFacts(
        path,
        found.uid,
        tuple(notes.labels),
        notes.description,
        found.created_at if isinstance(found.created_at, str) else "",
        found.sha if isinstance(found.sha, str) else "",
    )


def update_asset(
    session: HubSession,
    path: ResourcePath,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    description: str | None = None,
) -> ResourcePath:
    """Change an asset and return its path; None keeps a property, an empty list or text clears it.

    Raises:
        NotFound, Denied: the asset is invisible, or the caller may not change it.
        AlreadyExists: the new name is taken.
    """
    checked, text = check_labels(labels), check_description(description)
    if name is not None:
        path.at_folder().inside(name)  # a bad name is refused before anything is asked
        path = get_asset(session, path).path
    renamed = path if name is None else path.at_folder().inside(name)
    with translated(path, what=path.type.value):
        # The new name may be taken, so it comes first: a refused call changes nothing.
        if renamed != path:
            try:
                session.hub.send(repos.move(path.repo, renamed.repo))
            except Conflict as error:
                raise taken(error, path.noun, renamed) from error
        if checked is not None or text is not None:
            session.hub.send(repos.configure(renamed.repo, RepoSettings(labels=checked, description=text)))
    LOG.info("%s %s updated to %s", path.noun, path, renamed)
    return renamed


def delete_asset(session: HubSession, path: ResourcePath) -> None:
    """Delete an asset with everything in it.

    Raises:
        NotFound, Denied: the asset is invisible, or the caller may not delete it.
    """
    with translated(path, what=path.type.value):
        session.hub.send(repos.delete(path.repo))
    LOG.info("%s %s deleted", path.noun, path)


def list_refs(session: HubSession, path: ResourcePath, kind: str) -> list[Row]:
    """Return the branches (``branch``) or tags (``tag``) of an asset.

    Raises:
        NotFound: the asset is absent or invisible.
    """
    with translated(path, what=path.type.value):
        found = session.hub.send(refs.listing(path.repo))
    listed = found.branches if kind == "branch" else found.tags
    return [{"id": ref.name, "commit_id": ref.target_commit} for ref in listed]


def list_commits(session: HubSession, path: ResourcePath) -> list[Row]:
    """Return the commits that are reachable from a ref (by default main), newest first.

    Raises:
        NotFound: the asset or the ref is absent or invisible.
    """
    with translated(path.at_asset(), what=path.type.value, ref=path):
        call = refs.log(path.repo, path.ref or MAIN, limit=_LOG_PAGE, parents=True)
        return [commit_row(entry) for entry in session.hub.pages(call)]


def commit_row(entry: LogEntry) -> Row:
    """Return a commit as a row of a list."""
    return {
        "id": entry.id,
        "message": joined_message(entry.title, entry.message),
        "committer": entry.authors[0].user if entry.authors else "",
        "creation_date": parse_time(entry.date) // 1000,
        "parents": list(entry.parents or ()),
        "metadata": {},
        "meta_range_id": "",
    }


def joined_message(title: str, rest: str) -> str:
    """Return a message from its first line and the rest."""
    return f"{title}\n\n{rest}" if rest else title


def need_asset(path: ResourcePath) -> None:
    """Check that a path goes at least to an asset.

    Raises:
        AssetHubError: it ends before.
    """
    if path.asset is None:
        raise AssetHubError(f"'{path}' is not the path of an asset: expected …/{path.type.value}/FOLDER/ASSET")
