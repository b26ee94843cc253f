"""Lists of repositories: pages of models, datasets and spaces that match a search.

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
from entrepot.server.handlers import call_hub, call_hub_slow, json_response, query_flag, query_int, query_list
from entrepot.server.hf.pages import after_of, link_to
from entrepot.server.hf.repos.repo_json import complete, read_expand, render_infos, usual_properties
from entrepot.server.hf.type_routes import each_kind

PAGE, FULL_PAGE = 1000, 100
"""Maximum number of repositories on a page; fewer if their files are also listed."""

USUAL_PAGE = 200
"""Default number of repositories on a page; served in 20 ms."""

SORTS = {
    "lastModified": "lastModified",
    "last_modified": "lastModified",
    "createdAt": "createdAt",
    "created_at": "createdAt",
    "trendingScore": "trending",
    "trending_score": "trending",
    "downloads": "downloads",
    "likes": "likes",
    "likes7d": "trending",
    "likes30d": "trending",
    "size": "size",
    "mainSize": "size",
}
"""Values of ``sort`` and their orders; the default is the most recent change first.

Clients also know names of other hubs: recent likes are what the trending score
is made of, and the size of ``main`` is nearest to that of a repository.
"""

MAX_SKIP = 10_000
"""How many repositories a client may skip; longer lists are read with the link to the next page."""

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

Spaces get such tags from their cards. This hub does not know what models need
to run or where they run: only a card's own tags match.
"""


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return each_kind("/api/{T}", find)


async def find(request: Request, kind: RepoType) -> Response:
    """Serve one page of the repositories that match every condition and that the caller may see."""
    properties = read_expand(request, kind) or _properties(request, kind)
    with_files = "siblings" in properties
    wanted = read_search(request, kind, FULL_PAGE if with_files else PAGE)
    call = call_hub_slow if with_files else call_hub
    found = await call(
        request, infos.search, wanted, with_files=with_files, with_totals="downloadsAllTime" in properties
    )
    full = await complete(request, found.infos, properties)
    return json_response(render_infos(full, properties), headers=link_to(request, found.after, without=("skip",)))


def read_search(request: Request, kind: RepoType, page: int) -> Search:
    """Return the search described by the query of a request.

    Args:
        page: maximum number of repositories on a page.

    Raises:
        Malformed: a parameter has an unknown value.
    """
    query = request.query_params
    tags = [f"{prefix}:{value}" for key, prefix in _AS_TAGS[kind].items() for value in query_list(request, key)]
    return Search(
        kind,
        author=query.get("author") or None,
        terms=tuple(word for text in query_list(request, "search") for word in text.split()),
        text=_text(query.get("text")),
        tags=(*query_list(request, "filter"), *tags),
        any_prefix=("model:", "dataset:") if kind is RepoType.SPACE and query_flag(request, "linked") else (),
        pipeline_tag=query.get("pipeline_tag") or None,
        gated=query_flag(request, "gated") if query.get("gated") else None,
        archived=query_flag(request, "archived") if query.get("archived") else None,
        sort=_sort(query.get("sort")),
        is_ascending=query.get("direction") == "1",
        after=after_of(request),
        skip=query_int(request, "skip", 0, low=0, high=MAX_SKIP),
        limit=query_int(request, "limit", min(page, USUAL_PAGE), low=1, high=page),
    )


def _properties(request: Request, kind: RepoType) -> frozenset[str]:
    """Return the properties of a list without ``expand``: files, cards and configurations only on request."""
    is_full = query_flag(request, "full")
    hidden = {"siblings"} if not is_full else set()
    if not query_flag(request, "cardData") and not (is_full and kind is not RepoType.MODEL):
        hidden |= {"cardData", "model-index", "widgetData"}
    if not query_flag(request, "config"):
        hidden.add("config")
    return usual_properties(kind) - hidden


def _text(words: str | None) -> str | None:
    """Parse ``text``, the words to find in names, tags and cards; an empty search matches everything."""
    return infos.query_of(words) if words else None


def _sort(word: str | None) -> str:
    if word and word not in SORTS:
        raise Malformed("parameter 'sort'", f"expected one of {', '.join(SORTS)}")
    return SORTS[word or "lastModified"]
