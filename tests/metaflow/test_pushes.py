from concurrent.futures import ThreadPoolExecutor

import pytest

from entrepot.errors import AlreadyExists, EntrepotError, InvalidArgument, InvalidName, RepoNotFound, SourceMissing
from tests.metaflow.conftest import Task


def commits(task: Task, repo_id: str, revision: str = "main") -> list[str]:
    return [commit.title for commit in task.api.list_repo_commits(repo_id, revision=revision)]


def write(task: Task, **contents: str) -> None:
    (task.folder / "out").mkdir(exist_ok=True)
    for name, text in contents.items():
        (task.folder / "out" / f"{name}.txt").write_text(text)


def test_the_commit_names_the_task_and_what_it_had_read(task: Task) -> None:
    read = task.create("read-before")
    write(task, a="1")
    current = task.start(load="tester/read-before")
    made = current.push("tester/pushed", "out")
    head = task.api.list_repo_commits("tester/pushed")[0]
    assert head.commit_id == made["commit"]
    assert head.title == "Train/17/start/1: push"
    assert head.message.splitlines() == [
        "Metaflow-Task: Train/17/start/1",
        "Metaflow-Attempt: 0",
        "Metaflow-User: alice",
        f"Hub-Read: hub/models/tester/read-before@{read}",
    ]
    assert (made["files"], made["repo_id"]) == (2, "tester/pushed")


def test_a_message_of_several_paragraphs_keeps_them_above_the_trailers(task: Task) -> None:
    write(task, a="1")
    task.start().push("tester/told", "out", message="trained\n\nfor three epochs")
    head = task.api.list_repo_commits("tester/told")[0]
    assert head.title == "trained"
    assert head.message.startswith("for three epochs\n\nMetaflow-Task: ")


def test_nothing_changed_nothing_is_committed_and_the_head_is_returned(task: Task) -> None:
    write(task, a="1")
    first = task.start().push("tester/same", "out", tag="v1")
    before = commits(task, "tester/same")
    second = task.start(task="2").push("tester/same", "out", tag="v1")
    assert second["commit"] == first["commit"]
    assert commits(task, "tester/same") == before


def test_a_tag_at_another_commit_is_an_error(task: Task) -> None:
    write(task, a="1")
    current = task.start()
    current.push("tester/tagged", "out", tag="v1")
    write(task, a="2")
    with pytest.raises(AlreadyExists, match="the tag v1 of model tester/tagged exists at commit"):
        current.push("tester/tagged", "out", tag="v1")


def test_files_to_push_can_be_chosen(task: Task) -> None:
    write(task, a="1", b="2", c="3")
    current = task.start()
    current.push("tester/chosen", "out", ignore_patterns="b.*", path_in_repo="data", repo_type="dataset", private=True)
    current.push("tester/chosen", "out/b.txt", path_in_repo="else/b.txt", repo_type="dataset")
    current.push("tester/chosen", "out/c.txt", repo_type="dataset")
    current.push(
        "tester/chosen", "out", path_in_repo="data", allow_patterns="b.*", delete_patterns="a.*", repo_type="dataset"
    )
    found = set(task.api.list_repo_files("tester/chosen", repo_type="dataset")) - {".gitattributes"}
    assert found == {"data/b.txt", "data/c.txt", "else/b.txt", "c.txt"}
    assert task.api.dataset_info("tester/chosen").private


def test_a_branch_can_be_chosen(task: Task) -> None:
    task.create("branched")
    task.api.create_branch("tester/branched", branch="dev")
    write(task, a="1")
    made = task.start().push("tester/branched", "out", branch="dev")
    assert made["revision"] == "dev"
    assert len(commits(task, "tester/branched", "dev")) == len(commits(task, "tester/branched")) + 1


def test_pushes_of_two_tasks_both_land(task: Task) -> None:
    write(task, a="1", b="2")
    currents = [task.start(task=str(number)) for number in (1, 2)]

    def push(at: int) -> str:
        name = "ab"[at]
        return str(currents[at].push("tester/both", f"out/{name}.txt", message=name)["commit"])

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(push, (0, 1)))
    assert len(set(made)) == 2
    assert {"a", "b"} <= set(commits(task, "tester/both"))
    assert {"a.txt", "b.txt"} <= set(task.api.list_repo_files("tester/both"))


def test_arguments_that_cannot_be_used_are_refused_before_anything_is_sent(task: Task) -> None:
    write(task, a="1")
    current = task.start()
    task.asked.clear()
    wrong: list[tuple[type[EntrepotError], str, tuple[str, str], dict[str, object]]] = [
        (InvalidName, "needs the namespace", ("short", "out"), {}),
        (InvalidArgument, "branch=", ("tester/x@main", "out"), {}),
        (SourceMissing, "nothing was uploaded", ("tester/x", "absent"), {}),
        (InvalidArgument, "push its folder", ("tester/x", "out/a.txt"), {"allow_patterns": "*"}),
        (InvalidName, "branch name", ("tester/x", "out"), {"branch": "a b"}),
        (InvalidName, "tag name", ("tester/x", "out"), {"tag": "a..b"}),
    ]
    for kind, message, arguments, keywords in wrong:
        with pytest.raises(kind, match=message):
            current.push(*arguments, **keywords)
    assert task.asked == []


def test_a_repository_is_made_only_if_it_may_be(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    write(task, a="1")
    with pytest.raises(RepoNotFound):
        task.start().push("tester/not-made", "out", create=False)
    task.create("secret", private=True)
    monkeypatch.setenv("ENTREPOT_TOKEN", task.hub.user("stranger").token)
    with pytest.raises(EntrepotError) as caught:
        task.start(task="2").push("tester/secret", "out")
    assert "out" not in task.api.list_repo_files("tester/secret")
    assert caught.value is not None
