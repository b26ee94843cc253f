"""Search: names, tags and cards of repositories, and names of users and organisations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import repo_tags
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text as texts
from entrepot.catalog.search import listings
from entrepot.catalog.search.full_text import BEGIN as BEGIN
from entrepot.catalog.search.full_text import END as END
from entrepot.catalog.search.full_text import TextMatch as TextMatch
from entrepot.catalog.search.listings import Search
from entrepot.hub.callers import MaybeCaller, seen_by
from entrepot.hub.context import HubContext
from entrepot.hub.repos import infos
from entrepot.hub.repos.infos import RevisionInfo
from entrepot.names import RepoType

MAX_SKIP = 10_000
_MAX_WORDS, _MAX_WORD = 16, 100


@attrs.frozen
class SearchHit:
    """A matching repository with its tags."""

    hit: TextMatch
    tags: Sequence[str]


@attrs.frozen
class SearchResults:
    """A page of matches, best first, and their total number; ``is_more``: there are at least so many."""

    items: Sequence[SearchHit]
    total: int
    is_more: bool = False


@attrs.frozen
class QuickResults:
    """Suggestions of a search box: repositories and accounts with matching names."""

    repos: Mapping[RepoType, Sequence[RepoRow]]
    counts: Mapping[RepoType, int]
    users: Sequence[Account]
    orgs: Sequence[Account]


def full_text(
    hub: HubContext, caller: MaybeCaller, text: str, kinds: Sequence[RepoType], *, skip: int, limit: int
) -> SearchResults:
    """Return visible repositories with every word, or a word with that prefix, in name, tags or card.

    A word that more than 1,000 repositories contain has to match as a whole, and at most 700 matches are ranked.
    """
    query = texts.query_of(text)
    if query is None:
        return SearchResults((), 0)
    seen = seen_by(caller)
    with hub.read() as tx:
        found = texts.find(tx, query, seen, kinds, skip=min(skip, MAX_SKIP), limit=limit)
        tags = repo_tags.tags_of(tx, [hit.row.id for hit in found.items])
        hits = [SearchHit(hit, tags.get(hit.row.id, ())) for hit in found.items]
        return SearchResults(hits, found.total, found.is_more)


def quick(hub: HubContext, caller: MaybeCaller, text: str, kinds: Sequence[RepoType], *, limit: int) -> QuickResults:
    """Return suggestions for a search box; of each kind at most ``limit``, the most popular first."""
    terms, seen = tuple(word[:_MAX_WORD] for word in text.split()[:_MAX_WORDS]), seen_by(caller)
    with hub.read() as tx:
        found, counts = {}, {}
        for kind in kinds:
            wanted = Search(kind, seen_by=seen, terms=terms, sort="trending", limit=limit)
            found[kind] = listings.find(tx, wanted)
            counts[kind] = listings.count(tx, wanted)
        people = accounts.named_like_each(tx, ("user", "org"), terms, limit)
    return QuickResults(found, counts, people["user"], people["org"])


def trending(hub: HubContext, caller: MaybeCaller, kinds: Sequence[RepoType], *, limit: int) -> Sequence[RevisionInfo]:
    """Return the trending repositories of all given types that the caller may see."""
    with hub.read() as tx:
        rows = [
            row
            for kind in kinds
            for row in listings.find(tx, Search(kind, seen_by=seen_by(caller), sort="trending", limit=limit))
        ]
        best = sorted(rows, key=lambda row: (-row.trending, -row.updated_ms))[:limit]
        return infos.of_rows(hub, tx, best)
