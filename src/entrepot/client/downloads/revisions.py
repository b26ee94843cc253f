"""Revisions of repositories: the commit that a branch, tag or alias refers to, asked of the hub with one request."""

from __future__ import annotations

import attrs

from entrepot.client.calls import repos
from entrepot.client.downloads import aliases
from entrepot.client.downloads.downloads import Options, cache_of
from entrepot.client.hubs import Hub
from entrepot.errors import AnswerUnusable, InvalidName, NotCached, Unavailable
from entrepot.names import RepoRef, is_oid, parse_repo_id, parse_revision


@attrs.frozen
class ResolvedRevision:
    """A commit of a repository, under the id that the hub knows it by."""

    ref: RepoRef
    commit: str


def resolve(hub: Hub, ref: RepoRef, revision: str = "main", options: Options | None = None) -> ResolvedRevision:
    """Return the commit of a revision, and the repository that an alias or an old name refers to.

    The hub is asked with one request, and the cache records the result. It is
    not asked for a full commit id of a repository with a namespace, which cannot change. If it
    cannot be reached, the last result is returned.

    Raises:
        RepoNotFound, RevisionNotFound, GatedRepo: the hub refuses.
        NotCached: the hub was not asked or not reachable, and no result is cached.
        AnswerUnusable: the response lacks the commit or the id.
    """
    options = options or Options()
    revision = parse_revision(revision)
    if is_oid(revision) and not ref.id.is_short:
        return ResolvedRevision(ref, revision)
    if options.is_local_only:
        return _cached(hub, ref, revision, options, "the hub was not asked (local_files_only)")
    try:
        timeout_s = options.etag_timeout_s or hub.paths.etag_timeout_s
        info = hub.send(repos.describe(ref, revision, expand=("sha",)), timeout_s=timeout_s)
    except Unavailable as error:
        return _cached(hub, ref, revision, options, str(error), error)
    try:
        found = RepoRef(ref.type, parse_repo_id(info.id))
    except InvalidName as error:
        raise AnswerUnusable(hub.endpoint, f"the response lacks the id of {ref}") from error
    if not isinstance(info.sha, str) or not is_oid(info.sha):
        raise AnswerUnusable(hub.endpoint, f"the response lacks the commit of {revision} of {ref}")
    if found.id != ref.id:
        aliases.note(hub, ref, found, cache=options.cache)
    cache_of(hub, found, options).note_ref(revision, info.sha)
    return ResolvedRevision(found, info.sha)


def _cached(
    hub: Hub, ref: RepoRef, revision: str, options: Options, why: str, error: Unavailable | None = None
) -> ResolvedRevision:
    found = aliases.recall(hub, ref, cache=options.cache)
    if found is None and not ref.id.is_short:
        found = ref
    commit = cache_of(hub, found, options).resolve(revision) if found is not None else None
    if found is None or commit is None:
        raise NotCached(f"{ref} ({revision})", why=why) from error
    return ResolvedRevision(found, commit)
