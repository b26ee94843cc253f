"""Searches by words, and trending repositories.

Source: docs/protocols/hf_api.md, section 1C; the full-text search is specific to this hub.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.repos.infos import RevisionInfo
from entrepot.hub.search import searches
from entrepot.hub.search.searches import QuickResults, SearchHit
from entrepot.names import VERSIONED_TYPES, RepoType, parse_any_type
from entrepot.server.handlers import call_hub, json_response, query_int, query_list
from entrepot.server.hf.accounts.people import AvatarUrl, avatar_urls, render_orgs, render_people
from entrepot.server.hf.repos.repo_json import render_infos, usual_properties
from entrepot.wire.searches import QuickRepo, QuickSearchResponse, TextHit, TextSearchResponse, Trending, TrendingRepo
from entrepot.wire.times import format_ms

_PAGE = 100


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route("/api/quicksearch", propose),
        Route("/api/trending", show_trending),
        Route("/api/search/full-text", find_text),
    ]


async def propose(request: Request) -> Response:
    """Serve the suggestions of a search box for ``q``."""
    words = request.query_params.get("q", "")
    found = await call_hub(
        request, searches.quick, words, _kinds(request), limit=query_int(request, "limit", 5, low=1, high=20)
    )
    return json_response(render_quick(words, found, avatar_urls(request)))


async def show_trending(request: Request) -> Response:
    """Serve the repositories with the most activity in the last seven days."""
    limit = query_int(request, "limit", 10, low=1, high=20)
    found = await call_hub(request, searches.trending, _kinds(request), limit=limit)
    return json_response(Trending(recently_trending=[_render_trending(info) for info in found]))


async def find_text(request: Request) -> Response:
    """Serve repositories whose name, tags or card contain all words of ``q``, best match first."""
    skip = query_int(request, "skip", 0, low=0, high=searches.MAX_SKIP)
    limit = query_int(request, "limit", 20, low=1, high=_PAGE)
    words = request.query_params.get("q", "")
    found = await call_hub(request, searches.full_text, words, _kinds(request), skip=skip, limit=limit)
    hits = [_render_hit(item) for item in found.items]
    return json_response(TextSearchResponse(hits=hits, total=found.total, skip=skip, limit=limit))


def render_quick(words: str, found: QuickResults, avatar_url: AvatarUrl) -> QuickSearchResponse:
    """Return the suggestions of a search box."""

    def shown(kind: RepoType) -> list[QuickRepo]:
        rows = found.repos.get(kind, ())
        return [
            QuickRepo(uid=row.uid, id=str(row.ref.id), private=row.is_private, trending_weight=row.trending)
            for row in rows
        ]

    return QuickSearchResponse(
        q=words,
        models=shown(RepoType.MODEL),
        models_count=found.counts.get(RepoType.MODEL, 0),
        datasets=shown(RepoType.DATASET),
        datasets_count=found.counts.get(RepoType.DATASET, 0),
        spaces=shown(RepoType.SPACE),
        spaces_count=found.counts.get(RepoType.SPACE, 0),
        orgs=render_orgs(found.orgs, avatar_url),
        users=render_people(found.users, avatar_url),
    )


def mark(snippet: str) -> str:
    """Return a snippet as HTML: text of the card is escaped, found words are in ``<em>``."""
    return html.escape(snippet).replace(searches.BEGIN, "<em>").replace(searches.END, "</em>")


def _render_hit(item: SearchHit) -> TextHit:
    row = item.hit.row
    return TextHit(
        repo_type=row.type.value,
        repo_id=str(row.ref.id),
        snippet=mark(item.hit.snippet),
        tags=item.tags,
        private=row.is_private,
        likes=row.likes,
        downloads=row.downloads,
        last_modified=format_ms(row.updated_ms),
    )


def _render_trending(full: RevisionInfo) -> TrendingRepo:
    kind = full.info.row.type
    hidden = {"siblings", "cardData", "config"}
    return TrendingRepo(repo_type=kind.value, repo_data=render_infos([full], usual_properties(kind) - hidden)[0])


def _kinds(request: Request) -> Sequence[RepoType]:
    """Return the requested repository types, each once; all types with commits if none is named."""
    named = (parse_any_type(word) for word in query_list(request, "type") if word != "all")
    return list(dict.fromkeys(named)) or list(VERSIONED_TYPES)
