"""The tags in use, sorted by what they say.

Source: hf_api, section 1C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.hub import tags
from entrepot.hub.callers import Anyone
from entrepot.hub.house import Hub
from entrepot.hub.tags import SortedTag
from entrepot.names import RepoType
from entrepot.server.doors import ask, json_answer
from entrepot.server.hf.kinds import each_kind
from entrepot.wire.tags import TagEntry


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return each_kind("/api/{T}-tags-by-type", list_tags, (RepoType.MODEL, RepoType.DATASET))


async def list_tags(request: Request, kind: RepoType) -> Response:
    """GET: every tag of public repositories of a type, by its kind."""
    found = await ask(request, _sorted_tags, kind)
    entries = {
        group: [TagEntry(item.tag, item.label, item.kind, item.count) for item in items]
        for group, items in found.items()
    }
    return json_answer(entries)


def _sorted_tags(hub: Hub, _caller: Anyone, kind: RepoType) -> Mapping[str, Sequence[SortedTag]]:
    return tags.by_kind(hub, kind)
