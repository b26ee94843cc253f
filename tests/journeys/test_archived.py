"""An archived repository at every route: what changes it is refused in the same words, what reads it goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from entrepot.hub.repos import repo_rights, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.settings import Settings
from tests.journeys.test_rights import CHANGING, LINES, Line, RouteCase, Site, lines_of, opened
from tests.support.plain_http import Answer

KEPT = {
    "/api/{T}/{namespace}/{name}/like": "likes change nothing in it",
    "/api/{T}/{namespace}/{name}/subscription": "what a person wants to be told",
    "/api/{T}/{namespace}/{name}/discussions/{num}/subscription": "what a person wants to be told",
    "/api/{T}/{namespace}/{name}/user-access-request/handle": "who may read it",
    "/api/{T}/{namespace}/{name}/user-access-request/batch": "who may read it",
    "/api/{T}/{namespace}/{name}/user-access-request/grant": "who may read it",
}
"""Routes with a right to change something that go on working, and why."""

RIGHTS = ("commit", "write", "administer", "discuss", "propose", "share")
BEGUN = ("commit", "discuss", "propose")
"""Rights of reading requests that only begin a change: forms, tokens for uploads, the refs for a push."""

REFUSED = [line for line in LINES if line.right in RIGHTS and CHANGING & {*line.methods} and line.path not in KEPT]
REFUSED += [line for line in LINES if line.right in BEGUN and not CHANGING & {*line.methods}]
READ = [line for line in LINES if line.right in ("see", "read")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(Settings(data=tmp_path_factory.mktemp("archived") / "data", port=0, run_jobs=False)) as found:
        yield found


def archived(site: Site, kind: RepoType) -> RepoRef:
    key = (kind, "archived")
    if key not in site.shared:
        site.shared[key] = site.fresh(kind, "public")
        repositories.configure(site.hub, site.caller("admin"), site.shared[key], RepoChanges(archived=True))
    return site.shared[key]


def routes_of(site: Site, line: Line) -> list[tuple[RouteCase, RepoType]]:
    """Return the routes of a line that are for repositories with commits, each with a type that it is for."""
    found = []
    for route in site.routes:
        kind = next((kind for kind in VERSIONED_TYPES if kind in route.patterns or None in route.patterns), None)
        if line in lines_of(route) and kind is not None:
            found.append((route, kind))
    return found


def refusal(answer: Answer) -> tuple[int, str | None]:
    return answer.status_code, answer.headers.get("x-error-code")


@pytest.mark.parametrize("line", REFUSED, ids=[f"{line.label} {line.example}" for line in REFUSED])
def test_what_changes_it_is_refused_with_the_cure(site: Site, line: Line) -> None:
    for route, kind in routes_of(site, line):
        if route.method not in CHANGING and line.right not in BEGUN:
            continue
        ref = archived(site, kind)
        answer = site.send(route, line, "admin", ref)
        assert refusal(answer) == (403, "RepoArchived"), (route.method, route.path, answer.text)
        assert f"{ref.id} is archived" in answer.text
        assert "until an admin of acme unarchives it in its settings" in answer.text


@pytest.mark.parametrize("line", READ, ids=[f"{line.label} {line.example}" for line in READ])
def test_what_reads_it_is_answered_as_before(site: Site, line: Line) -> None:
    for route, kind in routes_of(site, line):
        answers = [
            site.send(route, line, "stranger", ref) for ref in (archived(site, kind), site.common(kind, "public"))
        ]
        assert refusal(answers[0]) == refusal(answers[1]), (route.method, route.path)


def test_nothing_was_changed(site: Site) -> None:
    for kind in VERSIONED_TYPES:
        row = repo_rights.of(site.hub, site.caller("admin"), archived(site, kind)).row
        assert (row.is_archived, row.gated, row.settings, row.description) == (True, "no", {}, "")


def test_every_exception_is_a_route(site: Site) -> None:
    assert {*KEPT} <= {route.path for route in site.routes}
