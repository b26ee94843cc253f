"""Every kind of caller at every route: each line of the table in docs/rights.md is tested.

The routes come from the application itself, so a route without a line in the
table fails here, and so does a line without a route. A new route needs its
line in the table and no change in this file.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from starlette.routing import BaseRoute, Mount, Route

from entrepot.catalog.community import access_requests
from entrepot.catalog.community.access_requests import ACCEPTED, REJECTED, AccessRequest
from entrepot.catalog.repos import repositories as repos
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.buckets import buckets
from entrepot.hub.callers import FINE_GRAINED, Caller, Role
from entrepot.hub.community import collection_views, collections
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import repositories
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.scopes import RequestedScope
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType, new_uid
from entrepot.server import app as application
from entrepot.settings import Settings
from tests.support.plain_http import Answer, PlainClient
from tests.support.running_apps import running

PAGE = Path(__file__).resolve().parents[2] / "docs/rights.md"
KINDS = {kind.plural: kind for kind in VERSIONED_TYPES}
STATES = ("public", "private", "gated")
NUMBERS = itertools.count(1)
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


# --- the page ------------------------------------------------------------------


def tables(text: str) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each table of a page, by the heading above it."""
    found: dict[str, list[dict[str, str]]] = {}
    heading, columns = "", list[str]()
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if not columns:
            columns = cells
        elif not set(line) <= set("|-: "):
            found.setdefault(heading, []).append(dict(zip(columns, cells, strict=True)))
    return found


_ADMIN = "chief"
"""The account of the organisation's admin: ``admin`` itself is not a valid account name."""


@attrs.frozen
class Line:
    """One line of the table of routes."""

    methods: tuple[str, ...]
    path: str
    right: str
    example: str

    @property
    def label(self) -> str:
        return f"{','.join(self.methods)} {self.path}"

    @property
    def changes_repo(self) -> bool:
        """Whether the call changes its repository, which then cannot be used for another call."""
        return self.right in ("commit", "write", "ask")

    def covers(self, method: str, path: str) -> bool:
        same = path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path
        return same and method in self.methods


TABLES = tables(PAGE.read_text(encoding="utf-8"))
RIGHTS = {(row["right"], row["repository"]): row for row in TABLES["Who may"]}
PEOPLE = [name for name in TABLES["Who may"][0] if name not in ("right", "repository")]
LINES = [
    Line(tuple(row["method"].split(",")), row["route"].strip("`"), row["right"], row["example"].strip("`"))
    for row in TABLES["Routes"]
]


# --- the application -------------------------------------------------------------


@attrs.frozen
class RouteCase:
    """A route of the application: its pattern with ``{T}`` and ``{P}``, and its real pattern for each type."""

    method: str
    path: str
    patterns: dict[RepoType | None, str] = attrs.field(factory=dict, eq=False)


def flatten(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Mount):
            yield from flatten(list(route.routes), prefix + route.path)
        else:
            assert isinstance(route, Route)
            for method in sorted((route.methods or set()) - {"HEAD"} or {"HEAD"}):
                yield method, prefix + route.path


def general(path: str) -> tuple[str, RepoType | None]:
    """Return a pattern without its type of repository, and the type."""
    if found := re.match(r"/api/(models|datasets|spaces)(?=/|$)", path):
        return f"/api/{{T}}{path[found.end() :]}", KINDS[found[1]]
    if re.match(r"(/api)?/buckets/\{namespace\}", path):
        return path, RepoType.BUCKET
    if found := re.match(r"/(datasets|spaces)/(?=\{namespace\})", path):
        return f"/{{P}}{path[found.end() :]}", KINDS[found[1]]
    if path.startswith("/{namespace}"):
        return f"/{{P}}{path[1:]}", RepoType.MODEL
    return path, None


def routes(hub: HubContext) -> list[RouteCase]:
    """Return every route, once for all types of repositories; of two routes for one call, the first."""
    found: dict[tuple[str, str], RouteCase] = {}
    for method, path in flatten(application.build_handlers(hub)):
        pattern, kind = general(path)
        route = found.setdefault((method, pattern), RouteCase(method, pattern))
        route.patterns.setdefault(kind, path)
    return list(found.values())


# --- the people -------------------------------------------------------------------


