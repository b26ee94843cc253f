"""Calls about likes. Source: docs/protocols/hf_api.md, section 1B.2."""

from __future__ import annotations

from entrepot.client.calls import Call, ResultPage, nothing, page_of, repo_api, segment, without_nulls
from entrepot.names import RepoRef
from entrepot.wire.accounts.accounts import Person
from entrepot.wire.community.likes import LikeInfo


def add(ref: RepoRef) -> Call[None]:
    """Build the call that likes a repository; a second like changes nothing."""
    return Call("POST", repo_api(ref, "like"), nothing, subject=str(ref), is_repeatable=True)


def remove(ref: RepoRef) -> Call[None]:
    """Build the call that removes a like."""
    return Call("DELETE", repo_api(ref, "like"), nothing, subject=str(ref))


def likers(ref: RepoRef) -> Call[ResultPage[Person]]:
    """Build the call that lists the users who like a repository."""
    return Call("GET", repo_api(ref, "likers"), page_of(without_nulls(list[Person])), subject=str(ref))


def liked_by(user: str) -> Call[ResultPage[LikeInfo]]:
    """Build the call that lists the public likes of a user."""
    path = f"/api/users/{segment(user)}/likes"
    return Call("GET", path, page_of(without_nulls(list[LikeInfo])), subject=f"user {user}")
