"""Calls about the difference between two revisions. Source: docs/protocols/hf_api.md, section 1A.4."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import Call, Response, json_as, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.repos.comparisons import FileComparison, RevisionComparison


def compare(ref: RepoRef, revisions: str) -> Call[str]:
    """Build the call that returns the unified diff of ``A..B``; with three dots, the diff from their merge base."""
    return Call("GET", repo_api(ref, "compare", revisions), _text, query=pairs(raw=True), subject=str(ref))


def list_changes(ref: RepoRef, revisions: str) -> Call[RevisionComparison]:
    """Build the call that returns the files that differ, with sizes and new bytes. Source: docs/comparisons.md."""
    return Call("GET", repo_api(ref, "diff", revisions), json_as(RevisionComparison), subject=str(ref))


def compare_file(ref: RepoRef, revisions: str, file: str, key: Sequence[str] = ()) -> Call[FileComparison]:
    """Build the call that returns how one file differs by its content.

    Args:
        key: columns that identify a row of a table.
    """
    query = (*pairs(file=file), *(("key", name) for name in key))
    subject = f"{file} of {ref}"
    return Call("GET", repo_api(ref, "diff", revisions), json_as(FileComparison), query=query, subject=subject)


def _text(answer: Response) -> str:
    return answer.body.decode("utf-8", "replace")