@attrs.define
class Site:
    """A running hub with every account the table names; ``owner`` creates repositories in an organisation."""

    hub: HubContext
    client: PlainClient
    secrets: dict[str, str]
    routes: list[RouteCase]
    shared: dict[tuple[RepoType, str], RepoRef] = attrs.field(factory=dict)

    def caller(self, name: str) -> Caller:
        found = self.hub.identify(self.secrets[name])
        assert found is not None
        return found

    def fresh(self, kind: RepoType, state: str) -> RepoRef:
        """Create an unused repository, with the access requests of the accounts that need one."""
        owner = self.caller("owner")
        visibility = "private" if state == "private" else "public"
        name = f"{state}-{next(NUMBERS):05d}"
        if kind.kind.has_commits:
            row = repositories.create(self.hub, owner, NewRepo(kind, name, "acme", visibility))
        else:
            row = buckets.create(self.hub, owner, "acme", name, visibility)
        if state != "public":
            # A private one too: an account with access from its public time does not see it now.
            repositories.configure(self.hub, owner, row.ref, RepoChanges(gated="manual"))
            with self.hub.write() as tx:
                for name, status in (("accepted", ACCEPTED), ("rejected", REJECTED)):
                    asker = self.caller(name).account.id
                    access_requests.add(tx, AccessRequest(0, new_uid(), row.id, asker, status, {}, None, 1, 1))
        if kind.kind.has_commits:
            openings.open_draft(self.hub, owner, row.ref, "A proposal", "Of the owner.")
        return row.ref

    def common(self, kind: RepoType, state: str) -> RepoRef:
        """Return a shared repository, for calls that change nothing."""
        if (kind, state) not in self.shared:
            self.shared[kind, state] = self.fresh(kind, state)
        return self.shared[kind, state]

    def collection(self, *, is_private: bool) -> str:
        """Create a collection of the organisation with a private repository; return the last part of its slug."""
        title, item = f"collection {next(NUMBERS)}", ("model", str(self.common(RepoType.MODEL, "private").id))
        draft = collections.CollectionDraft(title, "acme", is_private=is_private, item=item)
        made = collections.create(self.hub, self.caller("admin"), draft)
        return collection_views.slug_of(made.row).partition("/")[2]

    @property
    def folder_owner(self) -> str:
        """The account that owns the folders."""
        return "acme"

    def folder(self, _near: RepoRef) -> str:
        """Create a private folder of the organisation and return its name."""
        name = f"folder-{next(NUMBERS)}"
        folders.create(self.hub, self.caller("admin"), FolderDraft(RepoType.MODEL, name, "acme"))
        wanted = FolderId(RepoType.MODEL, "acme", name)
        grants.grant(self.hub, self.caller("admin"), wanted, Subject(user="outsider"), "view")
        return name

    def filled(self, example: str, who: str, ref: RepoRef) -> str:
        """Replace the words in angle brackets in an example, creating things for this one request."""
        words: dict[str, Callable[[], str]] = {
            "<namespace>": lambda: ref.id.namespace,
            "<name>": lambda: ref.id.name,
            "<type>": lambda: ref.type.value,
            "<me>": lambda: dict.fromkeys(("admin", "read token", "limited", "committer"), _ADMIN).get(who, who),
            "<collection>": lambda: self.collection(is_private=False),
            "<private collection>": lambda: self.collection(is_private=True),
            "<folder owner>": lambda: self.folder_owner,
            "<folder>": lambda: self.folder(ref),
        }
        return re.sub(r"<[a-z ]+>", lambda found: words[found[0]](), example)

    def send(self, route: RouteCase, line: Line, who: str, ref: RepoRef, method: str | None = None) -> Answer:
        path, query, headers, body = request_of(route, self.filled(line.example, who, ref), ref)
        if who != "anonymous":
            headers["authorization"] = f"Bearer {self.secrets[who]}"
        return self.client.request(method or route.method, path + query, headers=headers, content=body)


