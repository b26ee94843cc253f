"""The command line, called in this process on a separate data folder."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.cli.main import main
from entrepot.testing.hubs import RunningHub
from tests.support.commands import Outcome, Run


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Undo what a command of this process does to the level of the package's logger."""
    logger = logging.getLogger("entrepot")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that calls ``entrepot`` with ENTREPOT_DATA set to the folder of the test."""

    def call(*args: str, stdin: str = "", environ: dict[str, str] | None = None) -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(args, {"ENTREPOT_DATA": str(data)} if environ is None else environ)
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture
def admin(run: Run) -> Run:
    """Return a function that calls ``entrepot admin`` on a hub with the user alice; every command must succeed."""

    def call(*args: str, stdin: str = "") -> Outcome:
        outcome = run("admin", *args, stdin=stdin)
        assert outcome.code == 0, outcome.err
        return outcome

    call("create-user", "alice")
    return call


@pytest.fixture
def at_hub(
    entrepot_hub: RunningHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Return a function that calls ``entrepot`` as the user ``tester`` of the shared hub, in an empty folder."""
    environ = {**entrepot_hub.environ(), "ENTREPOT_HOME": str(tmp_path / "home"), "ENTREPOT_DISABLE_PROGRESS": "1"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def call(*args: str, stdin: str = "", environ: dict[str, str] | None = None) -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(args, {**os.environ, **(environ or {})})
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture
def fresh_name() -> str:
    """Return an unused repository id in the namespace ``tester``."""
    return f"tester/cli-{os.urandom(4).hex()}"


@pytest.fixture
def made(at_hub: Run, fresh_name: str) -> str:
    """Create a model with the files ``a.txt`` and ``sub/b.txt`` and return its id."""
    Path("files/sub").mkdir(parents=True)
    Path("files/a.txt").write_text("one\n")
    Path("files/sub/b.txt").write_text("two\n")
    assert at_hub("upload", fresh_name, "files", "-q").code == 0
    return fresh_name
