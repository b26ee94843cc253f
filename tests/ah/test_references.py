"""Branches, tags and commits at a real hub: found, created, merged and deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot import ah
from entrepot.ah import references, sessions
from entrepot.ah.errors import AlreadyExists, AssetHubError, Denied, InvalidPath, NotFound
from entrepot.ah.paths import parse_resource
from entrepot.ah.sessions import HubSession
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.testing.hubs import RunningHub
from tests.support.scripted_hub import Reply, ScriptedHub


@pytest.fixture
def oracle(at_hub: RunningHub) -> Oracle:
    return Oracle(endpoint=at_hub.url, token=at_hub.token)


def write(name: str, text: str = "x") -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def paths(path: str) -> list[str]:
    return [row["path"] for row in ah.list(path)]


def repo_of(path: str) -> str:
    return f"tester.{path.split('/')[1]}/gpt2"


def test_a_branch_begins_without_objects(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add=[write("a.txt")])
    branch = ah.create(f"{fresh_model}:v1")
    assert (type(branch).__name__, branch.name, branch.id) == ("Branch", "v1", "v1")
    assert branch.asset == ah.get(fresh_model)
    assert paths(f"{fresh_model}:v1") == []
    assert [row["message"] for row in branch.list_commit()] == ["initial commit"]
    with pytest.raises(AlreadyExists, match=f"^Branch already exists: '/tester/t9k-assethub/{fresh_model}:v1'$"):
        ah.create(f"{fresh_model}:v1")


def test_a_branch_begins_at_another_ref(fresh_model: str) -> None:
    made = ah.commit(fresh_model, "m", add=[write("a.txt")])
    ah.create(f"{fresh_model}:t1", create_tag=True)
    for number, source in enumerate(("t1", made.id, f"{fresh_model}:t1")):
        ah.create(f"{fresh_model}:b{number}", source=source)
        assert paths(f"{fresh_model}:b{number}") == ["a.txt"]


def test_datasets_have_no_branches_of_ours(fresh_folder: str, oracle: Oracle) -> None:
    ah.create(f"dataset/{fresh_folder}/d")
    with pytest.raises(AssetHubError, match=r"^Cannot create branch for a Dataset"):
        ah.create(f"dataset/{fresh_folder}/d:v1")
    oracle.create_branch(f"tester.{fresh_folder}/d", branch="v1", repo_type="dataset")
    assert type(ah.get(f"dataset/{fresh_folder}/d:v1")).__name__ == "Branch"
    with pytest.raises(AssetHubError, match=r"^Cannot merge a branch of a Dataset"):
        ah.merge(f"dataset/{fresh_folder}/d:v1")


def test_a_tag_is_made_of_a_name_an_id_or_a_path(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:v1")
    made = ah.commit(f"{fresh_model}:v1", "m", add=[write("a.txt")])
    full = f"/tester/t9k-assethub/{fresh_model}"
    sources = ("v1", f"{fresh_model}:v1", f"{full}:v1", made.id, made.id[:4], f"{full}:{made.id[:8]}", "20220101")
    ah.create(f"{fresh_model}:20220101", create_tag=True, source="v1")
    for number, source in enumerate(sources):
        tag = ah.create(f"{fresh_model}:t{number}", create_tag=True, source=source)
        assert (type(tag).__name__, tag.name, tag.commit_id) == ("Tag", f"t{number}", made.id)
    assert ah.create(f"{fresh_model}:asset", create_tag=True, source=fresh_model).commit_id != made.id
    assert ah.create(f"{fresh_model}:of-main", create_tag=True).commit_id == ah.get(f"{fresh_model}:main").commit_id


def test_a_tag_of_something_else_is_refused(fresh_model: str) -> None:
    ah.create(f"{fresh_model}b")
    for source in (f"{fresh_model}b:main", "/tester/t9k-assethub/model/other/x:main", f"{fresh_model}b:"):
        with pytest.raises(ValueError, match=r"not a branch, tag or commit|Invalid path"):
            ah.create(f"{fresh_model}:t1", create_tag=True, source=source)
    with pytest.raises(NotFound, match=r"^No such branch or tag: .*:none'$"):
        ah.create(f"{fresh_model}:t1", create_tag=True, source="none")
    with pytest.raises(NotFound, match=r"^No such commit: "):
        ah.create(f"{fresh_model}:t1", create_tag=True, source="0" * 40)
    with pytest.raises(TypeError):
        ah.create(f"{fresh_model}:t1", create_tag=True, source=3)  # type: ignore[arg-type]
    assert ah.list(fresh_model, resource="tag") == []
    ah.create(f"{fresh_model}:t1", create_tag=True)
    with pytest.raises(AlreadyExists, match=r"^Tag already exists: "):
        ah.create(f"{fresh_model}:t1", create_tag=True)


def test_a_commit_is_found_by_four_digits(fresh_model: str, caplog: pytest.LogCaptureFixture) -> None:
    made = ah.commit(fresh_model, "message", add=[write("a.txt")])
    for digits in (4, 6, 8, 40):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="entrepot.ah"):
            found = ah.get(f"{fresh_model}:{made.id[:digits]}")
        assert (found, found.id, found.name, found.message, found.committer) == (
            made,
            made.id,
            made.id[:8],
            "message",
            "tester",
        )
        assert isinstance(found.created, int)
        assert len(caplog.records) == (1 if digits < 7 else 0)
    for digits in (1, 2, 3):
        with pytest.raises(NotFound, match=r"^No such branch or tag"):
            ah.get(f"{fresh_model}:{made.id[:digits]}")


def test_an_ambiguous_prefix_lists_its_candidates(scripted_hub: ScriptedHub, tmp_path: Path) -> None:
    paths = read_paths({"ENTREPOT_ENDPOINT": scripted_hub.url, "ENTREPOT_HOME": str(tmp_path)})
    session = HubSession(Hub(paths, token=False), "demo")
    body = {"error": "Several commits begin with a41a", "candidates": ["a41a0", "a41a1"]}
    scripted_hub.on(
        "GET", "/api/models/demo.llm/x/lookup/a41a", Reply(body, 409, {"X-Error-Code": "AmbiguousRevision"})
    )
    with pytest.raises(AssetHubError, match=r"^Several commits begin with 'a41a': a41a0, a41a1: '/demo/.*:a41a'$"):
        references.find_ref(session, parse_resource("model/llm/x:a41a", "demo"))


def test_a_branch_comes_before_a_tag_of_its_name(fresh_model: str) -> None:
    made = ah.commit(fresh_model, "m", add=[write("a.txt")])
    ah.create(f"{fresh_model}:both", create_tag=True)
    ah.create(f"{fresh_model}:both")
    assert type(ah.get(f"{fresh_model}:both")).__name__ == "Branch"
    with pytest.raises(AssetHubError, match=r"beginning of the id of a commit"):
        ah.create(f"{fresh_model}:{made.id[:6]}", create_tag=True)


@pytest.mark.parametrize("name", ["0" * 40, "a..b", "x~1", "-x", "@", "a.lock"])
def test_bad_names_of_refs_are_refused(fresh_model: str, name: str) -> None:
    for is_tag in (False, True):
        with pytest.raises((AssetHubError, InvalidPath, ValueError)):
            ah.create(f"{fresh_model}:{name}", create_tag=is_tag)
    assert [row["id"] for row in ah.list(fresh_model, resource="branch")] == ["main"]


def test_branches_and_tags_are_deleted(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:v1")
    ah.create(f"{fresh_model}:t1", create_tag=True)
    ah.delete(f"{fresh_model}:v1")
    ah.delete(f"{fresh_model}:t1")
    assert [row["id"] for row in ah.list(fresh_model, resource="branch")] == ["main"]
    assert ah.list(fresh_model, resource="tag") == []
    for name in ("v1", "t1"):
        with pytest.raises(NotFound, match=r"^No such branch or tag"):
            ah.delete(f"{fresh_model}:{name}")
        ah.delete(f"{fresh_model}:{name}", force=True)


def test_main_and_commits_are_not_deleted(fresh_model: str) -> None:
    head = ah.get(f"{fresh_model}:main").commit_id
    for force in (False, True):
        with pytest.raises(AssetHubError, match=r"^Cannot delete the main branch"):
            ah.delete(f"{fresh_model}:main", force=force)
        with pytest.raises(RuntimeError, match=r"^No such branch or tag: .* is a commit"):
            ah.delete(f"{fresh_model}:{head}", force=force)


def test_a_merge_gives_main_exactly_the_objects_of_the_branch(fresh_model: str, oracle: Oracle) -> None:
    ah.commit(fresh_model, "on main", add=[write("old.txt"), write("both.txt", "main")])
    before = ah.get(f"{fresh_model}:main").commit_id
    ah.create(f"{fresh_model}:v1")
    made = ah.commit(f"{fresh_model}:v1", "on v1", add=[write("new.txt"), write("both.txt", "v1")])
    ah.merge(f"{fresh_model}:v1")
    assert paths(fresh_model) == ["both.txt", "new.txt"]
    merged = ah.list(fresh_model, resource="commit")[0]
    assert (merged["message"], merged["parents"]) == ("Merge branch 'v1'", [before, made.id])
    assert paths(f"{fresh_model}:v1") == ["both.txt", "new.txt"]
    assert sorted(oracle.list_repo_files(repo_of(fresh_model))) == ["both.txt", "new.txt"]
    assert oracle.list_repo_commits(repo_of(fresh_model))[0].commit_id == merged["id"]


def test_a_second_merge_makes_no_commit(fresh_model: str, caplog: pytest.LogCaptureFixture) -> None:
    ah.create(f"{fresh_model}:v1")
    ah.commit(f"{fresh_model}:v1", "m", add=[write("a.txt")])
    ah.merge(f"{fresh_model}:v1")
    head = ah.get(f"{fresh_model}:main").commit_id
    with caplog.at_level(logging.INFO, logger="entrepot.ah"):
        ah.merge(f"{fresh_model}:v1")
    assert ah.get(f"{fresh_model}:main").commit_id == head
    assert "Branch v1 is already merged" in caplog.text


def test_a_branch_without_objects_empties_main(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add=[write("a.txt")])
    ah.create(f"{fresh_model}:v1")
    ah.merge(f"{fresh_model}:v1")
    assert paths(fresh_model) == []


def test_only_a_branch_other_than_main_can_be_merged(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:t1", create_tag=True)
    for path, message in (
        (f"{fresh_model}:main", "^Cannot merge the main branch"),
        (fresh_model, "^Only a branch can be merged"),
        (f"{fresh_model}:t1", "^Only branches can be merged: .* is a tag"),
        (f"{fresh_model}:none", "^No such branch or tag"),
        ("model", "."),
    ):
        with pytest.raises(RuntimeError, match=message):
            ah.merge(path)


def test_references_are_not_updated(fresh_model: str) -> None:
    with pytest.raises(AssetHubError, match=r"^Cannot update a reference"):
        ah.update(f"{fresh_model}:main", name="x")


def test_a_viewer_reads_and_changes_nothing(
    fresh_model: str, session_of: Callable[[str], HubSession], at_hub: RunningHub
) -> None:
    made = ah.commit(fresh_model, "m", add=[write("a.txt")])
    ah.create(f"{fresh_model}:v1")
    at_hub.user("gina")
    ah.share(fresh_model.rpartition("/")[0], user="gina")
    full = f"/tester/t9k-assethub/{fresh_model}"
    with sessions.using(session_of("gina")):
        assert paths(full) == ["a.txt"]
        assert ah.get(f"{full}:{made.id[:8]}") == made
        for call in (
            lambda: ah.create(f"{full}:v2"),
            lambda: ah.create(f"{full}:t2", create_tag=True),
            lambda: ah.commit(full, "m", delete=["a.txt"]),
            lambda: ah.merge(f"{full}:v1"),
            lambda: ah.delete(f"{full}:v1"),
            lambda: ah.delete(f"{full}:v1", force=True),
            lambda: ah.delete(full, force=True),
            lambda: ah.update(full, labels=["x"]),
            lambda: ah.update(full, name="x"),
            lambda: ah.create(f"{full}x"),
        ):
            with pytest.raises(Denied, match=r"^Permission denied: '/tester/"):
                call()
    assert paths(fresh_model) == ["a.txt"]
