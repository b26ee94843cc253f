"""Users and organisations in JSON.

Source: docs/protocols/hf_api.md, sections 1A.1 and 1C.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from entrepot.wire.accounts.tokens import FineGrained


class TokenInfo(msgspec.Struct, rename="camel"):
    """The token of a request; ``role`` is ``read``, ``write`` or ``fineGrained``."""

    display_name: str
    role: str
    created_at: str
    fine_grained: FineGrained | UnsetType = UNSET


class Auth(msgspec.Struct, rename="camel"):
    """The authentication of the caller.

    ``type`` is ``access_token``, or ``oauth`` for a program that was signed in with a browser: it has
    no token that its user made, and ``expiresAt`` is when it has to renew its own.
    """

    access_token: TokenInfo | UnsetType = UNSET
    type: str = "access_token"
    expires_at: str | UnsetType = UNSET

    @property
    def role(self) -> str:
        """The role of the token; a program that was signed in may do what its user may do."""
        return self.access_token.role if isinstance(self.access_token, TokenInfo) else "write"

    @property
    def token_name(self) -> str:
        """The name of the token; for a program that was signed in, the words for that."""
        return self.access_token.display_name if isinstance(self.access_token, TokenInfo) else "browser sign-in"


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
    """Response of ``GET /api/whoami-v2``: the caller.

    ``billing_mode`` is ``prepaid`` or ``postpaid`` on the public hub; nothing is ever owed here.
    Source: documentation of huggingface.js, interface WhoAmIUser.
    """

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
    """An organisation in the profile of a user."""

    id: str
    name: str
    fullname: str
    avatar_url: str = ""


class Person(msgspec.Struct, kw_only=True, rename={"uid": "_id", "avatar_url": "avatarUrl", "is_pro": "isPro"}):
    """A user in a list of users; ``role`` is present only in lists of members that a member requests."""

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
    """The profile of a user; repository counts include only repositories that the caller may see."""

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
    """The profile of an organisation; repository counts include only repositories that the caller may see."""

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
    """Body of ``PUT /api/settings/profile``: changes to the caller's own profile."""

    fullname: str | None = None
    details: str | None = None


class OwnProfile(msgspec.Struct):
    """Response of ``PUT /api/settings/profile``."""

    user: str
    fullname: str
    details: str | None


class ActiveDay(msgspec.Struct, frozen=True):
    """A day (UTC, ``YYYY-MM-DD``) on which something was done, and how often."""

    date: str
    count: int


class AccountActivity(msgspec.Struct, frozen=True):
    """The days between two on which something was done that the caller may see, in order."""

    first: str
    last: str
    days: Sequence[ActiveDay]
