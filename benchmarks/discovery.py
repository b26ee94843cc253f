"""Run the benchmarks of lists and search: ``python -m benchmarks.discovery [--quick] [--only NAME] [--out FILE]``.

The hub has 1,000 repositories with cards and tags, 100,000 likes and 100,000
daily download counts. Each request is sent many times on one connection, one
after the other; the figure is the server's CPU time per request.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import sqlalchemy as sa

from benchmarks.benches import Bench, conduct
from benchmarks.meters import Meter
from benchmarks.results import Figure
from entrepot import testing
from entrepot.catalog import Write, community_tables, open_catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.community import trends
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.repositories import CardFacts, RepoRow
from entrepot.catalog.search import full_text
from entrepot.names import RepoType, new_uid

_MAX_MS = 20.0
_DAY_MS = 86_400_000
_NOW_MS = 1_790_000_000_000
_TASKS = ("text-generation", "fill-mask", "image-classification", "automatic-speech-recognition", "text-to-image")
_LIBRARIES = ("transformers", "diffusers", "timm", "sentence-transformers", "peft")
_LICENSES = ("mit", "apache-2.0", "cc-by-4.0", "openrail", "other")
_WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike whale oscar papa quebec".split()  # noqa: SIM905

QUESTIONS = {
    "list": {
        "first 20 models": "/api/models?limit=20",
        "first 100 models, with cards": "/api/models?limit=100&full=true&cardData=true",
        "sorted by downloads, 20": "/api/models?sort=downloads&limit=20",
        "sorted by likes, 20": "/api/models?sort=likes&limit=20",
        "sorted by trend, 20": "/api/models?sort=trendingScore&limit=20",
        "of one author": "/api/models?author=org-7",
        "every model, a page": "/api/models",
    },
    "search": {
        "a part of the id": "/api/models?search=whale&limit=20",
        "a part that nothing has": "/api/models?search=nothing-has-this&limit=20",
        "words of cards, best first": "/api/search/full-text?q=whale+golf&limit=20",
        "words of cards, as a condition": "/api/models?text=whale+golf&limit=20",
        "search box": "/api/quicksearch?q=whale",
        "what trends": "/api/trending",
    },
    "filter": {
        "by a tag of a fifth": "/api/models?filter=license:mit&limit=20",
        "by three tags": "/api/models?filter=license:mit&filter=transformers&filter=en&limit=20",
        "by task, sorted by likes": "/api/models?pipeline_tag=fill-mask&sort=likes&limit=20",
        "tags by type, with counts": "/api/models-tags-by-type",
    },
    "community": {
        "who likes a repository, 100": "/api/models/org-1/m-1-whale/likers?limit=100",
        "what a user likes, 100": "/api/users/user-3/likes?limit=100",
        "collections, 20": "/api/collections?limit=20",
    },
}
"""The requests by theme."""


def main() -> None:
    """Run the benchmark and exit."""
    conduct("discovery", __doc__, list(QUESTIONS), measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme, measured on a separate hub."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub(run_jobs=False) as hub:
        hub.token  # noqa: B018 - creates the account
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        seed(hub.data / "catalog.sqlite3", bench.pick(1000, 50), bench.pick(100, 5))
        turns = bench.pick(100, 3)
        with httpx2.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.token}"}, timeout=60) as client:
            for name, question in QUESTIONS[theme].items():
                for _ in range(3):
                    client.get(question).raise_for_status()
                with bench.meter.measure() as cost:
                    for _ in range(turns):
                        client.get(question).raise_for_status()
                yield Figure(theme, f"{name}, server CPU", cost.server_cpu_s / turns * 1000, "ms", _MAX_MS)


def seed(file: Path, repositories: int, each: int) -> None:
    """Fill a hub with ``each`` likes and ``each`` daily download counts for every repository."""
    dice = random.Random(7)
    catalog = open_catalog(f"sqlite:///{file}")
    with catalog.write() as tx:
        people = [accounts.add(tx, accounts.fresh(f"user-{number}", "user", 1)) for number in range(each)]
        orgs = [accounts.add(tx, accounts.fresh(f"org-{number}", "org", 1)) for number in range(20)]
        rows = [_repo(tx, dice, orgs[number % 20], number) for number in range(repositories)]
        likes = [
            {"repo_id": row.id, "user_id": person.id, "liked_ms": _NOW_MS - dice.randrange(90) * _DAY_MS, "mark": 0}
            for row in rows
            for person in people
        ]
        tx.sql.execute(sa.insert(community_tables.likes), likes)
        today = _NOW_MS // _DAY_MS
        days = [
            {"repo_id": row.id, "day": today - day, "count": dice.randrange(1, 50)}
            for row in rows
            for day in range(each)
        ]
        tx.sql.execute(sa.insert(tables.downloads), days)
        for row in rows:
            repos.update(tx, row.id, likes=dice.randrange(each), downloads=dice.randrange(10_000))
        trends.refresh(tx, [row.id for row in rows], _NOW_MS)
        for number in range(50):
            _collect(tx, dice, orgs[number % 20].id, number, rows)
    catalog.close()


def _repo(tx: Write, dice: random.Random, owner: accounts.Account, number: int) -> RepoRow:
    name = f"m-{number}-{_WORDS[(number + 12) % len(_WORDS)]}"
    at_ms = _NOW_MS - number * 60_000
    row = repos.add(
        tx,
        RepoRow(
            id=0, uid=new_uid(), namespace_id=owner.id, type=RepoType.MODEL, name=name, creator_id=None,
            visibility="private" if number % 10 == 9 else "public", gated="no", is_disabled=False, settings={},
            created_ms=at_ms, updated_ms=at_ms, downloads=0, likes=0, card=None, config=None, pipeline_tag=None,
            library=None, sdk=None, namespace=owner.name,
        ),
    )  # fmt: skip
    task, library, license_ = (dice.choice(words) for words in (_TASKS, _LIBRARIES, _LICENSES))
    tags = (library, task, "en", f"license:{license_}", "region:us", f"arxiv:{2000 + number % 400}.{number:05}")
    card = {"license": license_, "tags": ["en"], "library_name": library, "pipeline_tag": task}
    repos.set_facts(tx, row.id, CardFacts(card, {"model_type": "bert"}, task, library, None, tags))
    full_text.put(tx, row.id, str(row.ref.id), tags, " ".join(dice.choices(_WORDS, k=300)))
    return row


def _collect(tx: Write, dice: random.Random, owner: int, number: int, rows: list[RepoRow]) -> None:
    collection = tx.sql.execute(
        sa.insert(community_tables.collections).values(
            uid=new_uid(), namespace_id=owner, title=f"Collection {number}", is_private=False, theme="blue",
            position=0, upvotes=0, created_ms=1, updated_ms=number,
        )
    ).inserted_primary_key  # fmt: skip
    assert collection is not None
    items = [
        {"uid": new_uid(), "collection_id": collection[0], "kind": "model", "repo_id": row.id, "position": place}
        for place, row in enumerate(dice.sample(rows, 10))
    ]
    tx.sql.execute(sa.insert(community_tables.collection_items), items)


if __name__ == "__main__":
    main()
