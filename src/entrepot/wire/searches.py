"""JSON of search results. Source: docs/protocols/hf_api.md, section 1C; the full-text search is an extension."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from entrepot.wire.accounts.accounts import OrgName, Person
from entrepot.wire.repos.repositories import RepoInfo


class QuickRepo(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "trending_weight": "trendingWeight"}):
    """A repository suggested by a search box."""

    uid: str
    id: str
    private: bool
    trending_weight: float


class QuickSearchResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The suggestions of a search box for ``q``."""

    q: str
    models: Sequence[QuickRepo]
    models_count: int
    datasets: Sequence[QuickRepo]
    datasets_count: int
    spaces: Sequence[QuickRepo]
    spaces_count: int
    orgs: Sequence[OrgName]
    users: Sequence[Person]


class TrendingRepo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A trending repository."""

    repo_type: str
    repo_data: RepoInfo


class Trending(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The trending repositories."""

    recently_trending: Sequence[TrendingRepo]


class TextHit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A repository that contains the words; ``snippet`` is HTML with ``<em>`` around them."""

    repo_type: str
    repo_id: str
    snippet: str
    tags: Sequence[str]
    private: bool
    likes: int
    downloads: int
    last_modified: str


class TextSearchResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of full-text search results, and their total number."""

    hits: Sequence[TextHit]
    total: int
    skip: int
    limit: int
