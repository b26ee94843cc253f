"""Users and organisations in lists, with their pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from msgspec import UNSET, UnsetType
from starlette.requests import Request

from entrepot.hub.accounts.follows import Account
from entrepot.server.hf.accounts import avatars
from entrepot.wire.accounts.accounts import OrgName, Person

Picture = Callable[[str], str]
"""Returns the URL of the picture of an account by its name."""


def pictures_of(request: Request) -> Picture:
    """Return a function that returns the URL of the picture of an account, as this client reaches the hub."""
    return functools.partial(avatars.url_of, request)


def render_person(user: Account, picture: Picture, role: str | UnsetType = UNSET) -> Person:
    """Return a user in a list of users; ``role`` is that of a member."""
    return Person(uid=user.uid, user=user.name, fullname=user.fullname, avatar_url=picture(user.name), role=role)


def render_people(users: Iterable[Account], picture: Picture) -> list[Person]:
    """Return a list of users."""
    return [render_person(user, picture) for user in users]


def render_orgs(orgs: Iterable[Account], picture: Picture) -> list[OrgName]:
    """Return a list of organisations."""
    return [OrgName(org.uid, org.name, org.fullname, picture(org.name)) for org in orgs]
