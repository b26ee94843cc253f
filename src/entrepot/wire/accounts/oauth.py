"""JSON of the OAuth endpoints. Source: docs/protocols/oauth.md, sections 1 and 2; RFC 8628; RFC 6749."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class DeviceAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    """Response of ``POST /oauth/device``; times are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class AccessResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Response of ``POST /oauth/token``."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the kind of token, not a token
    expires_in: int
    refresh_token: str | UnsetType = UNSET
    issued_token_type: str | UnsetType = UNSET


class OAuthFailure(msgspec.Struct, frozen=True):
    """An error: a word for programs, and a sentence for people."""

    error: str
    error_description: str
