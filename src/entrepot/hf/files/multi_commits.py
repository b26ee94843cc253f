"""Uploads of ``HubApi`` in several commits to a pull request.

Source: huggingface_hub 0.21.4, ``_multi_commits.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from entrepot.client.commit_target import CommitMessage, CommitTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, AddStored, Operation
from entrepot.client.uploads.multi_commit_plan import MAX_BYTES, MAX_OPERATIONS, plan, size_of, split
from entrepot.client.uploads.secret_files import check_secrets
from entrepot.errors import InvalidArgument
from entrepot.hf.files.commits import Commits, progress_of
from entrepot.hf.files.operations import CommitOperationAdd, CommitOperationDelete, to_operation


def plan_multi_commits(
    operations: Iterable[CommitOperationAdd | CommitOperationDelete],
    max_operations_per_commit: int = MAX_OPERATIONS,
    max_upload_size_per_commit: int = MAX_BYTES,
) -> tuple[list[list[CommitOperationAdd]], list[list[CommitOperationDelete]]]:
    """Split additions and deletions into groups, one for each commit.

    The same operations always give the same groups. A file above the size
    limit gets a commit of its own.

    Args:
        max_operations_per_commit: maximum number of operations in a group.
        max_upload_size_per_commit: maximum sum of file sizes in a group, in bytes.

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
            raise InvalidArgument(
                "plan_multi_commits takes additions and deletions only; copy files in a separate commit"
            )
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
    """Methods that upload in several commits."""

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
        """Push commits to a pull request, deletions first, and return the URL of the pull request.

        After an interruption, another call with the same arguments finds the pull
        request and continues where the first one stopped.

        Args:
            addition_commits, deletion_commits: as returned by ``plan_multi_commits``.
            merge_pr: merge the pull request at the end.
            num_threads: accepted for compatibility; the number of parallel transfers is chosen automatically.
            verbose: report progress on standard error.

        Raises:
            InvalidArgument: there is nothing to commit, or two commits are the same.
            Refused: another client changed the pull request, or it cannot be merged.
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
    """Plan and push operations, and return the URL of the pull request."""
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
    """Push planned commits to a pull request and return its URL."""
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
            report=_report if is_verbose else _ignore,
            progress=progress_of(hub),
            allow_secrets=allow_secrets,
        )


def _report(line: str) -> None:
    print(f"multi-commit: {line}", file=sys.stderr)


def _ignore(_line: str) -> None:
    pass
