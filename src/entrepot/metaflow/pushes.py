"""Pushes of a task: one commit, which says in its description which task made it and what it had read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import attrs

from entrepot.client.calls import refs, repos
from entrepot.client.commit_target import CommitMessage, CommitTarget, PublishedCommit
from entrepot.client.downloads.snapshots import list_files
from entrepot.client.hubs import Hub, connect
from entrepot.client.operations import Add, Operation, repo_path
from entrepot.client.patterns import Patterns
from entrepot.client.sources import PathSource
from entrepot.client.uploads.folder_uploads import folder_operations
from entrepot.client.uploads.publishing import publish
from entrepot.errors import AlreadyExists, Conflict, InvalidArgument, InvalidName, RepoNotFound, SourceMissing
from entrepot.metaflow.fetching import row_of_push
from entrepot.metaflow.lineages import trailers
from entrepot.metaflow.references import Reference, now
from entrepot.metaflow.sessions import TaskSession
from entrepot.metaflow.specs import parse_patterns, parse_repo
from entrepot.names import RepoRef, parse_branch, parse_tag, short_name


@attrs.frozen
class TaskPush:
    """A push: the files and the target; ``is_private`` is None to leave it to the hub."""

    ref: RepoRef
    source: Path
    path_in_repo: str | None = None
    message: str | None = None
    branch: str = "main"
    tag: str | None = None
    is_private: bool | None = None
    allow: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    delete: tuple[str, ...] | None = None
    creates: bool = True


def parse_push(
    repo_id: str,
    path_or_folder: str | os.PathLike[str],
    *,
    repo_type: str | None = None,
    path_in_repo: str | None = None,
    message: str | None = None,
    branch: str = "main",
    tag: str | None = None,
    private: bool | None = None,
    allow_patterns: Patterns = None,
    ignore_patterns: Patterns = None,
    delete_patterns: Patterns = None,
    create: bool = True,
) -> TaskPush:
    """Check the arguments of a push.

    Raises:
        InvalidArgument, InvalidName: an argument cannot be used.
        SourceMissing: there is no file and no folder at the path.
    """
    ref, revision = parse_repo(repo_id, repo_type)
    if revision is not None:
        raise InvalidArgument("push: give the branch as branch=…, not after '@' in the id")
    if ref.id.is_short:
        raise InvalidName("repository id", str(ref.id), "a push needs the namespace, such as 'demo/out'")
    source = Path(os.path.abspath(os.path.expanduser(path_or_folder)))
    if not source.exists():
        raise SourceMissing(str(source), "file or folder")
    if source.is_file() and (allow_patterns is not None or ignore_patterns is not None or delete_patterns is not None):
        raise InvalidArgument("patterns select files of a folder, and this is a file: push its folder, or remove them")
    return TaskPush(
        ref,
        source,
        path_in_repo,
        message,
        short_name(parse_branch(branch)),
        short_name(parse_tag(tag)) if tag is not None else None,
        private,
        parse_patterns("allow_patterns", allow_patterns),
        parse_patterns("ignore_patterns", ignore_patterns),
        parse_patterns("delete_patterns", delete_patterns),
        create,
    )


def push(session: TaskSession, wanted: TaskPush, endpoint: str | None = None) -> Reference:
    """Create one commit with a file or a folder, and return its reference.

    If nothing would change, no commit is created, and the reference is that of
    the head; so a repeated attempt of a task makes no second commit. The repository is created if it is missing.

    Raises:
        RepoNotFound, Forbidden, RevisionNotFound: the hub refuses.
        AlreadyExists: the tag exists at another commit.
        SourceMissing, SourceUnreadable, SourceChanged: a file cannot be read, or changed during the upload.
    """
    hub, began = connect(endpoint), time.monotonic()
    try:
        made = _publish(session, hub, wanted)
    except RepoNotFound:
        if not wanted.creates:
            raise
        _create(hub, wanted)
        made = _publish(session, hub, wanted)
    if wanted.tag is not None:
        _tag(hub, wanted.ref, wanted.tag, made.oid)
    reference = _reference_of(hub, wanted, made.oid)
    session.add(row_of_push(reference, time.monotonic() - began))
    return reference


def _publish(session: TaskSession, hub: Hub, wanted: TaskPush) -> PublishedCommit:
    target = CommitTarget(wanted.ref, wanted.branch)
    summary = wanted.message or f"{session.facts.pathspec}: push"
    head, _, rest = summary.partition("\n")
    description = "\n\n".join(filter(None, (rest.strip(), trailers(session.facts, session.read))))
    return publish(hub, target, _operations(hub, target, wanted), CommitMessage(head.strip(), description))


def _operations(hub: Hub, target: CommitTarget, wanted: TaskPush) -> list[Operation]:
    if wanted.source.is_file():
        path = repo_path(wanted.path_in_repo or wanted.source.name)
        return [Add(path, PathSource.at(wanted.source))]
    return folder_operations(
        hub,
        target,
        wanted.source,
        wanted.path_in_repo,
        allow=wanted.allow,
        ignore=wanted.ignore,
        delete=wanted.delete,
    )


def _create(hub: Hub, wanted: TaskPush) -> None:
    visibility = None if wanted.is_private is None else ("private" if wanted.is_private else "public")
    try:
        hub.send(repos.create(wanted.ref, visibility=visibility))
    except Conflict:
        return  # another task created it meanwhile; or it is one that the caller may not see, and the push fails


def _tag(hub: Hub, ref: RepoRef, tag: str, commit: str) -> None:
    try:
        hub.send(refs.create_tag(ref, tag, revision=commit))
    except Conflict as error:
        there = hub.send(repos.describe(ref, f"refs/tags/{tag}", expand=("sha",))).sha
        if there != commit:
            raise AlreadyExists(
                f"the tag {tag} of {ref} exists at commit {str(there)[:8]}, not at {commit[:8]}: "
                "choose another name, or delete the tag"
            ) from error


def _reference_of(hub: Hub, wanted: TaskPush, commit: str) -> Reference:
    sizes = [file.size or 0 for file in list_files(hub, wanted.ref, commit)]
    return Reference(hub.endpoint, wanted.ref, wanted.branch, commit, None, None, len(sizes), sum(sizes), now())