def request_of(route: RouteCase, example: str, ref: RepoRef) -> tuple[str, str, dict[str, str], bytes]:
    """Return the request of an example: its path, query, headers and body."""
    values = {"namespace": ref.id.namespace, "name": ref.id.name}
    before, _, body = example.partition("body=")
    for item in filter(None, (part.strip() for part in before.split(";"))):
        key, _, value = item.partition("=")
        values[key] = value
    headers = {"content-type": values.pop("content", "application/json")} if body else {}
    query = values.pop("query", "")
    pattern = route.patterns.get(ref.type) or next(iter(route.patterns.values()))
    path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values.get(found[1], "x"), pattern)
    return path, f"?{query}" if query else "", headers, body.encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(Settings(data=tmp_path_factory.mktemp("rights") / "data", port=0, run_jobs=False)) as found:
        yield found


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Site]:
    """Run a hub with the accounts of the table."""
    hub = open_hub(settings, fsync=False)
    members = {"reader": Role.READ, "contributor": Role.CONTRIBUTOR, "owner": Role.CONTRIBUTOR, "writer": Role.WRITE}
    secrets = {}
    for name in ("stranger", "accepted", "rejected", "admin", "operator", "outsider", *members):
        account = _ADMIN if name == "admin" else name
        accounts.create_user(hub, account, is_admin=name == "operator")
        secrets[name] = accounts.create_token(hub, account, role="write").secret
    accounts.create_org(hub, "acme", admin=_ADMIN)
    for name, role in members.items():
        accounts.set_member(hub, "acme", name, role)
    secrets["read token"] = accounts.create_token(hub, _ADMIN, role="read").secret
    admin = hub.identify(secrets["admin"])
    repositories.create(hub, admin, NewRepo(RepoType.MODEL, "elsewhere", "acme", "private"))
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("model", "acme/elsewhere", ["repo.write"])])
    secrets["limited"] = tokens.create_for(hub, _ADMIN, wish)[0].secret
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("org", "acme", ["repo.commit"])])
    secrets["committer"] = tokens.create_for(hub, _ADMIN, wish)[0].secret
    with (
        running(application.make_app(hub)) as address,
        # Requests sent directly from this machine may read the metrics.
        PlainClient(address.url, {"via": "1.1 proxy"}) as client,
    ):
        yield Site(hub, client, secrets, routes(hub))
    hub.close()


# --- what is expected ---------------------------------------------------------------


def verdict(answer: Answer, who: str, line: Line, told: str) -> str:
    """Return what a response says about a right, in the words of the table."""
    code, status = answer.headers.get("x-error-code"), answer.status_code
    assert status < 500, answer.text
    if (code, status, line.right) == ("RepoNotFound", 404, "closed"):
        return "none"  # for everyone: repositories of a type that this hub does not have
    if code == "RepoNotFound":
        assert status == (401 if who == "anonymous" else 404)
        return "hidden"
    if code == "GatedRepo":
        assert status == (401 if who == "anonymous" else 403)
        return "gated"
    if status == 404 and code in (None, "AccountNotFound", "GrantNotFound"):
        # An example that names something missing gets a 404 independent of rights.
        is_there = "folder>" in line.example or ("collection>" in line.example and "items" not in line.path)
        return "none" if told == "none" or is_there else "yes"
    return {401: "login", 403: "no"}.get(status, "yes")


def bare(answer: Answer, ref: RepoRef) -> tuple[Any, ...]:
    """Return a response without the parts that differ between any two requests, and without the requested name."""
    # "connection: close" tells that the body of the request arrived late, which depends on its sender alone.
    ignored = ("x-request-id", "date", "connection")
    headers = {key: value for key, value in answer.headers.items() if key not in ignored}
    text = answer.text.replace(ref.id.name, "NAME")
    return answer.status_code, {key: value.replace(ref.id.name, "NAME") for key, value in headers.items()}, text


@functools.cache
def lines_of(route: RouteCase) -> tuple[Line, ...]:
    """Return the lines of a route; those with a ``*`` only if there is no other."""
    found = [line for line in LINES if line.covers(route.method, route.path)]
    return tuple(line for line in found if not line.path.endswith("*")) or tuple(found)


def absent_twin(ref: RepoRef) -> RepoRef:
    """Return a missing repository whose name is as long as that of an existing one."""
    return RepoRef(ref.type, attrs.evolve(ref.id, name="absent" + "x" * (len(ref.id.name) - 6)))


def exists(site: Site, ref: RepoRef) -> bool:
    with site.hub.read() as tx:
        return repos.find(tx, ref) is not None


