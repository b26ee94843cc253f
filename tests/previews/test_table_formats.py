from __future__ import annotations

import importlib.util

import pytest

from entrepot.errors import ExtraNotInstalled
from entrepot.previews.table_formats import ENDINGS, FORMATS, check_installed


def test_without_pyarrow_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else object())
    with pytest.raises(ExtraNotInstalled, match=r"entrepot\[server,preview\]"):
        check_installed()


def test_files_with_these_endings_can_be_opened() -> None:
    assert set(ENDINGS.values()) <= FORMATS
