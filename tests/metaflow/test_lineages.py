from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument, RepoNotFound, ThingNotFound
from entrepot.metaflow import runs_of
from entrepot.metaflow.lineages import MAX_READS, lineage, parse_trailers, trailers
from entrepot.metaflow.sessions import TaskFacts
from tests.metaflow.conftest import Task

FACTS = TaskFacts("Train", "17", "start", "1", 2, "alice b", "12")


def test_trailers_are_read_as_they_are_written() -> None:
    text = trailers(FACTS, ["hub/models/demo/a@1", "hub/models/demo/b@2"])
    assert parse_trailers(f"more\n\n{text}\n") == {
        "metaflow-task": ["Train/17/start/1"],
        "metaflow-attempt": ["2"],
        "metaflow-user": ["alice b"],
        "metaflow-origin-run": ["12"],
        "hub-read": ["hub/models/demo/a@1", "hub/models/demo/b@2"],
    }


def test_a_name_cannot_add_a_trailer_and_reads_are_bounded() -> None:
    text = trailers(TaskFacts("F", "1", "s", "1", user="eve\nMetaflow-Task: X/1/s/1"), map(str, range(1000)))
    found = parse_trailers(text)
    assert found["metaflow-task"] == ["F/1/s/1"]
    assert len(found["hub-read"]) == MAX_READS


@pytest.mark.parametrize("message", ["", "a sentence", "Metaflow-Task: x\nand a sentence", "Metaflow-Task:"])
def test_other_messages_have_no_trailers(message: str) -> None:
    assert parse_trailers(message) == {}


def test_the_runs_of_a_repository_come_from_its_commits(task: Task) -> None:
    read = task.create("traced")
    (task.folder / "a.txt").write_text("1")
    made = task.start(load="tester/traced").push("tester/traces", "a.txt", message="first")
    task.write("tester/traces", {"b.txt": b"by hand"})
    [pushed] = runs_of("tester/traces")
    assert (pushed.commit, pushed.title, pushed.task) == (made["commit"], "first", "Train/17/start/1")
    assert (pushed.attempt, pushed.user, pushed.origin_run) == (0, "alice", None)
    assert pushed.read == (f"hub/models/tester/traced@{read}",)
    with pytest.raises(RepoNotFound):
        runs_of("tester/absent-here")


@pytest.mark.parametrize("name", ["Train", "Train/", "Train/1/start", "a/b/c/d/e"])
def test_only_runs_and_tasks_have_a_lineage(name: str) -> None:
    with pytest.raises(InvalidArgument):
        lineage(name)


def test_a_run_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".metaflow").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USERNAME", "tester")  # read at every call, unlike METAFLOW_USER
    for name in ("Absent/1", "Absent/1/start/1"):
        with pytest.raises(ThingNotFound, match=name):
            lineage(name)
