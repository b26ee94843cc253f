"""Errors are one sentence that says what to do, at the command line and in Python."""

from __future__ import annotations

import datetime
import email.utils
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

import entrepot
from entrepot.cli.main import main
from entrepot.client.tokens import TokenStore
from entrepot.errors import EntrepotError
from entrepot.testing.hubs import RunningHub
from tests.support.scripted_hub import Reply, ScriptedHub

SHA = "b" * 64


@pytest.fixture
def at_hub(entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """The shared hub, and a process that uses it from an empty folder."""
    for name, value in {**entrepot_hub.environ(), "ENTREPOT_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_TOKEN", raising=False)  # it would be used where ENTREPOT_TOKEN is unset
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return entrepot_hub


@pytest.fixture
def dataset(at_hub: RunningHub) -> str:
    """A private dataset with one file."""
    repo = f"tester/complaints-{os.urandom(4).hex()}"
    entrepot.create_repo(repo, repo_type="dataset", private=True)
    entrepot.upload_file(path_or_fileobj=b"one", path_in_repo="a.txt", repo_id=repo, repo_type="dataset")
    return repo


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """A port on which no one listens: it is bound, so no other process can use it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@attrs.frozen
class Case:
    """A failing operation, as a command and in Python; ``words`` are in the message."""

    args: tuple[str, ...]
    call: Callable[[str], object]
    words: tuple[str, ...]
    environ: tuple[tuple[str, str], ...] = ()


HERE = {
    "a dataset, taken for a model": Case(
        ("download", "{repo}"),
        lambda repo: entrepot.snapshot_download(repo),
        ("was not found", "the type (repo_type)"),
    ),
    "a file of a dataset, taken for a model": Case(
        ("download", "{repo}", "a.txt"),
        lambda repo: entrepot.hf_hub_download(repo, "a.txt"),
        ("was not found", "the type (repo_type)"),
    ),
    "a file that is not there": Case(
        ("download", "{repo}", "b.txt", "--repo-type", "dataset"),
        lambda repo: entrepot.hf_hub_download(repo, "b.txt", repo_type="dataset"),
        ("b.txt", "dataset {repo}"),
    ),
    "a revision that is not there": Case(
        ("download", "{repo}", "--repo-type", "dataset", "--revision", "v9"),
        lambda repo: entrepot.snapshot_download(repo, repo_type="dataset", revision="v9"),
        ("v9",),
    ),
    "the files of a dataset, taken for those of a model": Case(
        ("repo", "files", "{repo}"),
        lambda repo: entrepot.list_repo_files(repo),
        ("was not found", "the type (repo_type)"),
    ),
    "no folder to upload": Case(
        ("upload", "{repo}", "nowhere", "--repo-type", "dataset"),
        lambda repo: entrepot.upload_folder(repo_id=repo, repo_type="dataset", folder_path="nowhere"),
        ("there is no", "nowhere"),
    ),
    "no large folder to upload": Case(
        ("upload-large-folder", "{repo}", "nowhere", "--repo-type", "dataset"),
        lambda repo: entrepot.upload_large_folder(repo, "nowhere", repo_type="dataset"),
        ("there is no folder", "nowhere"),
    ),
    "a path that leaves the repository": Case(
        ("upload", "{repo}", __file__, "../x.py", "--repo-type", "dataset"),
        lambda repo: entrepot.upload_file(
            path_or_fileobj=__file__, path_in_repo="../x.py", repo_id=repo, repo_type="dataset"
        ),
        ("../x.py",),
    ),
    "an id that is none": Case(
        ("download", "a/b/c"),
        lambda repo: entrepot.snapshot_download("a/b/c"),
        ("a/b/c",),
    ),
    "an address that is none": Case(
        ("whoami",),
        lambda repo: entrepot.whoami(),
        ("ENTREPOT_ENDPOINT", "https://hub.example.org"),
        (("ENTREPOT_ENDPOINT", "hub.example.org"),),
    ),
    "no one is logged in": Case(
        ("whoami",),
        lambda repo: entrepot.whoami(),
        ("no token", "entrepot login", "ENTREPOT_TOKEN"),
        (("ENTREPOT_TOKEN", ""),),
    ),
    "a token that the hub does not know": Case(
        ("whoami",),
        lambda repo: entrepot.whoami(),
        ("the token is not valid", "log in again"),
        (("ENTREPOT_TOKEN", "hf_nobodyhasthisone"),),
    ),
    "a caller who may not see it": Case(
        ("download", "{repo}", "--repo-type", "dataset"),
        lambda repo: entrepot.snapshot_download(repo, repo_type="dataset"),
        ("was not found", "if it is private"),
        (("ENTREPOT_TOKEN", ""),),
    ),
    "offline": Case(
        ("repo", "create", "tester/new"),
        lambda repo: entrepot.create_repo("tester/new"),
        ("offline mode is on", "unset ENTREPOT_OFFLINE"),
        (("ENTREPOT_OFFLINE", "1"),),
    ),
    "nothing is here, and offline": Case(
        ("download", "{repo}", "--repo-type", "dataset"),
        lambda repo: entrepot.snapshot_download(repo, repo_type="dataset"),
        ("not in the local cache", "ENTREPOT_OFFLINE"),
        (("ENTREPOT_OFFLINE", "1"),),
    ),
}


def complain(case: Case, repo: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the case both ways; each must fail with the same message."""
    for name, value in case.environ:
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    code = main([item.format(repo=repo) for item in case.args], os.environ)
    printed = capsys.readouterr().err.strip()
    assert code == 1, printed
    assert printed.startswith("error: ")
    assert len(printed.splitlines()) == 1
    with pytest.raises(EntrepotError) as raised:
        case.call(repo)
    said = str(raised.value)
    for text in (printed, said):
        for word in case.words:
            assert word.format(repo=repo) in text
    assert "\n" not in said
    for secret in ("hf_", "Traceback"):
        assert secret not in printed + said


@pytest.mark.parametrize("name", HERE)
def test_one_sentence(
    name: str, dataset: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(HERE[name], dataset, capsys, monkeypatch)


def test_a_type_that_there_is_not(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["download", dataset, "--repo-type", "datasets-of-mine"], os.environ) == 2
    printed = capsys.readouterr().err
    assert "expected model, dataset or space" in printed
    assert "Traceback" not in printed
    with pytest.raises(entrepot.HFValidationError, match="model, dataset or space"):
        entrepot.snapshot_download(dataset, repo_type="datasets-of-mine")


def upload_case(*words: str, environ: tuple[tuple[str, str], ...] = ()) -> Case:
    """Return the case that uploads a folder ``files``."""
    return Case(
        ("upload", "{repo}", "files", "--repo-type", "dataset"),
        lambda repo: entrepot.upload_folder(repo_id=repo, repo_type="dataset", folder_path="files"),
        words,
        environ,
    )


@pytest.fixture
def files() -> Path:
    """A folder ``files`` with one file."""
    folder = Path("files")
    folder.mkdir()
    (folder / "one.txt").write_text("one")
    return folder


def test_a_file_that_cannot_be_read_is_left_out_with_a_warning(
    dataset: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = files / "secret.txt"
    secret.write_text("secret")
    secret.chmod(0)
    if os.access(secret, os.R_OK):
        # A user who may read everything, such as root, needs another unreadable thing: a circular link.
        secret.unlink()
        secret.symlink_to("secret.txt")
    capsys.readouterr()
    with pytest.warns(UserWarning, match=r"secret\.txt"):
        assert main(["upload", dataset, "files", "--repo-type", "dataset"], os.environ) == 0
    assert entrepot.list_repo_files(dataset, repo_type="dataset") == [".gitattributes", "a.txt", "one.txt"]


def test_a_token_without_the_right_to_write(
    at_hub: RunningHub, dataset: str, files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTREPOT_TOKEN", at_hub.user("tester", "read").token)
    complain(upload_case("role 'read'", "a token with role 'write' is needed"), dataset, capsys, monkeypatch)


def test_no_server_answers(
    dataset: str,
    files: Path,
    refusing_port: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = f"http://127.0.0.1:{refusing_port}"
    case = upload_case("cannot reach the hub at", address, environ=(("ENTREPOT_ENDPOINT", address),))
    complain(case, dataset, capsys, monkeypatch)


def test_the_address_of_something_else(
    at_hub: RunningHub,
    scripted_hub: ScriptedHub,
    reply: type[Reply],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted_hub.on("GET", "/api/whoami-v2", reply("<html>Welcome</html>", 200, {"Content-Type": "text/html"}))
    case = Case(
        ("whoami",),
        lambda repo: entrepot.whoami(),
        ("cannot be used", "check that this is the address of a hub"),
        (("ENTREPOT_ENDPOINT", scripted_hub.url),),
    )
    complain(case, "", capsys, monkeypatch)


def test_a_hub_without_tls_where_tls_was_meant(
    at_hub: RunningHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = at_hub.url.replace("http:", "https:")
    case = Case(
        ("whoami",),
        lambda repo: entrepot.whoami(),
        ("no secure connection", "SSL_CERT_FILE"),
        (("ENTREPOT_ENDPOINT", address),),
    )
    complain(case, "", capsys, monkeypatch)


def test_a_clock_that_is_wrong(
    at_hub: RunningHub,
    scripted_hub: ScriptedHub,
    other_hub: ScriptedHub,
    reply: type[Reply],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead = email.utils.format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1))
    path = "/alice/bert/resolve/main/model.bin"
    about = {"X-Repo-Commit": "a" * 40, "X-Linked-Etag": f'"{SHA}"', "X-Linked-Size": "11"}
    moved = reply(b"", 302, {**about, "Location": f"{other_hub.url}/signed?sig=secret"})
    scripted_hub.on("HEAD", path, moved)
    for revision in ("main", "a" * 40):
        scripted_hub.on("GET", f"/alice/bert/resolve/{revision}/model.bin", moved)
    other_hub.on("GET", "/signed", reply({"error": "the link has expired"}, 403, {"Date": ahead}))
    case = Case(
        ("download", "alice/bert", "model.bin"),
        lambda repo: entrepot.hf_hub_download("alice/bert", "model.bin"),
        ("the link has expired", "this computer's clock", "behind the hub's: set it right"),
        (("ENTREPOT_ENDPOINT", scripted_hub.url),),
    )
    complain(case, "", capsys, monkeypatch)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere files have no mode")
def test_a_token_file_that_others_can_read_is_reported_once(at_hub: RunningHub, tmp_path: Path) -> None:
    file = TokenStore(tmp_path / "home/tokens").put(at_hub.url, at_hub.token)
    file.chmod(0o644)
    environ = {name: value for name, value in os.environ.items() if name not in ("ENTREPOT_TOKEN", "HF_TOKEN")}
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", "whoami"], env=environ, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "tester"
    assert done.stderr == f"warning: {file} can be read by others: run 'chmod 600' on it\n"
