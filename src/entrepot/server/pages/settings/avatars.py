"""Forms that upload and remove the picture of an account."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.accounts import avatars
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.previews.avatar_images import MAX_BYTES
from entrepot.server import browser_sessions
from entrepot.server.bodies import read_small
from entrepot.server.handlers import app_state, call_hub
from entrepot.server.pages.editing.multipart import boundary_of, fields_of, read_parts
from entrepot.server.pages.forms import Form, answer_form, run_form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute, account_of
from entrepot.server.pages.settings import org_members, profiles
from entrepot.server.pages.settings.org_frame import base_of

_REST = 16 << 10
"""Bytes of a form besides its picture."""


def routes() -> list[PageRoute]:
    """Return the routes of these forms."""
    return [
        PageRoute("/settings/profile/picture", change_own, ["POST"]),
        PageRoute("/settings/profile/picture/remove", remove_own, ["POST"]),
        PageRoute("/organizations/{account}/settings/picture", change_of_org, ["POST"]),
        PageRoute("/organizations/{account}/settings/picture/remove", remove_of_org, ["POST"]),
    ]


async def change_own(request: Request) -> Response:
    """Replace the picture of the visitor."""
    return await _change(request, None)


async def remove_own(request: Request) -> Response:
    """Return to the generated picture of the visitor."""
    return await _remove(request, None)


async def change_of_org(request: Request) -> Response:
    """Replace the picture of an organisation."""
    return await _change(request, account_of(request))


async def remove_of_org(request: Request) -> Response:
    """Return to the generated picture of an organisation."""
    return await _remove(request, account_of(request))


async def _change(request: Request, org: str | None) -> Response:
    """Store the file of a form.

    Raises:
        NotAllowed: the form was not sent by a page of this hub, or belongs to another session.
        LimitExceeded: the file is too large; it is not received.
        as :func:`entrepot.hub.accounts.avatars.check`, before anything is received.
    """
    state = app_state(request)
    browser_sessions.check_origin(request, state.hub)
    boundary = boundary_of(request.headers.get("content-type", ""))
    await call_hub(request, avatars.check, org)
    body = await read_small(request, MAX_BYTES + _REST)
    parts = read_parts(body, boundary)
    form = Form(fields_of(body, parts))
    browser_sessions.check_form_token(request, state.hub, form.text("csrf"))
    files = [part for part in parts if part.filename and part.name == "picture"]

    def act(hub: HubContext, caller: MaybeCaller, _form: Form) -> str:
        if not files:
            raise Malformed("form", "choose a picture")
        avatars.change(hub, caller, org, body[files[0].start : files[0].end])
        return f"{_place(org)}?done=saved"

    return await run_form(request, form, act, lambda hub, caller, form: _page(hub, caller, org, form))


async def _remove(request: Request, org: str | None) -> Response:
    def act(hub: HubContext, caller: MaybeCaller, _form: Form) -> str:
        avatars.remove(hub, caller, org)
        return f"{_place(org)}?done=saved"

    return await answer_form(request, act, lambda hub, caller, form: _page(hub, caller, org, form))


def _place(org: str | None) -> str:
    return "/settings/profile" if org is None else f"{base_of(org)}/general"


def _page(hub: HubContext, caller: MaybeCaller, org: str | None, form: Form) -> WebPage:
    if org is None:
        return profiles.build_profile(hub, caller, form)
    return org_members.build_general(hub, caller, org, form)
