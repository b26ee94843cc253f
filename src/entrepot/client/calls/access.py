"""Calls about access requests to gated repositories, and about trusted publishers.

Source: docs/protocols/hf_api.md, section 1B.4; docs/oauth.md.
"""

from __future__ import annotations

from entrepot.client.calls import (
    JSON,
    Call,
    ResultPage,
    json_as,
    json_body,
    nothing,
    page_of,
    repo_api,
    sparse_body,
    without_nulls,
)
from entrepot.names import RepoRef
from entrepot.wire.community.access_requests import AccessRequestInfo, Decision, Grant
from entrepot.wire.repos.publishers import NewPublisher, PublisherInfo

_PAGE = page_of(without_nulls(list[AccessRequestInfo]))


def page(ref: RepoRef, status: str) -> Call[ResultPage[AccessRequestInfo]]:
    """Build the call that lists the requests that are ``pending``, ``accepted`` or ``rejected``."""
    return Call("GET", repo_api(ref, "user-access-request", status), _PAGE, subject=str(ref))


def decide(
    ref: RepoRef,
    status: str,
    *,
    user: str | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> Call[None]:
    """Build the call that sets a request, identified by user or id, to ``accepted``, ``rejected`` or ``pending``.

    The call is not repeatable: repeating a decision is an error.
    """
    decision = Decision(status=status, user=user, request_id=request_id, rejection_reason=reason)
    return Call(
        "POST",
        repo_api(ref, "user-access-request", "handle"),
        nothing,
        body=sparse_body(decision),
        media_type=JSON,
        subject=f"the access request of {user or request_id} to {ref}",
    )


def grant(ref: RepoRef, user: str) -> Call[None]:
    """Build the call that grants access to a user who has not requested it."""
    path = repo_api(ref, "user-access-request", "grant")
    body = json_body(Grant(user))
    return Call("POST", path, nothing, body=body, media_type=JSON, subject=f"access of {user} to {ref}")


def publishers(ref: RepoRef) -> Call[list[PublisherInfo]]:
    """Build the call that lists the trusted publishers of a repository."""
    return Call("GET", repo_api(ref, "trusted-publishers"), json_as(list[PublisherInfo]), subject=str(ref))


def add_publisher(ref: RepoRef, publisher: NewPublisher) -> Call[PublisherInfo]:
    """Build the call that adds a trusted publisher; it is not repeatable: repeating it is an error."""
    path, body = repo_api(ref, "trusted-publishers"), json_body(publisher)
    return Call("POST", path, json_as(PublisherInfo), body=body, media_type=JSON, subject=str(ref))


def remove_publisher(ref: RepoRef, uid: str) -> Call[None]:
    """Build the call that removes a trusted publisher."""
    return Call("DELETE", repo_api(ref, "trusted-publishers", uid), nothing, subject=f"publisher {uid} of {ref}")
