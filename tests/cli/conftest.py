"""The command line, called in this process, on a data folder of the test."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrepot.cli.main import main


@attrs.frozen
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call ``entrepot`` with ENTREPOT_DATA set to the folder of the test."""

    def call(*args: str, stdin: str = "", environ: dict[str, str] | None = None) -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(args, {"ENTREPOT_DATA": str(data)} if environ is None else environ)
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture
def admin(run: Run) -> Run:
    """``entrepot admin`` on a hub that has the user alice; a command must succeed."""

    def call(*args: str, stdin: str = "") -> Outcome:
        outcome = run("admin", *args, stdin=stdin)
        assert outcome.code == 0, outcome.err
        return outcome

    call("create-user", "alice")
    return call
