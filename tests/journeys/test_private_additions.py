"""Two hubs with the same public contents, one of which has private contents too: a stranger sees no difference.

The public contents name what is private on one hub, and absent on the other: base models and datasets of cards,
mentions, sources of results. Every page that links lead to is compared, and lists, searches and counts of the API.
"""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock
from urllib.parse import urljoin

import attrs
import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.accounts.token_usage import TokenUsage
from entrepot.hub.buckets import batches, buckets
from entrepot.hub.buckets.batches import EMPTY, AddToBucket
from entrepot.hub.community import collections, discussions, likes
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderDraft
from entrepot.hub.repos import branches, lineage, repositories
from entrepot.hub.repos.lineage import LineageInput
from entrepot.hub.repos.repositories import NewRepo
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.names import RepoRef, RepoType
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support import hub_work
from tests.support.populated_hub import FILES, TABLE, caller_of, commit, populate
from tests.support.running_apps import running

pytestmark = pytest.mark.timeout(600)  # hundreds of pages of each hub

CARD = b"""---
license: mit
tags: [harbour]
base_model: [acme/hidden, acme/tern]
datasets: [acme/hidden-data, acme/tides]
new_version: acme/hidden
---
[model](/acme/hidden) acme/hidden#1 ![picture](/acme/hidden/resolve/main/pictures/tern.png)
"""
HIDDEN_CARD = (
    b"---\nlicense: mit\ntags: [harbour]\nbase_model: [acme/tern, stan/mine]\ndatasets: [acme/tides]\n---\nzebra\n"
)
ASKED = [
    *("/api/models?search=hid", "/api/models?author=acme&full=true", "/api/models?filter=base_model:acme/tern"),
    *("/api/models?filter=dataset:acme/tides", "/api/models-tags-by-type", "/api/datasets-tags-by-type"),
    *("/api/quicksearch?q=hid", "/api/quicksearch?q=zebra", "/api/search/full-text?q=zebra", "/api/trending"),
    *("/api/models/acme/tern?expand[]=childrenModelCount&expand[]=spaces&expand[]=baseModels", "/api/collections"),
    *("/api/models/acme/tern/lineage", "/api/datasets/acme/tides/lineage", "/api/models/stan/mine/lineage"),
    *("/api/collections?item=models/acme/tern", "/api/users/wendy/likes", "/api/users/wendy/overview"),
    *("/api/users/owen/activity", "/api/organizations/acme/activity", "/api/organizations/acme/overview"),
    *("/search?q=zebra", "/search?q=harbour", "/models?search=hidden", "/models?sort=size", "/models?archived=true"),
    *("/stan/mine/metrics?with=acme/hidden", "/api/models/stan/mine/metrics?with=acme/hidden", "/acme/hidden"),
    *("/-/lineage/models/stan/mine?depth=5", "/-/viewer/splits?dataset=acme/hidden-data", "/wendy", "/owen"),
    *("/acme", "/acme.plans", "/api/folders?owner=acme", "/acme/hidden/archive/main.zip", "/buckets/acme/hidden-logs"),
]
LEFT_OUT = re.compile(r"[?]|^/(login|-/static)|/(resolve|raw|archive|blob|blame|edit)/")
"""Addresses that are not opened: lists with filters, of which some are asked for, and what shows one file."""


def work(hub: HubContext) -> None:
    while hub_work.run_next(hub, "test") is not None:
        pass


def show(hub: HubContext) -> None:
    """Add what everyone sees."""
    owen, stan = caller_of(hub, "owen"), caller_of(hub, "stan")
    pointer = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "pointer", "acme")).ref
    mine = repositories.create(hub, stan, NewRepo(RepoType.MODEL, "mine", "stan")).ref
    for caller, ref in ((owen, pointer), (stan, mine)):
        added = {"README.md": CARD, "weights.bin": bytes(1_000), "metrics.jsonl": b'{"step": 1, "loss": 0.5}\n'}
        commit(hub, caller, ref, added, "From acme/hidden")
        discussions.create(hub, caller, ref, "See acme/hidden#1", "acme/hidden @wendy")
    lineage.add(hub, stan, mine, "main", [LineageInput("trained_on", RepoType.DATASET, "acme/hidden-data", "")], "run")


