"""Likes in JSON. Source: docs/protocols/hf_api.md, section 1B.2."""

from __future__ import annotations

import msgspec


class LikedRepo(msgspec.Struct, frozen=True):
    """A repository that a user likes; ``type`` is singular."""

    name: str
    type: str


class LikeInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One like of a user; ``created_at`` is empty if the hub omits it."""

    created_at: str = ""
    repo: LikedRepo
