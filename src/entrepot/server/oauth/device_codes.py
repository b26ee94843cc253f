"""``POST /oauth/device``: start the sign-in of a program, which a user accepts on a page of the hub.

Source: docs/protocols/oauth.md, section 1; RFC 8628, section 3.2.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import OAuthRefused
from entrepot.hub.accounts import devices
from entrepot.hub.accounts.devices import DeviceOrigin
from entrepot.server.client_addresses import client_address
from entrepot.server.handlers import app_state, base_url, json_response
from entrepot.server.oauth.oauth_errors import NO_STORE
from entrepot.server.oauth.oauth_forms import read_fields, required
from entrepot.server.threads import line_of
from entrepot.wire.accounts.oauth import DeviceAuthorization

PAGE = "/-/device"
"""The path of the page on which a user accepts a program."""


async def authorise_device(request: Request) -> Response:
    """Serve a code for the program, one for its user, and the address of the page."""
    fields = await read_fields(request)
    client_id = required(fields, "client_id")
    if fields.get("scope"):
        raise OAuthRefused("invalid_scope", "leave the scope out: a program signs in as its user, with all rights")
    page, origin = base_url(request) + PAGE, _origin(request)
    state = app_state(request)
    begun = await state.threads.run_short(devices.begin, state.hub, client_id, origin, line=line_of(request.scope))
    answer = DeviceAuthorization(
        device_code=begun.device_code,
        user_code=begun.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?user_code={begun.user_code}",
        expires_in=devices.LIFETIME_MS // 1000,
        interval=devices.INTERVAL_S,
    )
    return json_response(answer, headers=NO_STORE)


def _origin(request: Request) -> DeviceOrigin:
    address = client_address(request.scope, app_state(request).hub.settings)
    return DeviceOrigin(request.scope["state"].get("network", b""), address)
