"""Users and organisations in JSON.

Source: docs/protocols/hf_api.md, sections 1A.1 and 1C.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from entrepot.wire.accounts.tokens import FineGrained


class TokenInfo(msgspec.Struct, rename="camel"):
    """The token a request came with; ``role`` is ``read``, ``write`` or ``fineGrained``."""

    display_name: str
    role: str
    created_at: str
    fine_grained: FineGrained | UnsetType = UNSET


class Auth(msgspec.Struct, rename="camel"):
    """How a caller proved who they are."""

    access_token: TokenInfo
    type: str = "access_token"


class OwnOrg(msgspec.Struct, rename="camel"):
    """An organisation the caller belongs to."""

    id: str
    name: str
    fullname: str
    role_in_org: str
    type: str = "org"
    email: str | None = None
    avatar_url: str = ""
    is_enterprise: bool = False


class WhoAmI(msgspec.Struct, rename="camel", kw_only=True):
    """The caller: answer of ``GET /api/whoami-v2``."""

    type: str = "user"
    id: str
    name: str
    fullname: str
    email: str | None = None
    email_verified: bool = False
    is_pro: bool = False
    avatar_url: str = ""
    can_pay: bool = False
    period_end: int | None = None
    billing_mode: str = "prepaid"
    orgs: Sequence[OwnOrg]
    auth: Auth


class OrgName(msgspec.Struct, rename="camel"):
    """An organisation as a user's page names it."""

    id: str
    name: str
    fullname: str
    avatar_url: str = ""


class Person(msgspec.Struct, kw_only=True, rename={"uid": "_id", "avatar_url": "avatarUrl", "is_pro": "isPro"}):
    """A user as lists of people name them; ``role`` only among members, for members."""

    uid: str = ""
    user: str
    fullname: str = ""
    avatar_url: str = ""
    is_pro: bool = False
    type: str = "user"
    role: str | UnsetType = UNSET


class UserOverview(
    msgspec.Struct,
    kw_only=True,
    rename={
        "uid": "_id",
        "avatar_url": "avatarUrl",
        "is_pro": "isPro",
        "num_models": "numModels",
        "num_datasets": "numDatasets",
        "num_spaces": "numSpaces",
        "num_discussions": "numDiscussions",
        "num_papers": "numPapers",
        "num_upvotes": "numUpvotes",
        "num_likes": "numLikes",
        "num_following": "numFollowing",
        "num_followers": "numFollowers",
        "is_following": "isFollowing",
        "created_at": "createdAt",
    },
):
    """A user's page; numbers of repositories count those that the caller may see."""

    uid: str
    user: str
    fullname: str
    avatar_url: str = ""
    is_pro: bool = False
    type: str = "user"
    num_models: int
    num_datasets: int
    num_spaces: int
    num_discussions: int = 0
    num_papers: int = 0
    num_upvotes: int = 0
    num_likes: int = 0
    num_following: int = 0
    num_followers: int = 0
    is_following: bool = False
    details: str | UnsetType = UNSET
    orgs: Sequence[OrgName]
    created_at: str


class OrgOverview(
    msgspec.Struct,
    kw_only=True,
    rename={
        "uid": "_id",
        "avatar_url": "avatarUrl",
        "is_verified": "isVerified",
        "num_users": "numUsers",
        "num_models": "numModels",
        "num_datasets": "numDatasets",
        "num_spaces": "numSpaces",
        "num_followers": "numFollowers",
        "is_following": "isFollowing",
    },
):
    """An organisation's page; numbers of repositories count those that the caller may see."""

    uid: str
    name: str
    fullname: str
    avatar_url: str = ""
    type: str = "org"
    is_verified: bool = False
    num_users: int
    num_models: int
    num_datasets: int
    num_spaces: int
    num_followers: int = 0
    is_following: bool = False
    details: str | UnsetType = UNSET


class ProfileEdits(msgspec.Struct):
    """Body of ``PUT /api/settings/profile``: what a user says of themselves."""

    fullname: str | None = None
    details: str | None = None


class OwnProfile(msgspec.Struct):
    """Answer of ``PUT /api/settings/profile``."""

    user: str
    fullname: str
    details: str | None
