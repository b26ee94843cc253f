"""Pages that create a repository, one for each type."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.callers import Caller, MaybeCaller, Role, require_login
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.server.pages.forms import Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler, PageRoute
from entrepot.server.pages.rows import ICONS

PATHS = {RepoType.MODEL: "/new", RepoType.DATASET: "/new-dataset", RepoType.SPACE: "/new-space"}
"""The page of each type."""

LICENCES = (
    "apache-2.0",
    "mit",
    "bsd-3-clause",
    "gpl-3.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc0-1.0",
    "other",
)
"""Licences that the form proposes; any other identifier may be typed."""

SDKS = ("static", "gradio", "streamlit", "docker")

_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}", re.ASCII)


def routes() -> list[PageRoute]:
    """Return the routes of these pages."""
    return [
        route
        for kind, path in PATHS.items()
        for route in (PageRoute(path, _showing(kind)), PageRoute(path, _creating(kind), ["POST"]))
    ]


def build_new_repo(hub: HubContext, caller: MaybeCaller, kind: RepoType, form: Form) -> WebPage:
    """Return the form of a new repository.

    Raises:
        LoginRequired: the visitor has not signed in.
    """
    known = require_login(caller)
    values = {
        "section": kind.plural,
        "kind": kind.value,
        "icon_name": ICONS[kind.value],
        "action": PATHS[kind],
        "owners": owners_of(known),
        "owner": form.text("owner", known.account.name),
        "licences": LICENCES,
        "sdks": SDKS if kind.kind.has_sdk else (),
        "default": hub.settings.default_visibility,
        "form": form,
    }
    return WebPage("new_repo.html", f"New {kind.value}", values)


def owners_of(caller: Caller, role: Role = Role.CONTRIBUTOR) -> Sequence[str]:
    """Return an account and the organisations in which it has a role, by default the one that creates repositories."""
    return [caller.account.name, *caller.orgs_with(role)]


def _showing(kind: RepoType) -> PageHandler:
    async def show(request: Request) -> Response:
        fields = {"owner": [request.query_params["owner"]]} if "owner" in request.query_params else {}
        return await show_page(request, lambda hub, caller: build_new_repo(hub, caller, kind, Form(fields)))

    return show


def _creating(kind: RepoType) -> PageHandler:
    def act(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
        licence = form.text("licence").strip()
        if licence and not _LICENCE.fullmatch(licence):
            raise Malformed("licence", "use its identifier, such as apache-2.0, or leave it empty")
        row = repositories.create(
            hub,
            caller,
            NewRepo(
                kind,
                form.text("name").strip(),
                form.text("owner").strip() or None,
                form.text("visibility") or None,
                (form.text("sdk") or None) if kind.kind.has_sdk else None,
                licence or None,
                description=form.text("description").strip(),
            ),
        )
        return f"/{row.ref.path}?done=created"

    async def create(request: Request) -> Response:
        return await answer_form(request, act, lambda hub, caller, form: build_new_repo(hub, caller, kind, form))

    return create
