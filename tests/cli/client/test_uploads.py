from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot import HubApi
from entrepot.cli.client.uploads import UploadOptions, read_order
from entrepot.errors import InvalidArgument, SourceMissing

Run = Callable[..., Any]


def files(repo: str, **options: Any) -> set[str]:
    return set(HubApi().list_repo_files(repo, **options)) - {".gitattributes"}


def write(**contents: str) -> None:
    for path, text in contents.items():
        file = Path(path.replace("__", "/").replace("_txt", ".txt"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_the_folder_with_the_name_of_the_repository_is_taken(at_hub: Run, fresh_name: str) -> None:
    name = fresh_name.partition("/")[2]
    write(**{f"{name}__a_txt": "x", f"{name}__sub__b_txt": "y"})
    done = at_hub("upload", fresh_name)
    assert done.code == 0, done.err
    assert files(fresh_name) == {"a.txt", "sub/b.txt"}
    assert done.out.strip().endswith(f"/{fresh_name}/commit/{HubApi().model_info(fresh_name).sha}")


def test_a_missing_source_is_reported(at_hub: Run, fresh_name: str) -> None:
    refused = at_hub("upload", fresh_name)
    assert refused.code == 1
    assert "give LOCAL as the second argument" in refused.err
    assert "no-such-folder" in at_hub("upload", fresh_name, "no-such-folder").err
    Path("dangling").symlink_to("nowhere")
    assert "it is a broken link" in at_hub("upload", fresh_name, "dangling").err
    os.mkfifo("pipe")
    assert "it is a named pipe" in at_hub("upload", fresh_name, "pipe").err


def test_a_file_goes_to_the_given_path_or_to_the_root(at_hub: Run, fresh_name: str) -> None:
    write(deep__a_txt="x")
    assert at_hub("upload", fresh_name, "deep/a.txt").code == 0
    assert at_hub("upload", fresh_name, "deep/a.txt", "there/b.txt", "-m", "Second").code == 0
    assert files(fresh_name) == {"a.txt", "there/b.txt"}
    assert HubApi().list_repo_commits(fresh_name)[0].title == "Second"


def test_patterns_choose_and_delete(at_hub: Run, fresh_name: str) -> None:
    write(logs__old_txt="1", logs__keep__x_txt="2")
    at_hub("upload", fresh_name, "logs", "logs")
    Path("logs/old.txt").unlink()
    write(logs__new_txt="3", logs__no_md="4")
    Path("logs/no_md").rename("logs/no.md")
    done = at_hub("upload", fresh_name, "logs", "/logs", "--include", "*.txt", "--exclude", "keep/*", "--delete", "*")
    assert done.code == 0, done.err
    assert files(fresh_name) == {"logs/new.txt"}
    refused = at_hub("upload", fresh_name, "logs/new.txt", "--delete", "*")
    assert "are for folders" in refused.err


def test_a_branch_is_begun_and_a_dataset_made_private(at_hub: Run, fresh_name: str) -> None:
    write(d__a_txt="x")
    done = at_hub("upload", fresh_name, "d", "--type", "dataset", "--revision", "exp/1", "--private", "--json")
    assert done.code == 0, done.err
    assert set(done.json) == {"url", "commit", "pull_request"}
    assert files(fresh_name, repo_type="dataset", revision="exp/1") == {"a.txt"}
    assert files(fresh_name, repo_type="dataset") == set()
    assert HubApi().dataset_info(fresh_name).private


def test_existing_content_makes_no_commit(at_hub: Run, fresh_name: str) -> None:
    write(d__a_txt="x")
    first, second = (at_hub("upload", fresh_name, "d", "--json").json["commit"] for _ in range(2))
    assert first == second


def test_a_folder_of_any_size_goes_up(at_hub: Run, fresh_name: str) -> None:
    write(**{f"many__{number}_txt": str(number) for number in range(30)})
    assert at_hub("upload-large-folder", fresh_name, "many", "-q").code == 0
    assert len(files(fresh_name)) == 30


def test_every_few_minutes_and_at_the_end(at_hub: Run, fresh_name: str) -> None:
    write(live__a_txt="x")
    # A shell that runs the tests in the background has them ignore Ctrl-C, and children inherit that.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start += "; from entrepot.cli.main import run; run()"
    command = [sys.executable, "-c", start, "upload", fresh_name, "live", "logs", "--every", "60"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "every 60 minutes" in process.stderr.readline()
    deadline = time.monotonic() + 240
    while files(fresh_name) != {"logs/a.txt"} and time.monotonic() < deadline:
        os.sched_yield()
    write(live__b_txt="y")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=240)[1]
    assert process.returncode == 0, rest
    assert files(fresh_name) == {"logs/a.txt", "logs/b.txt"}


def test_flags_that_contradict_each_other_are_refused(at_hub: Run, fresh_name: str) -> None:
    write(d__a_txt="x")
    assert (
        "--every cannot be combined with --delete or --create-pr"
        in at_hub("upload", fresh_name, "d", "--every", "5", "--create-pr").err
    )


@pytest.mark.parametrize(
    ("local", "path", "expected"),
    [
        ("folder", None, "."),
        ("folder", ".", "."),
        ("folder", "/data/train/", "data/train"),
        ("folder/x.txt", None, "x.txt"),
        ("folder/x.txt", "y/z.txt", "y/z.txt"),
        (None, None, "."),
    ],
)
def test_arguments_that_are_left_out_are_derived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: str | None, path: str | None, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(folder__x_txt="x", m__y_txt="y")
    order = UploadOptions("alice/m", "model", Path(), "", None, None, None, None, None, None, False, None)
    found = read_order("alice/m", local, path, order)
    assert (found.local, found.path_in_repo) == (Path(local or "m"), expected)
    with pytest.raises(SourceMissing):
        read_order("alice/m", "absent", None, order)
    with pytest.raises(InvalidArgument):
        read_order("alice/absent", None, None, order)


def test_files_that_look_like_secrets_need_a_word(at_hub: Run, fresh_name: str) -> None:
    write(m__a_txt="x")
    Path("m/.env").write_text("KEY=1")
    for words in (("upload", fresh_name, "m"), ("upload-large-folder", fresh_name, "m")):
        done = at_hub(*words)
        assert (done.code, files(fresh_name)) == (1, set())
        assert ".env" in done.err
        assert "--exclude" in done.err
        assert "--allow-secrets" in done.err
    assert at_hub("upload", fresh_name, "m", "--exclude", ".env").code == 0
    assert files(fresh_name) == {"a.txt"}
    done = at_hub("upload", fresh_name, "m", "--allow-secrets")
    assert (done.code, files(fresh_name)) == (0, {"a.txt", ".env"})
