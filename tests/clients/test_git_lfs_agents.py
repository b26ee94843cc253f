"""Large files through transfer agents of git-lfs: in parts, with the agents of two client versions; and as chunks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from huggingface_hub import HfApi

import entrepot.testing
from entrepot.testing.hubs import RunningHub

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")

MIB = 1 << 20
LARGE = os.urandom(20 * MIB)
COMMANDS = {"0.21.4": "huggingface-cli", "2.4.0": "hf"}
TODAY = "2.4.0"


@attrs.frozen
class Clone:
    """A clone of a new repository, and commands that run in it."""

    hub: RunningHub
    repo: str
    folder: Path
    environ: dict[str, str]

    def run(self, *words: str, cwd: str = "work") -> None:
        done = subprocess.run(words, cwd=self.folder / cwd, env=self.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def push(self, contents: dict[str, bytes]) -> str:
        """Commit and push files; return the messages of the hub."""
        for name, content in contents.items():
            (self.folder / "work" / name).write_bytes(content)
        self.run("git", "add", "-A")
        self.run("git", "commit", "-m", "large files")
        said_before = len(self.hub.log())
        self.run("git", "push")
        return self.hub.log()[said_before:]

    def check(self, contents: dict[str, bytes]) -> None:
        """Check that a fresh clone and the API have these files."""
        self.run("git", "clone", f"{self.hub.url}/{self.repo}", "again", cwd=".")
        assert {name: (self.folder / "again" / name).read_bytes() for name in contents} == contents
        api = HfApi(endpoint=self.hub.url, token=self.hub.token)
        infos = api.get_paths_info(self.repo, list(contents))
        assert {info.path: info.size for info in infos if info.lfs} == {
            name: len(content) for name, content in contents.items()
        }


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    with entrepot.testing.hub(multipart_threshold="8MiB", part_size="8MiB") as running:
        yield running


@pytest.fixture
def clone(
    hub: RunningHub, client_environ: Callable[[RunningHub, str], dict[str, str]], tmp_path: Path
) -> Callable[[str, str], Clone]:
    """Return a function that creates a repository and a clone of it that uses one version of the client."""

    def make(name: str, version: str) -> Clone:
        HfApi(endpoint=hub.url, token=hub.token).create_repo(f"tester/{name}")
        (tmp_path / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
        environ = client_environ(hub, version) | {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        made = Clone(hub, f"tester/{name}", tmp_path, environ)
        made.run("git", "lfs", "install", "--skip-repo", cwd=".")
        url = f"{hub.url.replace('://', f'://any:{hub.token}@')}/tester/{name}"
        made.run("git", "clone", url, "work", cwd=".")
        return made

    return make


@pytest.mark.parametrize("version", COMMANDS)
def test_the_agent_of_the_client_sends_parts_that_git_lfs_gets_back(
    clone: Callable[[str, str], Clone], version: str
) -> None:
    parts = clone(f"parts-{version.replace('.', '-')}", version)
    contents = {"large.bin": LARGE + version.encode(), "small.bin": b"small" + version.encode()}
    parts.run(COMMANDS[version], "lfs-enable-largefiles", ".")
    assert parts.push(contents).count("method=PUT path=/_lfs/uploads/") == 3
    parts.check(contents)


def test_an_agent_for_xet_sends_chunks_that_git_lfs_gets_back_whole(clone: Callable[[str, str], Clone]) -> None:
    chunked = clone("chunks", TODAY)
    contents = {f"{n}.bin": LARGE[n * MIB : (n + 4) * MIB] + b"%d" % n for n in range(3)}
    agent = Path(__file__).parent / "xet_agent.py"
    for key, value in (("path", sys.executable), ("args", str(agent)), ("concurrent", "true"), ("direction", "upload")):
        chunked.run("git", "config", f"lfs.customtransfer.xet.{key}", value)
    said = chunked.push(contents)
    assert "/shards" in said
    assert "/_lfs/" not in said
    chunked.check(contents)
