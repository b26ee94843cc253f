from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.client.folders import walk
from entrepot.client.operations import repo_path
from entrepot.client.uploads.secret_files import warn_of_secrets
from entrepot.client.user_warnings import warn


def own_line() -> tuple[str, int]:
    """Return the file and line of the caller."""
    frame = inspect.stack()[1]
    return frame.filename, frame.lineno


def lines_of(caught: pytest.WarningsRecorder) -> list[tuple[str, int]]:
    return [(warning.filename, warning.lineno) for warning in caught]


def test_a_warning_names_the_line_that_called_the_library(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("none")
    calls: list[tuple[str, Callable[[], object]]] = [
        ("left out", lambda: list(walk(tmp_path))),
        ("backslash", lambda: repo_path("a\\b")),
        ("look like secrets", lambda: warn_of_secrets(["id_rsa"])),
    ]
    for text, call in calls:
        with pytest.warns(UserWarning, match=text) as caught:
            call()
        assert [warning.filename for warning in caught] == [__file__]


def test_a_warning_from_outside_names_the_caller() -> None:
    with pytest.warns(FutureWarning, match="old") as caught:
        line = own_line(), warn("old", FutureWarning)
    assert lines_of(caught) == [line[0]]
