"""Commits and staged changes at a real hub: what is committed, what cancels, what is kept."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub import HfApi as Oracle

from entrepot import ah
from entrepot.ah import commits, plans, sessions
from entrepot.ah.commits import check_message
from entrepot.ah.errors import AssetHubError, Canceled, Denied, NotFound
from entrepot.ah.paths import parse_resource
from entrepot.ah.sessions import HubSession
from entrepot.client.calls import repos
from entrepot.client.uploads import publishing
from entrepot.errors import InvalidArgument, SourceMissing
from entrepot.testing.hubs import RunningHub
from entrepot.wire.repos.repositories import RepoSettings


@pytest.fixture
def oracle(at_hub: RunningHub) -> Oracle:
    return Oracle(endpoint=at_hub.url, token=at_hub.token)


def write(name: str, content: str | bytes = "x") -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def paths(path: str) -> list[str]:
    return [row["path"] for row in ah.list(path)]


def repo_of(path: str) -> str:
    return f"tester.{path.split('/')[1]}/gpt2"


def read(oracle: Oracle, path: str, name: str) -> bytes:
    return Path(oracle.hf_hub_download(repo_of(path), name)).read_bytes()


def test_the_examples_of_adding(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:v1")
    v1 = f"{fresh_model}:v1"
    write("model.pt", os.urandom(64))
    write("saved_model/a.bin", os.urandom(64))
    write("saved_model/sub/b.txt", "b")
    expected = ["model.pt"]
    for add, more in (
        (["model.pt"], []),
        ({"model.pt": "saved_model/"}, ["saved_model/model.pt"]),
        (["./saved_model"], ["saved_model/a.bin", "saved_model/sub/b.txt"]),
        (["./saved_model/*"], ["a.bin", "sub/b.txt"]),
        ({"./saved_model": "path/to/[saved_model]"}, ["path/to/saved_model/a.bin", "path/to/saved_model/sub/b.txt"]),
        ({"./saved_model": "path/to/renamed_dir"}, ["path/to/renamed_dir/a.bin", "path/to/renamed_dir/sub/b.txt"]),
    ):
        made = ah.commit(v1, msg="add ...", add=add)
        assert made is not None
        assert made.message == "add ..."
        expected += more
        assert paths(v1) == sorted(expected)
    assert paths(fresh_model) == []


def test_the_examples_of_deleting(fresh_folder: str) -> None:
    path = f"dataset/{fresh_folder}/cifar10"
    ah.create(path)
    ah.commit(path, "m", add={write("0.png"): "0.png", write("x"): "data/1.png", write("y"): "data/2/3.png"})
    ah.commit(path, msg="delete ...", delete=["0.png"])
    assert paths(path) == ["data/1.png", "data/2/3.png"]
    ah.commit(path, msg="delete ...", delete=["data/"])
    assert paths(path) == []


def test_contents_arrive_as_they_were(fresh_model: str, oracle: Oracle) -> None:
    small, large = b"text\n", os.urandom(3 << 20)
    ah.commit(fresh_model, "m", add=[write("small.txt", small), write("large.bin", large)])
    assert read(oracle, fresh_model, "small.txt") == small
    assert read(oracle, fresh_model, "large.bin") == large
    [row] = [row for row in ah.list(fresh_model) if row["path"] == "large.bin"]
    digest = hashlib.sha256(large).hexdigest()
    assert (row["checksum"], row["physical_address"], row["size_bytes"]) == (digest, f"sha256:{digest}", 3 << 20)


def test_nothing_changed_is_no_commit(fresh_model: str) -> None:
    write("a.txt")
    write("big.bin", os.urandom(100_000))
    made = ah.commit(fresh_model, "m", add=["a.txt", "big.bin"])
    for again in (
        lambda: ah.commit(fresh_model, "m", add=["a.txt", "big.bin"]),
        lambda: ah.commit(fresh_model, "m"),
        lambda: ah.commit(fresh_model, "m", add=[], delete=[]),
        lambda: ah.commit(fresh_model, "m", add={}),
        lambda: ah.commit(fresh_model, "m", delete=["none", "none/", "../x"]),
        lambda: ah.commit(fresh_model, "m", add=["a.txt"], force=True),
        lambda: ah.commit(fresh_model, "m", force=True),
        lambda: ah.commit(fresh_model, "m", delete=["/"], add=["a.txt", "big.bin"]),
        lambda: ah.commit(fresh_model, "m", delete=["a.txt"], add=["a.txt"]),
    ):
        assert again() is None
    assert ah.get(f"{fresh_model}:main").commit_id == made.id


def test_a_file_and_a_folder_are_told_apart_in_deletions(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add={write("x"): "a/b", write("y"): "c"})
    assert ah.commit(fresh_model, "m", delete=["a", "c/"]) is None
    assert paths(fresh_model) == ["a/b", "c"]
    ah.commit(fresh_model, "m", delete=["/c", "./a/"])
    assert paths(fresh_model) == []


def test_everything_is_deleted(fresh_model: str, oracle: Oracle) -> None:
    ah.commit(fresh_model, "m", add={write("x", os.urandom(2000)): "a/b", write("y"): "c"})
    made = ah.commit(fresh_model, "m", delete=["/"])
    assert made is not None
    assert paths(fresh_model) == []
    assert oracle.list_repo_files(repo_of(fresh_model)) == []


def test_deletions_come_before_additions(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add={write("x", "1"): "a", write("y", "2"): "d/old", write("z", "3"): "d/same"})
    ah.commit(fresh_model, "m", delete=["a", "d/"], add={write("x", "new"): "a", write("z", "3"): "d/same"})
    assert [(row["path"], row["size_bytes"]) for row in ah.list(fresh_model)] == [("a", 3), ("d/same", 1)]


def test_a_folder_becomes_a_file_and_back(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add={write("x"): "a/b"})
    ah.commit(fresh_model, "m", delete=["a/"], add={write("x"): "a"})
    assert paths(fresh_model) == ["a"]
    ah.commit(fresh_model, "m", delete=["a"], add={write("x"): "a/b"})
    assert paths(fresh_model) == ["a/b"]


def test_gitignore_hides_nothing(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add=[write(".gitignore", "*.log\n")])
    ah.commit(fresh_model, "m", add=[write("a.log")])
    assert paths(fresh_model) == [".gitignore", "a.log"]


def test_attributes_of_a_user_are_an_object(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add=[write(".gitattributes", "*.bin text\n")])
    assert paths(fresh_model) == [".gitattributes"]


@pytest.mark.parametrize("name", ["ünï/cødé.txt", "a b.txt", "x" * 200, "a\tb"[:1] + "#?%&.txt", "-x", "[a]*.txt"])
def test_names_of_objects_are_kept(fresh_model: str, name: str) -> None:
    ah.commit(fresh_model, "m", add={write("x"): name})
    assert paths(fresh_model) == [name]
    ah.download(fresh_model, save_dir="out")
    assert (Path("out") / name).read_text() == "x"
    ah.commit(fresh_model, "m", delete=[name])
    assert paths(fresh_model) == []


@pytest.mark.parametrize(
    ("msg", "kind"),
    [("", ValueError), (" \n", ValueError), (None, TypeError), (3, TypeError), ("x" * 65_537, ValueError)],
)
def test_a_message_is_text_of_a_bounded_length(msg: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        check_message(msg)


@pytest.mark.parametrize("msg", ["a\nb", "title\n\nbody\nmore", "ü" * 1000, "x" * 65_000])
def test_messages_are_kept(fresh_model: str, msg: str) -> None:
    made = ah.commit(fresh_model, msg, add=[write("a.txt")])
    title, _, rest = msg.partition("\n")
    assert made.message == (f"{title}\n\n{rest.strip()}" if rest else title)
    assert ah.list(fresh_model, resource="commit")[0]["message"] == made.message


def test_bad_input_sends_nothing(fresh_model: str) -> None:
    head = ah.get(f"{fresh_model}:main").commit_id
    write("a.txt")
    for call, kind in (
        (lambda: ah.commit(fresh_model, "m", add="a.txt"), TypeError),
        (lambda: ah.commit(fresh_model, "m", delete="a.txt"), TypeError),
        (lambda: ah.commit(fresh_model, "m", add=["a.txt", "none.txt"]), SourceMissing),
        (lambda: ah.commit(fresh_model, "", add=["a.txt"]), InvalidArgument),
        (lambda: ah.commit(fresh_model, "m", add={"a.txt": "../x"}), ValueError),
        (lambda: ah.commit("model/none", "m", add=["a.txt"]), AssetHubError),
    ):
        with pytest.raises(kind):
            call()
    assert ah.get(f"{fresh_model}:main").commit_id == head


def test_only_branches_take_commits(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:t1", create_tag=True)
    head = ah.get(f"{fresh_model}:main").commit_id
    write("a.txt")
    for ref, message in (("t1", "Only branches"), (head, "Only branches"), ("none", "^No such branch or tag")):
        with pytest.raises(RuntimeError, match=message):
            ah.commit(f"{fresh_model}:{ref}", "m", add=["a.txt"])


def moving(monkeypatch: pytest.MonkeyPatch, move: Callable[[], object]) -> None:
    """Let something happen between the survey and the commit of the next call."""
    record = publishing._Publication._record

    def late(self: Any, changes: Any) -> Any:
        monkeypatch.setattr(publishing._Publication, "_record", record)
        move()
        return record(self, changes)

    monkeypatch.setattr(publishing._Publication, "_record", late)


def test_a_change_elsewhere_meanwhile_is_no_conflict(
    fresh_model: str, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> None:
        oracle.create_commit(repo_of(fresh_model), [CommitOperationAdd("other.txt", b"o")], commit_message="other")

    moving(monkeypatch, other)
    assert ah.commit(fresh_model, "mine", add=[write("mine.txt")]) is not None
    assert paths(fresh_model) == ["mine.txt", "other.txt"]


def test_a_change_of_the_same_object_meanwhile_cancels(
    fresh_model: str, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> None:
        oracle.create_commit(repo_of(fresh_model), [CommitOperationAdd("a.txt", b"theirs")], commit_message="other")

    moving(monkeypatch, other)
    with pytest.raises(Canceled, match=r"^Commit canceled for unknown or unimplemented changes: .*a\.txt"):
        ah.commit(fresh_model, "mine", add=[write("a.txt", "mine")])
    assert read(oracle, fresh_model, "a.txt") == b"theirs"
    moving(monkeypatch, lambda: None)
    assert ah.commit(fresh_model, "mine", add=["a.txt"], force=True) is not None
    assert read(oracle, fresh_model, "a.txt") == b"mine"


def test_force_overwrites_what_others_changed_meanwhile(
    fresh_model: str, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> None:
        oracle.create_commit(repo_of(fresh_model), [CommitOperationAdd("a.txt", b"theirs")], commit_message="other")

    moving(monkeypatch, other)
    assert ah.commit(fresh_model, "mine", add=[write("a.txt", "mine")], force=True) is not None
    assert read(oracle, fresh_model, "a.txt") == b"mine"


def test_a_deleted_object_made_anew_meanwhile_cancels(
    fresh_model: str, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    ah.commit(fresh_model, "m", add=[write("a.txt", "old")])
    moving(
        monkeypatch,
        lambda: oracle.create_commit(repo_of(fresh_model), [CommitOperationAdd("a.txt", b"new")], commit_message="o"),
    )
    with pytest.raises(Canceled):
        ah.commit(fresh_model, "m", delete=["a.txt"])
    assert paths(fresh_model) == ["a.txt"]


def test_a_file_that_changes_while_it_is_read_cancels(fresh_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.bin", os.urandom(100_000))
    planned = plans.plan_additions

    def late(add: Any) -> Any:
        found = planned(add)
        write("a.bin", os.urandom(90_000))
        return found

    monkeypatch.setattr(commits, "plan_additions", late)
    with pytest.raises(Canceled, match=r"^Commit canceled for unknown or unimplemented changes: .*a\.bin.*changed"):
        ah.commit(fresh_model, "m", add=["a.bin"])
    assert paths(fresh_model) == []


def test_with_force_a_changed_file_is_read_again(fresh_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.bin", os.urandom(100_000))
    planned = plans.plan_additions

    def late(add: Any) -> Any:
        found = planned(add)
        write("a.bin", os.urandom(90_000))
        monkeypatch.setattr(commits, "plan_additions", planned)
        return found

    monkeypatch.setattr(commits, "plan_additions", late)
    assert ah.commit(fresh_model, "m", add=["a.bin"], force=True) is not None
    assert [row["size_bytes"] for row in ah.list(fresh_model)] == [90_000]


def test_writers_of_one_branch_do_not_lose_each_others_work(fresh_model: str) -> None:
    sessions.current()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                name = write(f"w{number}/{turn}.txt", f"{number} {turn}")
                assert ah.commit(fresh_model, f"{number} {turn}", add={name: name}) is not None
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert paths(fresh_model) == sorted(f"w{number}/{turn}.txt" for number in range(3) for turn in range(5))
    assert len(ah.list(fresh_model, resource="commit")) == 16


# --- staged changes ----------------------------------------------------------------


def test_staged_changes_are_seen_by_their_user_only(
    fresh_model: str, oracle: Oracle, session_of: Callable[[str], HubSession]
) -> None:
    ah.stage(fresh_model, add=[write("a.txt", "abc"), write("big.bin", os.urandom(50_000))])
    rows = ah.status(fresh_model)
    assert sorted((row["path"], row["op"], row["size_bytes"]) for row in rows) == [
        ("a.txt", "add", 3),
        ("big.bin", "add", 50_000),
    ]
    assert all(row["time"].endswith("Z") for row in rows)
    assert paths(fresh_model) == []
    assert oracle.list_repo_files(repo_of(fresh_model)) == []
    other = session_of("harry")
    ah.share(fresh_model.rpartition("/")[0], user="harry", permission="edit")
    with sessions.using(other):
        assert ah.status(f"/tester/t9k-assethub/{fresh_model}") == []


def test_staged_changes_cancel_a_commit_and_stay(fresh_model: str) -> None:
    ah.stage(fresh_model, add=[write("a.txt")])
    for call in (
        lambda: ah.commit(fresh_model, "m", add=[write("b.txt")]),
        lambda: ah.commit(fresh_model, "m"),
        lambda: ah.commit(fresh_model, "m", add={write("c.txt", "other"): "a.txt"}),
    ):
        with pytest.raises(Canceled, match=r"^Commit canceled for unknown or unimplemented changes: .*a\.txt"):
            call()
    assert [row["path"] for row in ah.status(fresh_model)] == ["a.txt"]
    assert paths(fresh_model) == []


def test_a_commit_that_makes_the_staged_changes_itself_takes_them(fresh_model: str) -> None:
    ah.stage(fresh_model, add=[write("a.txt")])
    assert ah.commit(fresh_model, "m", add=["a.txt", write("b.txt")]) is not None
    assert (paths(fresh_model), ah.status(fresh_model)) == (["a.txt", "b.txt"], [])


def test_force_commits_what_is_staged(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add=[write("old.txt"), write("d/x")])
    ah.stage(fresh_model, add=[write("a.txt")], delete=["old.txt"])
    made = ah.commit(fresh_model, "staged only", force=True)
    assert made is not None
    assert made.message == "staged only"
    assert (paths(fresh_model), ah.status(fresh_model)) == (["a.txt", "x"], [])
    assert ah.commit(fresh_model, "again", force=True) is None


def test_own_changes_come_over_the_staged_ones(fresh_model: str, oracle: Oracle) -> None:
    ah.commit(fresh_model, "m", add=[write("same.txt", "head")])
    ah.stage(fresh_model, add={write("s", "staged"): "a.txt", write("t", "staged"): "same.txt", write("u"): "gone.txt"})
    ah.commit(
        fresh_model,
        "m",
        add={write("o", "own"): "a.txt", write("h", "head"): "same.txt"},
        delete=["gone.txt"],
        force=True,
    )
    assert paths(fresh_model) == ["a.txt", "same.txt"]
    assert read(oracle, fresh_model, "a.txt") == b"own"
    assert read(oracle, fresh_model, "same.txt") == b"head"


def test_reset_drops_the_callers_changes(fresh_model: str, session_of: Callable[[str], HubSession]) -> None:
    full = f"/tester/t9k-assethub/{fresh_model}"
    other = session_of("ivan")
    ah.share(fresh_model.rpartition("/")[0], user="ivan", permission="edit")
    ah.stage(fresh_model, add=[write("a.txt")])
    with sessions.using(other):
        ah.stage(full, add=[write("b.txt")])
    ah.reset(f"{fresh_model}:main")
    ah.reset(f"{fresh_model}:main")  # nothing there: silent
    assert ah.status(fresh_model) == []
    with sessions.using(other):
        assert [row["path"] for row in ah.status(full)] == ["b.txt"]
        with pytest.raises(Denied):
            ah.reset(f"{full}:main", all_users=True)
    assert ah.commit(fresh_model, "m", add=[write("c.txt")]) is not None  # those of others do not block
    assert paths(fresh_model) == ["c.txt"]
    ah.reset(f"{fresh_model}:main", all_users=True)
    with sessions.using(other):
        assert ah.status(full) == []


def test_only_branches_can_be_reset(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:t1", create_tag=True)
    head = ah.get(f"{fresh_model}:main").commit_id
    for path, message in (
        (fresh_model, "^Only branches can be reset"),
        (f"{fresh_model}:t1", "^Only branches can be reset"),
        (f"{fresh_model}:{head}", "^Only branches can be reset"),
        (f"{fresh_model}:none", "^No such branch or tag"),
        ("model", "^Only branches can be reset"),
    ):
        with pytest.raises(RuntimeError, match=message):
            ah.reset(path)


def test_deletions_are_staged_for_what_exists(fresh_model: str) -> None:
    ah.commit(fresh_model, "m", add={write("x"): "d/a", write("y"): "f"})
    ah.stage(fresh_model, delete=["none", "none/", "d", "f/"])
    assert ah.status(fresh_model) == []
    ah.stage(fresh_model, delete=["d/", "f"])
    assert sorted((row["path"], row["op"]) for row in ah.status(fresh_model)) == [("d/", "delete"), ("f", "delete")]
    ah.commit(fresh_model, "m", force=True)
    assert paths(fresh_model) == []


def test_staged_changes_end_with_their_branch_and_asset(fresh_model: str) -> None:
    ah.create(f"{fresh_model}:v1")
    ah.stage(f"{fresh_model}:v1", add=[write("a.txt")])
    ah.delete(f"{fresh_model}:v1")
    ah.create(f"{fresh_model}:v1")
    assert ah.status(f"{fresh_model}:v1") == []
    with pytest.raises(NotFound):
        ah.status(f"{fresh_model}:none")


def test_a_protected_branch_takes_changes_but_no_merge(fresh_model: str) -> None:
    hub = sessions.current().hub
    repo = parse_resource(fresh_model, "tester").repo
    hub.send(repos.configure(repo, RepoSettings(protected_branches=["main"])))
    ah.stage(fresh_model, add=[write("a.txt")])
    assert ah.commit(fresh_model, "m", force=True) is not None
    ah.create(f"{fresh_model}:v1")
    with pytest.raises(Denied, match=r"^Permission denied: .*:main': .*protected"):
        ah.merge(f"{fresh_model}:v1")
    assert paths(fresh_model) == ["a.txt"]


def test_a_deleted_folder_takes_no_commit(fresh_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moving(monkeypatch, lambda: ah.delete(fresh_model.rpartition("/")[0]))
    with pytest.raises(NotFound, match=r"^No such model: "):
        ah.commit(fresh_model, "m", add=[write("a.txt")])
