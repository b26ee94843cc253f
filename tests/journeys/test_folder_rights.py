"""Everyone with whom a folder is shared, at every route: the table of shared folders in docs/rights.md."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import attrs
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.hub.context import open_hub
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import repositories
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoRef, RepoType
from entrepot.server import app as application
from entrepot.settings import Settings
from tests.journeys.test_rights import CHANGING, LINES, NUMBERS, TABLES, Line, Site, bare, lines_of, routes, verdict
from tests.support.plain_http import Answer, PlainClient
from tests.support.running_apps import running

ROWS = {(row["right"], row["repository"]): row for row in TABLES["Who may in a shared folder"]}
PEOPLE = [name for name in TABLES["Who may in a shared folder"][0] if name not in ("right", "repository")]
OWNER, PRIVATE, PUBLIC = "owner", "hidden", "opened"
MINE = [line for line in LINES if any(right == line.right for right, _ in ROWS)]


@attrs.define
class FolderSite(Site):
    """A running hub with a private and a public folder, shared with everyone whom the table names."""

    @property
    def folder_owner(self) -> str:
        return OWNER

    def folder(self, near: RepoRef) -> str:
        """Create a folder that is shared like that of a repository, and return its name."""
        return self.shared_folder(f"folder-{next(NUMBERS)}", is_public=near.id.namespace.endswith(PUBLIC))

    def shared_folder(self, name: str, *, is_public: bool) -> str:
        owner, wanted = self.caller(OWNER), FolderId(RepoType.MODEL, OWNER, name)
        given = [(Subject(user="viewer"), "view"), (Subject(user="editor"), "edit"), (Subject(org="group"), "view")]
        given += [(Subject(user="outsider"), "view"), *([(Subject(is_public=True), "view")] if is_public else [])]
        for kind in (RepoType.MODEL, RepoType.DATASET):
            folders.create(self.hub, owner, FolderDraft(kind, name))
        for subject, role in given:
            grants.grant(self.hub, owner, wanted, subject, role)
        sibling = FolderId(RepoType.DATASET, OWNER, name)
        grants.grant(self.hub, owner, sibling, Subject(user="sibling"), "edit")
        return name

    def fresh(self, kind: RepoType, state: str) -> RepoRef:
        owner = self.caller(OWNER)
        namespace = f"{OWNER}.{PRIVATE if state == 'private' else PUBLIC}"
        row = repositories.create(self.hub, owner, NewRepo(kind, f"{state}-{next(NUMBERS):05d}", namespace))
        if state == "gated":
            repositories.configure(self.hub, owner, row.ref, RepoChanges(gated="manual"))
        openings.open_draft(self.hub, owner, row.ref, "A proposal", "Of the owner.")
        return row.ref

    def filled(self, example: str, who: str, ref: RepoRef) -> str:
        return super().filled(example.replace("<me>", who.replace(" ", "-")), who, ref)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FolderSite]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("folders") / "data", port=0, run_jobs=False), fsync=False)
    secrets = {}
    for name in (*PEOPLE[1:], "outsider"):
        account = name.replace(" ", "-")
        accounts.create_user(hub, account)
        secrets[name] = accounts.create_token(hub, account, role="write").secret
    accounts.create_org(hub, "group", admin="outsider")
    accounts.set_member(hub, "group", "group-viewer", Role.READ)
    with (
        running(application.make_app(hub)) as address,
        PlainClient(address.url, {"via": "1.1 proxy"}) as client,
    ):
        made = FolderSite(hub, client, secrets, routes(hub))
        for name in (PRIVATE, PUBLIC):
            made.shared_folder(name, is_public=name == PUBLIC)
        yield made
    hub.close()


def twins_of(ref: RepoRef) -> list[RepoRef]:
    """Return absent repositories in the same folder, and in an absent one, with names as long as the real ones."""
    name = "absent" + "x" * (len(ref.id.name) - 6)
    namespace = f"{OWNER}.{'x' * (len(ref.id.namespace) - len(OWNER) - 1)}"
    return [RepoRef(ref.type, attrs.evolve(ref.id, namespace=it, name=name)) for it in (ref.id.namespace, namespace)]


def plain(answer: Answer, ref: RepoRef) -> str:
    """Return a response without the names that were asked for."""
    return repr(bare(answer, ref)).replace(ref.id.namespace.partition(".")[2], "FOLDER")


@pytest.mark.parametrize("line", MINE, ids=[f"{line.label} {line.right}" for line in MINE])
def test_everyone_gets_in_a_folder_what_the_table_says(site: FolderSite, line: Line) -> None:
    states = [state for right, state in ROWS if right == line.right]
    found: dict[tuple[str, str, str], str] = {}
    expected: dict[tuple[str, str, str], str] = {}
    for route in (route for route in site.routes if line in lines_of(route)):
        if route.patterns and RepoType.MODEL not in route.patterns and None not in route.patterns:
            continue  # spaces are in no folder
        for state, who in itertools.product(states, PEOPLE):
            told = ROWS[line.right, state][who]
            changes = route.method in CHANGING and told == "yes" and line.changes_repo
            ref = site.fresh(RepoType.MODEL, state) if changes else site.common(RepoType.MODEL, state)
            answer = site.send(route, line, who, ref)
            key = (f"{route.method} {route.path}", state, who)
            found[key], expected[key] = verdict(answer, who, line, told), told
            if told == "hidden":
                twins = {plain(site.send(route, line, who, twin), twin) for twin in twins_of(ref)}
                assert {plain(answer, ref)} == twins, key
    assert {key: (found[key], expected[key]) for key in found if found[key] != expected[key]} == {}


@pytest.mark.parametrize("who", ["anonymous", "stranger", "sibling"])
def test_no_list_and_no_search_names_a_hidden_repository(site: FolderSite, who: str) -> None:
    hidden, seen = site.common(RepoType.MODEL, "private"), site.common(RepoType.MODEL, "public")
    told = ""
    for route in (route for route in site.routes if route.method == "GET" and "{name}" not in route.path):
        lines = [line for line in lines_of(route) if "collection>" not in line.example]
        told += "".join(site.send(route, line, who, hidden).text for line in lines)
    assert seen.id.name in told
    assert hidden.id.name not in told
