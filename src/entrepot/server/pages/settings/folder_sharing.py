"""The page of a folder for those who own it: with whom it is shared, its name, its description, and its deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import AccountNotFound, Malformed, ThingNotFound
from entrepot.hub import folder_access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folder_lists, folders, grants
from entrepot.hub.folders.folder_lists import FolderQuery
from entrepot.hub.folders.folders import FolderChanges, FolderId, KnownFolder
from entrepot.hub.folders.grants import Subject
from entrepot.names import RepoType
from entrepot.server.handlers import query_int
from entrepot.server.pages.forms import FRESH, Form, answer_form
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler, PageRoute
from entrepot.server.raw_path import decode_segment

ROLES = {"view": "sees and reads", "edit": "also changes"}
"""What each role of a grant allows."""

_BASE = "/-/folders/{type}/{owner}/{folder}"
SHOWN = 100
"""Grants on a page; folders of one type on the page of an account."""

FolderForm = Callable[[HubContext, MaybeCaller, FolderId, Form], str]
"""Runs the use case of a form of a folder; returns the path to go to."""


@attrs.frozen
class FolderLine:
    """A folder in a list. ``path``: the page of its repositories; ``sharing``: that of its grants, for its owners."""

    kind: str
    name: str
    path: str
    is_public: bool
    sharing: str


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        PageRoute(_BASE, show),
        PageRoute(f"{_BASE}/grant", _form(_grant), ["POST"]),
        PageRoute(f"{_BASE}/revoke", _form(_revoke), ["POST"]),
        PageRoute(f"{_BASE}/description", _form(_describe), ["POST"]),
        PageRoute(f"{_BASE}/rename", _form(_rename), ["POST"]),
        PageRoute(f"{_BASE}/delete", _form(_delete, is_slow=True), ["POST"]),
    ]


async def show(request: Request) -> Response:
    """Serve the page of a folder."""
    wanted, after = _folder(request), query_int(request, "cursor", -1, low=-1, high=2**62)
    return await show_page(request, lambda hub, caller: build(hub, caller, wanted, FRESH, after=after))


def build(hub: HubContext, caller: MaybeCaller, wanted: FolderId, form: Form, *, after: int = -1) -> WebPage:
    """Return the page of a folder, with its grants after the one to the account with a row id.

    Raises:
        LoginRequired, NotAllowed, RepoMoved, ThingNotFound: the caller does not own it.
    """
    found = grants.list_grants(hub, caller, wanted, after=after, limit=SHOWN)
    row = folders.show(hub, caller, wanted).row
    values = {
        "form": form,
        "row": row,
        "kind": wanted.type,
        "found": found.items,
        "after": after >= 0,
        "more": "" if found.after is None else str(found.after[1]),
        "roles": ROLES,
        "api": f"/api/folders/{wanted.type.value}/{row.owner}/{row.name}/grants",
        "is_personal": True,
        "base": address_of(wanted.type, row.owner, row.name),
    }
    return WebPage("folder_sharing.html", f"Folder {row.namespace}", values)


def lines_of(
    hub: HubContext, caller: MaybeCaller, owner: str, after: str = ""
) -> tuple[Sequence[FolderLine], str | None]:
    """Return a page of the folders of an account that the caller may see, models first, and where the next one begins.

    Args:
        after: type and name of the last folder of the previous page, as ``model.alice.llm``.
    """
    lines: list[FolderLine] = []
    begin, _, name = after.partition(".")
    words = [kind.value for kind in folder_access.KINDS]
    for kind in folder_access.KINDS[words.index(begin) if begin in words else 0 :]:
        try:
            start = name if kind.value == begin else ""
            page = folder_lists.list_folders(hub, caller, FolderQuery(kind, owner=owner), after=start, limit=SHOWN)
        except AccountNotFound:
            continue
        lines.extend(line_of(item) for item in page.items)
        if page.after is not None:
            return lines, f"{kind.value}.{page.after}"
    return lines, None


def line_of(known: KnownFolder) -> FolderLine:
    """Return a folder as lists show it."""
    row, owns = known.row, known.permission == folder_access.OWN
    sharing = address_of(row.type, row.owner, row.name) if owns else ""
    return FolderLine(row.type.value, row.name, f"/{row.namespace}", row.is_public, sharing)


def address_of(kind: RepoType, owner: str, name: str) -> str:
    """Return the address of the page of a folder."""
    return f"/-/folders/{kind.value}/{owner}/{name}"


def _folder(request: Request) -> FolderId:
    kind, owner, name = (decode_segment(request.path_params[key]) for key in ("type", "owner", "folder"))
    if kind not in {known.value for known in folder_access.KINDS}:
        raise ThingNotFound(f"{kind[:20]} folder", f"{owner}.{name}")
    return FolderId(RepoType(kind), owner, name)


def _form(act: FolderForm, *, is_slow: bool = False) -> PageHandler:
    async def endpoint(request: Request) -> Response:
        wanted = _folder(request)

        def run(hub: HubContext, caller: MaybeCaller, form: Form) -> str:
            return act(hub, caller, wanted, form)

        def again(hub: HubContext, caller: MaybeCaller, form: Form) -> WebPage:
            return build(hub, caller, wanted, form)

        return await answer_form(request, run, again, is_slow=is_slow)

    return endpoint


def _saved(wanted: FolderId) -> str:
    return address_of(wanted.type, wanted.owner, wanted.name) + "?done=saved"


def _subject(form: Form) -> Subject:
    kind, name = form.text("kind"), form.text("name").strip()
    if kind == "public":
        return Subject(is_public=True)
    if kind == "user":
        return Subject(user=name)
    if kind == "org":
        return Subject(org=name)
    raise Malformed("form", "expected kind: user, org or public")


def _grant(hub: HubContext, caller: MaybeCaller, wanted: FolderId, form: Form) -> str:
    grants.grant(hub, caller, wanted, _subject(form), form.text("role"))
    return _saved(wanted)


def _revoke(hub: HubContext, caller: MaybeCaller, wanted: FolderId, form: Form) -> str:
    grants.revoke(hub, caller, wanted, _subject(form))
    return _saved(wanted)


def _describe(hub: HubContext, caller: MaybeCaller, wanted: FolderId, form: Form) -> str:
    changes = FolderChanges(labels=form.lines("labels"), description=form.text("description"))
    folders.change(hub, caller, wanted, changes)
    return _saved(wanted)


def _rename(hub: HubContext, caller: MaybeCaller, wanted: FolderId, form: Form) -> str:
    row = folders.change(hub, caller, wanted, FolderChanges(name=form.text("to").strip())).row
    return address_of(row.type, row.owner, row.name) + "?done=moved"


def _delete(hub: HubContext, caller: MaybeCaller, wanted: FolderId, form: Form) -> str:
    row = folders.show(hub, caller, wanted).row
    if form.text("confirm").strip() != row.namespace:
        raise Malformed("confirmation", f"type {row.namespace} to delete it")
    folders.delete(hub, caller, wanted)
    return f"/{row.owner}?done=deleted"
