"""Commits of ``HubApi``, and a queue of background calls."""

from __future__ import annotations

import functools
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Concatenate, ParamSpec, TypeVar

from entrepot.client import user_warnings
from entrepot.client.background_jobs import BackgroundJobs
from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import Operation
from entrepot.client.progress import Bars, Progress, Silent
from entrepot.errors import InvalidArgument
from entrepot.hf.base import Base
from entrepot.hf.files.operations import CommitOperation, CommitOperationAdd, to_operation, warn_of_overwriting
from entrepot.hf.shapes.addresses import CommitInfo
from entrepot.names import RepoRef

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Background")

logger = logging.getLogger("entrepot.commits")

_LOCK = threading.Lock()
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


class Background(Base):
    """Background calls."""

    _jobs: BackgroundJobs | None = None

    def run_as_future(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a call in the background and return a future of its result.

        Calls of one object run one after the other, in the order in which they were queued.
        """
        with _LOCK:
            self._jobs = self._jobs or BackgroundJobs()
        return self._jobs.submit(fn, *args, **kwargs)


def queued(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Decorate a method: called with ``run_as_future=True``, it runs in the background and returns a future."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs.pop("run_as_future", False):
            return self.run_as_future(method, self, *args, **kwargs)  # type: ignore[return-value]
        return method(self, *args, **kwargs)

    return call


class Commits(Background):
    """Methods that create commits."""

    @queued
    def create_commit(
        self,
        repo_id: str,
        operations: Iterable[CommitOperation],
        *,
        commit_message: str,
        commit_description: str | None = None,
        token: str | bool | None = None,
        repo_type: str | None = None,
        revision: str | None = None,
        create_pr: bool | None = None,
        num_threads: int = 5,
        parent_commit: str | None = None,
        run_as_future: bool = False,
        allow_secrets: bool | None = None,
    ) -> CommitInfo | Future[CommitInfo]:
        """Create a commit of several operations, applied in order; either all of them are committed or none.

        Files that the branch contains unchanged are left out; if no operation is left, no
        commit is created and the head of the branch is returned.

        Args:
            operations: ``CommitOperationAdd``, ``CommitOperationDelete`` and ``CommitOperationCopy``.
            revision: a branch, or ``refs/pr/N``; None is ``main``.
            create_pr: open a pull request with the commit instead of committing to the branch.
            num_threads: accepted for compatibility; the number of parallel transfers is chosen automatically.
            parent_commit: the commit that must be the head of the branch.
            run_as_future: run in the background and return a future immediately.
            allow_secrets: how to treat files whose names suggest that they
                contain a secret (``.env``, ``id_rsa``, ``*.pem`` ...): None uploads them with
                a warning (``SecretFileWarning``), True without one, False refuses.

        Raises:
            InvalidArgument: an addition was committed before, the message is empty, or the parent is not a commit id.
            SecretsFound: a file may contain a secret, and ``allow_secrets`` is False; nothing was uploaded.
            SourceMissing, SourceUnreadable, SourceChanged: a local file cannot be read, or changed during the upload.
            RepositoryNotFoundError, RevisionNotFoundError, HfHubHTTPError: the hub refuses the commit.
        """
        listed = list(operations)
        if not commit_message:
            raise InvalidArgument("commit_message is empty; describe the commit in one line")
        target = self._target(repo_id, repo_type, token, revision, create_pr, parent_commit)
        warn_of_overwriting(listed)
        wanted = [to_operation(item) for item in listed if not getattr(item, "_should_ignore", None)]
        message = CommitMessage(commit_message, commit_description or "")
        made = commit(self._hub(token), target, wanted, message, allow_secrets=allow_secrets)
        for item in listed:
            if isinstance(item, CommitOperationAdd):
                item._is_committed = True
        return made

    def _target(
        self,
        repo_id: str,
        repo_type: str | None,
        token: str | bool | None,
        revision: str | None,
        create_pr: bool | None = None,
        parent_commit: str | None = None,
    ) -> CommitTarget:
        ref = self._repo_to_change(repo_id, repo_type, token)
        return target_of(ref, revision, create_pr=create_pr, parent_commit=parent_commit)


def commit(
    hub: Hub,
    target: CommitTarget,
    operations: Sequence[Operation],
    message: CommitMessage,
    *,
    allow_secrets: bool | None = None,
) -> CommitInfo:
    """Create a commit with progress bars on standard error.

    Warnings of the hub are issued as Python warnings; an unchanged branch is logged.
    """
    from entrepot.client.uploads.publishing import publish

    made = publish(hub, target, operations, message, progress=progress_of(hub), allow_secrets=allow_secrets)
    for remark in made.warnings:
        user_warnings.warn(remark)
    if not made.is_new:
        logger.warning("nothing changed in %s, head is %s", target.repo, made.oid)
    return CommitInfo(
        commit_url=made.url,
        commit_message=message.summary,
        commit_description=message.description,
        oid=made.oid,
        _endpoint=hub.endpoint,
        pr_url=made.pull_url,
    )


def target_of(
    ref: RepoRef,
    revision: str | None,
    *,
    create_pr: bool | None = None,
    parent_commit: str | None = None,
) -> CommitTarget:
    """Return the target of a commit.

    Raises:
        InvalidArgument: the parent is not a commit id.
    """
    if parent_commit is not None and not _COMMIT.fullmatch(parent_commit):
        raise InvalidArgument(f"parent_commit must be a commit id of 7 to 40 hex digits, not {parent_commit!r}")
    return CommitTarget(ref, revision or "main", bool(create_pr), parent_commit)


def progress_of(hub: Hub) -> Progress:
    """Return progress bars, unless standard error is not a terminal or they are disabled."""
    return Bars() if sys.stderr.isatty() and not hub.paths.disable_progress else Silent()
