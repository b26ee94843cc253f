"""Calls about branches, tags and histories. Source: docs/protocols/hf_api.md, sections 1A.4 and 1A.5."""

from __future__ import annotations

from entrepot.client.calls import JSON, Call, ResultPage, json_as, json_body, nothing, page_of, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.repos.histories import LogEntry, SquashRequest, SquashResponse
from entrepot.wire.repos.lookups import FoundRevision
from entrepot.wire.repos.refs import NewBranch, NewTag, Refs

_REFS = json_as(Refs)
_LOG = page_of(json_as(list[LogEntry]))
_FOUND = json_as(FoundRevision)


def listing(ref: RepoRef, *, include_pulls: bool = False) -> Call[Refs]:
    """Build the call that lists all branches, tags and converts, and on request the heads of pull requests."""
    query = pairs(include_prs=1 if include_pulls else None)
    return Call("GET", repo_api(ref, "refs"), _REFS, query=query, subject=str(ref))


def lookup(ref: RepoRef, text: str) -> Call[FoundRevision]:
    """Build the call that finds a branch, a tag or a commit by its name or the first digits of its id.

    Source: docs/staged-changes.md, section 6.
    """
    return Call("GET", repo_api(ref, "lookup", text), _FOUND, subject=str(ref))


def create_branch(
    ref: RepoRef, name: str, *, start: str | None = None, is_empty: bool = False, overwrite: bool = False
) -> Call[None]:
    """Build the call that creates a branch at a revision (None: the head of main), or without any files."""
    wanted = NewBranch(starting_point=start, empty_branch=is_empty or None, overwrite=overwrite or None)
    path = repo_api(ref, "branch", name)
    return Call("POST", path, nothing, body=json_body(wanted), media_type=JSON, subject=f"branch {name} of {ref}")


def delete_branch(ref: RepoRef, name: str) -> Call[None]:
    """Build the call that deletes a branch; its commits remain reachable only through other refs."""
    return Call("DELETE", repo_api(ref, "branch", name), nothing, subject=f"branch {name} of {ref}")


def create_tag(ref: RepoRef, name: str, *, revision: str = "main", message: str | None = None) -> Call[None]:
    """Build the call that creates a tag of a revision; with a message it is an annotated tag."""
    body = json_body(NewTag(tag=name, message=message))
    path = repo_api(ref, "tag", revision)
    return Call("POST", path, nothing, body=body, media_type=JSON, subject=f"tag {name} of {ref}")


def delete_tag(ref: RepoRef, name: str) -> Call[None]:
    """Build the call that deletes a tag."""
    return Call("DELETE", repo_api(ref, "tag", name), nothing, subject=f"tag {name} of {ref}")


def log(
    ref: RepoRef,
    revision: str = "main",
    *,
    limit: int | None = None,
    formatted: bool = False,
    parents: bool = False,
) -> Call[ResultPage[LogEntry]]:
    """Build the call that lists the commits reachable from a revision, newest first.

    Args:
        limit: the page size.
        formatted: add messages as HTML.
        parents: add the parents of each commit; an extension of this hub.
    """
    expand = [word for word, is_wanted in (("formatted", formatted), ("parents", parents)) if is_wanted]
    query = pairs(limit=limit, **({"expand[]": expand} if expand else {}))
    return Call("GET", repo_api(ref, "commits", revision), _LOG, query=query, subject=str(ref))


def squash(ref: RepoRef, revision: str = "main", *, message: str | None = None) -> Call[SquashResponse]:
    """Build the call that replaces the history of a branch with one commit that has the same files."""
    path = repo_api(ref, "super-squash", revision)
    body = json_body(SquashRequest(message=message))
    return Call("POST", path, json_as(SquashResponse), body=body, media_type=JSON, subject=str(ref))
