from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.fs.paths import parse
from entrepot.fs.transactions import PreparedChange, grouped
from tests.support.hub_files import HubFiles


def test_several_writes_become_one_commit(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"old": b"1", "moved": b"2"})
    fs = hub_files.fs
    with fs.transaction:
        for n in range(5):
            with fs.open(f"{repo}/d/{n}", "wb") as file:
                file.write(b"%d" % n)
        fs.pipe_file(f"{repo}/piped", b"p")
        fs.mv(f"{repo}/moved", f"{repo}/here")
        fs.rm(f"{repo}/old")
        assert not fs.exists(f"{repo}/piped")
    assert hub_files.titles(repo) == ["Write d/0 and change 8 more"]
    assert sorted(hub_files.api.list_repo_files(repo)) == [
        ".gitattributes",
        *(f"d/{n}" for n in range(5)),
        "here",
        "piped",
    ]
    assert hub_files.content(repo, "d/3") == b"3"


def test_an_error_undoes_all(hub_files: HubFiles) -> None:
    repo = hub_files.repo({"old": b"1"})

    def change() -> None:
        with hub_files.fs.transaction:
            hub_files.fs.pipe_file(f"{repo}/new", b"2")
            hub_files.fs.rm(f"{repo}/old")
            raise KeyError

    with pytest.raises(KeyError):
        change()
    assert hub_files.titles(repo) == []
    hub_files.fs.pipe_file(f"{repo}/later", b"3")  # the transaction has ended
    assert hub_files.titles(repo) == ["Write later"]


def test_a_commit_that_fails_ends_the_transaction_and_leaves_no_drafts(
    hub_files: HubFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def change() -> None:
        with hub_files.fs.transaction, hub_files.fs.open("tester/none/f", "wb") as file:
            file.write(b"1")

    with pytest.raises(FileNotFoundError):
        change()
    assert [path for path in tmp_path.iterdir() if path.name.startswith("entrepot-")] == []
    assert not hub_files.fs._intrans


def test_each_revision_gets_a_commit(hub_files: HubFiles) -> None:
    one, two = hub_files.repo({"x": b""}), hub_files.repo({"x": b""})
    with hub_files.fs.transaction:
        hub_files.fs.pipe_file(f"{one}/a", b"1")
        hub_files.fs.pipe_file(f"{two}/a", b"2")
        hub_files.fs.pipe_file(f"{one}@main/b", b"3")
    assert hub_files.titles(one) == ["Write a and change 1 more"]
    assert hub_files.titles(two) == ["Write a"]


def test_steps_are_grouped_in_order() -> None:
    steps = [PreparedChange(parse(path)) for path in ("ns/b/1", "ns/a/1", "ns/b/2", "ns/b@v1/3")]
    assert [[step.fs_path.path for step in group] for group in grouped(steps)] == [["1", "2"], ["1"], ["3"]]