def hide(hub: HubContext) -> None:
    """Add what only members of an organisation see."""
    owen, wendy = caller_of(hub, "owen"), caller_of(hub, "wendy")
    inputs = [LineageInput("trained_on", RepoType.DATASET, "acme/tides", "")]
    model = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "hidden", "acme", "private")).ref
    data = repositories.create(hub, owen, NewRepo(RepoType.DATASET, "hidden-data", "acme", "private")).ref
    space = repositories.create(hub, owen, NewRepo(RepoType.SPACE, "hidden-demo", "acme", "private", sdk="static")).ref
    own = repositories.create(hub, wendy, NewRepo(RepoType.MODEL, "hidden", "wendy", "private")).ref
    commit(hub, owen, model, FILES | {"README.md": HIDDEN_CARD, "zebra.txt": b"zebra"}, "After acme/tern")
    commit(hub, owen, data, {"README.md": HIDDEN_CARD, "data/train.csv": TABLE}, "Data")
    commit(hub, owen, space, {"README.md": b"---\nmodels: [acme/tern, stan/mine]\n---\n"}, "Demo")
    commit(hub, wendy, own, {"README.md": HIDDEN_CARD, "weights.bin": bytes(1_000)}, "Own")
    branches.create_tag(hub, owen, model, "main", "v9", "tagged")
    lineage.add(hub, owen, model, "main", inputs, "run 8")
    for ref in (model, data, space):
        discussions.create(hub, wendy, ref, "Among members", "about acme/tern#1, stan/mine and @stan")
        likes.like(hub, wendy, ref)
    draft = CollectionDraft("Hidden birds", "acme", "zebra", is_private=True, item=("model", "acme/tern"))
    collections.create(hub, owen, draft)
    folders.create(hub, owen, FolderDraft(RepoType.MODEL, "plans", "acme"))
    logs: RepoRef = buckets.create(hub, owen, "acme", "hidden-logs", "private").ref
    batches.apply(hub, owen, logs, [AddToBucket("a.txt", EMPTY)])


@attrs.frozen
class Twins:
    """Two hubs whose clocks stand at the same moment, and tokens of a stranger and of a member."""

    with_private: HubContext
    without: HubContext
    stranger: str
    member: str

    def seen(self, token: str | None, *, crawled: bool = True) -> Sequence[dict[str, tuple[int, str]]]:
        """Return what a caller sees on each of the hubs, by the address."""
        return [answers(hub, token, crawled=crawled) for hub in (self.with_private, self.without)]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    folder = tmp_path_factory.mktemp("twins")
    one, other = (Settings(data=folder / name, port=0, run_jobs=False) for name in ("one", "other"))
    hub = open_hub(one, fsync=False)
    populate(hub)
    accounts.create_user(hub, "stan")
    stranger, member = (accounts.create_token(hub, name, role="write").secret for name in ("stan", "owen"))
    show(hub)
    work(hub)
    hub.close()
    shutil.copytree(one.data, other.data)
    opened = [open_hub(settings, fsync=False) for settings in (one, other)]
    hide(opened[0])
    work(opened[0])
    now = opened[0].now_ms()
    still = [attrs.evolve(hub, now_ms=lambda: now) for hub in opened]
    yield Twins(still[0], still[1], stranger, member)
    for hub in opened:
        hub.close()


def answers(hub: HubContext, token: str | None, *, crawled: bool) -> dict[str, tuple[int, str]]:
    """Return the answers to what is asked, and to every link on these pages and on those that links lead to."""
    found: dict[str, tuple[int, str]] = {}
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with (
        mock.patch.object(DownloadCounter, "flush"),  # which a timer calls
        mock.patch.object(TokenUsage, "flush"),
        running(make_app(hub)) as address,
        httpx2.Client(base_url=address.url, headers=headers, trust_env=False, timeout=240) as client,
    ):
        waiting = ["/", *ASKED]
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            assert len(found) < 3_000, "a link leads to ever new pages"
            answer = client.get(path)
            text = answer.text if "zip" not in answer.headers.get("content-type", "") else ""
            found[path] = answer.status_code, plain(text, address.url)
            if crawled and answer.headers.get("content-type", "").startswith("text/html"):
                for link in re.findall(r'href="([^"]+)"', text):
                    target = urljoin(address.url + path, html.unescape(link)).partition("#")[0]
                    if target.startswith(address.url + "/") and not LEFT_OUT.search(target.removeprefix(address.url)):
                        waiting.append(target.removeprefix(address.url))
    return found


def plain(text: str, url: str) -> str:
    """Return a text without the address of the hub, and without what is new in each response."""
    return text.replace(url, "").replace(Path(url).name, "")


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_who_may_not_see_private_contents_sees_nothing_of_them(twins: Twins, who: str) -> None:
    one, other = twins.seen(twins.stranger if who == "stranger" else None)
    assert len(one) > 100
    assert sorted(one) == sorted(other)
    assert [path for path in one if one[path] != other[path]] == []


def test_what_is_compared_differs_for_a_member(twins: Twins) -> None:
    one, other = twins.seen(twins.member, crawled=False)
    differing = {path for path in one if one[path] != other[path]}
    assert {"/acme", "/search?q=zebra", "/api/models?search=hid", "/api/models/acme/tern/lineage"} <= differing
    assert 'href="/acme/hidden"' in one["/acme"][1]
    assert 'href="/acme/hidden"' not in other["/acme"][1]
