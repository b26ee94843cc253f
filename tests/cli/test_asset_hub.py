"""``ah`` and ``entrepot ah``: what they print, and where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.ah import sessions
from entrepot.cli.asset_hub import split_addition
from entrepot.testing.hubs import RunningHub
from tests.support.commands import Run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of an unused folder; no session or home of the user who runs the tests is used."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("T9K_CONFIG", raising=False)
    monkeypatch.setattr(sessions, "_STATE", sessions._State())
    return f"c{os.urandom(4).hex()}"


@pytest.fixture
def model(at_hub: Run, folder: str) -> str:
    assert at_hub("ah", "create", f"model/{folder}/gpt2", "-l", "PyTorch", "-l", "JAX").code == 0
    return f"model/{folder}/gpt2"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("model.pt", ("model.pt", "/")),
        ("model.pt:saved/", ("model.pt", "saved/")),
        ("a:b:c", ("a:b", "c")),
        ("C:\\x\\y", ("C:\\x\\y", "/")),
        ("C:\\x\\y:z", ("C:\\x\\y", "z")),
        ("c:d", ("c", "d")),
        ("./d/*:x", ("./d/*", "x")),
    ],
)
def test_an_addition_is_split_at_its_last_colon(text: str, parts: tuple[str, str]) -> None:
    assert split_addition(text) == parts


def test_creation_says_what_was_made(at_hub: Run, folder: str) -> None:
    done = at_hub("ah", "create", f"model/{folder}", "-d", "text")
    full = f"/tester/t9k-assethub/model/{folder}"
    assert (done.code, done.out, done.err) == (0, "", f"AH INFO: Folder {full} created\n")
    done = at_hub("ah", "create", f"model/{folder}/gpt2")
    assert (done.out, done.err) == ("", f"AH INFO: Model gpt2 created for Folder {full}\n")
    done = at_hub("ah", "create", f"model/{folder}/gpt2:v1")
    assert done.err == f"AH INFO: Branch v1 created for Model {full}/gpt2\n"
    done = at_hub("ah", "create", f"model/{folder}/gpt2:T", "-t", "-s", "v1")
    assert done.err == f"AH INFO: Tag T created from branch v1 for Model {full}/gpt2\n"


def test_a_commit_says_what_it_does(at_hub: Run, model: str) -> None:
    Path("x").write_text("x")
    Path("y").write_text("y")
    at_hub("ah", "create", f"{model}:v1")
    done = at_hub("ah", "commit", f"{model}:v1", "-m", "add", "-a", "x", "-a", "y:sub/z")
    lines = done.err.splitlines()
    assert lines[:3] == [
        f"AH INFO: Committing changes to branch /tester/t9k-assethub/{model}:v1",
        "AH INFO: Uploading object 1/2 x",
        "AH INFO: Uploading object 2/2 sub/z",
    ]
    assert lines[3].startswith("AH INFO: Commit ")
    assert lines[3].endswith(" created")
    assert len(lines[3].split()[3]) == 8
    done = at_hub("ah", "commit", f"{model}:v1", "-m", "again", "-a", "x")
    assert done.err.splitlines()[-1] == "AH INFO: No changes to commit"
    done = at_hub("ah", "commit", f"{model}:v1", "-m", "delete", "-d", "sub/")
    assert "AH INFO: Deleting object sub" in done.err.splitlines()
    done = at_hub("ah", "merge", f"{model}:v1")
    assert done.err == f"AH INFO: Branch v1 merged to the main branch for Model /tester/t9k-assethub/{model}\n"
    done = at_hub("ah", "merge", f"{model}:v1")
    assert done.err == f"AH INFO: Branch v1 is already merged for Model /tester/t9k-assethub/{model}\n"
    assert done.out == ""


def test_lists_are_tables(at_hub: Run, model: str, folder: str) -> None:
    full = f"/tester/t9k-assethub/{model}"
    Path("x").write_text("x" * 2000)
    at_hub("ah", "commit", model, "-m", "add\n\nmore", "-a", "x")
    done = at_hub("ah", "ls", f"model/{folder}")
    assert [line.split() for line in done.out.splitlines()] == [
        ["NAME", "PATH", "LABELS", "PERMISSION"],
        ["gpt2", full, "PyTorch,JAX", "own"],
    ]
    assert done.err == ""
    header = at_hub("ah", "ls", f"model/{folder}", "-d").out.splitlines()[0].split()
    assert header == ["NAME", "PATH", "EDITOR", "LABELS", "DESCRIPTION", "CREATED", "MODIFIED", "PERMISSION"]
    [header_line, row] = at_hub("ah", "ls", model).out.splitlines()
    assert header_line.split() == ["PATH", "BYTES", "MODIFIED"]
    assert row.split()[:2] == ["x", "2000"]
    assert "2.0 KiB" in at_hub("ah", "ls", "-h", model).out
    at_hub("ah", "create", f"{model}:T", "-t")
    assert at_hub("ah", "ls", model, "-b").out.splitlines()[0].split() == ["NAME", "COMMIT_ID"]
    assert at_hub("ah", "ls", model, "-t").out.splitlines()[1].startswith("T ")
    commits = at_hub("ah", "ls", model, "-c").out.splitlines()
    assert commits[0].split() == ["COMMIT_ID", "MESSAGE", "CREATED"]
    assert commits[1].split()[1] == "add"
    assert at_hub("ah", "list", f"model/{folder}").out == at_hub("ah", "ls", f"model/{folder}").out


def test_an_empty_list_prints_nothing(at_hub: Run, model: str) -> None:
    for arguments in ((model,), (model, "-t")):
        done = at_hub("ah", "ls", *arguments)
        assert (done.code, done.out, done.err) == (0, "", "")
    assert at_hub("ah", "ls", model, "--json").json == []


def test_lists_are_json_on_request(at_hub: Run, model: str, folder: str) -> None:
    [row] = at_hub("ah", "ls", f"model/{folder}", "--json").json
    assert (row["name"], row["labels"], row["type"]) == ("gpt2", ["PyTorch", "JAX"], "Model")
    found = at_hub("ah", "get", model, "--json").json
    assert (found["name"], found["type"], found["labels"]) == ("gpt2", "Model", ["PyTorch", "JAX"])
    assert "labels:        PyTorch, JAX" in at_hub("ah", "get", model).out


def test_objects_are_downloaded(at_hub: Run, model: str) -> None:
    Path("x").write_text("x")
    at_hub("ah", "commit", model, "-m", "add", "-a", "x", "-a", "x:d/y")
    done = at_hub("ah", "download", model, "-o", "d/", "-s", "out")
    assert (done.code, done.out) == (0, "")
    assert [path.as_posix() for path in Path("out").rglob("*") if path.is_file()] == ["out/d/y"]
    at_hub("ah", "download", model, "-s", "all")
    assert sorted(os.listdir("all")) == ["d", "x"]


def test_changes_and_deletions_say_what_they_did(at_hub: Run, model: str, folder: str) -> None:
    base = f"/tester/t9k-assethub/model/{folder}"
    done = at_hub("ah", "update", f"model/{folder}", "-n", f"{folder}b")
    assert done.err == f"AH INFO: Folder {base} updated to {base}b\n"
    at_hub("ah", "update", f"model/{folder}b/gpt2", "-l", "", "-d", "text")
    found = at_hub("ah", "get", f"model/{folder}b/gpt2", "--json").json
    assert (found["labels"], found["description"]) == ([], "text")
    at_hub("ah", "create", f"model/{folder}b/gpt2:v1")
    done = at_hub("ah", "delete", f"model/{folder}b/gpt2:v1")
    assert done.err == f"AH INFO: Branch v1 deleted for Model {base}b/gpt2\n"
    done = at_hub("ah", "delete", f"model/{folder}b")
    assert done.err == f"AH INFO: Folder {base}b deleted\n"
    assert at_hub("ah", "delete", f"model/{folder}b", "-f").code == 0


def test_errors_go_to_standard_error(at_hub: Run, folder: str) -> None:
    done = at_hub("ah", "get", f"model/{folder}")
    sentence = f"No such folder: '/tester/t9k-assethub/model/{folder}'"
    assert (done.code, done.out) == (1, "")
    assert done.err == f"AH ERROR: {sentence}\n"
    traced = at_hub("--debug", "ah", "get", f"model/{folder}").err
    assert (traced.startswith(f"AH ERROR: {sentence}\nTraceback"), "NotFound" in traced) == (True, True)
    done = at_hub("ah", "create", f"model/{folder}", "-l", "a", "-l", "a")
    assert (done.code, "AH ERROR: the label 'a' occurs twice" in done.err) == (1, True)
    assert at_hub("ah", "ls", "foo").code == 1
    assert at_hub("ah", "ls").code == 2
    assert at_hub("ah", "commit", f"model/{folder}/x").code == 2
    assert at_hub("ah", "none").code == 2


def test_quiet_says_nothing(at_hub: Run, folder: str) -> None:
    done = at_hub("ah", "create", f"model/{folder}", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_token_and_an_address_as_options(at_hub: Run, folder: str, entrepot_hub: RunningHub) -> None:
    bob = entrepot_hub.user("bob")
    done = at_hub("ah", "create", f"model/{folder}", "--token", bob.token, "--endpoint", entrepot_hub.url)
    assert done.err == f"AH INFO: Folder /bob/t9k-assethub/model/{folder} created\n"
    done = at_hub("ah", "ls", "model", "--endpoint", "http://127.0.0.1:9", "--token", bob.token)
    assert (done.code, "AH ERROR: Unable to connect to the server" in done.err) == (1, True)


def test_the_console_script(entrepot_hub: RunningHub, folder: str, tmp_path: Path) -> None:
    program = "import sys; from entrepot.cli.main import run_ah; sys.argv[0] = 'ah'; run_ah()"
    environ = {**os.environ, **entrepot_hub.environ(), "HOME": str(tmp_path), "ENTREPOT_HOME": str(tmp_path)}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environ, timeout=240
        )

    assert call("--version").stdout.startswith("entrepot ")
    assert "Usage: ah [OPTIONS] COMMAND" in call("--help").stdout
    done = call("create", f"model/{folder}")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"AH INFO: Folder /tester/t9k-assethub/model/{folder} created\n"
    assert call("ls", "nothing").returncode == 1
    assert call("ls", "--none").returncode == 2


def test_what_is_done_is_json_on_request(at_hub: Run, folder: str, tmp_path: Path) -> None:
    path, source = f"model/{folder}/gpt2", tmp_path / "a.txt"
    source.write_text("a")
    for command, key in (
        (("create", path), "created"),
        (("stage", f"{path}:main", "-a", str(source)), "staged"),
        (("reset", f"{path}:main"), "reset"),
        (("commit", path, "-m", "one", "-a", str(source)), "committed"),
        (("download", path, "-s", str(tmp_path / "copy")), "downloaded"),
        (("create", f"{path}:dev", "-s", "main"), "created"),
        (("merge", f"{path}:dev"), "merged"),
        (("update", path, "-d", "text"), "updated"),
        (("delete", path), "deleted"),
    ):
        done = at_hub("ah", *command, "--json")
        assert done.code == 0, done.err
        assert (done.json["path"], done.json[key]) == (command[1], True)
