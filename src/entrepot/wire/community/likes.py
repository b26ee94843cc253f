"""Likes in JSON. Source: docs/protocols/hf_api.md, section 1B.2."""

from __future__ import annotations

import msgspec


class LikedRepo(msgspec.Struct, frozen=True):
    """A repository that somebody likes; ``type`` in the singular."""

    name: str
    type: str


class LikeInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One like of a user; ``created_at`` is empty where a hub does not say it."""

    created_at: str = ""
    repo: LikedRepo
