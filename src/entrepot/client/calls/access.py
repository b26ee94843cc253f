"""Requests for access to gated repositories. Source: docs/protocols/hf_api.md, section 1B.4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from entrepot.client.calls import JSON, Call, ResultPage, json_body, nothing, page_of, repo_api, without_nulls
from entrepot.names import RepoRef


class Asker(msgspec.Struct, frozen=True):
    """Who asks."""

    user: str | None = None
    fullname: str | None = None
    email: str | None = None


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A request; ``fields`` are what the gate's form was filled in with."""

    request_id: str
    status: str
    timestamp: str
    user: Asker = Asker()
    fields: Mapping[str, Any] | None = None


_PAGE = page_of(without_nulls(list[AccessRequest]))


def page(ref: RepoRef, status: str) -> Call[ResultPage[AccessRequest]]:
    """The requests that are ``pending``, ``accepted`` or ``rejected``."""
    return Call("GET", repo_api(ref, "user-access-request", status), _PAGE, subject=str(ref))


def decide(
    ref: RepoRef,
    status: str,
    *,
    user: str | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> Call[None]:
    """Make a request ``accepted``, ``rejected`` or ``pending`` again; it is named by its user or its id.

    Not repeatable: deciding the same thing twice is an error.
    """
    body = {"status": status, "user": user, "requestId": request_id, "rejectionReason": reason}
    return Call(
        "POST",
        repo_api(ref, "user-access-request", "handle"),
        nothing,
        body=json_body({key: value for key, value in body.items() if value is not None}),
        media_type=JSON,
        subject=f"the access request of {user or request_id} to {ref}",
    )


def grant(ref: RepoRef, user: str) -> Call[None]:
    """Give a user access who has not asked for it."""
    path = repo_api(ref, "user-access-request", "grant")
    body = json_body({"user": user})
    return Call("POST", path, nothing, body=body, media_type=JSON, subject=f"access of {user} to {ref}")


def cancel(ref: RepoRef) -> Call[None]:
    """Take the caller's own request back."""
    return Call("POST", repo_api(ref, "user-access-request", "cancel"), nothing, subject=str(ref))
