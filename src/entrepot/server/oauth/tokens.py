"""``POST /oauth/token``: exchange the code of an accepted program, a refresh token, or a job's proof, for tokens.

Source: docs/protocols/oauth.md, sections 2 and 3; RFC 8628, section 3.4; RFC 6749, section 6; RFC 8693.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import OAuthRefused
from entrepot.hub.accounts import devices, oauth_grants
from entrepot.hub.accounts.oauth_grants import IssuedAccess
from entrepot.hub.context import HubContext
from entrepot.hub.sso import token_exchanges
from entrepot.server.handlers import app_state, json_response
from entrepot.server.oauth.oauth_errors import NO_STORE
from entrepot.server.oauth.oauth_forms import read_fields, required
from entrepot.server.threads import line_of
from entrepot.wire.accounts.oauth import AccessResponse

DEVICE_CODE, REFRESH = "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
"""The grant types."""

_ID_TOKENS = ("urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt")
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a kind of token, not a token
_REFUSED = ("audience", "scope", "actor_token")

Grant = Callable[[HubContext, Mapping[str, str]], AccessResponse]
"""Exchanges what the fields of a request present, in a thread."""


async def issue_token(request: Request) -> Response:
    """Serve an access token."""
    fields = await read_fields(request)
    grant = _GRANTS.get(required(fields, "grant_type"))
    if grant is None:
        raise OAuthRefused("unsupported_grant_type", f"this hub supports the grant types {', '.join(_GRANTS)}")
    # A header "Authorization" does not matter: what the fields present is the proof.
    state = app_state(request)
    if grant is _exchange:  # its issuer may have to be asked for its keys
        issued = await state.threads.run_transfer(grant, state.hub, fields, line=line_of(request.scope))
    else:
        issued = await state.threads.run_short(grant, state.hub, fields, line=line_of(request.scope))
    return json_response(issued, headers=NO_STORE)


def _device(hub: HubContext, fields: Mapping[str, str]) -> AccessResponse:
    return _render(devices.poll(hub, required(fields, "client_id"), required(fields, "device_code")))


def _refresh(hub: HubContext, fields: Mapping[str, str]) -> AccessResponse:
    if fields.get("scope"):
        raise OAuthRefused("invalid_scope", "leave the scope out: it cannot be changed")
    client_id, token = required(fields, "client_id"), required(fields, "refresh_token")
    return _render(oauth_grants.refresh_grant(hub, client_id, token))


def _exchange(hub: HubContext, fields: Mapping[str, str]) -> AccessResponse:
    if required(fields, "subject_token_type") not in _ID_TOKENS:
        raise OAuthRefused("invalid_request", f"'subject_token_type' is not {' or '.join(_ID_TOKENS)}")
    if fields.get("requested_token_type", _ACCESS_TOKEN) != _ACCESS_TOKEN:
        raise OAuthRefused("invalid_request", f"'requested_token_type' is not {_ACCESS_TOKEN}")
    for name in _REFUSED:
        if fields.get(name):
            raise OAuthRefused("invalid_request", f"leave '{name}' out: 'resource' says what the token is for")
    made = token_exchanges.exchange(hub, required(fields, "subject_token"), required(fields, "resource"))
    return AccessResponse(access_token=made.secret, expires_in=made.expires_s, issued_token_type=_ACCESS_TOKEN)


def _render(issued: IssuedAccess) -> AccessResponse:
    return AccessResponse(
        access_token=issued.access_token, expires_in=issued.expires_s, refresh_token=issued.refresh_token
    )


_GRANTS: Mapping[str, Grant] = {DEVICE_CODE: _device, REFRESH: _refresh, EXCHANGE: _exchange}
