"""The client's documentation pages: every Python and shell block runs, in order, against a hub."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import entrepot
import entrepot.client.paths
from entrepot.testing.hubs import RunningHub
from tests.support.warm_programs import program

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*(page.name for page in DOCS.glob("client-*.md")), "migration.md"])
BLOCK = re.compile(r"^```(python|sh)(| pull-requests)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRELUDE = """
import subprocess as _shell
import fsspec as _fsspec
_fsspec.register_implementation("entrepot", "entrepot.fs.filesystem.EntrepotFileSystem", clobber=True)  # as pip does
"""
HAS_TORCH = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("safetensors") is not None


def script_of(page: str, *, with_pull_requests: bool) -> str:
    """Return the blocks of a page as one program; a shell block becomes a subprocess call.

    A block marked ``pull-requests`` needs a hub that supports them.
    """
    parts = [PRELUDE]
    for language, condition, block in BLOCK.findall(page):
        if "import torch" in block and not HAS_TORCH:
            continue
        if condition and not with_pull_requests:
            continue
        command = ["bash", "-euo", "pipefail", "-c", block]
        parts.append(block if language == "python" else f"_shell.run({command!r}, check=True)\n")
    return "\n".join(parts)


Run = Callable[[str], None]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the command ``entrepot``."""
    folder = tmp_path_factory.mktemp("commands")
    with program(folder / "entrepot", "entrepot.cli.main:run"):
        yield folder


@pytest.fixture
def run(entrepot_fresh_hub: RunningHub, commands: Path, tmp_path: Path) -> Run:
    """Return a function that runs the blocks of a text as ``alice``, in an empty folder, with an empty home."""

    def call(text: str) -> None:
        script = tmp_path / "page.py"
        script.write_text(script_of(text, with_pull_requests=True), encoding="utf-8")
        work, home = tmp_path / "work", tmp_path / "home"
        work.mkdir()
        home.mkdir()
        environ = dict(os.environ) | entrepot_fresh_hub.environ(entrepot_fresh_hub.user("alice"))
        environ |= {"HOME": str(home), "ENTREPOT_HOME": str(home / "entrepot"), "GIT_CONFIG_NOSYSTEM": "1"}
        environ["PATH"] = os.pathsep.join([str(commands), str(Path(sys.executable).parent), environ["PATH"]])
        done = subprocess.run(
            [sys.executable, str(script)], cwd=work, env=environ, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return call


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_page_runs(page: str, run: Run) -> None:
    if page == "client-repository.md" and shutil.which("git-lfs") is None:
        pytest.skip("git-lfs is not installed")
    text = (DOCS / page).read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) >= 4
    run(text)


def test_the_example_of_the_readme_runs(run: Run) -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Use it from Python")[2].partition("\n## ")[0]
    [(language, _, block)] = BLOCK.findall(section)
    assert language == "python"
    run("```sh\nmkdir checkpoints && echo {} > checkpoints/config.json\n```\n" + f"```python\n{block}```\n")


def test_every_variable_of_a_client_is_explained() -> None:
    page = (DOCS / "client-hubs.md").read_text(encoding="utf-8")
    read = set(re.findall(r"ENTREPOT_[A-Z_]+", inspect.getsource(entrepot.client.paths)))
    assert read - set(re.findall(r"^\| `(ENTREPOT_[A-Z_]+)`", page, re.MULTILINE)) == set()


def test_names_documented_as_the_same_exist() -> None:
    page = (DOCS / "migration.md").read_text(encoding="utf-8")
    table = page.partition("## The same")[2].partition("\n## ")[0]
    names = {name for row in table.splitlines() for name in re.findall(r"`([A-Za-z_]+)`", row.split(" | ")[0])}
    named = names - {"huggingface_hub", "hf"}
    assert len(named) >= 30
    assert {name for name in named if not hasattr(entrepot, name)} == set()


def test_a_block_for_another_hub_is_left_out_and_the_shell_is_called() -> None:
    fenced = {"python pull-requests": "proposed = 1", "sh": "echo a 'b'", "toml": "x", "python": "last = 2"}
    page = "".join(f"```{language}\n{block}\n```\n" for language, block in fenced.items())
    script = script_of(page, with_pull_requests=False)
    assert "proposed" not in script
    assert "proposed" in script_of(page, with_pull_requests=True)
    assert script.index("echo") < script.index("last = 2")
    compile(script, "page", "exec")
