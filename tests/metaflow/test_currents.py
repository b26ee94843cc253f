import json
from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument, Refused, RepoNotFound
from tests.metaflow.conftest import FILES, Task


def test_a_download_in_a_step_returns_a_reference_for_a_later_one(task: Task) -> None:
    first = task.create("moving")
    reference = task.start().snapshot_download(repo_id="tester/moving", allow_patterns=["*.json"])
    assert json.loads(json.dumps(reference)) == reference
    assert reference["key"] == f"hub/models/tester/moving@{first}"
    assert task.hub.token not in json.dumps(reference)
    assert str(task.folder) not in json.dumps(reference)
    task.write("tester/moving", {"config.json": b"{new}"})
    with task.start(task="2").load(reference) as folder:
        assert task.contents(folder) == {"config.json": b"{}", "tokenizer.json": b"[1]"}


def test_a_moved_branch_is_seen_by_the_next_task(task: Task) -> None:
    task.create("moved-branch")
    with task.start().load("tester/moved-branch") as folder:
        assert task.contents(folder)["config.json"] == b"{}"
    task.write("tester/moved-branch", {"config.json": b"{new}"})
    with task.start(task="2").load("tester/moved-branch") as folder:
        assert task.contents(folder)["config.json"] == b"{new}"


def test_a_folder_without_a_path_ends_with_its_block_and_one_with_a_path_stays(task: Task) -> None:
    task.create("blocks")
    current = task.start(temp_dir_root=str(task.folder / "temps"))
    with current.load("tester/blocks", revision="main", ignore_patterns="*.json") as folder:
        assert sorted(task.contents(folder)) == [".gitattributes", "weights/model.bin"]
    assert not Path(folder).exists()
    with pytest.raises(ZeroDivisionError), current.load("tester/blocks") as folder:
        raise ZeroDivisionError
    assert list((task.folder / "temps").iterdir()) == []
    with current.load("tester/blocks", "./stays") as folder:
        assert folder == "./stays"
    assert (task.folder / "stays/config.json").exists()


def test_arguments_of_the_client_are_passed_on(task: Task) -> None:
    commit = task.create("passed")
    current = task.start()
    reference = current.snapshot_download(
        repo_id="tester/passed", local_dir="local", cache_dir="cache", max_workers=1, revision=commit
    )
    assert (reference["files"], reference["revision"]) == (4, commit)
    assert (task.folder / "local/config.json").read_bytes() == b"{}"
    with pytest.raises(TypeError, match="revison"):
        current.snapshot_download(repo_id="tester/passed", revison="v1")
    with pytest.raises(RepoNotFound):
        current.snapshot_download(repo_id="tester/absent")
    with pytest.raises(InvalidArgument, match="one branch, tag or commit"):
        current.snapshot_download(repo_id="tester/passed@main", revision="main")
    with pytest.raises(InvalidArgument, match="only the reference"):
        current.load(reference, revision="main")


def test_the_api_is_that_of_the_hub(task: Task) -> None:
    assert task.start().api.whoami()["name"] == "tester"
    assert task.start(endpoint=task.hub.url, task="2").api.endpoint == task.hub.url


def test_the_interface_of_the_other_decorator(task: Task) -> None:
    task.create("other")
    current = task.start("huggingface_hub")
    reference = current.snapshot_download(repo_id="tester/other", token=task.hub.token, allow_patterns="*.json")
    assert task.hub.token not in json.dumps(reference)
    with current.load("tester/other", repo_type="model", allow_patterns=["*.json"]) as folder:
        assert sorted(task.contents(folder)) == ["config.json", "tokenizer.json"]
    with pytest.raises(InvalidArgument, match="repo_id"):
        current.load()
    assert current.snapshot_download(repo_id="tester/other", user_agent="x", local_dir="there")["files"] == 4
    assert (task.folder / "there/config.json").exists()
    with pytest.raises(TypeError, match="unexpected keyword argument 'revison'"):
        current.load("tester/other", revison="v1")
    model = task.start("model", task="2")
    assert sorted(task.contents(model.load(reference))) == ["config.json", "tokenizer.json"]
    assert model.load(reference, "./kept") == "./kept"
    with pytest.raises(InvalidArgument, match="metaflow-checkpoint"):
        model.load({"type": "checkpoint", "key": "mf.huggingface_hub/x"})
    with pytest.raises(Refused, match="metaflow-checkpoint"):
        model.save("folder")


def test_a_push_returns_a_reference_of_what_the_next_step_loads(task: Task) -> None:
    task.create("read")
    (task.folder / "out").mkdir()
    (task.folder / "out/model.bin").write_bytes(b"trained")
    current = task.start(load="tester/read")
    made = current.push("tester/made", "out", message="trained", tag="run-17")
    assert made["revision"] == "main"
    with task.start(task="2").load(made) as folder:
        assert task.contents(folder)["model.bin"] == b"trained"
    assert FILES["config.json"] == b"{}"
