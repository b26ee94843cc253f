"""Run the benchmarks of folders: ``python -m benchmarks.folders [--quick] [--only NAME] [--out FILE]``.

A folder has 1,000 repositories with cards of 300 words. ``changes`` measures
the time of single requests that concern all of them, as the client sees it.
``reading`` sends each request many times on one connection, one after the
other; the figure is the server's CPU time per request.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx2

from benchmarks.benches import Bench, conduct
from benchmarks.meters import Meter
from benchmarks.results import Figure
from entrepot import testing
from entrepot.catalog import Lock, Write, open_catalog
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import folders, grants
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text
from entrepot.names import RepoType, new_uid

_WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike whale oscar papa quebec".split()  # noqa: SIM905
_MAX_S = 1.0
_FOLDER = "/api/folders/model/tester"


def main() -> None:
    """Run the benchmark and exit."""
    conduct("folders", __doc__, ["changes", "reading"], measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme, measured on a separate hub."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub(run_jobs=False) as hub:
        guest = hub.user("guest").token
        hub.token  # noqa: B018 - creates the account
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        seed(hub.data / "catalog.sqlite3", bench.pick(1000, 20))
        headers = {"Authorization": f"Bearer {hub.token}"}
        with httpx2.Client(base_url=hub.url, headers=headers, timeout=60) as owner:
            if theme == "changes":
                yield from _changes(owner)
            else:
                headers = {"Authorization": f"Bearer {guest}"}
                with httpx2.Client(base_url=hub.url, headers=headers, timeout=60) as other:
                    yield from _reading(bench, owner, other)


def _changes(owner: httpx2.Client) -> Iterator[Figure]:
    grant = {"json": {"public": True}}
    yield _timed(owner, "share a folder of 1,000 with everyone", "POST", f"{_FOLDER}/llm/grants", **grant)
    yield _timed(owner, "make it private again", "DELETE", f"{_FOLDER}/llm/grants", **grant)
    yield _timed(owner, "rename it", "PUT", f"{_FOLDER}/llm", json={"name": "words"})
    yield _timed(owner, "list its repositories", "GET", f"{_FOLDER}/words/repos")
    hook = {"url": "http://127.0.0.1:9/", "watched": [{"type": "user", "name": "guest"}], "domains": ["repo"]}
    owner.post("/api/settings/webhooks", json=hook).raise_for_status()
    yield _timed(owner, "rename it, on a hub with a webhook", "PUT", f"{_FOLDER}/words", json={"name": "llm"})
    yield _timed(owner, "share it, on a hub with a webhook", "POST", f"{_FOLDER}/llm/grants", **grant)
    yield _without_target(_timed(owner, "delete it", "DELETE", f"{_FOLDER}/llm"))


def _without_target(figure: Figure) -> Figure:
    """Return a figure without its target: there is none for deletions."""
    return Figure(figure.theme, figure.name, figure.value, figure.unit)


def _timed(client: httpx2.Client, name: str, method: str, path: str, **more: object) -> Figure:
    begun = time.perf_counter()
    client.request(method, path, **more).raise_for_status()  # type: ignore[arg-type]  # passed through
    return Figure("changes", name, time.perf_counter() - begun, "s", _MAX_S)


def _reading(bench: Bench, owner: httpx2.Client, guest: httpx2.Client) -> Iterator[Figure]:
    turns = bench.pick(300, 3)
    for namespace in ("tester", "tester.llm"):
        body = {"name": "read", "organization": namespace, "private": True}
        owner.post("/api/repos/create", json=body).raise_for_status()
    for name, client, path in (
        ("a private repository in no folder, by its owner", owner, "/api/models/tester/read"),
        ("one in a folder, by its owner", owner, "/api/models/tester.llm/read"),
        ("one in a folder, by a grantee", guest, "/api/models/tester.llm/read"),
        ("first 20 models, by the owner", owner, "/api/models?limit=20"),
        ("first 20 models, by a grantee", guest, "/api/models?limit=20"),
    ):
        for _ in range(3):
            client.get(path).raise_for_status()
        with bench.meter.measure() as cost:
            for _ in range(turns):
                client.get(path).raise_for_status()
        yield Figure("reading", f"{name}, server CPU", cost.server_cpu_s / turns * 1000, "ms")


def seed(file: Path, number: int) -> None:
    """Fill a folder of ``tester`` that ``guest`` may view."""
    dice = random.Random(7)
    catalog = open_catalog(f"sqlite:///{file}")
    with catalog.write(Lock.hub()) as tx:
        people = {name: accounts.find(tx, name) for name in ("tester", "guest")}
        owner, guest = people["tester"], people["guest"]
        assert owner is not None
        assert guest is not None
        place = accounts.add(tx, attrs.evolve(accounts.fresh("tester.llm", folders.KIND, 1), parent_id=owner.id))
        folders.add(tx, RepoType.MODEL, place.id, owner.id, 1)
        folder = folders.at(tx, RepoType.MODEL, place.id)
        assert folder is not None
        grants.put(tx, folder.id, guest.id, grants.VIEW, owner.id, 1)
        for index in range(number):
            row = _add(tx, place, f"m-{index}")
            full_text.put(tx, row.id, str(row.ref.id), (), " ".join(dice.choices(_WORDS, k=300)))
    catalog.close()


def _add(tx: Write, place: accounts.Account, name: str) -> RepoRow:
    return repos.add(
        tx,
        RepoRow(
            id=0, uid=new_uid(), namespace_id=place.id, type=RepoType.MODEL, name=name, creator_id=place.owner_id,
            visibility="private", gated="no", is_disabled=False, settings={}, created_ms=1, updated_ms=1, downloads=0,
            likes=0, card=None, config=None, pipeline_tag=None, library=None, sdk=None, namespace=place.name,
            follows=place.parent_id is not None, parent_id=place.parent_id,
        ),
    )  # fmt: skip


if __name__ == "__main__":
    main()
