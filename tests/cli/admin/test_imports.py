from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.cli.admin.imports import read_repo
from entrepot.errors import InvalidName
from entrepot.names import RepoType

Run = Callable[..., Any]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    script = (
        "git init -q -b main s && cd s && echo 1 > a && git add a && git -c user.name=a -c user.email=a@b commit -qm m"
    )
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True)
    return tmp_path / "s"


def test_a_repository_is_imported_and_reported(
    run: Run, admin: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    environ = {"ENTREPOT_DATA": str(source.parent / "data"), "PATH": os.environ["PATH"]}
    done = run("import", str(source), "datasets/alice/d", "--json", environ=environ)
    assert done.code == 0, done.err
    assert done.json == {"repo": "alice/d", "type": "dataset", "refs": 1, "files": 0, "refused": []}
    again = run("import", str(source), "datasets/alice/d", environ=environ)
    assert again.code == 1
    assert "already" in again.err


def test_repositories_are_named_as_in_urls() -> None:
    assert str(read_repo("alice/m")) == "model alice/m"
    assert read_repo("spaces/alice/m").type is RepoType.SPACE
    with pytest.raises(InvalidName):
        read_repo("alice")
