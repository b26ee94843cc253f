from __future__ import annotations

import threading

import pytest

from entrepot.server.rendering import code_colours, warming
from entrepot.server.rendering.code_languages import LEXERS


def test_all_lexers_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = list[str]()
    monkeypatch.setattr(code_colours, "load", loaded.append)
    warming.prepare()
    assert sorted(loaded) == sorted(LEXERS)


def test_the_preparation_begins_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = list[bool]()
    monkeypatch.setattr(warming, "_begun", threading.Event())
    monkeypatch.setattr(warming, "prepare", lambda: begun.append(True))
    for _ in range(3):
        warming.begin_once()
    for thread in threading.enumerate():
        if thread.name == "page-preparation":
            thread.join(60)
    assert begun == [True]
