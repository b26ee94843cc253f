"""The frame of the administration: shown to administrators of the hub, absent for everyone else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.accounts.confirmations import require_recent
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import RepoRef, parse_any_type, parse_repo_id
from entrepot.server import browser_sessions
from entrepot.server.pages.forms import Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler
from entrepot.server.pages.settings.sections import sections

SECTIONS = (
    ("overview", "Overview"),
    ("users", "Users"),
    ("orgs", "Organisations"),
    ("repos", "Repositories"),
    ("jobs", "Jobs"),
    ("storage", "Storage"),
    ("gc", "Garbage collection"),
    ("scans", "Scans"),
    ("mirrors", "Mirrors"),
    ("audit", "Audit log"),
    ("settings", "Settings"),
    ("health", "Health"),
)
"""Sections of the administration."""

_WITH_API = ("overview", "users", "orgs", "repos", "jobs", "gc", "mirrors", "audit", "settings", "health")
"""Sections whose content the API answers under their name."""

BASE = "/-/admin"
"""The address of the administration."""

AdminPage = Callable[[HubContext, Caller, Form], WebPage]
"""Returns a page of the administration, with a form or a fresh one."""

AdminForm = Callable[[HubContext, Caller, Form], "str | WebPage"]
"""Runs the use case of a form; returns what follows the address of the administration, or a page to show."""


def admin_page(current: str, values: Mapping[str, object]) -> WebPage:
    """Return a page of the administration."""
    title = dict(SECTIONS)[current]
    around = {
        "side_links": sections(BASE, SECTIONS, current),
        "sections_of": "Administration",
        "base": BASE,
        "api": f"/api/admin/{current}" if current in _WITH_API else "",
        "is_personal": True,
        **values,
    }
    return WebPage(f"admin_{current}.html", title, around)


def admin_of(caller: MaybeCaller) -> Caller:
    """Return the caller, who is an administrator of the hub.

    Raises:
        HTTPException: 404, as for every path that nothing serves: they are not.
    """
    if caller is None or not caller.sees_all:
        raise HTTPException(404)
    return caller


async def show_admin(request: Request, build: Callable[[HubContext, Caller], WebPage]) -> Response:
    """Serve a page of the administration.

    Raises:
        HTTPException: as :func:`admin_of`.
    """
    return await show_page(request, lambda hub, caller: build(hub, admin_of(caller)), is_slow=True)


def admin_form(act: AdminForm, page: AdminPage, *, is_grave: bool = False) -> PageHandler:
    """Return the handler of a form of the administration.

    Args:
        is_grave: whether it needs a recent sign-in, because it opens or deletes accounts.
    """

    def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
        return page(hub, admin_of(caller), form)

    async def endpoint(request: Request) -> Response:
        def run(hub: HubContext, caller: MaybeCaller, form: Form) -> str | WebPage:
            admin = admin_of(caller)
            if is_grave:
                require_recent(hub, admin, browser_sessions.secret_of(request.scope, hub))
            done = act(hub, admin, form)
            return done if isinstance(done, WebPage) else f"{BASE}{done}"

        return await answer_form(request, run, again, is_slow=True)

    return endpoint


def repo_in(form: Form) -> RepoRef:
    """Return the repository that the fields ``type`` and ``repo`` of a form name.

    Raises:
        InvalidName: they name none.
    """
    return RepoRef(parse_any_type(form.text("type")), parse_repo_id(form.text("repo").strip()))
