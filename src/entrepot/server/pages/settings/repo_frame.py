"""The frame of the settings of a repository, which only those see who may write to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import repo_rights
from entrepot.names import RepoRef
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.repo_headers import describe_repo
from entrepot.server.pages.routing import RepoPageHandler
from entrepot.server.pages.settings.sections import sections

SECTIONS = (
    ("general", "General"),
    ("access", "Access"),
    ("branches", "Branches and tags"),
    ("publishers", "Publishers"),
    ("delete", "Delete"),
)
"""Sections of the settings of a repository."""

_ARCHIVED = tuple(section for section in SECTIONS if section[0] in ("general", "access"))
"""Those in which something can be changed of an archived repository."""

RepoForm = Callable[[HubContext, MaybeCaller, RepoRef, Form], str]
"""Runs the use case of a form of a repository; returns what follows its settings in the address to go to."""

RepoFormPage = Callable[[HubContext, MaybeCaller, RepoRef, Form], WebPage]
"""Returns the page of a form of a repository."""


def repo_settings_page(
    hub: HubContext, caller: MaybeCaller, ref: RepoRef, current: str, values: Mapping[str, object]
) -> WebPage:
    """Return a page of the settings of a repository; ``row`` is among its values.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    repo_rights.check_manage(hub, caller, ref)
    header, may = describe_repo(hub, caller, ref)
    around = {
        "section": may.row.type.plural,
        "repo": header,
        "tab": "settings",
        "row": may.row,
        "side_links": sections(f"/{header.path}/settings", _ARCHIVED if header.is_archived else SECTIONS, current),
        "sections_of": "Settings",
        "base": f"/{header.path}/settings",
        **values,
    }
    return WebPage(f"repo_settings_{current}.html", f"{dict(SECTIONS)[current]} · {header.id}", around)


def show_repo(build: RepoFormPage) -> RepoPageHandler:
    """Return the handler of a page of a repository's settings, with fresh forms."""

    async def endpoint(request: Request, ref: RepoRef) -> Response:
        return await show_page(request, lambda hub, caller: build(hub, caller, ref, FRESH))

    return endpoint


def repo_form(act: RepoForm, page: RepoFormPage, *, is_slow: bool = False) -> RepoPageHandler:
    """Return the handler of a form of a repository's settings."""

    async def endpoint(request: Request, ref: RepoRef) -> Response:
        def run(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
            return f"/{ref.path}/settings{act(hub, caller, ref, form)}"

        return await answer_form(request, run, lambda hub, caller, form: page(hub, caller, ref, form), is_slow=is_slow)

    return endpoint
