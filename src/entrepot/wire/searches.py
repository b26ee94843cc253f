"""What was found, in JSON. Source: docs/protocols/hf_api.md, section 1C; the full-text search is this hub's own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from entrepot.wire.accounts.accounts import OrgName, Person
from entrepot.wire.repos.repositories import RepoInfo


class QuickRepo(msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "trending_weight": "trendingWeight"}):
    """A repository that a search box proposes."""

    uid: str
    id: str
    private: bool
    trending_weight: float


class QuickSearchResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a search box proposes for ``q``."""

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
    """A repository that has had attention lately."""

    repo_type: str
    repo_data: RepoInfo


class Trending(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What has had most attention lately."""

    recently_trending: Sequence[TrendingRepo]


class TextHit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A repository that has the words; ``snippet`` is HTML with ``<em>`` around them."""

    repo_type: str
    repo_id: str
    snippet: str
    tags: Sequence[str]
    private: bool
    likes: int
    downloads: int
    last_modified: str


class TextSearchResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Some of what has the words, and how much there is."""

    hits: Sequence[TextHit]
    total: int
    skip: int
    limit: int
