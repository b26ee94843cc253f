"""The call that replaces the files of a branch by those of another. Source: docs/staged-changes.md, section 5."""

from __future__ import annotations

from entrepot.client.calls import JSON, Call, json_as, json_body, repo_api
from entrepot.names import RepoRef
from entrepot.wire.repos.commits import CommitResponse
from entrepot.wire.repos.replacements import Replacement


def replace(ref: RepoRef, branch: str, source: str, *, message: str | None = None) -> Call[CommitResponse]:
    """Build the call that gives ``branch`` exactly the files of the branch ``source``, in one commit.

    It may be repeated: the second time nothing would change, and nothing is committed.
    """
    return Call(
        "POST",
        repo_api(ref, "replace", branch),
        json_as(CommitResponse),
        body=json_body(Replacement(source=source, message=message)),
        media_type=JSON,
        subject=str(ref),
        is_repeatable=True,
    )
