"""Every method at every path that names a repository: a hidden one answers like an absent one, to the byte.

The paths come from the route table of the application, the contents of requests from docs/rights.md: a new route
is compared without a change in this file. ``naming_requests.txt`` has requests that name a repository elsewhere.

Compared are the status, the headers, the body and the SQL statements that the answer took: a statement more or
less would show in its time.
"""

from __future__ import annotations

import difflib
import functools
import pprint
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
import pytest
import sqlalchemy as sa

from entrepot.hub.accounts import accounts
from entrepot.hub.accounts.token_usage import TokenUsage
from entrepot.hub.callers import Role
from entrepot.hub.community import discussions
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoPath, RepoRef, RepoType
from tests.journeys import test_rights
from tests.journeys.test_rights import Line, RouteCase, Site, bare, lines_of
from tests.support.plain_http import Answer

site = test_rights.site

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CALLERS = ("anonymous", "stranger", "elsewhere", "neighbour")
"""``elsewhere``: an admin of another organisation, with a private repository there; ``neighbour``: reads that one,
and is a contributor of a third organisation."""

FILES = {
    "README.md": b"---\nlicense: mit\ntags: [hidden]\n---\n# Hidden\n",
    "data/train.jsonl": b'{"text": "a", "n": 1}\n{"text": "b", "n": 2}\n',
    "config.json": b'{"model_type": "bert"}',
}
NAMING = [
    line.split(" ", 2)
    for line in (Path(__file__).parent / "naming_requests.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@attrs.define
class Statements:
    """The SQL statements that the server runs for requests, without their values."""

    ran: list[str] = attrs.Factory(list)

    def note(self, statement: str) -> None:
        """Record a statement; those of clocks and timers are not part of a request."""
        if threading.current_thread().name.startswith(("short", "transfer")) and not statement.startswith(
            ("PRAGMA", "--")
        ):
            self.ran.append(_LIST.sub("?", _VALUE.sub("?", " ".join(statement.split()))))

    def compared(
        self, site: Site, pair: tuple[RepoRef, RepoRef], send: Callable[[RepoRef], Answer]
    ) -> list[Any] | None:
        """Return what differs between the answers about two repositories, or None.

        Timers of the server write at any moment: work that differs is compared again.
        """
        answers: list[tuple[Any, ...]] = []
        for _ in range(_ATTEMPTS):
            answers = []
            for one in pair:
                site.hub.known_callers.find(None, "")  # forgets all callers
                self.ran = []
                answers.append(told(send(one), self.ran, one))
            if answers[0][:-1] != answers[1][:-1]:
                break
            if answers[0] == answers[1]:
                return None
        return differences(*answers)


_ATTEMPTS = 4
_VALUE = re.compile(r"[xX]?'(?:[^']|'')*'|(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])|\bNULL\b")

_LIST = re.compile(r"\?(?:, \?)+")


@pytest.fixture(scope="module")
def statements() -> Iterator[Statements]:
    """What all connections run from now on; to be requested before the hub."""
    found = Statements()

    def trace(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(found.note)

    sa.event.listen(sa.pool.Pool, "connect", trace)
    with mock.patch.object(TokenUsage, "flush"):  # which a timer calls, in the threads of requests
        yield found
    sa.event.remove(sa.pool.Pool, "connect", trace)


@pytest.fixture(scope="module")
def hidden(statements: Statements, site: Site) -> dict[RepoType, RepoRef]:
    """Private repositories of each type, with contents, a tag and a discussion."""
    accounts.create_user(site.hub, "elsewhere")
    site.secrets["elsewhere"] = accounts.create_token(site.hub, "elsewhere", role="write").secret
    accounts.create_org(site.hub, "other", admin="elsewhere")
    accounts.create_user(site.hub, "neighbour")
    site.secrets["neighbour"] = accounts.create_token(site.hub, "neighbour", role="write").secret
    accounts.set_member(site.hub, "other", "neighbour", Role.READ)
    accounts.create_org(site.hub, "third", admin="elsewhere")
    accounts.set_member(site.hub, "third", "neighbour", Role.CONTRIBUTOR)
    repositories.create(site.hub, site.caller("elsewhere"), NewRepo(RepoType.MODEL, "unseen", "other", "private"))
    return {kind: _made(site, kind) for kind in RepoType}


def _made(site: Site, kind: RepoType) -> RepoRef:
    made = site.fresh(kind, "private")
    if kind.kind.has_commits:
        admin = site.caller("admin")
        added = [AddFile(RepoPath(path), data) for path, data in FILES.items()]
        commits.create(site.hub, admin, made, "main", CommitDraft("files", added))
        branches.create_tag(site.hub, admin, made, "main", "v1", "tagged")
        discussions.create(site.hub, admin, made, "A discussion", "of members")
    return made


def calls(site: Site, kind: RepoType) -> Iterator[tuple[RouteCase, Line, str]]:
    """Return each path of a type of repository with each method, and the line that says what to send."""
    seen = set[tuple[str, str, str]]()
    for route in site.routes:
        if kind not in route.patterns or "{name}" not in route.patterns[kind]:
            continue
        known = lines_of(route)
        for method in METHODS:
            for line in known if method == route.method else known[:1]:
                if (method, route.path, line.example) not in seen:
                    seen.add((method, route.path, line.example))
                    yield route, line, method


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("kind", list(RepoType), ids=lambda kind: kind.value)
@pytest.mark.timeout(900)  # some thousand requests
def test_no_method_at_any_path_tells_a_hidden_repository_from_an_absent_one(
    statements: Statements, site: Site, hidden: dict[RepoType, RepoRef], kind: RepoType, who: str
) -> None:
    ref = hidden[kind]
    twin = absent_twin(ref)
    different = []
    for route, line, method in calls(site, kind):
        send = functools.partial(site.send, route, line, who, method=method)
        if found := statements.compared(site, (ref, twin), send):
            different.append((method, route.path, *found))
    assert not different, "\n".join(map(pprint.pformat, different))


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("kind", list(RepoType), ids=lambda kind: kind.value)
def test_no_request_that_names_a_hidden_repository_elsewhere_tells_it_from_an_absent_one(
    statements: Statements, site: Site, hidden: dict[RepoType, RepoRef], kind: RepoType, who: str
) -> None:
    pair = hidden[kind], absent_twin(hidden[kind])
    if who != "anonymous":
        for one in pair:
            new = NewRepo(RepoType.MODEL, mine(one), visibility="private")
            repositories.create(site.hub, site.caller(who), new)
    different = []
    for call in NAMING:
        if found := statements.compared(site, pair, functools.partial(naming, site, who, call=call)):
            different.append((call, *found))
    assert not different, "\n".join(map(pprint.pformat, different))


def absent_twin(ref: RepoRef) -> RepoRef:
    """Return a missing repository whose name is as long as that of a hidden one, and of as many words."""
    return RepoRef(ref.type, attrs.evolve(ref.id, name=ref.id.name.replace("private", "absence")))


def mine(one: RepoRef) -> str:
    """Return the name of the caller's repository that is used in requests about a hidden or an absent one."""
    return f"mine-{one.type.value}-{one.id.name[0]}"


def naming(site: Site, who: str, one: RepoRef, *, call: list[str]) -> Answer:
    """Send a request of ``naming_requests.txt``."""
    method, path, body = [*call, ""][:3]
    words = {"name": one.id.name, "namespace": one.id.namespace, "type": one.type.value, "plural": one.type.plural}
    words |= {"NAME": one.id.name.upper(), "NAMESPACE": one.id.namespace.upper()}
    words |= {"who": who, "mine": f"{who}/{mine(one)}"}
    for word, value in words.items():
        path, body = path.replace(f"<{word}>", value), body.replace(f"<{word}>", value)
    media = "application/x-ndjson" if "/commit/" in path else "application/json"
    headers = {"content-type": media if body.startswith("{") else "application/x-www-form-urlencoded"} if body else {}
    if who != "anonymous":
        headers["authorization"] = f"Bearer {site.secrets[who]}"
    return site.client.request(method, path, headers=headers, content=body.replace("\\n", "\n").encode())


_MADE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{24}|hf_[A-Za-z0-9]+|\d{4}-\d\d-\d\dT[0-9:.]+Z")
"""What a call that makes something returns about it: ids, secrets and times."""


def told(answer: Answer, ran: list[str], ref: RepoRef) -> tuple[Any, ...]:
    """Return a response without the name that was requested, in any case, and without what it made; and its work."""
    status, headers, text = bare(answer, ref)
    name = re.compile(rf"{re.escape(ref.id.name)}|mine-{ref.type.value}-[a-z]\b", re.IGNORECASE)
    # The connection is closed after a number of requests; the tag of a page is made from its text.
    kept = {key: value for key, value in headers.items() if key not in ("connection", "etag")}
    return (
        status,
        {key: _MADE.sub("MADE", name.sub("NAME", value)) for key, value in kept.items()},
        _MADE.sub("MADE", name.sub("NAME", text)),
        ran,
    )


def differences(one: tuple[Any, ...], two: tuple[Any, ...]) -> list[Any]:
    """Return what differs between two responses, for the message of a failed test."""
    changed = {key: (one[1].get(key), two[1].get(key)) for key in {*one[1], *two[1]}}
    at = next((at for at, pair in enumerate(zip(one[2], two[2], strict=False)) if pair[0] != pair[1]), 0)
    texts = [text[max(at - 40, 0) : at + 40] for text in (one[2], two[2])]
    work = [line[:200] for line in difflib.ndiff(one[3], two[3]) if line[0] in "+-"]
    return [(one[0], two[0]), {key: pair for key, pair in changed.items() if pair[0] != pair[1]}, *texts, *work]
