"""Run the benchmark of web pages: ``python -m benchmarks.pages [--quick] [--only NAME] [--out FILE]``.

The hub has 100,000 repositories with tags and words of cards (and, for the pages of its administration, as many
users), written straight into its database, and one repository with 100,000 files, half of them in one folder,
committed over HTTP. A second repository has as many files of one commit. Each page is requested many times on one
connection, one request after the other, as a signed-in visitor; the figure is the server's CPU time for each
request. A first load is the page, the stylesheet and the icons, as gzip makes them. Pages whose content is rendered
once and then remembered are also measured at their first request: of a dozen repositories with different contents,
each page is requested once. What the server does for them afterwards, outside the request, is a figure of its own.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import httpx2
import sqlalchemy as sa

from benchmarks.benches import Bench, conduct
from benchmarks.meters import Meter
from benchmarks.results import Figure
from entrepot import testing
from entrepot.catalog import Write, open_catalog, tables
from entrepot.catalog.accounts import accounts
from entrepot.catalog.repos import name_parts
from entrepot.catalog.search import full_text
from entrepot.catalog.visibility import PUBLIC
from entrepot.names import RepoType, new_uid

_MAX_MS = 15.0
_MAX_KB = 100.0
_NOW_MS = 1_790_000_000_000
_TASKS = ("text-generation", "fill-mask", "image-classification", "automatic-speech-recognition", "text-to-image")
_LIBRARIES = ("transformers", "diffusers", "timm", "sentence-transformers", "peft")
_LICENSES = ("mit", "apache-2.0", "cc-by-4.0", "openrail", "other")
_WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike whale oscar papa quebec".split()  # noqa: SIM905
_OWNERS, _BATCH, _AT_ONCE, _SEEN = 200, 10_000, 5_000, 12
_CARD = "# Large\n\nA card with a [guide](docs/guide.md).\n\n" + "Words of a sentence, one after the other. " * 60

PAGES = {
    "lists": {
        "first page": "/",
        "models": "/models",
        "models by a part of the name": "/models?search=m-4321",
        "models by what many names have": "/models?search=golf",
        "models by what no name has": "/models?search=nothing-has-this",
        "models with a tag, by downloads": "/models?filter=license:mit&sort=downloads",
        "models by what many names have, with a frequent tag": "/models?search=golf&filter=license:mit",
        "models with a frequent tag and a frequent task": "/models?filter=license:mit&pipeline_tag=fill-mask",
        "models with frequent tags that none has together": "/models?filter=license:mit&filter=license:other",
        "datasets": "/datasets",
        "search": "/search?q=whale+golf",
        "search for what nothing has": "/search?q=nothing-has-this",
        "an organisation": "/org-7",
        "an organisation's repositories": "/models?author=org-7",
        "collections": "/collections",
    },
    "repository": {
        "card": "/{repo}",
        "files": "/{repo}/tree/main",
        "a folder of 50,000 files": "/{repo}/tree/main/flat",
        "a later page of it": "/{repo}/tree/main/flat?after=025000.txt",
        "find what is absent": "/{repo}/find/main?q=absent",
        "find a file": "/{repo}/find/main?q=025042",
        "find what thousands of files match": "/{repo}/find/main?q=nested+txt",
        "a commit of 10,000 files": "/{repo}/commit/main",
        "a commit of 100,000 files": "/{wide}/commit/main",
        "compare two revisions that 90,000 files differ in": "/{repo}/compare/{first}..main",
        "a file": "/{repo}/blob/main/README.md",
        "commits": "/{repo}/commits/main",
        "discussions": "/{repo}/discussions",
        "settings": "/{repo}/settings",
    },
    "contents": {
        "card with code": "/{owner}/seen-{n}",
        "folder with a README": "/{owner}/seen-{n}/tree/main/docs",
        "Python in colours": "/{owner}/seen-{n}/blob/main/train.py",
        "JSON in colours": "/{owner}/seen-{n}/blob/main/config.json",
        "YAML in colours": "/{owner}/seen-{n}/blob/main/config.yaml",
        "shell script in colours": "/{owner}/seen-{n}/blob/main/run.sh",
        "notebook": "/{owner}/seen-{n}/blob/main/notes.ipynb",
        "diff in colours": "/{owner}/seen-{n}/commit/main",
    },
    "administration": {
        "overview": "/-/admin",
        "organisations": "/-/admin/orgs",
        "jobs": "/-/admin/jobs",
        "storage": "/-/admin/storage",
        "settings": "/-/admin/settings",
        "health": "/-/admin/health",
        "repositories": "/-/admin/repos",
        "repositories of an organisation": "/-/admin/repos?namespace=org-7",
        "users": "/-/admin/users",
        "users by a part of the name": "/-/admin/users?search=er-99",
        "audit log": "/-/admin/audit",
    },
}
"""The pages by theme."""


def main() -> None:
    """Run the benchmark and exit."""
    conduct("pages", __doc__, list(PAGES), measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of one theme, measured on a separate hub."""
    with tempfile.TemporaryDirectory(prefix="entrepot-benchmarks-") as folder, testing.hub(run_jobs=False) as hub:
        bench = Bench(hub, Meter(hub.pid), Path(folder), is_quick)
        headers = {"Authorization": f"Bearer {hub.token}", "Accept": "text/html"}
        promote(hub.data / "catalog.sqlite3")
        with httpx2.Client(base_url=hub.url, headers=headers, timeout=600) as client:
            seed(hub.data / "catalog.sqlite3", bench.pick(100_000, 500))
            if theme == "administration":
                seed_users(hub.data / "catalog.sqlite3", bench.pick(100_000, 500))
            if theme == "contents":
                yield from _measured_contents(bench, client)
                return
            places = _fill_both(client, bench.pick(100_000, 1_000)) if theme == "repository" else {}
            shared = _shared_bytes(client)
            for name, page in PAGES[theme].items():
                yield from _measured(bench, client, theme, name, page.format(**places), shared)


