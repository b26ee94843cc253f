"""Calls about staged changes of a branch. Source: docs/staged-changes.md, section 3."""

from __future__ import annotations

from entrepot.client.calls import NDJSON, Call, ResultPage, json_as, page_of, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.repos.staged import StagedChange, StagedReset, StagedTotal

_CHANGES = page_of(json_as(list[StagedChange]))


def page(ref: RepoRef, branch: str, *, all_users: bool = False) -> Call[ResultPage[StagedChange]]:
    """Build the call that lists the caller's staged changes, or those of all users, in the order of staging."""
    return Call("GET", _path(ref, branch), _CHANGES, query=pairs(all=True if all_users else None), subject=str(ref))


def put(ref: RepoRef, branch: str) -> Call[StagedTotal]:
    """Build the call that stages the lines of a commit; they are streamed (``Transport.upload``)."""
    return Call("POST", _path(ref, branch), json_as(StagedTotal), media_type=NDJSON, subject=str(ref))


def reset(ref: RepoRef, branch: str, *, all_users: bool = False) -> Call[StagedReset]:
    """Build the call that drops the caller's staged changes of a branch, or those of all users."""
    query = pairs(all=True if all_users else None)
    return Call("DELETE", _path(ref, branch), json_as(StagedReset), query=query, subject=str(ref))


def _path(ref: RepoRef, branch: str) -> str:
    return repo_api(ref, "staged", branch)
