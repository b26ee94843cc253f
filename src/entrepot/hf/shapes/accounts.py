"""Users and organisations."""

from __future__ import annotations

import dataclasses
import datetime

from entrepot.hf.shapes.times import parse_timestamp
from entrepot.wire.accounts.accounts import OrgOverview, Person, UserOverview
from entrepot.wire.repos.repositories import StoredRepo


@dataclasses.dataclass
class Organization:
    """An organisation; fields that the hub did not send are None."""

    avatar_url: str
    name: str
    fullname: str
    details: str | None = None
    is_verified: bool | None = None
    is_following: bool | None = None
    num_users: int | None = None
    num_models: int | None = None
    num_spaces: int | None = None
    num_datasets: int | None = None
    num_followers: int | None = None
    num_papers: int | None = None
    plan: str | None = None


@dataclasses.dataclass
class User:
    """A user; fields that the hub did not send are None, most of them in lists of users."""

    username: str
    fullname: str
    avatar_url: str
    details: str | None = None
    is_following: bool | None = None
    is_pro: bool | None = None
    num_models: int | None = None
    num_datasets: int | None = None
    num_spaces: int | None = None
    num_discussions: int | None = None
    num_papers: int | None = None
    num_upvotes: int | None = None
    num_likes: int | None = None
    num_following: int | None = None
    num_followers: int | None = None
    orgs: list[Organization] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class RepoStorageInfo:
    """A repository with its storage in bytes and its share of the namespace's storage in percent."""

    id: str
    type: str
    updated_at: datetime.datetime
    visibility: str
    storage: int
    storage_percent: float


def storage_of(found: StoredRepo) -> RepoStorageInfo:
    """Convert the storage entry of a repository."""
    return RepoStorageInfo(
        found.id, found.type, parse_timestamp(found.updated_at), found.visibility, found.storage, found.storage_percent
    )


def user_of(found: UserOverview) -> User:
    """Convert a user's profile."""
    return User(
        username=found.user,
        fullname=found.fullname,
        avatar_url=found.avatar_url,
        is_following=found.is_following,
        is_pro=found.is_pro,
        num_models=found.num_models,
        num_datasets=found.num_datasets,
        num_spaces=found.num_spaces,
        num_discussions=found.num_discussions,
        num_papers=found.num_papers,
        num_upvotes=found.num_upvotes,
        num_likes=found.num_likes,
        num_following=found.num_following,
        num_followers=found.num_followers,
        orgs=[Organization(org.avatar_url, org.name, org.fullname) for org in found.orgs],
    )


def person_of(found: Person) -> User:
    """Convert a user as returned in lists of users."""
    return User(found.user, found.fullname, found.avatar_url, is_pro=found.is_pro)


def org_of(found: OrgOverview) -> Organization:
    """Convert an organisation's profile."""
    return Organization(
        avatar_url=found.avatar_url,
        name=found.name,
        fullname=found.fullname,
        is_verified=found.is_verified,
        num_users=found.num_users,
        num_models=found.num_models,
        num_spaces=found.num_spaces,
        num_datasets=found.num_datasets,
        num_followers=found.num_followers,
    )
