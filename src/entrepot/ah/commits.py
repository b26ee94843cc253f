"""Commits and staged changes of a branch."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

import attrs

from entrepot.ah.errors import AssetHubError, Canceled, translated
from entrepot.ah.paths import MAIN, ResourcePath
from entrepot.ah.plans import Additions, Deletions, find_deletions, parse_deletions, plan_additions
from entrepot.ah.properties import Row
from entrepot.ah.references import not_a_branch
from entrepot.ah.sessions import LOG, HubSession
from entrepot.client.calls import repos, staged
from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.operations import Add, Operation
from entrepot.client.uploads.publishing import publish
from entrepot.client.uploads.publishing import stage as send_staged
from entrepot.errors import AnswerUnusable, CommitCanceled, InvalidArgument, RevisionNotFound, SourceChanged
from entrepot.names import RepoPath
from entrepot.wire.repos.staged import StagedChange

LONGEST_MESSAGE = 64 << 10
"""Maximum length of a message in bytes."""

_SHORT_ID = 8
_TRIES = 3


def make_commit(
    session: HubSession,
    path: ResourcePath,
    msg: str,
    delete: Sequence[str] | None = None,
    add: Additions = None,
    *,
    force: bool = False,
) -> str | None:
    """Commit deletions, then additions, all of them or none, and return the id; None if nothing changes.

    Args:
        path: of a branch; without a ref: main.
        force: the caller's staged changes become part of the commit, below its own, and
            changes of others since the survey are overwritten.

    Raises:
        Canceled: without ``force``: the caller has staged other changes, a path has changed since the
            survey, or a local file while it was read; nothing was committed.
        NotFound, Denied: the branch is invisible, or the caller may not change it.
        SourceMissing, SourceUnreadable, InvalidArgument, InvalidPath, TypeError: as ``plans``; nothing was sent.
    """
    message, branch = check_message(msg), path.ref or MAIN
    for attempt in range(_TRIES):
        adds, deletions = plan_additions(add), parse_deletions(delete)
        LOG.info("Committing changes to branch %s", path.at(branch))
        try:
            oid = _published(session, path.at(branch), message, deletions, adds, force=force)
        except SourceChanged as error:
            # With force, the file is added in the state in which it is then.
            if not force or attempt == _TRIES - 1:
                raise Canceled(
                    f"Commit canceled for unknown or unimplemented changes: {error}: '{path.at(branch)}'"
                ) from error
            continue
        if oid is None:
            LOG.info("No changes to commit")
        else:
            LOG.info("Commit %s created", oid[:_SHORT_ID])
        return oid
    raise AssertionError("the last try returns or raises")


def check_message(msg: str) -> CommitMessage:
    """Return a message that can be committed.

    Raises:
        TypeError: it is not text.
        InvalidArgument: it is empty, has more than 64 KiB, or cannot be encoded.
    """
    if not isinstance(msg, str):
        raise TypeError(f"the message of a commit is text, not {type(msg).__name__}")
    if not msg.strip():
        raise InvalidArgument("the message of a commit must not be empty")
    try:
        size = len(msg.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidArgument("the message of a commit is not valid Unicode") from None
    if size > LONGEST_MESSAGE:
        raise InvalidArgument(f"the message of a commit has {size:,} bytes; at most {LONGEST_MESSAGE:,} are allowed")
    if "\0" in msg:
        raise InvalidArgument("the message of a commit must not contain NUL")
    return CommitMessage(msg)


def _published(
    session: HubSession,
    path: ResourcePath,
    message: CommitMessage,
    deletions: Deletions,
    adds: Sequence[Add],
    *,
    force: bool,
) -> str | None:
    target = _target(path, forces_staged=force)
    with _branch_errors(session, path, "committed to"):
        mine = list_staged(session, path) if force or not (adds or deletions) else []
        if not (adds or deletions):
            if not mine:
                return None
            if not force:
                raise _unknown(path, mine)
        operations: list[Operation] = []
        if deletions:
            head = _head(session, path)
            target = target if force else attrs.evolve(target, parent=head)
            operations = find_deletions(session.hub, path.repo, head, deletions, adds, _staged_adds(mine))
        _log_operations(operations, adds)
        try:
            made = publish(
                session.hub,
                target,
                [*operations, *adds],
                message,
                progress=session.progress,
                always=_covered(adds, mine),
            )
        except CommitCanceled as error:
            raise Canceled(f"{_said(error)}: '{path}'") from error
    return made.oid if made.is_new else None


def stage_changes(
    session: HubSession, path: ResourcePath, add: Additions = None, delete: Sequence[str] | None = None
) -> None:
    """Stage changes on a branch without committing them; only the caller sees them.

    Raises:
        NotFound, Denied: the branch is invisible, or the caller may not change it.
        LimitExceeded: the caller has too many staged changes on the branch.
        SourceMissing, SourceUnreadable, InvalidArgument, InvalidPath, TypeError: as ``plans``; nothing was sent.
    """
    adds, deletions = plan_additions(add), parse_deletions(delete)
    if not (adds or deletions):
        return
    path = path.at(path.ref or MAIN)
    with _branch_errors(session, path, "staged on"):
        operations: list[Operation] = []
        if deletions:
            mine = list_staged(session, path)
            operations = find_deletions(
                session.hub, path.repo, _head(session, path), deletions, adds, _staged_adds(mine)
            )
        if not (operations or adds):
            LOG.info("No changes to stage")
            return
        number = send_staged(session.hub, _target(path), [*operations, *adds], progress=session.progress)
    LOG.info("%s staged on branch %s", "1 change is" if number == 1 else f"{number:,} changes are", path)


def list_staged(session: HubSession, path: ResourcePath) -> list[StagedChange]:
    """Return the caller's staged changes of a branch, in the order of staging."""
    return list(session.hub.pages(staged.page(path.repo, path.ref or MAIN)))


