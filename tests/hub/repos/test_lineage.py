from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.errors import (
    HistoryBeingIndexed,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderChanges, FolderId
from entrepot.hub.jobs import handlers, indexing, maintenance
from entrepot.hub.repos import lineage, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.lineage import LineageGraph, LineageInput
from entrepot.hub.repos.pulls import merges, openings
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import Oid, RepoId, RepoPath, RepoRef, RepoType
from tests.support.worlds import World

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET


def edges(graph: LineageGraph) -> list[tuple[str, str, str]]:
    return [(edge.source.name, edge.row.kind, edge.result.name) for edge in graph.edges]


def around(world: World, ref: RepoRef, by: MaybeCaller = None, **options: Any) -> LineageGraph:
    wanted: dict[str, Any] = {"revision": None, "up": True, "down": True, "depth": 3, **options}
    return lineage.find(world.hub, by or world.root, ref, **wanted)


def said(source: RepoRef, oid: str = "", kind: str = "trained_on") -> LineageInput:
    return LineageInput(kind, source.type, str(source.id), oid)


def test_cards_messages_and_requests_are_followed_in_both_directions(world: World) -> None:
    data = world.repo("alice/d", kind=DATASET)
    raw = world.repo("alice/origin", kind=DATASET)
    model, tuned = world.repo("alice/m"), world.repo("alice/tuned")
    commit = world.add(data, "a.csv", b"a\n1\n")
    world.add(data, "README.md", b"---\nsource_datasets: [alice/origin]\n---\n")
    lines = f"Hub-Read: hub/datasets/alice/d@{commit}\nEntrepot-Run: r1"
    world.add(model, "w", b"x", summary="Train", description=lines)
    world.add(tuned, "w", b"y")
    lineage.add(world.hub, world.alice, tuned, "main", [said(model, kind="derived_from")], "r2")
    expected = {
        ("alice/origin", "derived_from", "alice/d"),
        ("alice/d", "trained_on", "alice/m"),
        ("alice/m", "derived_from", "alice/tuned"),
    }
    assert set(edges(around(world, tuned, down=False))) == expected
    assert set(edges(around(world, raw, up=False))) == expected
    assert set(edges(around(world, model))) == expected
    assert edges(around(world, tuned, down=False, depth=1)) == [("alice/m", "derived_from", "alice/tuned")]
    [edge] = around(world, model, down=False, depth=1).edges
    assert (edge.row.source_oid, edge.row.run, edge.row.origin) == (commit, "r1", "commit")
    assert edges(lineage.of_run(world.hub, None, "r1")) == [("alice/d", "trained_on", "alice/m")]
    assert lineage.of_run(world.hub, None, "").edges == ()


def test_edges_of_a_card_follow_the_card(world: World) -> None:
    model = world.repo()
    first = world.add(model, "README.md", b"---\nbase_model: org/one\ndatasets: [squad]\n---\n")
    world.add(model, "README.md", b"---\nbase_model: org/two\ndatasets: [squad]\n---\n")
    found = around(world, model)
    assert set(edges(found)) == {("org/two", "derived_from", "alice/m"), ("squad", "trained_on", "alice/m")}
    assert [edge.row.oid for edge in found.edges if edge.row.kind == "trained_on"] == [first]
    world.add(model, "README.md", b"# nothing\n")
    assert around(world, model).edges == ()


def test_an_adapter_derives_from_its_base_model(world: World) -> None:
    model = world.repo()
    world.add(model, "adapter_config.json", b'{"base_model_name_or_path": "org/base", "peft_type": "LORA"}')
    assert edges(around(world, model)) == [("org/base", "derived_from", "alice/m")]


def test_a_hidden_repository_is_shown_as_one_that_does_not_exist(world: World) -> None:
    hidden, public = world.repo("alice/hidden", visibility="private"), world.repo("alice/m")
    world.add(public, "w")
    world.add(hidden, "w")
    lineage.add(world.hub, world.alice, public, "main", [said(hidden), said(RepoRef(MODEL, RepoId("no", "body")))], "r")
    lineage.add(world.hub, world.alice, hidden, "main", [said(public)], "r")
    seen = around(world, public, by=world.bob)
    assert {(node.name, node.row is None) for node in seen.nodes} == {
        ("alice/m", False),
        ("alice/hidden", True),
        ("no/body", True),
    }
    assert edges(around(world, public, by=world.bob, up=False)) == []
    assert edges(around(world, public, by=world.alice, up=False, depth=1)) == [
        ("alice/m", "trained_on", "alice/hidden")
    ]
    assert {edge.result.name for edge in lineage.of_run(world.hub, world.bob, "r").edges} == {"alice/m"}
    with pytest.raises(RepoNotFound):
        around(world, hidden, by=world.bob)


def test_hidden_uses_do_not_make_a_graph_incomplete(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "MAX_EDGES", 2)
    data, shown = world.repo("alice/d", kind=DATASET), world.repo("alice/shown")
    world.add(shown, "w")
    for name in ("h1", "h2", "h3"):
        hidden = world.repo(f"alice/{name}", visibility="private")
        world.add(hidden, "w")
        lineage.add(world.hub, world.alice, hidden, "main", [said(data)], "")
    lineage.add(world.hub, world.alice, shown, "main", [said(data)], "")
    found = around(world, data, by=world.bob)
    assert (edges(found), found.is_complete) == ([("alice/d", "trained_on", "alice/shown")], True)
    assert not around(world, data, by=world.alice).is_complete


def test_a_revision_limits_sources_to_its_history_and_uses_to_itself(world: World) -> None:
    data, model, other = world.repo("alice/d", kind=DATASET), world.repo("alice/m"), world.repo("alice/o")
    one = world.add(data, "a.txt", b"1")
    two = world.add(data, "a.txt", b"2")
    world.add(model, "w")
    world.add(other, "w")
    lineage.add(world.hub, world.alice, model, "main", [said(data, one)], "")
    lineage.add(world.hub, world.alice, other, "main", [said(data)], "")
    first = world.head(model)
    world.add(model, "w", b"more")
    lineage.add(world.hub, world.alice, model, "main", [said(data, two, "evaluated_on")], "")
    assert {kind for _, kind, _ in edges(around(world, model, revision=first))} == {"trained_on"}
    assert {kind for _, kind, _ in edges(around(world, model, revision="main"))} == {"trained_on", "evaluated_on"}
    assert {name for _, _, name in edges(around(world, data, revision=one, up=False))} == {"alice/m", "alice/o"}
    assert {kind for _, kind, name in edges(around(world, data, revision=two, up=False)) if name == "alice/m"} == {
        "evaluated_on"
    }
    with pytest.raises(RevisionNotFound):
        around(world, data, revision="nothing")


def test_a_renamed_repository_keeps_its_lineage(world: World) -> None:
    data, model = world.repo("alice/d", kind=DATASET), world.repo("alice/m")
    world.add(model, "w")
    lineage.add(world.hub, world.alice, model, "main", [said(data)], "")
    repositories.move(world.hub, world.alice, data, RepoRef(DATASET, RepoId("alice", "new")))
    assert edges(around(world, model)) == [("alice/new", "trained_on", "alice/m")]
    assert edges(around(world, RepoRef(DATASET, RepoId("alice", "new")))) == [("alice/new", "trained_on", "alice/m")]


def test_a_renamed_folder_keeps_the_lineage_of_its_repositories(world: World) -> None:
    data, model = world.repo("alice.raw/d", world.alice, kind=DATASET), world.repo("alice/m")
    world.add(model, "w")
    lineage.add(world.hub, world.alice, model, "main", [said(data)], "")
    folders.change(world.hub, world.alice, FolderId(DATASET, "alice", "raw"), FolderChanges("clean"))
    assert edges(around(world, model)) == [("alice.clean/d", "trained_on", "alice/m")]
    there = RepoRef(DATASET, RepoId("alice.clean", "d"))
    assert edges(around(world, there, world.alice)) == [("alice.clean/d", "trained_on", "alice/m")]


def test_the_message_of_a_pull_request_counts_when_it_is_merged(world: World) -> None:
    model = world.repo("alice/m")
    world.add(model, "w")
    lines = f"Entrepot-Input: derived_from models/bob/evil@{'a' * 40}\nEntrepot-Run: r1"
    wish = CommitDraft("Add it", [AddFile(RepoPath("b"), b"b")], description=lines)
    pull = openings.open_with_commit(world.hub, world.bob, model, "main", wish)
    list(handlers.index_history(world.hub, {"repo": world.row_id(model)}))
    list(handlers.index_history(world.hub, {"repo": world.row_id(model)}))
    for revision in (None, f"refs/pr/{pull.num}"):
        assert edges(around(world, model, revision=revision)) == []
    assert lineage.of_run(world.hub, None, "r1").edges == ()
    merges.merge(world.hub, world.alice, model, pull.num)
    assert edges(around(world, model)) == [("bob/evil", "derived_from", "alice/m")]
    assert edges(lineage.of_run(world.hub, None, "r1")) == [("bob/evil", "derived_from", "alice/m")]


def test_lineage_waits_for_the_job_if_too_many_commits_are_new(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BRIEF_COMMITS", 1)
    model = world.repo("alice/m")
    for name in ("a", "b"):
        world.add(model, name)
    with pytest.raises(HistoryBeingIndexed):
        around(world, model)
    assert lineage.known_sources(world.hub, None, model) == ()
    handlers.run_now(world.hub, indexing.history_job(world.row_id(model)))
    assert edges(around(world, model)) == []


def test_rings_end(world: World) -> None:
    one, two = world.repo("alice/one"), world.repo("alice/two")
    for result, source in ((one, two), (two, one), (one, one)):
        world.add(result, "w", str(source).encode())
        lineage.add(world.hub, world.alice, result, "main", [said(source)], "")
    assert len(around(world, one, depth=20).edges) == 3


def test_only_writers_add_edges_and_bad_ones_are_refused(world: World) -> None:
    ref = world.repo()
    world.add(ref, "w")
    with pytest.raises(LoginRequired):
        lineage.add(world.hub, None, ref, "main", [said(ref)], "")
    with pytest.raises(NotAllowed):
        lineage.add(world.hub, world.bob, ref, "main", [said(ref)], "")
    with pytest.raises(Malformed, match="the kind 'made' is not one of trained_on"):
        lineage.add(world.hub, world.alice, ref, "main", [said(ref, kind="made")], "")
    with pytest.raises(LimitExceeded):
        lineage.add(world.hub, world.alice, ref, "main", [said(ref)] * 201, "")
    with pytest.raises(RevisionNotFound):
        lineage.add(world.hub, world.alice, ref, Oid("1" * 40), [said(ref)], "")
    assert around(world, ref).edges == ()
    assert lineage.add(world.hub, world.alice, ref, "main", [said(ref)], "") == 1
    lineage.add(world.hub, world.alice, ref, "main", [said(ref)], "")
    assert len(around(world, ref).edges) == 1


def test_edges_end_with_their_repository(world: World) -> None:
    data, model = world.repo("alice/d", kind=DATASET), world.repo("alice/m")
    world.add(model, "w")
    lineage.add(world.hub, world.alice, model, "main", [said(data)], "")
    repositories.delete(world.hub, world.alice, model)
    assert around(world, data).edges == ()
    world.clock.advance(10**12)
    maintenance.gc(world.hub, grace_ms=0)
    assert around(world, data).edges == ()


def test_changes_of_settings_do_not_touch_lineage(world: World) -> None:
    data, model = world.repo("alice/d", kind=DATASET), world.repo("alice/m")
    world.add(model, "w")
    lineage.add(world.hub, world.alice, model, "main", [said(data)], "")
    repositories.configure(world.hub, world.alice, model, RepoChanges(visibility="private"))
    assert edges(around(world, data, by=world.bob)) == []
    assert edges(around(world, data, by=world.alice)) == [("alice/d", "trained_on", "alice/m")]


def test_copies_are_inferred_where_nothing_is_stated(world: World) -> None:
    base, copy, apart = world.repo("alice/base"), world.repo("bob/copy"), world.repo("bob/apart")
    same, more = b"w" * 200_000, b"m" * 300_000
    for ref, files in ((base, (same, more)), (copy, (same, b"n" * 300_000)), (apart, (b"a" * 9_000,))):
        for number, data in enumerate(files):
            world.add_large(ref, f"w{number}", data)
    expected = [("alice/base", "shares_content", "bob/copy")]
    for ref in (base, copy):
        found = around(world, ref, by=world.zed)
        assert edges(found) == expected
        [edge] = found.edges
        assert (edge.is_inferred, edge.shared_bytes, edge.share, edge.row.oid) == (True, 200_000, 0.4, "")
    assert edges(around(world, base, up=True, down=False)) == edges(around(world, copy, up=False)) == []
    assert edges(around(world, apart)) == []
    assert edges(around(world, copy, revision="main")) == []
    assert lineage.known_sources(world.hub, None, copy) == ()
    lineage.add(world.hub, world.alice, base, "main", [said(copy)], "")
    assert edges(around(world, copy)) == edges(around(world, base)) == [("bob/copy", "trained_on", "alice/base")]
    assert edges(around(world, copy, down=False)) == []


def test_what_a_hidden_repository_shares_is_shown_to_its_readers_only(world: World) -> None:
    public, hidden = world.repo("alice/open"), world.repo("bob/hidden", visibility="private")
    for ref in (public, hidden):
        world.add_large(ref, "w", b"w" * 200_000)
    for stranger in (world.zed, world.alice):
        seen = around(world, public, by=stranger)
        assert [node.name for node in seen.nodes] == ["alice/open"]
        assert (seen.edges, seen.is_complete) == ((), True)
    assert edges(around(world, public, by=world.bob)) == [("alice/open", "shares_content", "bob/hidden")]
    assert edges(around(world, hidden, by=world.bob)) == [("alice/open", "shares_content", "bob/hidden")]
    repositories.configure(world.hub, world.bob, hidden, RepoChanges(visibility="public", gated="manual"))
    assert edges(around(world, public, by=world.zed)) == edges(around(world, hidden, by=world.zed)) == []


def test_a_small_part_in_common_is_no_edge(world: World) -> None:
    one, two = world.repo("alice/one"), world.repo("bob/two")
    for ref, tag in ((one, b"1"), (two, b"2")):
        world.add_large(ref, "tokenizer", b"t" * 20_000)
        world.add_large(ref, "w", tag * 200_000)
    assert edges(around(world, one)) == []


def test_no_statement_tells_a_stranger_that_a_hidden_repository_shares_content(world: World) -> None:
    public = world.repo("alice/open")
    world.add_large(public, "w", b"w" * 200_000)
    around(world, public)  # what is done once is done
    before = statements_of(world, public)
    assert any("file_links" in statement for statement in before)
    for number in range(3):
        hidden = world.repo(f"bob/hidden{number}", visibility="private")
        world.add_large(hidden, "w", b"w" * 200_000)
    assert statements_of(world, public) == before


def statements_of(world: World, ref: RepoRef) -> list[str]:
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    engine = world.hub.catalog._engine
    stranger = world.zed
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        around(world, ref, by=stranger)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return found
