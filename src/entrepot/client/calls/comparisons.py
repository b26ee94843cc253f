"""Calls about the difference between two revisions. Source: docs/protocols/hf_api.md, section 1A.4."""

from __future__ import annotations

from entrepot.client.calls import Call, Response, pairs, repo_api
from entrepot.names import RepoRef


def compare(ref: RepoRef, revisions: str) -> Call[str]:
    """Build the call that returns the unified diff of ``A..B``; with three dots, the diff from their merge base."""
    return Call("GET", repo_api(ref, "compare", revisions), _text, query=pairs(raw=True), subject=str(ref))


def _text(answer: Response) -> str:
    return answer.body.decode("utf-8", "replace")
