"""Administration: the mirrors for git clients on this server."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import mirror_overviews
from entrepot.hub.jobs.mirror_overviews import MAX_SHOWN
from entrepot.server.pages.admin.guards import BASE, admin_form, admin_page, repo_in, show_admin
from entrepot.server.pages.forms import FRESH, Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute
from entrepot.server.pages.rows import ICONS


def routes() -> list[PageRoute]:
    """Return the routes of this page and its form."""
    return [
        PageRoute(f"{BASE}/mirrors", show_mirrors),
        PageRoute(f"{BASE}/mirrors/repack", admin_form(_request_repack, build_mirrors), ["POST"]),
    ]


async def show_mirrors(request: Request) -> Response:
    """Serve the mirrors that were used last."""
    return await show_admin(request, lambda hub, caller: build_mirrors(hub, caller, FRESH))


def build_mirrors(hub: HubContext, caller: Caller, form: Form) -> WebPage:
    """Return the page of mirrors.

    Raises:
        NotAllowed: the caller is not an administrator of the hub.
    """
    values = {
        "form": form,
        "found": mirror_overviews.list_mirrors(hub, caller),
        "icons": ICONS,
        "most": MAX_SHOWN,
        "limit": hub.settings.git_cache_bytes,
    }
    return admin_page("mirrors", values)


def _request_repack(hub: HubContext, caller: Caller, form: Form) -> str:
    mirror_overviews.request_repack(hub, caller, repo_in(form))
    return "/mirrors?done=saved"