def _measured_contents(bench: Bench, client: httpx2.Client) -> Iterator[Figure]:
    """Yield the cost of pages at their first request, after it, and at later ones."""
    owner = _fill_seen(client)
    client.get("/models").raise_for_status()
    bench.meter.rest()  # what a server prepares after its first page
    for name, page in PAGES["contents"].items():
        pages = [page.format(owner=owner, n=number) for number in range(_SEEN)]
        with bench.meter.measure() as first:
            for address in pages:
                client.get(address).raise_for_status()
        with bench.meter.measure() as later:
            for address in pages * 4:
                client.get(address).raise_for_status()
        yield Figure("contents", f"{name}, first view, server CPU", first.server_cpu_s / _SEEN * 1000, "ms", _MAX_MS)
        yield Figure("contents", f"{name}, after the first view", first.later_cpu_s / _SEEN * 1000, "ms")
        yield Figure("contents", f"{name}, server CPU", later.server_cpu_s / _SEEN / 4 * 1000, "ms", _MAX_MS)


def _measured(bench: Bench, client: httpx2.Client, theme: str, name: str, page: str, shared: int) -> Iterator[Figure]:
    turns = bench.pick(50, 3)
    for _ in range(3):
        answer = client.get(page).raise_for_status()
    with bench.meter.measure() as cost:
        for _ in range(turns):
            client.get(page).raise_for_status()
    yield Figure(theme, f"{name}, server CPU", cost.server_cpu_s / turns * 1000, "ms", _MAX_MS)
    yield Figure(theme, f"{name}, first load", (len(gzip.compress(answer.content)) + shared) / 1000, "kB", _MAX_KB)


def _shared_bytes(client: httpx2.Client) -> int:
    """Return the size of the files that all pages load."""
    names = set(re.findall(r'/-/static/[^"#]+', client.get("/models").text))
    return sum(len(gzip.compress(client.get(name).raise_for_status().content)) for name in names)


