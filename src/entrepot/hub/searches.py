"""Looking for words: in names, tags and cards of repositories, in names of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import accounts, listings, repos, texts
from entrepot.catalog.accounts import Account
from entrepot.catalog.listings import Search
from entrepot.catalog.repos import RepoRow
from entrepot.catalog.texts import BEGIN as BEGIN
from entrepot.catalog.texts import END as END
from entrepot.catalog.texts import Hit as Hit
from entrepot.hub import infos
from entrepot.hub.callers import Anyone, seen_by
from entrepot.hub.house import Hub
from entrepot.hub.infos import FullInfo
from entrepot.names import RepoType

MAX_SKIP = 10_000


@attrs.frozen
class Found:
    """A repository that was found, with its tags."""

    hit: Hit
    tags: Sequence[str]


@attrs.frozen
class Hits:
    """Some of what was found, the best first, and how much there is."""

    items: Sequence[Found]
    total: int


@attrs.frozen
class Quick:
    """What a search box proposes: repositories whose id has the words, and people whose name has them."""

    repos: Mapping[RepoType, Sequence[RepoRow]]
    counts: Mapping[RepoType, int]
    users: Sequence[Account]
    orgs: Sequence[Account]


def full_text(hub: Hub, caller: Anyone, text: str, kinds: Sequence[RepoType], *, skip: int, limit: int) -> Hits:
    """Repositories that the caller sees, in whose name, tags or card every word is, or a word that begins so."""
    query = texts.query_of(text)
    if query is None:
        return Hits((), 0)
    seen = seen_by(caller)
    with hub.read() as tx:
        hits = texts.find(tx, query, seen, kinds, skip=min(skip, MAX_SKIP), limit=limit)
        tags = repos.tags_of(tx, [hit.row.id for hit in hits])
        return Hits([Found(hit, tags.get(hit.row.id, ())) for hit in hits], texts.count(tx, query, seen, kinds))


def quick(hub: Hub, caller: Anyone, text: str, kinds: Sequence[RepoType], *, limit: int) -> Quick:
    """What a search box proposes; of each kind at most ``limit``, the most noticed first."""
    terms, seen = tuple(text.split()[:16]), seen_by(caller)
    with hub.read() as tx:
        found, counts = {}, {}
        for kind in kinds:
            wanted = Search(kind, seen_by=seen, terms=terms, sort="trending", limit=limit)
            found[kind] = listings.find(tx, wanted)
            counts[kind] = listings.count(tx, wanted)
        people = {word: accounts.named_like(tx, word, terms, limit) for word in ("user", "org")}
    return Quick(found, counts, people["user"], people["org"])


def trending(hub: Hub, caller: Anyone, kinds: Sequence[RepoType], *, limit: int) -> Sequence[FullInfo]:
    """What has had most attention lately among all kinds, that the caller sees."""
    with hub.read() as tx:
        rows = [
            row
            for kind in kinds
            for row in listings.find(tx, Search(kind, seen_by=seen_by(caller), sort="trending", limit=limit))
        ]
        best = sorted(rows, key=lambda row: (-row.trending, -row.updated_ms))[:limit]
        return infos.of_rows(hub, tx, best)
