"""With ``scanning = "hide"``, no route serves what a scanner has flagged to those who may only read the repository.

The paths come from the route table of the application and the examples of docs/rights.md, so a new route is tried
without a change in this file.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.files import scans
from entrepot.catalog.files.scans import ScanRow
from entrepot.catalog.repos import refs
from entrepot.catalog.repos import repositories as rows
from entrepot.hub.conversions import conversions
from entrepot.hub.files.flagged_files import FLAGGED
from entrepot.hub.files.operations import AddFile
from entrepot.hub.jobs import cards, handlers
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.scanning.contents import name_contents
from entrepot.names import MAIN, ROOT, Oid, RepoPath, RepoRef, RepoType
from entrepot.settings import Settings
from entrepot.storage import objects
from entrepot.storage.trees import Trees
from tests.journeys import test_rights
from tests.journeys.test_rights import Line, RouteCase, Site, lines_of
from tests.support import hub_work
from tests.support.plain_http import Answer

MARK = "Zanzibar"
FILES = {
    "README.md": f"---\nlicense: mit\n---\n# Hidden\n\nThe card says {MARK}.\n".encode(),
    "train.csv": f"text,n\n{MARK},1\n".encode(),
    "notes.txt": MARK.encode(),
    ".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n",
}
READERS = ("anonymous", "stranger", "reader")
TAILS = ("main/README.md", "main/train.csv", "main/notes.txt")
QUERIES = (
    "splits?dataset={id}",
    "is-valid?dataset={id}",
    "info?dataset={id}",
    "size?dataset={id}",
    "parquet?dataset={id}",
    "first-rows?dataset={id}&config=default&split=train",
    "rows?dataset={id}&config=default&split=train",
    "search?dataset={id}&config=default&split=train&query=zan",
    "filter?dataset={id}&config=default&split=train&where=n=1",
    "statistics?dataset={id}&config=default&split=train",
    "assets?dataset={id}&config=default&split=train&row=0&column=text",
    "assets?dataset={id}&path=train.csv&row=0&column=text",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("flagged") / "data"
    with test_rights.opened(Settings(data=data, port=0, run_jobs=False, scanning="hide")) as found:
        yield found


@pytest.fixture(scope="module")
def flagged(site: Site) -> dict[RepoType, RepoRef]:
    """Public repositories, all of whose files are flagged before any job runs."""
    return {kind: _made(site, kind) for kind in RepoType if kind.kind.has_commits}


def _made(site: Site, kind: RepoType) -> RepoRef:
    hub, made = site.hub, site.fresh(kind, "public")
    added = [AddFile(RepoPath(path), data) for path, data in FILES.items()]
    commits.create(hub, site.caller("admin"), made, "main", CommitDraft("files", added))
    with hub.read() as tx:
        row = rows.find(tx, made)
        assert row is not None
        trees = Trees(hub.store, tx, row.id)
        root = objects.root_of(hub.store, tx, row.id, _head(site, row.id))
        nodes = [node for node in trees.walk(root, ROOT, is_deep=True) if str(node.path) in FILES]
        contents = name_contents(tx, row, trees.measure([node for node in nodes if node.path != ".gitattributes"]))
    with hub.write(Lock.nothing()) as tx:
        for content in contents:
            scans.put(tx, ScanRow(content.content, "test", "1", FLAGGED, {}, 1, 1 << 60))
    while hub_work.run_next(hub, handlers.new_owner()) is not None:
        pass
    cards.index(hub, row.id)  # as the job of the scanner asks for
    list(conversions.convert_steps(hub, row.id))
    return made


def _head(site: Site, repo_id: int) -> Oid:
    with site.hub.read() as tx:
        head = refs.find(tx, repo_id, MAIN)
    assert head is not None
    return head


def requests(site: Site, kind: RepoType) -> Iterator[tuple[RouteCase, Line]]:
    """Yield each path of a type of repository with its examples, and with the path of each flagged file."""
    for route in site.routes:
        if route.method != "GET" or kind not in route.patterns or "{name}" not in route.patterns[kind]:
            continue
        for line in lines_of(route):
            yield route, line
        if "{tail:path}" in route.path:
            for tail in TAILS:
                yield route, Line(("GET",), route.path, "read", f"tail={tail}")


def answers(site: Site, ref: RepoRef, who: str) -> Iterator[tuple[str, Answer]]:
    """Yield the responses of all routes that read, with a name each."""
    for route, line in requests(site, ref.type):
        yield f"{route.path} {line.example}", site.send(route, line, who, ref)
    headers = {} if who == "anonymous" else {"authorization": f"Bearer {site.secrets[who]}"}
    for query in QUERIES:
        path = f"/-/viewer/{query.format(id=ref.id)}&type={ref.type.value}"
        yield path, site.client.request("GET", path, headers=headers)
    body = json.dumps({"dataset": str(ref.id), "type": ref.type.value, "sql": "select * from train"}).encode()
    as_json = {**headers, "content-type": "application/json"}
    yield "sql", site.client.request("POST", "/-/viewer/sql", headers=as_json, content=body)


@pytest.mark.parametrize("kind", [RepoType.MODEL, RepoType.DATASET, RepoType.SPACE], ids=lambda kind: kind.value)
@pytest.mark.timeout(300)
def test_no_route_serves_flagged_content_to_readers(
    site: Site, flagged: dict[RepoType, RepoRef], kind: RepoType
) -> None:
    ref, leaks, broken = flagged[kind], [], []
    for who in READERS:
        for name, answer in answers(site, ref, who):
            if MARK.lower() in answer.text.lower() and "query=zan" not in name:
                leaks.append((who, name, answer.status_code))
            if answer.status_code >= 500 and answer.status_code != 501:
                broken.append((who, name, answer.text[:200]))
    assert (leaks, broken) == ([], [])


def test_writers_read_it_and_readers_see_the_page_with_the_reason(site: Site, flagged: dict[RepoType, RepoRef]) -> None:
    ref = flagged[RepoType.DATASET]
    seen = {name for name, answer in itertools.islice(answers(site, ref, "writer"), 1_000) if MARK in answer.text}
    assert len(seen) > 5, "or the test above proves nothing"
    path = f"/{ref.path}"
    for who in ("anonymous", "reader", "writer"):
        headers = {} if who == "anonymous" else {"authorization": f"Bearer {site.secrets[who]}"}
        page = site.client.request("GET", path, headers={**headers, "accept": "text/html"})
        assert page.status_code == 200
        assert (MARK in page.text) == (who == "writer")
        assert ("A scanner has flagged this file" in page.text) == (who != "writer")
        assert "Request access" not in page.text