def promote(file: Path) -> None:
    """Make every user of a hub an administrator."""
    catalog = open_catalog(f"sqlite:///{file}")
    with catalog.write() as tx:
        for user in accounts.page_of_kind(tx, "user", limit=1_000):
            accounts.update(tx, user.id, is_admin=True)
    catalog.close()


def seed(file: Path, repositories: int) -> None:
    """Fill a hub with repositories of many organisations."""
    dice = random.Random(7)
    catalog = open_catalog(f"sqlite:///{file}")
    with catalog.write() as tx:
        orgs = [accounts.add(tx, accounts.fresh(f"org-{number}", "org", 1)) for number in range(_OWNERS)]
    for start in range(0, repositories, _AT_ONCE):
        with catalog.write() as tx:
            _add_repos(tx, dice, orgs, range(start, min(start + _AT_ONCE, repositories)))
    catalog.close()


def seed_users(file: Path, users: int) -> None:
    """Fill a hub with users."""
    catalog = open_catalog(f"sqlite:///{file}")
    for start in range(0, users, _AT_ONCE):
        new = [accounts.fresh(f"user-{number}", "user", 1) for number in range(start, min(start + _AT_ONCE, users))]
        rows = [attrs.asdict(user, filter=attrs.filters.exclude("id")) | {"name_key": user.name} for user in new]
        with catalog.write() as tx:
            tx.sql.execute(sa.insert(tables.namespaces), rows)
            names = {user.name: user.id for user in accounts.by_uids(tx, [user.uid for user in new])}
            name_parts.put_accounts(tx, {user_id: name for name, user_id in names.items()})
    catalog.close()


def _add_repos(tx: Write, dice: random.Random, orgs: Sequence[accounts.Account], numbers: range) -> None:
    """Insert repositories, their tags and their texts with one statement each."""
    first = (tx.sql.execute(sa.select(sa.func.max(tables.repos.c.id))).scalar() or 0) + 1
    rows, tags, texts = list[dict[str, object]](), list[dict[str, object]](), list[full_text.RepoText]()
    for repo_id, number in enumerate(numbers, start=first):
        owner, at_ms = orgs[number % len(orgs)], _NOW_MS - number * 60_000
        task, library, license_ = (dice.choice(words) for words in (_TASKS, _LIBRARIES, _LICENSES))
        name = f"m-{number}-{_WORDS[number % len(_WORDS)]}"
        card = {"license": license_, "tags": ["en"], "library_name": library, "pipeline_tag": task}
        rows.append({
            "id": repo_id, "uid": new_uid(), "namespace_id": owner.id, "name": name, "name_key": name,
            "type": (RepoType.MODEL, RepoType.DATASET)[number % 4 == 3].value, "creator_id": None, "settings": {},
            "visibility": "private" if number % 10 == 9 else "public", "gated": "no", "is_disabled": False,
            "created_ms": at_ms, "updated_ms": at_ms, "downloads": dice.randrange(10_000), "likes": dice.randrange(100),
            "card": card, "config": {"model_type": "bert"}, "pipeline_tag": task, "library": library, "sdk": None,
            "labels": [], "description": "",
        })  # fmt: skip
        words = (library, task, "en", f"license:{license_}", "region:us")
        same = {"repo_id": repo_id, "is_label": False, "mark": owner.id if number % 10 == 9 else PUBLIC}
        tags += [{**same, "tag": tag, "position": at} for at, tag in enumerate(words)]
        texts.append(full_text.RepoText(repo_id, f"{owner.name}/{name}", words, " ".join(dice.choices(_WORDS, k=20))))
    tx.sql.execute(sa.insert(tables.repos), rows)
    name_parts.put_repos(tx, tables.repos.c.id >= first)
    tx.sql.execute(sa.insert(tables.repo_tags), tags)
    full_text.put_all(tx, texts)


