"""Users and organisations in lists, with their pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from msgspec import UNSET, UnsetType
from starlette.requests import Request

from entrepot.hub.accounts.follows import Account
from entrepot.server.hf.accounts import avatars
from entrepot.wire.accounts.accounts import OrgName, Person

AvatarUrl = Callable[[str], str]
"""A function that returns the URL of the picture of the account with a name."""


def avatar_urls(request: Request) -> AvatarUrl:
    """Return a function that returns the URL of the picture of an account, as this client reaches the hub."""
    return functools.partial(avatars.url_of, request)


def render_person(user: Account, avatar_url: AvatarUrl, role: str | UnsetType = UNSET) -> Person:
    """Return a user in a list of users; ``role`` is that of a member."""
    return Person(uid=user.uid, user=user.name, fullname=user.fullname, avatar_url=avatar_url(user.name), role=role)


def render_people(users: Iterable[Account], avatar_url: AvatarUrl) -> list[Person]:
    """Return a list of users."""
    return [render_person(user, avatar_url) for user in users]


def render_orgs(orgs: Iterable[Account], avatar_url: AvatarUrl) -> list[OrgName]:
    """Return a list of organisations."""
    return [OrgName(org.uid, org.name, org.fullname, avatar_url(org.name)) for org in orgs]
