"""Commits of ``HubApi``, and calls in the background, one after the other."""

from __future__ import annotations

import functools
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Concatenate, ParamSpec, TypeVar

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
    """Calls in the background."""

    _jobs: BackgroundJobs | None = None

    def run_as_future(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """The future result of any call; the calls of one object are made one after the other, in their order."""
        with _LOCK:
            self._jobs = self._jobs or BackgroundJobs()
        return self._jobs.submit(fn, *args, **kwargs)


def queued(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method that, called with ``run_as_future=True``, runs in the background and returns a future."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs.pop("run_as_future", False):
            return self.run_as_future(method, self, *args, **kwargs)  # type: ignore[return-value]
        return method(self, *args, **kwargs)

    return call


class Commits(Background):
    """Commits."""

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
        """One commit of several operations, in their order, all of them or none.

        Files that the hub has already are left out; when nothing is left, no
        commit is made, and the head is given.

        Args:
            operations: ``CommitOperationAdd``, ``CommitOperationDelete`` and ``CommitOperationCopy``.
            revision: a branch, or ``refs/pr/N``; None is ``main``.
            create_pr: open a pull request with the commit instead.
            num_threads: taken for compatibility; transfers find their own number.
            parent_commit: the commit that the branch must be at.
            run_as_future: do it in the background, and return immediately.
            allow_secrets: what to do with files whose names say that they
                hold a secret (``.env``, ``id_rsa``, ``*.pem`` ...): None warns
                (``SecretFileWarning``), True uploads them without a word,
                False refuses.

        Raises:
            InvalidArgument: an addition was committed before, the message is empty, or the parent is no commit id.
            SecretsFound: a file looks like a secret, and ``allow_secrets`` is False; nothing was uploaded.
            SourceMissing, SourceUnreadable, SourceChanged: a file cannot be read as it was found.
            RepositoryNotFoundError, RevisionNotFoundError, HfHubHTTPError: the hub does not take it.
        """
        listed = list(operations)
        if not commit_message:
            raise InvalidArgument("commit_message is empty; say in one line what the commit does")
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
        ref = self._changed(repo_id, repo_type, token)
        return target_of(ref, revision, create_pr=create_pr, parent_commit=parent_commit)


def commit(
    hub: Hub,
    target: CommitTarget,
    operations: Sequence[Operation],
    message: CommitMessage,
    *,
    allow_secrets: bool | None = None,
) -> CommitInfo:
    """Make a commit, with progress on standard error; warn of what the hub remarks, and say if nothing changed."""
    from entrepot.client.uploads.publishing import publish

    made = publish(hub, target, operations, message, progress=progress_of(hub), allow_secrets=allow_secrets)
    for remark in made.warnings:
        warnings.warn(remark, stacklevel=5)
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
    """Where a commit goes.

    Raises:
        InvalidArgument: the parent is no commit id.
    """
    if parent_commit is not None and not _COMMIT.fullmatch(parent_commit):
        raise InvalidArgument(f"parent_commit must be a commit id of 7 to 40 hex digits, not {parent_commit!r}")
    return CommitTarget(ref, revision or "main", bool(create_pr), parent_commit)


def progress_of(hub: Hub) -> Progress:
    """Bars, where somebody can see them and has not said no."""
    return Bars() if sys.stderr.isatty() and not hub.places.disable_progress else Silent()
