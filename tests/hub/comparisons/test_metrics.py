from __future__ import annotations

import pytest

from entrepot.errors import GatedRepo, HistoryBeingIndexed, RepoNotFound, RevisionNotFound
from entrepot.hub.comparisons import metrics
from entrepot.hub.jobs import handlers, indexing
from entrepot.hub.repos import branches, repositories
from entrepot.hub.repos.repositories import RepoChanges
from tests.previews.test_event_files import WHOLE
from tests.support.worlds import World


def card(value: object, name: str = "accuracy") -> bytes:
    metric = f"[{{results: [{{metrics: [{{type: {name}, value: {value}}}]}}]}}]"
    return f"---\nmodel-index: {metric}\n---\n# m\n".encode()


def test_cards_are_compared_over_tags_and_commits_newest_first(world: World) -> None:
    model = world.repo()
    first = world.add(model, "README.md", card(0.5))
    branches.create_tag(world.hub, world.alice, model, "main", "v1", None)
    second = world.add(model, "README.md", card(0.75), summary="Train longer")
    world.add(model, "w.bin", b"x")
    world.add(model, "README.md", card(0.8, "f1"))
    found = metrics.read_history(world.hub, None, model)
    assert [(item.names, dict(item.values)) for item in found.revisions] == [
        (["main"], {"f1": 0.8}),
        ((), {"accuracy": 0.75}),
        (["v1"], {"accuracy": 0.5}),
    ]
    assert [item.commit for item in found.revisions][1:] == [second, first]
    assert found.revisions[1].title == "Train longer"
    assert (found.metrics, found.is_complete) == (["f1", "accuracy"], True)


def test_a_card_that_cannot_be_read_makes_the_result_incomplete(world: World) -> None:
    model = world.repo()
    world.add(model, "README.md", card(1))
    world.add(model, "README.md", b"---\nmodel-index: [\n---\n")
    found = metrics.read_history(world.hub, None, model)
    assert [dict(item.values) for item in found.revisions] == [{"accuracy": 1.0}]
    assert not found.is_complete


def test_metrics_wait_for_the_job_if_too_many_commits_are_new(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BRIEF_COMMITS", 1)
    model = world.repo()
    for value in (1, 2):
        world.add(model, "README.md", card(value))
    with pytest.raises(HistoryBeingIndexed):
        metrics.read_history(world.hub, None, model)
    handlers.run_now(world.hub, indexing.history_job(world.row_id(model)))
    assert len(metrics.read_history(world.hub, None, model).revisions) == 2


def test_revisions_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_REVISIONS", 2)
    model = world.repo()
    for value in (1, 2, 3):
        world.add(model, "README.md", card(value))
        branches.create_tag(world.hub, world.alice, model, "main", f"v{value}", None)
    found = metrics.read_history(world.hub, None, model)
    assert [item.names for item in found.revisions] == [["main", "v3"], ["v2"]]
    assert not found.is_complete


def test_scalars_of_a_revision_are_read_also_from_large_files(world: World) -> None:
    model = world.repo()
    world.add_large(model, "runs/events.out.tfevents.1", WHOLE)
    old = world.head(model)
    world.add(model, "metrics.jsonl", b'{"step": 1, "loss": NaN}\n{"step": 2, "loss": 3}\n')
    world.add(model, "bad.tfevents", b"\xff" * 40)
    found = metrics.read_files(world.hub, None, model, "main")
    assert [(item.path, [one.name for one in item.series], bool(item.problem)) for item in found.files] == [
        ("runs/events.out.tfevents.1", ["loss", "acc"], False),
        ("bad.tfevents", [], True),
        ("metrics.jsonl", ["loss"], False),
    ]
    assert found.files[2].series[0].not_finite == 1
    assert found.is_complete
    assert len(metrics.read_files(world.hub, None, model, old).files) == 1
    with pytest.raises(RevisionNotFound):
        metrics.read_files(world.hub, None, model, "nowhere")


def test_bytes_and_series_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_BYTES", 8)
    model = world.repo()
    world.add(model, "a_log.csv", b"a,b\n1,2\n3,4\n")
    world.add(model, "b_log.csv", b"a,b\n1,2\n")
    found = metrics.read_files(world.hub, None, model, "main")
    assert [[one.count for one in item.series] for item in found.files] == [[1, 1]]
    assert not found.is_complete
    monkeypatch.setattr(metrics, "MAX_BYTES", 1_000)
    monkeypatch.setattr(metrics, "MAX_SERIES", 3)
    found = metrics.read_files(world.hub, None, model, "main")
    assert [len(item.series) for item in found.files] == [2, 1]
    assert not found.is_complete


def test_only_who_may_read_the_content_gets_metrics(world: World) -> None:
    hidden, gated = world.repo("alice/hidden", visibility="private"), world.repo("alice/gated")
    for ref in (hidden, gated):
        world.add(ref, "README.md", card(1))
    repositories.configure(world.hub, world.alice, gated, RepoChanges(gated="manual"))
    for ref, error in ((hidden, RepoNotFound), (gated, GatedRepo)):
        with pytest.raises(error):
            metrics.read_history(world.hub, world.bob, ref)
        with pytest.raises(error):
            metrics.read_files(world.hub, world.bob, ref, "main")
        assert metrics.read_history(world.hub, world.alice, ref).metrics == ["accuracy"]
