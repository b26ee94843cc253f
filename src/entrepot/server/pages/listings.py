"""Lists of models, datasets and spaces, with filters; their queries are those of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import infos
from entrepot.hub.search.tags import SortedTag
from entrepot.names import VERSIONED_TYPES, RepoType
from entrepot.server.handlers import app_state
from entrepot.server.hf.pages import render_cursor
from entrepot.server.hf.repos.repo_lists import read_search
from entrepot.server.pages.frames import WebPage, show_page
from entrepot.server.pages.routing import PageHandler, PageRoute
from entrepot.server.pages.rows import repo_rows

PAGE = 30
"""Repositories on a page."""

MAX_COUNTED = 500
"""Maximum number of matches that a list counts; beyond it, the list shows this number and a plus sign."""

SORTS = (
    ("trendingScore", "Trending"),
    ("downloads", "Most downloads"),
    ("likes", "Most likes"),
    ("lastModified", "Recently updated"),
    ("createdAt", "Recently created"),
    ("size", "Largest"),
)
_GROUPS = (
    ("pipeline_tag", "Task"),
    ("library", "Library"),
    ("task_categories", "Task"),
    ("license", "Licence"),
    ("language", "Language"),
    ("other", "Tags"),
)
_NOT_NARROWING = frozenset({"sort", "direction", "limit", "full"})
"""Parameters that change the order of a list or how much it says, not which repositories are in it."""

_STATES = (("false", "Not archived"), ("true", "Archived"))

Query = Sequence[tuple[str, str]]
"""The parameters of a query, in order."""


@attrs.frozen
class FilterLink:
    """A link that sets a filter, or removes it if it is set; ``count`` None: how many match is not known."""

    label: str
    count: int | None
    query: str
    is_set: bool


@attrs.frozen
class FilterGroup:
    """Filters of one kind."""

    title: str
    links: Sequence[FilterLink]


def routes() -> list[PageRoute]:
    """Return the routes of the lists."""
    return [PageRoute(f"/{kind.plural}", _bound(kind)) for kind in VERSIONED_TYPES]


def _bound(kind: RepoType) -> PageHandler:
    async def show_list(request: Request) -> Response:
        query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor" and value]
        wanted = attrs.evolve(read_search(request, kind, PAGE), limit=PAGE)
        if not any(key == "sort" for key, _ in query):
            wanted = attrs.evolve(wanted, sort="trending")
        tags = app_state(request).tags

        def build(hub: HubContext, caller: MaybeCaller) -> WebPage:
            found = infos.search_counted(hub, caller, wanted, most=MAX_COUNTED + 1)
            total = found.total or 0
            values = {
                "total": min(total, MAX_COUNTED),
                "is_capped": total > MAX_COUNTED,
                "section": kind.plural,
                "kind": kind,
                "rows": repo_rows(found.infos),
                "groups": filter_groups(tags.most_frequent(hub, kind), query),
                "chips": set_filters(query),
                "search": " ".join(value for key, value in query if key == "search"),
                "kept": [(key, value) for key, value in query if key not in ("search", "sort")],
                "sorts": SORTS,
                "sort": next((value for key, value in query if key == "sort"), "trendingScore"),
                "is_first": wanted.after is None,
                "first": urlencode(query),
                "more": None if found.after is None else urlencode([*query, ("cursor", render_cursor(found.after))]),
                "api": f"/api/{kind.plural}?{urlencode(query)}",
            }
            return WebPage("list.html", kind.plural.capitalize(), values)

        return await show_page(request, build)

    return show_list


def filter_groups(groups: Mapping[str, Sequence[SortedTag]], query: Query) -> list[FilterGroup]:
    """Return the filters of a list, with links that set or remove each of them.

    The tags are counted in all public repositories: how many of a narrower list have one is not known.
    """
    is_whole = all(key in _NOT_NARROWING for key, _ in query)
    found = []
    for key, title in _GROUPS:
        # Tags of the form "key:value" that have no group of their own are names of repositories: no filter for many.
        links = [
            _link(tag, key, query, is_counted=is_whole)
            for tag in groups.get(key, ())
            if key != "other" or ":" not in tag.tag
        ]
        if links:
            found.append(FilterGroup(title, links))
    return [*found, FilterGroup("State", [_state(word, label, query) for word, label in _STATES])] if found else found


def set_filters(query: Query) -> list[FilterLink]:
    """Return the filters of a query, each with a link to the list without it."""
    return [
        FilterLink(
            f"{key}: {value}" if key in ("author", "archived", "gated") else value,
            None,
            _without(query, key, value),
            is_set=True,
        )
        for key, value in query
        if key in ("filter", "filter[]", "pipeline_tag", "author", "archived", "gated")
    ]


def _link(tag: SortedTag, group: str, query: Query, *, is_counted: bool) -> FilterLink:
    key = "pipeline_tag" if group == "pipeline_tag" else "filter"
    is_set = (key, tag.tag) in query
    kept = [pair for pair in query if pair[0] != "pipeline_tag"] if key == "pipeline_tag" else list(query)
    changed = _without(query, key, tag.tag) if is_set else urlencode([*kept, (key, tag.tag)])
    return FilterLink(tag.label, tag.count if is_counted else None, changed, is_set)


def _state(word: str, label: str, query: Query) -> FilterLink:
    is_set = ("archived", word) in query
    kept = [pair for pair in query if pair[0] != "archived"]
    return FilterLink(label, None, urlencode(kept if is_set else [*kept, ("archived", word)]), is_set)


def _without(query: Query, key: str, value: str) -> str:
    return urlencode([pair for pair in query if pair != (key, value)])
