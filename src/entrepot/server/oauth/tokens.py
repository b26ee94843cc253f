"""``POST /oauth/token``: exchange the code of an accepted program, or a refresh token, for tokens.

Source: docs/protocols/oauth.md, section 2; RFC 8628, section 3.4; RFC 6749, section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import OAuthRefused
from entrepot.hub.accounts import devices, oauth_grants
from entrepot.hub.accounts.oauth_grants import IssuedAccess
from entrepot.hub.context import HubContext
from entrepot.server.handlers import app_state, json_response
from entrepot.server.oauth.oauth_errors import NO_STORE
from entrepot.server.oauth.oauth_forms import read_fields, required
from entrepot.server.threads import line_of
from entrepot.wire.accounts.oauth import AccessResponse

DEVICE_CODE, REFRESH = "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"
"""The grant types."""

Grant = Callable[[HubContext, Mapping[str, str]], AccessResponse]
"""Exchanges what the fields of a request present, in a thread."""


async def issue_token(request: Request) -> Response:
    """Serve an access token."""
    fields = await read_fields(request)
    grant = _GRANTS.get(required(fields, "grant_type"))
    if grant is None:
        raise OAuthRefused("unsupported_grant_type", f"this hub knows the grant types {', '.join(_GRANTS)}")
    # A header "Authorization" does not matter: what the fields present is the proof.
    state = app_state(request)
    issued = await state.threads.run_short(grant, state.hub, fields, line=line_of(request.scope))
    return json_response(issued, headers=NO_STORE)


def _device(hub: HubContext, fields: Mapping[str, str]) -> AccessResponse:
    return _render(devices.poll(hub, required(fields, "client_id"), required(fields, "device_code")))


def _refresh(hub: HubContext, fields: Mapping[str, str]) -> AccessResponse:
    if fields.get("scope"):
        raise OAuthRefused("invalid_scope", "leave the scope out: it cannot be changed")
    client_id, token = required(fields, "client_id"), required(fields, "refresh_token")
    return _render(oauth_grants.refresh_grant(hub, client_id, token))


def _render(issued: IssuedAccess) -> AccessResponse:
    return AccessResponse(
        access_token=issued.access_token, expires_in=issued.expires_s, refresh_token=issued.refresh_token
    )


_GRANTS: Mapping[str, Grant] = {DEVICE_CODE: _device, REFRESH: _refresh}
