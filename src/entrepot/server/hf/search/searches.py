"""Looking for words, and for what has attention.

Source: docs/protocols/hf_api.md, section 1C; the full-text search is this hub's own.
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
from entrepot.names import RepoType, parse_repo_type
from entrepot.server.handlers import call_hub, json_response, many, number
from entrepot.server.hf.repos.repo_json import render_infos, usual_properties
from entrepot.wire.accounts.accounts import OrgName, Person
from entrepot.wire.searches import QuickRepo, QuickSearchResponse, TextHit, TextSearchResponse, Trending, TrendingRepo
from entrepot.wire.times import format_ms

_PAGE = 100


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [
        Route("/api/quicksearch", propose),
        Route("/api/trending", show_trending),
        Route("/api/search/full-text", find_text),
    ]


async def propose(request: Request) -> Response:
    """GET: what a search box proposes for ``q``."""
    words = request.query_params.get("q", "")
    found = await call_hub(
        request, searches.quick, words, _kinds(request), limit=number(request, "limit", 5, low=1, high=20)
    )
    return json_response(render_quick(words, found))


async def show_trending(request: Request) -> Response:
    """GET: what has had most attention in the last seven days."""
    limit = number(request, "limit", 10, low=1, high=20)
    found = await call_hub(request, searches.trending, _kinds(request), limit=limit)
    return json_response(Trending(recently_trending=[_render_trending(info) for info in found]))


async def find_text(request: Request) -> Response:
    """GET: repositories in whose name, tags or card all words of ``q`` are, the best first."""
    skip = number(request, "skip", 0, low=0, high=searches.MAX_SKIP)
    limit = number(request, "limit", 20, low=1, high=_PAGE)
    words = request.query_params.get("q", "")
    found = await call_hub(request, searches.full_text, words, _kinds(request), skip=skip, limit=limit)
    hits = [_render_hit(item) for item in found.items]
    return json_response(TextSearchResponse(hits=hits, total=found.total, skip=skip, limit=limit))


def render_quick(words: str, found: QuickResults) -> QuickSearchResponse:
    """What a search box proposes."""

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
        orgs=[OrgName(org.uid, org.name, org.fullname) for org in found.orgs],
        users=[Person(uid=user.uid, user=user.name, fullname=user.fullname) for user in found.users],
    )


def mark(snippet: str) -> str:
    """A snippet as HTML: nothing of the card is markup, and the words that were found stand in ``<em>``."""
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
    """The types that a request asks for, each once; all of them when it names none."""
    named = (parse_repo_type(word) for word in many(request, "type") if word != "all")
    return list(dict.fromkeys(named)) or list(RepoType)
