"""Repositories searched: pages of models, datasets and spaces.

Source: docs/protocols/hf_api.md, sections 1A.3, 4.1 and 4.4.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import Malformed
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import Search
from entrepot.names import RepoType
from entrepot.server.handlers import call_hub, call_hub_slow, flag, json_response, many, number
from entrepot.server.hf.pages import after_of, link_to
from entrepot.server.hf.repos.repo_json import read_expand, render_infos, usual_properties
from entrepot.server.hf.type_routes import each_kind

PAGE, FULL_PAGE = 1000, 100
"""Repositories on a page, at most; fewer when their files are listed too."""

USUAL_PAGE = 200
"""Repositories on a page when nobody says how many: what is answered in 20 ms."""

SORTS = {
    "lastModified": "lastModified",
    "last_modified": "lastModified",
    "createdAt": "createdAt",
    "created_at": "createdAt",
    "trendingScore": "trending",
    "trending_score": "trending",
    "downloads": "downloads",
    "likes": "likes",
}
"""Words of ``sort``, and the order each stands for; without one, the newest change comes first."""

_AS_TAGS = {
    RepoType.MODEL: {
        "apps": "apps",
        "inference": "inference",
        "inference_provider": "inference_provider",
        "num_parameters": "num_parameters",
    },
    RepoType.DATASET: {},
    RepoType.SPACE: {"models": "model", "datasets": "dataset"},
}
"""Conditions that hold if a repository has the tag ``prefix:value``.

Spaces get such tags from their cards. What models need to run, and where they
do, this hub does not know: nothing is found unless a card's own tags say so.
"""


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return each_kind("/api/{T}", find)


async def find(request: Request, kind: RepoType) -> Response:
    """GET: one page of the repositories that meet every condition and that the caller may see."""
    properties = read_expand(request, kind) or _properties(request, kind)
    with_files = "siblings" in properties
    wanted = read_search(request, kind, FULL_PAGE if with_files else PAGE)
    call = call_hub_slow if with_files else call_hub
    found = await call(
        request, infos.search, wanted, with_files=with_files, with_totals="downloadsAllTime" in properties
    )
    return json_response(render_infos(found.infos, properties), headers=link_to(request, found.after))


def read_search(request: Request, kind: RepoType, page: int) -> Search:
    """What the query of a request asks for.

    Args:
        page: the most repositories to list at once.

    Raises:
        Malformed: a parameter has an unknown value.
    """
    query = request.query_params
    tags = [f"{prefix}:{value}" for key, prefix in _AS_TAGS[kind].items() for value in many(request, key)]
    return Search(
        kind,
        author=query.get("author") or None,
        terms=tuple(word for text in many(request, "search") for word in text.split()),
        text=_text(query.get("text")),
        tags=(*many(request, "filter"), *tags),
        any_prefix=("model:", "dataset:") if kind is RepoType.SPACE and flag(request, "linked") else (),
        pipeline_tag=query.get("pipeline_tag") or None,
        gated=flag(request, "gated") if query.get("gated") else None,
        sort=_sort(query.get("sort")),
        is_ascending=query.get("direction") == "1",
        after=after_of(request),
        limit=number(request, "limit", min(page, USUAL_PAGE), low=1, high=page),
    )


def _properties(request: Request, kind: RepoType) -> frozenset[str]:
    """What a list shows when ``expand`` is not used: files, cards and configurations only on request."""
    is_full = flag(request, "full")
    hidden = {"siblings"} if not is_full else set()
    if not flag(request, "cardData") and not (is_full and kind is not RepoType.MODEL):
        hidden |= {"cardData", "model-index", "widgetData"}
    if not flag(request, "config"):
        hidden.add("config")
    return usual_properties(kind) - hidden


def _text(words: str | None) -> str | None:
    """What ``text`` looks for in names, tags and cards; the search for nothing finds everything."""
    return infos.query_of(words) if words else None


def _sort(word: str | None) -> str:
    if word and word not in SORTS:
        raise Malformed("parameter 'sort'", f"expected one of {', '.join(SORTS)}")
    return SORTS[word or "lastModified"]
