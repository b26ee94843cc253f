"""Looking for words: in names, tags and cards of repositories, in names of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog.accounts import accounts
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.repos import repositories
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
    """A repository that was found, with its tags."""

    hit: TextMatch
    tags: Sequence[str]


@attrs.frozen
class SearchResults:
    """Some of what was found, the best first, and how much there is."""

    items: Sequence[SearchHit]
    total: int


@attrs.frozen
class QuickResults:
    """What a search box proposes: repositories whose id has the words, and people whose name has them."""

    repos: Mapping[RepoType, Sequence[RepoRow]]
    counts: Mapping[RepoType, int]
    users: Sequence[Account]
    orgs: Sequence[Account]


def full_text(
    hub: HubContext, caller: MaybeCaller, text: str, kinds: Sequence[RepoType], *, skip: int, limit: int
) -> SearchResults:
    """Repositories that the caller sees, in whose name, tags or card every word is, or a word that begins so."""
    query = texts.query_of(text)
    if query is None:
        return SearchResults((), 0)
    seen = seen_by(caller)
    with hub.read() as tx:
        hits = texts.find(tx, query, seen, kinds, skip=min(skip, MAX_SKIP), limit=limit)
        tags = repositories.tags_of(tx, [hit.row.id for hit in hits])
        return SearchResults(
            [SearchHit(hit, tags.get(hit.row.id, ())) for hit in hits], texts.count(tx, query, seen, kinds)
        )


def quick(hub: HubContext, caller: MaybeCaller, text: str, kinds: Sequence[RepoType], *, limit: int) -> QuickResults:
    """What a search box proposes; of each kind at most ``limit``, the most noticed first."""
    terms, seen = tuple(word[:_MAX_WORD] for word in text.split()[:_MAX_WORDS]), seen_by(caller)
    with hub.read() as tx:
        found, counts = {}, {}
        for kind in kinds:
            wanted = Search(kind, seen_by=seen, terms=terms, sort="trending", limit=limit)
            found[kind] = listings.find(tx, wanted)
            counts[kind] = listings.count(tx, wanted)
        people = {word: accounts.named_like(tx, word, terms, limit) for word in ("user", "org")}
    return QuickResults(found, counts, people["user"], people["org"])


def trending(hub: HubContext, caller: MaybeCaller, kinds: Sequence[RepoType], *, limit: int) -> Sequence[RevisionInfo]:
    """What has had most attention lately among all kinds, that the caller sees."""
    with hub.read() as tx:
        rows = [
            row
            for kind in kinds
            for row in listings.find(tx, Search(kind, seen_by=seen_by(caller), sort="trending", limit=limit))
        ]
        best = sorted(rows, key=lambda row: (-row.trending, -row.updated_ms))[:limit]
        return infos.of_rows(hub, tx, best)
