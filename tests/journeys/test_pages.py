"""Every page that a link leads to, as an anonymous visitor and as the owner, on a hub full of hostile texts."""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import attrs
import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import VERSIONED_TYPES, parse_path
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.running_apps import running

PASSWORD = "correct horse"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
CARD = f"""---
license: mit
tags: ['{HOSTILE.replace("'", "")}', "javascript:alert(1)"]
pipeline_tag: "<b onclick=alert(1)>"
library_name: "'\\"><svg onload=alert(1)>"
---
# {HOSTILE}

{HOSTILE}

[run](javascript:alert(1)) [data](data:text/html;base64,PHNjcmlwdD4=) ![x](javascript:alert(1)) ![e](https://evil.example/x.png)
[file](a.txt) [up](../../../../login) ![own](a.png "{HOSTILE.replace('"', "'")}")
<script>alert(1)</script>
<style>*{{display:none}}</style>
"""
OUTPUTS = [
    {"output_type": "display_data", "data": {"text/html": HOSTILE, "text/plain": HOSTILE}},
    {"output_type": "display_data", "data": {"image/png": HOSTILE}},
    {"output_type": "error", "ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE]},
]
CELLS = [{"cell_type": kind, "source": HOSTILE, "outputs": OUTPUTS} for kind in ("code", "markdown")]
TENSORS = {HOSTILE: {"dtype": HOSTILE, "shape": [0], "data_offsets": [0, 0]}, "__metadata__": {HOSTILE: HOSTILE}}
FILES = {
    "README.md": CARD.encode(),
    "a.txt": HOSTILE.encode(),
    "a.svg": f"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>{HOSTILE}</svg>".encode(),
    "a.html": HOSTILE.encode(),
    "a.png": b"\x89PNG",
    "n.ipynb": json.dumps({"nbformat": 4, "metadata": {}, "cells": CELLS}).encode(),
    "m.safetensors": (lambda data: len(data).to_bytes(8, "little") + data)(json.dumps(TENSORS).encode()),
    "d/<img src=x onerror=alert(1)>.txt": b"x",
    "d/\"' onclick='alert(1)'.txt": b"x",
    "d/javascript:alert(1)": b"x",
}
FEW = ("README.md", "a.txt", "a.png")
"""The files of private repositories, whose pages are those of public ones."""
FORBIDDEN_ATTRIBUTES = re.compile(r"on[a-z]+|style|srcdoc|formaction|ping|background")


@attrs.define
class Seen:
    """What one page contains."""

    links: list[str] = attrs.field(factory=list)
    sources: list[str] = attrs.field(factory=list)
    headings: int = 0
    problems: list[str] = attrs.field(factory=list)
    text: str = ""


OWN_SCRIPT = re.compile(r"/-/static/[0-9a-f]{16}/(?:copy|keys|upload)\.mjs")


class Reader(html.parser.HTMLParser):
    """Reads a page as a browser does, and notes what must not be there."""

    _VOID = frozenset("meta link input img br hr use path".split())  # noqa: SIM905

    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()
        self.open: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attributes}
        is_own = tag == "script" and values.get("type") == "module" and OWN_SCRIPT.fullmatch(values.get("src", ""))
        if tag in ("script", "style", "iframe", "object", "embed", "base") and not is_own:
            self.seen.problems.append(f"<{tag}>")
        self.seen.problems += [f"{tag} {key}" for key in values if FORBIDDEN_ATTRIBUTES.fullmatch(key)]
        if (name := values.get("id")) is not None:
            if name in self.ids:
                self.seen.problems.append(f"id {name} twice")
            self.ids.add(name)
        self.seen.headings += tag == "h1"
        if tag == "a":
            self.seen.links.append(values.get("href", ""))
        if tag in ("img", "use", "link", "audio", "video"):
            self.seen.sources.append(values.get("src") or values.get("href") or "")
        if tag == "img" and "alt" not in values:
            self.seen.problems.append("img without alt")
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self._VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.seen.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.seen.text += data


def read(text: str) -> Seen:
    reader = Reader()
    reader.feed(text)
    reader.close()
    if reader.open:
        reader.seen.problems.append(f"not closed: {reader.open}")
    return reader.seen


