"""Uploads of ``HubApi`` that take several commits, and become one change by a pull request.

Source: huggingface_hub 0.21.4, ``_multi_commits.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, AddStored, Operation
from entrepot.client.uploads.multi_commit_plan import MOST_BYTES, MOST_OPERATIONS, plan, size_of, split
from entrepot.client.uploads.secret_files import check_secrets
from entrepot.errors import InvalidArgument
from entrepot.hf.files.commits import Commits, progress_of
from entrepot.hf.files.operations import CommitOperationAdd, CommitOperationDelete, to_operation


def plan_multi_commits(
    operations: Iterable[CommitOperationAdd | CommitOperationDelete],
    max_operations_per_commit: int = MOST_OPERATIONS,
    max_upload_size_per_commit: int = MOST_BYTES,
) -> tuple[list[list[CommitOperationAdd]], list[list[CommitOperationDelete]]]:
    """Additions and deletions in groups, each of which is to be one commit.

    The same operations always give the same groups. A file above the size
    limit gets a commit of its own.

    Args:
        max_upload_size_per_commit: in bytes.

    Raises:
        InvalidArgument: an operation is neither an addition nor a deletion.
    """
    additions: list[CommitOperationAdd] = []
    deletions: list[CommitOperationDelete] = []
    for operation in operations:
        if isinstance(operation, CommitOperationAdd):
            additions.append(operation)
        elif isinstance(operation, CommitOperationDelete):
            deletions.append(operation)
        else:
            raise InvalidArgument("a plan takes additions and deletions only; copy in a commit of its own")
    return (
        split(
            additions,
            size_of=lambda item: item.upload_info.size,
            most_items=max_operations_per_commit,
            most_bytes=max_upload_size_per_commit,
        ),
        split(deletions, size_of=lambda item: 0, most_items=max_operations_per_commit),
    )


class MultiCommits(Commits):
    """Uploads in several commits."""

    def create_commits_on_pr(
        self,
        *,
        repo_id: str,
        addition_commits: list[list[CommitOperationAdd]],
        deletion_commits: list[list[CommitOperationDelete]],
        commit_message: str,
        commit_description: str | None = None,
        token: str | bool | None = None,
        repo_type: str | None = None,
        merge_pr: bool = True,
        num_threads: int = 5,
        verbose: bool = False,
    ) -> str:
        """The address of a pull request with these commits, deletions first.

        Called again after an interruption, it finds the pull request and goes
        on where it stopped.

        Args:
            addition_commits, deletion_commits: as ``plan_multi_commits`` gives them.
            merge_pr: merge it in the end.
            num_threads: taken for compatibility; transfers find their own number.
            verbose: tell on standard error how far this is.

        Raises:
            InvalidArgument: there is nothing to commit, or two commits are the same.
            Refused: somebody has changed the pull request, or it cannot be merged.
            others: as ``create_commit``.
        """
        return push_plan(
            self._hub(token),
            self._target(repo_id, repo_type, token, None),
            [[to_operation(item) for item in step] for step in deletion_commits],
            [[to_operation(item) for item in step] for step in addition_commits],
            CommitMessage(commit_message, commit_description or ""),
            merge=merge_pr,
            is_verbose=verbose,
        )


def push_in_steps(
    hub: Hub,
    target: CommitTarget,
    operations: Sequence[Operation],
    message: CommitMessage,
    *,
    merge: bool,
    is_verbose: bool,
    allow_secrets: bool | None = None,
) -> str:
    """Plan and push operations; the address of the pull request."""
    if allow_secrets is False:
        check_secrets([item for item in operations if isinstance(item, Add)], allow=False)
    adds = [item for item in operations if isinstance(item, Add | AddStored)]
    rest = [item for item in operations if not isinstance(item, Add | AddStored)]
    additions, deletions = split(adds, size_of=size_of), split(rest, size_of=size_of)
    return push_plan(
        hub, target, deletions, additions, message, merge=merge, is_verbose=is_verbose, allow_secrets=allow_secrets
    )


def push_plan(
    hub: Hub,
    target: CommitTarget,
    deletions: Sequence[Sequence[Operation]],
    additions: Sequence[Sequence[Operation]],
    message: CommitMessage,
    *,
    merge: bool,
    is_verbose: bool,
    allow_secrets: bool | None = None,
) -> str:
    """Push commits to a pull request; its address."""
    from entrepot.client.uploads.multi_commits import push
    from entrepot.client.uploads.publishing import digests_of

    with digests_of(hub) as digests:
        digests.recall(item.source for step in additions for item in step if isinstance(item, Add))
        steps = plan(deletions, additions, digests)
        digests.save()
        return push(
            hub,
            CommitTarget(target.repo),
            steps,
            message,
            merge=merge,
            digests=digests,
            tell=_say if is_verbose else _say_nothing,
            progress=progress_of(hub),
            allow_secrets=allow_secrets,
        )


def _say(line: str) -> None:
    print(f"multi-commit: {line}", file=sys.stderr)


def _say_nothing(_line: str) -> None:
    pass
