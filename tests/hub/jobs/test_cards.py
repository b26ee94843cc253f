from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from entrepot.catalog.jobs import jobs
from entrepot.errors import Busy
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderChanges, FolderDraft, FolderId
from entrepot.hub.jobs import cards
from entrepot.hub.repos import infos, repositories
from entrepot.hub.repos.infos import RepoInfo
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search import searches
from entrepot.names import VERSIONED_TYPES, RepoPath, RepoRef, RepoType
from tests.support import hub_work
from tests.support.worlds import World

P = RepoPath
CARD = b"---\nlicense: mit\npipeline_tag: text-generation\ntags: [one, two]\n---\n# Hello\n"


def info(world: World, ref: RepoRef) -> RepoInfo:
    return infos.describe(world.hub, world.root, ref, "main", with_files=False, with_sizes=False).info


def test_a_commit_of_the_card_is_listed_at_once(world: World) -> None:
    ref = world.repo()
    world.add(ref, "README.md", CARD)
    found = info(world, ref)
    assert found.row.card is not None
    assert found.row.card["license"] == "mit"
    assert found.row.pipeline_tag == "text-generation"
    assert {"one", "two", "license:mit"} <= set(found.tags)
    world.commit(ref, Delete(P("README.md")))
    assert (info(world, ref).row.card, info(world, ref).row.pipeline_tag) == (None, None)


def test_the_worker_indexes_after_a_change_of_other_files(world: World) -> None:
    ref = world.repo()
    world.add(ref, "notes.rst", b"tiny")
    kinds = []
    while outcome := hub_work.run_next(world.hub, "me"):
        kinds.append(outcome.job.kind)
        assert outcome.error is None
    assert set(kinds) == {"history", "card"}


def test_the_configuration_of_models_is_kept_in_part(world: World) -> None:
    ref, dataset = world.repo(), world.repo("alice/d", kind=RepoType.DATASET)
    content = b'{"model_type": "gpt2", "architectures": ["X"], "hidden": 3}'
    for target in (ref, dataset):
        world.add(target, "config.json", content)
    assert info(world, ref).row.config == {"model_type": "gpt2", "architectures": ["X"]}
    assert info(world, dataset).row.config is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("README.md", b"---\n: [\n---\n"),
        ("README.md", b"\xff\xfe\0"),
        ("README.md", b"---\na: " + b"x" * (1 << 20) + b"\n---\n"),
        ("config.json", b"[" * 100_000),
        ("config.json", b"[1]"),
        ("config.json", b"{"),
    ],
)
def test_an_unreadable_card_has_no_metadata(world: World, path: str, content: bytes) -> None:
    ref = world.repo()
    world.add(ref, path, content)
    assert (info(world, ref).row.card, info(world, ref).row.config) == (None, None)
    with world.hub.read() as tx:
        assert [job.error for job in jobs.find(tx)] == [None] * len(jobs.find(tx))


def test_a_head_that_moves_meanwhile_loses_no_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.add(ref, "README.md", CARD)
    row_id, genuine = world.row_id(ref), cards._facts
    moves: list[object] = []
    with world.hub.write() as tx:
        from entrepot.catalog.repos import repositories

        repositories.update(tx, row_id, card=None)

    def facts(*arguments: Any) -> Any:
        if not moves:
            moves.append(world.add(ref, "deep/file"))
        return genuine(*arguments)

    monkeypatch.setattr(cards, "_facts", facts)
    cards.index(world.hub, row_id)
    assert info(world, ref).row.card is not None


def test_a_head_that_keeps_moving_is_retried_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    genuine = cards._facts

    def facts(*arguments: Any) -> Any:
        world.commit(ref, AddFile(P("deep/file"), b"x"))
        return genuine(*arguments)

    monkeypatch.setattr(cards, "_facts", facts)
    with pytest.raises(Busy):
        cards.index(world.hub, world.row_id(ref))


def test_a_repository_that_is_gone_is_no_failure(world: World) -> None:
    assert cards.index(world.hub, 12345) is None


def test_a_repository_that_gets_another_name_meanwhile_is_searched_under_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.create(world.hub, world.alice, FolderDraft(RepoType.MODEL, "llm"))
    row_id, genuine = world.row_id(world.repo("alice.llm/x")), cards._facts

    def facts(*arguments: Any) -> Any:
        folders.change(world.hub, world.alice, FolderId(RepoType.MODEL, "alice", "llm"), FolderChanges(name="words"))
        return genuine(*arguments)

    monkeypatch.setattr(cards, "_facts", facts)
    cards.index(world.hub, row_id)
    found = [
        searches.full_text(world.hub, world.alice, text, VERSIONED_TYPES, skip=0, limit=9).total
        for text in ("words", "llm")
    ]
    assert found == [1, 0]


def test_a_repository_that_is_deleted_meanwhile_leaves_no_text(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    row_id, genuine = world.row_id(ref), cards._facts

    def facts(*arguments: Any) -> Any:
        repositories.delete(world.hub, world.alice, ref)
        return genuine(*arguments)

    monkeypatch.setattr(cards, "_facts", facts)
    cards.index(world.hub, row_id)
    with world.hub.read() as tx:
        assert tx.sql.execute(sa.text("SELECT count(*) FROM repo_texts")).scalar() == 0


def test_the_text_of_a_gated_card_is_neither_searched_nor_summarised(world: World) -> None:
    ref = world.repo()
    world.add(ref, "README.md", CARD + b"All about numbats.\n")

    def shown() -> tuple[int, bool]:
        hits = searches.full_text(world.hub, None, "numbats", VERSIONED_TYPES, skip=0, limit=9)
        return hits.total, info(world, ref).row.files.summary is not None

    assert shown() == (1, True)
    for gate, expected in (("manual", (0, False)), ("auto", (0, False)), ("no", (1, True))):
        repositories.configure(world.hub, world.alice, ref, RepoChanges(gated=gate))
        assert shown() == expected, gate
        named = searches.full_text(world.hub, None, "one", VERSIONED_TYPES, skip=0, limit=9).items
        assert [str(item.hit.row.ref.id) for item in named] == [str(ref.id)]
    repositories.configure(world.hub, world.alice, ref, RepoChanges(gated="auto"))
    world.add(ref, "README.md", CARD + b"All about numbats and quolls.\n")
    assert shown() == (0, False)
