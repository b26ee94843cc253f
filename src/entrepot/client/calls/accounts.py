"""Calls about the caller, users and organisations. Source: docs/protocols/hf_api.md, sections 1A.1 and 1C."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

from entrepot.client.calls import FORM, Call, ResultPage, json_as, page_of, pairs, segment, without_nulls
from entrepot.wire.accounts.accounts import OrgOverview, Person, UserOverview, WhoAmI
from entrepot.wire.accounts.oauth import AccessResponse, DeviceAuthorization
from entrepot.wire.repos.repositories import StoredRepo

_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_PEOPLE = page_of(without_nulls(list[Person]))


def begin_device(client_id: str) -> Call[DeviceAuthorization]:
    """Build the call that asks for the codes of a login with a browser; every call makes new ones."""
    body = urllib.parse.urlencode({"client_id": client_id}).encode("ascii")
    read = json_as(DeviceAuthorization)
    return Call("POST", "/oauth/device", read, body=body, media_type=FORM, subject="the login", is_authorized=False)


def exchange_device(client_id: str, device_code: str) -> Call[AccessResponse]:
    """Build the call that exchanges the code of a login for a token, once a person has accepted it."""
    fields = {"grant_type": _DEVICE, "client_id": client_id, "device_code": device_code}
    body, read = urllib.parse.urlencode(fields).encode("ascii"), json_as(AccessResponse)
    return Call("POST", "/oauth/token", read, body=body, media_type=FORM, subject="the login", is_authorized=False)


def whoami() -> Call[WhoAmI]:
    """Build the call that returns the owner of the token."""
    return Call("GET", "/api/whoami-v2", without_nulls(WhoAmI), subject="your account")


def whoami_document() -> Call[Mapping[str, Any]]:
    """Build the call of :func:`whoami` that returns the whole JSON object, including keys of this hub alone."""
    return Call("GET", "/api/whoami-v2", json_as(dict[str, Any]), subject="your account")


def user(name: str) -> Call[UserOverview]:
    """Build the call that returns the profile of a user."""
    return Call("GET", f"/api/users/{segment(name)}/overview", without_nulls(UserOverview), subject=f"user {name}")


def org(name: str) -> Call[OrgOverview]:
    """Build the call that returns the profile of an organisation."""
    path = f"/api/organizations/{segment(name)}/overview"
    return Call("GET", path, without_nulls(OrgOverview), subject=f"organisation {name}")


def followers(name: str) -> Call[ResultPage[Person]]:
    """Build the call that lists the followers of a user."""
    return Call("GET", f"/api/users/{segment(name)}/followers", _PEOPLE, subject=f"user {name}")


def following(name: str) -> Call[ResultPage[Person]]:
    """Build the call that lists the users whom a user follows."""
    return Call("GET", f"/api/users/{segment(name)}/following", _PEOPLE, subject=f"user {name}")


def members(org_name: str) -> Call[ResultPage[Person]]:
    """Build the call that lists the members of an organisation."""
    path = f"/api/organizations/{segment(org_name)}/members"
    return Call("GET", path, _PEOPLE, subject=f"organisation {org_name}")


def org_followers(org_name: str) -> Call[ResultPage[Person]]:
    """Build the call that lists the followers of an organisation."""
    path = f"/api/organizations/{segment(org_name)}/followers"
    return Call("GET", path, _PEOPLE, subject=f"organisation {org_name}")


def storage(org_name: str | None = None) -> Call[ResultPage[StoredRepo]]:
    """Build the call that lists the repositories of an organisation (None: the caller) with their storage in bytes."""
    owner = f"/organizations/{segment(org_name)}" if org_name is not None else ""
    subject = f"organisation {org_name}" if org_name is not None else "your repositories"
    return Call("GET", f"/api{owner}/settings/repositories", page_of(without_nulls(list[StoredRepo])), subject=subject)


def tags_by_type(kind: str) -> Call[Mapping[str, Any]]:
    """Build the call that returns all tags of ``models`` or ``datasets``, grouped by type as the hub lists them."""
    return Call("GET", f"/api/{segment(kind)}-tags-by-type", json_as(dict[str, Any]), query=pairs())
