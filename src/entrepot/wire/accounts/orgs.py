"""Organisations in JSON, as their administrators manage them: this hub's own routes."""

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
    """An organisation for its members; ``defaultVisibility`` null is the hub's setting."""

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
    """An invitation that waits for an answer; ``invitedBy`` null has gone since."""

    id: str
    org: str
    user: str
    role: str
    invited_by: str | None
    created_at: str
    expires_at: str