def fill(hub: HubContext, owner: Caller) -> None:
    """Create repositories of each type, public and private, with hostile contents."""
    for kind in VERSIONED_TYPES:
        for visibility in ("public", "private"):
            name = f"{kind.value}-{visibility}"
            ref = repositories.create(hub, owner, NewRepo(kind, name, "alice", visibility)).ref
            paths = FILES if visibility == "public" else FEW
            operations = [AddFile(parse_path(path), FILES[path]) for path in paths]
            draft = CommitDraft(HOSTILE, operations, description=f"{HOSTILE}\n\n{HOSTILE}")
            commits.create(hub, owner, ref, "main", draft)
            branches.create_branch(hub, owner, ref, "x<b>y", start=None, is_empty=False, overwrites=False)
            branches.create_tag(hub, owner, ref, "main", "v1", HOSTILE)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("pages") / "data", port=0), fsync=False)
    try:
        accounts.create_user(hub, "alice", fullname=HOSTILE, password=PASSWORD)
        owner = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
        assert owner is not None
        fill(hub, owner)
        with running(make_app(hub)) as address:
            yield address.url
    finally:
        hub.close()


def browse(url: str) -> httpx2.Client:
    headers = {"accept": "text/html,*/*;q=0.8", "sec-fetch-site": "same-origin"}
    return httpx2.Client(base_url=url, headers=headers, trust_env=False, timeout=240, follow_redirects=True)


def crawl(client: httpx2.Client, url: str) -> dict[str, httpx2.Response]:
    """Return the response of every page and file that links lead to, from the first page on."""
    found: dict[str, httpx2.Response] = {}
    waiting, apis = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        # Filters can be combined without end, and every page has a link that returns to it.
        if path in found or "&" in path or path.startswith("/login?next=") or path.startswith("/api/"):
            continue
        assert len(found) < 3_000, "a link leads to ever new pages"
        answer = found[path] = client.get(path)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        seen = read(answer.text)
        assert seen.problems == [], (path, seen.problems)
        assert seen.headings == 1, path
        assert len(answer.content) < 400_000, path
        for link in [*seen.links, *seen.sources]:
            assert not re.match(r"\s*(javascript|vbscript):", link, re.IGNORECASE), (path, link)
            target = urlsplit(urljoin(url + path, link))
            if target.path.startswith("/api/"):
                apis.add(target.path)
            if f"{target.scheme}://{target.netloc}" == url:
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))
        for source in seen.sources:
            assert source.startswith(("/", "data:image/")), (path, source)
            assert not source.startswith("//"), (path, source)
    found |= {path: client.get(path) for path in apis}
    return found


def problems_of(found: dict[str, httpx2.Response]) -> list[tuple[str, int]]:
    """Return what did not answer 200, but for the links of the hostile cards to nothing."""
    revision = "[^/]+"
    expected = re.compile(rf"/(?:datasets/|spaces/)?alice/[a-z]+-[a-z]+/(?:blob/{revision}/login|resolve/{revision}/x)")
    return [
        (path, item.status_code) for path, item in found.items() if item.status_code != 200 and not expected.match(path)
    ]


@pytest.mark.timeout(600)  # hundreds of pages
def test_every_link_works_for_an_anonymous_visitor_and_shows_nothing_private(url: str) -> None:
    with browse(url) as client:
        found = crawl(client, url)
    assert problems_of(found) == []
    assert len(found) > 100
    assert [path for path, item in found.items() if "-private" in path or "-private" in item.text] == []
    assert any("/commit/" in path for path in found)


@pytest.mark.timeout(600)
def test_every_link_works_for_the_owner_too(url: str) -> None:
    with browse(url) as client:
        client.post("/login", data={"name": "alice", "password": PASSWORD})
        found = crawl(client, url)
    assert problems_of(found) == []
    assert any("model-private/blob/" in path for path in found)


def test_hostile_texts_are_shown_as_they_were_written(url: str) -> None:
    with browse(url) as client:
        for path in ("/alice/model-public/blob/main/a.txt", "/alice/model-public/commits/main", "/alice"):
            assert HOSTILE in read(client.get(path).text).text, path


def test_every_template_stays_small(url: str) -> None:
    with browse(url) as client:
        for path in ("/", "/models", "/alice", "/alice/model-public", "/alice/model-public/tree/main", "/login"):
            assert len(client.get(path).content) < 40_000, path


def test_the_reader_of_pages_sees_what_is_wrong() -> None:
    assert read("<p onclick=x><b></p>").problems == ["p onclick", "</p> closes nothing", "not closed: ['p']"]
    assert read("<script>x</script>").problems == ["<script>"]
    assert read('<i id="a"></i><i id="a"></i><img>').problems == ["id a twice", "img without alt"]


def test_templates_belong_to_the_package() -> None:
    folder = Path(__file__).resolve().parents[2] / "src/entrepot/server/pages/templates"
    assert {"base.html", "card.html", "login.html"} <= {path.name for path in folder.iterdir()}