def _fill_both(client: httpx2.Client, files: int) -> dict[str, str]:
    """Create a repository that many commits have filled, and one with a single commit; return their places."""
    repo, wide = fill(client, files), fill(client, files, "wide", batch=files)
    commits = client.get(f"/api/models/{repo}/commits/main").raise_for_status().json()
    return {"repo": repo, "wide": wide, "first": str(commits[-2]["id"])}


def _fill_seen(client: httpx2.Client) -> str:
    """Create repositories with different contents of the same kinds; return their owner."""
    owner = ""
    for number in range(_SEEN):
        owner = _create(client, f"seen-{number}").partition("/")[0]
        for files in (_contents(number), {"train.py": _python(number + _SEEN)}):
            _commit(client, f"{owner}/seen-{number}", files)
    return owner


def _contents(number: int) -> dict[str, str]:
    card = f"# Model {number}\n\n{_CARD}\n\n" + "| metric | value |\n|---|---|\n" + "| f1 | 0.9 |\n" * 20
    cells = [{"cell_type": "code", "source": [_python(number)[:1_500]], "outputs": [], "metadata": {}}] * 6
    cells += [{"cell_type": "markdown", "source": [card], "metadata": {}}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    layers = [{"name": f"layer-{number}-{at}", "size": at, "is_norm": at % 2 == 0, "scale": 0.5} for at in range(120)]
    return {
        "README.md": f"---\nlicense: mit\n---\n{card}\n\n```python\n{_python(number)[:2_000]}\n```\n",
        "docs/README.md": f"{card}\n\n```bash\npython train.py --seed {number}\n```\n",
        "train.py": _python(number),
        "config.json": json.dumps({"seed": number, "layers": layers}, indent=2),
        "config.yaml": f"seed: {number}\n" + "".join(f"layer{at}:\n  size: {at}  # units\n" for at in range(250)),
        "run.sh": f"#!/bin/bash\nset -e\nSEED={number}\n"
        + "".join(f'if [ -f "$1/{at}.txt" ]; then\n  python train.py --part {at} "$SEED"\nfi\n' for at in range(120)),
        "notes.ipynb": json.dumps(notebook),
    }


def _python(number: int) -> str:
    """Return about 12 kB of Python."""
    function = (
        'def step_{n}(batch: list[float], rate: float = 0.{n}) -> float:\n    """Return the loss of one step."""\n'
        "    total = sum(value * rate for value in batch)  # the mean is taken later\n"
        '    if total > {n}:\n        raise ValueError(f"too large: {{total!r}}")\n    return total / len(batch)\n\n\n'
    )
    return "import math\n\n\n" + "".join(function.format(n=number * 1_000 + at) for at in range(38))


def fill(client: httpx2.Client, files: int, name: str = "large", *, batch: int = _BATCH) -> str:
    """Create a repository with many files, half of them in one folder; return its id."""
    repo = _create(client, name)
    paths = [f"flat/{number:06}.txt" for number in range(files // 2)]
    paths += [f"nested/{number // 100:04}/{number:06}.txt" for number in range(files // 2)]
    for start in range(0, len(paths), batch):
        contents = {} if start else {"README.md": _CARD}
        _commit(client, repo, contents | {path: path for path in paths[start : start + batch]})
    return repo


def _create(client: httpx2.Client, name: str) -> str:
    made = client.post("/api/repos/create", json={"name": name, "type": "model"}).raise_for_status().json()
    return str(made["name"])


def _commit(client: httpx2.Client, repo: str, files: Mapping[str, str]) -> None:
    lines: list[dict[str, object]] = [{"key": "header", "value": {"summary": f"Add {len(files):,} files"}}]
    lines += [_line(path, text) for path, text in files.items()]
    client.post(
        f"/api/models/{repo}/commit/main",
        content="\n".join(json.dumps(line) for line in lines),
        headers={"Content-Type": "application/x-ndjson"},
    ).raise_for_status()


def _line(path: str, text: str) -> dict[str, object]:
    content = base64.b64encode(text.encode()).decode()
    return {"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}}


if __name__ == "__main__":
    main()
