"""Calls that create commits, and the encoding of their lines.

Source: docs/protocols/hf_api.md, section 2.4.
"""

from __future__ import annotations

import msgspec

from entrepot.client.calls import NDJSON, Call, json_as, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.repos.commits import CommitLine, CommitResponse

read_commit = json_as(CommitResponse)
"""Reader of the response to a commit; raises AnswerUnusable."""


def create(
    ref: RepoRef, revision: str, body: bytes | None = None, *, create_pr: bool = False, is_repeatable: bool = False
) -> Call[CommitResponse]:
    """Build the call that creates a commit on a branch, or on a pull request that it opens.

    Args:
        body: all lines; None if they are streamed (``Transport.upload``
            with this call's path, query and ``media_type``).
        is_repeatable: the header names a parent; the hub therefore refuses a
            repetition after a lost response and does not record it twice.
    """
    return Call(
        "POST",
        repo_api(ref, "commit", revision),
        read_commit,
        query=pairs(create_pr=1 if create_pr else None),
        body=body,
        media_type=NDJSON,
        subject=str(ref),
        is_repeatable=is_repeatable,
    )


def encode_line(line: CommitLine) -> bytes:
    """Encode one line of a commit, including its line feed."""
    return msgspec.json.encode(line) + b"\n"
