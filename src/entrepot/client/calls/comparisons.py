"""Calls about the difference between two revisions. Source: docs/protocols/hf_api.md, section 1A.4."""

from __future__ import annotations

from entrepot.client.calls import Call, Response, pairs, repo_api
from entrepot.names import RepoRef


def compare(ref: RepoRef, revisions: str) -> Call[str]:
    """The unified diff of ``A..B``; with three dots, from where the two histories parted."""
    return Call("GET", repo_api(ref, "compare", revisions), _text, query=pairs(raw=True), subject=str(ref))


def _text(answer: Response) -> str:
    return answer.body.decode("utf-8", "replace")
