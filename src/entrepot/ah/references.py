"""Operations on branches, tags and commits: find, create, merge and delete them."""

from __future__ import annotations

import attrs

from entrepot.ah.assets import joined_message
from entrepot.ah.errors import AssetHubError, Denied, NotFound, missing, taken, translated
from entrepot.ah.paths import HUB, MAIN, ResourcePath, parse_resource
from entrepot.ah.sessions import LOG, HubSession
from entrepot.client.calls import refs, replacements
from entrepot.errors import AmbiguousRevision, Conflict, Forbidden, InvalidArgument, RevisionNotFound
from entrepot.names import RepoType, is_oid
from entrepot.wire.times import parse_time

_SHORT_PREFIX = 7


@attrs.frozen
class CommitFacts:
    """A commit; ``created`` is in seconds since the epoch."""

    id: str
    message: str
    committer: str
    created: int


@attrs.frozen
class RefFacts:
    """The revision in a path: ``kind`` is ``branch``, ``tag`` or ``commit``; ``name`` is a name or a full id."""

    kind: str
    name: str
    commit: CommitFacts


def find_ref(session: HubSession, path: ResourcePath) -> RefFacts:
    """Return the branch, tag or commit that a path names; without a ref: main.

    Raises:
        NotFound: nothing has this name, or the asset is absent or invisible.
        AssetHubError: several commits begin with these digits.
    """
    text = path.ref or MAIN
    with translated(path.at_asset(), what=path.type.value, ref=path):
        try:
            found = session.hub.send(refs.lookup(path.repo, text))
        except RevisionNotFound as error:
            raise missing("commit" if is_oid(text) else "branch or tag", path.at(text)) from error
        except AmbiguousRevision as error:
            raise AssetHubError(f"Several commits begin with {text!r}: {_candidates(error)}: '{path}'") from error
    commit = found.commit
    facts = CommitFacts(
        commit.id, joined_message(commit.title, commit.message), commit.author, parse_time(commit.date) // 1000
    )
    if found.kind == "commit" and len(text) < _SHORT_PREFIX:
        LOG.warning("%s is taken for the commit %s; use at least %d digits", path, commit.id, _SHORT_PREFIX)
    return RefFacts(found.kind, found.name or commit.id, facts)


def _candidates(error: AmbiguousRevision) -> str:
    document = getattr(error, "document", {})
    found = document.get("candidates") if isinstance(document, dict) else None
    return ", ".join(map(str, found)) if found else "use more digits"


def create_branch(session: HubSession, path: ResourcePath, source: str = MAIN) -> None:
    """Create a branch: without objects, or at ``source`` if that is not ``main``.

    Raises:
        AssetHubError: the asset is a dataset.
        AlreadyExists: the branch exists.
    """
    if path.type is RepoType.DATASET:
        raise AssetHubError(f"Cannot create branch for a Dataset: '{path}'")
    assert path.ref is not None
    start = None if source == MAIN else find_source(session, path, source).commit.id
    with translated(path.at_asset(), what=path.type.value, ref=path):
        try:
            session.hub.send(refs.create_branch(path.repo, path.ref, start=start, is_empty=start is None))
        except Conflict as error:
            raise taken(error, "Branch", path) from error
    LOG.info("Branch %s created for %s %s", path.ref, path.noun, path.at_asset())


def create_tag(session: HubSession, path: ResourcePath, source: str = MAIN) -> RefFacts:
    """Create a tag and return its name and commit.

    Args:
        source: a branch, tag or commit, or the path of one, of the same asset.

    Raises:
        AlreadyExists: the tag exists.
        NotFound: the source is absent.
        InvalidArgument: the source belongs to another asset.
    """
    assert path.ref is not None
    found = find_source(session, path, source)
    with translated(path.at_asset(), what=path.type.value, ref=path):
        try:
            session.hub.send(refs.create_tag(path.repo, path.ref, revision=found.commit.id))
        except Conflict as error:
            raise taken(error, "Tag", path) from error
    LOG.info("Tag %s created from %s %s for %s %s", path.ref, found.kind, found.name, path.noun, path.at_asset())
    return RefFacts("tag", path.ref, found.commit)


