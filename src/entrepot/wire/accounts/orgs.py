"""JSON of organisation settings, members and invitations; these routes are an extension of this hub."""

from __future__ import annotations

import msgspec


class NewOrganization(msgspec.Struct, rename="camel"):
    """Body of ``POST /api/organizations/create``."""

    name: str
    fullname: str | None = None
    default_visibility: str | None = None


class OrgEdits(msgspec.Struct, rename="camel"):
    """Body of ``PUT /api/organizations/{name}/settings``; ``defaultVisibility`` may be ``default``."""

    fullname: str | None = None
    details: str | None = None
    default_visibility: str | None = None


class OrgSettings(msgspec.Struct, rename={"uid": "_id", "default_visibility": "defaultVisibility"}, kw_only=True):
    """An organisation as its members see it; ``defaultVisibility`` null means the hub's setting."""

    uid: str
    name: str
    fullname: str
    details: str | None
    default_visibility: str | None


class RoleChange(msgspec.Struct):
    """Body of ``PUT /api/organizations/{name}/members/{user}/role``."""

    role: str


class NewInvitation(msgspec.Struct):
    """Body of ``POST /api/organizations/{name}/invitations``."""

    user: str
    role: str = "read"


class InvitationInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A pending invitation."""

    id: str
    org: str
    user: str
    role: str
    invited_by: str
    created_at: str
    expires_at: str