# --- tests ------------------------------------------------------------------------


def test_every_route_has_a_line_and_every_line_a_route(site: Site) -> None:
    without_line = [f"{route.method} {route.path}" for route in site.routes if not lines_of(route)]
    without_route = [
        f"{method} {line.path}"
        for line in LINES
        for method in line.methods
        if not any(line.covers(method, route.path) and method == route.method for route in site.routes)
    ]
    assert (without_line, without_route) == ([], [])


def test_every_right_of_a_line_is_explained() -> None:
    named = {line.right for line in LINES}
    assert named <= {right for right, _ in RIGHTS}
    for right in named:
        states = {state for known, state in RIGHTS if known == right}
        assert states in ({*STATES}, {"-"}), right


def test_every_right_in_a_shared_folder_is_a_right() -> None:
    assert {row["right"] for row in TABLES["Who may in a shared folder"]} <= {right for right, _ in RIGHTS}


@pytest.mark.parametrize("line", LINES, ids=[f"{line.label} {line.right}" for line in LINES])
def test_every_caller_gets_what_the_table_says(site: Site, line: Line) -> None:
    states = [state for right, state in RIGHTS if right == line.right]
    found: dict[tuple[str, str, str], str] = {}
    expected: dict[tuple[str, str, str], str] = {}
    for route in (route for route in site.routes if line in lines_of(route)):
        kind = next((kind for kind in RepoType if kind in route.patterns), RepoType.MODEL)
        for state, who in itertools.product(states, PEOPLE):
            told = RIGHTS[line.right, state][who]
            shown = "public" if state == "-" else state
            changes = route.method in CHANGING and told == "yes" and line.changes_repo
            ref = site.fresh(kind, shown) if changes else site.common(kind, shown)
            answer = site.send(route, line, who, ref)
            key = (f"{route.method} {route.path}", state, who)
            found[key], expected[key] = verdict(answer, who, line, told), told
            if told == "hidden":
                twin = absent_twin(ref)
                assert bare(answer, ref) == bare(site.send(route, line, who, twin), twin), key
    assert {key: (found[key], expected[key]) for key in found if found[key] != expected[key]} == {}


@pytest.mark.parametrize("kind", [RepoType.DATASET, RepoType.SPACE, RepoType.BUCKET], ids=lambda kind: kind.value)
@pytest.mark.parametrize("who", ["anonymous", "stranger", "accepted", "rejected", "limited"])
def test_a_hidden_repository_of_any_type_is_not_distinguished_from_an_absent_one(
    site: Site, kind: RepoType, who: str
) -> None:
    hidden = site.common(kind, "private")
    absent = absent_twin(hidden)
    calls = ((route, line) for route in site.routes if kind in route.patterns for line in lines_of(route))
    for route, line in calls:
        answers = [bare(site.send(route, line, who, ref), ref) for ref in (hidden, absent)]
        assert answers[0] == answers[1], (route.method, route.path)
        if route.method == "GET":
            answers = [bare(site.send(route, line, who, ref, "HEAD"), ref) for ref in (hidden, absent)]
            assert answers[0] == answers[1], ("HEAD", route.path)
    assert exists(site, hidden)


@pytest.mark.parametrize("who", ["anonymous", "stranger", "accepted", "rejected", "limited"])
def test_no_list_and_no_search_names_a_hidden_repository(site: Site, who: str) -> None:
    hidden = [site.fresh(kind, "private") for kind in RepoType]  # new ones, which would be on the first page of lists
    seen = site.fresh(RepoType.MODEL, "public")
    told = ""
    for route in (route for route in site.routes if route.method == "GET" and "{name}" not in route.path):
        told += "".join(site.send(route, line, who, hidden[0]).text for line in lines_of(route))
    assert seen.id.name in told
    assert [str(ref.id) for ref in hidden if ref.id.name in told] == []


def test_a_table_is_read_by_the_headings_above_it() -> None:
    found = tables("# One\n\n| a | b |\n|---|---|\n| `1` | 2 |\n\n## Two\n| c |\n|---|\n| 3 |\n")
    assert found == {"One": [{"a": "`1`", "b": "2"}], "Two": [{"c": "3"}]}
