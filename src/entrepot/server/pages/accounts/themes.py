"""The choice between the light and the dark theme, and that of the system; a cookie keeps it, without a session too."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state
from entrepot.server.pages.forms import go_to, read_form, safe_target
from entrepot.server.pages.frames import THEME_COOKIE, THEMES
from entrepot.server.pages.routing import PageRoute
from entrepot.server.public_urls import path_prefix

_LIFETIME_S = 365 * 86_400
_MAX_FORM = 16 << 10


def routes() -> list[PageRoute]:
    """Return the route of this form."""
    return [PageRoute("/-/theme", choose, ["POST"], sets_up_factor=True)]


async def choose(request: Request) -> Response:
    """Keep the choice in the browser, and redirect to the page.

    Raises:
        NotAllowed: the form was not sent by a page of this hub.
        Malformed: the theme is unknown.
    """
    hub = app_state(request).hub
    browser_sessions.check_origin(request, hub)
    fields = await read_form(request, _MAX_FORM)
    theme, root = fields.text("theme"), path_prefix(hub.settings)
    if theme not in (*THEMES, "system"):
        raise Malformed("form", f"expected theme: {', '.join(THEMES)} or system")
    life = _LIFETIME_S if theme in THEMES else 0
    secure = "; Secure" if browser_sessions.is_https(request.scope, hub) else ""
    cookie = f"{THEME_COOKIE}={theme}; Path={root or '/'}; Max-Age={life}; SameSite=Lax{secure}"
    came_from = urlsplit(request.headers.get("referer", ""))
    target = safe_target(f"{came_from.path}?{came_from.query}".rstrip("?"), root)
    return go_to(request, target.removeprefix(root), {"set-cookie": cookie})
