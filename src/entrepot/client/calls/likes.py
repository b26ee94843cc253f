"""Likes. Source: docs/protocols/hf_api.md, section 1B.2."""

from __future__ import annotations

import msgspec

from entrepot.client.calls import Call, ResultPage, nothing, page_of, repo_api, segment, without_nulls
from entrepot.names import RepoRef


class LikedRepo(msgspec.Struct, frozen=True):
    """A repository that somebody likes."""

    name: str
    type: str


class Like(msgspec.Struct, frozen=True, rename="camel"):
    """A like, and since when; ``created_at`` is empty where a hub does not say it."""

    repo: LikedRepo
    created_at: str = ""


class Liker(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody who likes a repository."""

    user: str
    fullname: str = ""
    avatar_url: str = ""
    is_pro: bool | None = None


def add(ref: RepoRef) -> Call[None]:
    """Like a repository; liking it again changes nothing."""
    return Call("POST", repo_api(ref, "like"), nothing, subject=str(ref), is_repeatable=True)


def remove(ref: RepoRef) -> Call[None]:
    """Take a like back."""
    return Call("DELETE", repo_api(ref, "like"), nothing, subject=str(ref))


def likers(ref: RepoRef) -> Call[ResultPage[Liker]]:
    """Who likes a repository."""
    return Call("GET", repo_api(ref, "likers"), page_of(without_nulls(list[Liker])), subject=str(ref))


def liked_by(user: str) -> Call[ResultPage[Like]]:
    """What a user likes, as far as it is public."""
    path = f"/api/users/{segment(user)}/likes"
    return Call("GET", path, page_of(without_nulls(list[Like])), subject=f"user {user}")