def find_source(session: HubSession, path: ResourcePath, source: str) -> RefFacts:
    """Return the ref that ``source`` names: a branch, tag or commit of the asset of ``path``, or the path of one.

    Raises:
        TypeError: it is not text.
        InvalidArgument: it is the path of something else.
        NotFound: it is absent.
    """
    if not isinstance(source, str):
        raise TypeError(f"source is the name of a ref or its path, not {type(source).__name__}")
    is_path = (
        ":" in source or f"/{HUB}/" in source or source.rstrip("/") == str(path.at_asset()).partition(f"/{HUB}/")[2]
    )
    if not is_path:
        return find_ref(session, path.at(source))
    named = parse_resource(source, session.user)
    if str(named.at_asset()).lower() != str(path.at_asset()).lower():
        raise InvalidArgument(f"source is '{named}', which is not a branch, tag or commit of '{path.at_asset()}'")
    return find_ref(session, named)


def delete_ref(session: HubSession, path: ResourcePath) -> RefFacts:
    """Delete a branch or tag, and return what it was.

    Raises:
        AssetHubError: it is the branch main, or a commit.
        NotFound: nothing has this name.
        Denied: the caller may not change the asset.
    """
    if path.ref == MAIN:
        raise AssetHubError(f"Cannot delete the main branch: '{path}'")
    found = find_ref(session, path)
    if found.kind == "commit":
        raise AssetHubError(f"No such branch or tag: '{path}' is a commit")
    delete = refs.delete_branch if found.kind == "branch" else refs.delete_tag
    with translated(path.at_asset(), what=path.type.value, ref=path):
        session.hub.send(delete(path.repo, found.name))
    LOG.info("%s %s deleted for %s %s", found.kind.capitalize(), found.name, path.noun, path.at_asset())
    return found


def merge_branch(session: HubSession, path: ResourcePath) -> str:
    """Give main exactly the objects of a branch, in one commit; return the head of main.

    Raises:
        AssetHubError: it is main, no branch, or the asset is a dataset.
        NotFound: nothing has this name.
        Denied: main is protected, or the caller may not change the asset.
    """
    if path.ref is None:
        raise AssetHubError(f"Only a branch can be merged, as in 'model/llm/gpt2:v1': '{path}'")
    if path.ref == MAIN:
        raise AssetHubError(f"Cannot merge the main branch: '{path}'")
    if path.type is RepoType.DATASET:
        raise AssetHubError(f"Cannot merge a branch of a Dataset: '{path}'")
    with translated(path.at_asset(), what=path.type.value, ref=path):
        try:
            made = session.hub.send(
                replacements.replace(path.repo, MAIN, path.ref, message=f"Merge branch '{path.ref}'")
            )
        except RevisionNotFound as error:
            raise not_a_branch(session, path, "merged") from error
        except Forbidden as error:
            raise Denied(f"Permission denied: '{path.at(MAIN)}': {_said(error)}") from error
    if made.unchanged:
        LOG.info("Branch %s is already merged for %s %s", path.ref, path.noun, path.at_asset())
    else:
        LOG.info("Branch %s merged to the main branch for %s %s", path.ref, path.noun, path.at_asset())
    return made.commit_oid


def _said(error: Exception) -> str:
    return str(getattr(error, "server_message", error))


def not_a_branch(session: HubSession, path: ResourcePath, what: str) -> AssetHubError:
    """Return the error for a call that needs a branch: the name is that of something else, or of nothing.

    Args:
        what: what was to be done, such as ``reset``.
    """
    try:
        found = find_ref(session, path)
    except NotFound:
        return missing("branch or tag", path)
    return AssetHubError(f"Only branches can be {what}: '{path}' is a {found.kind}")
