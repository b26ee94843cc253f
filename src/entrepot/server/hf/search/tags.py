"""The tags in use, grouped by kind.

Source: docs/protocols/hf_api.md, section 1C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.search import tags
from entrepot.hub.search.tags import SortedTag
from entrepot.names import RepoType
from entrepot.server.handlers import call_hub, json_response
from entrepot.server.hf.type_routes import each_kind
from entrepot.wire.repos.tags import TagEntry


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return each_kind("/api/{T}-tags-by-type", list_tags, (RepoType.MODEL, RepoType.DATASET))


async def list_tags(request: Request, kind: RepoType) -> Response:
    """Serve the tags of public repositories of a type, grouped by kind."""
    found = await call_hub(request, _sorted_tags, kind)
    entries = {
        group: [TagEntry(item.tag, item.label, item.kind, item.count) for item in items]
        for group, items in found.items()
    }
    return json_response(entries)


def _sorted_tags(hub: HubContext, _caller: MaybeCaller, kind: RepoType) -> Mapping[str, Sequence[SortedTag]]:
    return tags.by_kind(hub, kind)