def staged_rows(session: HubSession, path: ResourcePath) -> list[Row]:
    """Return the caller's staged changes of a branch as rows.

    Raises:
        NotFound, Denied: the branch is invisible, or the caller may not change it.
    """
    with _branch_errors(session, path.at(path.ref or MAIN), "asked for staged changes"):
        return [
            {"path": item.path, "op": item.op, "size_bytes": item.size, "time": item.staged_at}
            for item in list_staged(session, path)
        ]


def reset_branch(session: HubSession, path: ResourcePath, *, all_users: bool = False) -> None:
    """Drop the caller's staged changes of a branch, or those of all users; it is fine if there are none.

    Raises:
        AssetHubError: the path is not that of a branch.
        NotFound, Denied: the branch is invisible, or the caller may not do this.
    """
    if path.ref is None:
        raise AssetHubError(f"Only branches can be reset, as in 'model/llm/gpt2:main': '{path}'")
    with _branch_errors(session, path, "reset"):
        session.hub.send(staged.reset(path.repo, path.ref, all_users=all_users))
    LOG.info("Branch %s reset", path)


@contextlib.contextmanager
def _branch_errors(session: HubSession, path: ResourcePath, what: str) -> Iterator[None]:
    """Translate errors of calls on a branch; if the text names a tag or a commit instead, the error says so."""
    with translated(path.at_asset(), what=path.type.value, ref=path):
        try:
            yield
        except RevisionNotFound as error:
            raise not_a_branch(session, path, what) from error


def _head(session: HubSession, path: ResourcePath) -> str:
    found = session.hub.send(repos.describe(path.repo, path.ref or MAIN, expand=("sha",)))
    if not isinstance(found.sha, str):
        raise AnswerUnusable(session.hub.endpoint, f"the response lacks the commit of {path}")
    return found.sha


def _target(path: ResourcePath, *, forces_staged: bool | None = None) -> CommitTarget:
    return CommitTarget(
        path.repo,
        path.ref or MAIN,
        pins_survey=forces_staged is False,
        forces_staged=forces_staged,
        ignores_rules=True,
    )


def _unknown(path: ResourcePath, mine: Sequence[StagedChange]) -> Canceled:
    named = ", ".join(f"{item.path!r}" for item in mine[:5]) + (", …" if len(mine) > 5 else "")
    return Canceled(
        f"Commit canceled for unknown or unimplemented changes: {named} (staged by you; commit with force=True, on "
        f"the command line --force, or reset the branch): '{path}'"
    )


def _staged_adds(mine: Sequence[StagedChange]) -> list[str]:
    return [item.path for item in mine if item.op == "add"]


def _covered(adds: Sequence[Add], mine: Sequence[StagedChange]) -> set[RepoPath]:
    """Return the paths of additions that a staged change would replace if they were left out as unchanged."""
    paths = {item.path for item in mine}
    folders = tuple(item.path for item in mine if item.path.endswith("/"))
    return {add.path for add in adds if add.path in paths or (folders and add.path.startswith(folders))}


def _log_operations(operations: Sequence[Operation], adds: Sequence[Add]) -> None:
    if not LOG.isEnabledFor(logging.INFO):
        return
    for operation in operations:
        LOG.info("Deleting object %s", operation.path)
    for number, addition in enumerate(adds, 1):
        LOG.info("Uploading object %d/%d %s", number, len(adds), addition.path)


def _said(error: CommitCanceled) -> str:
    return str(getattr(error, "server_message", "") or error)
