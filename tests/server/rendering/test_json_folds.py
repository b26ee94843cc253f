from __future__ import annotations

import html
import re

from entrepot.server.rendering import json_folds
from entrepot.server.rendering.json_folds import fold_json


def words(text: str) -> str:
    """Return the text of folded JSON without its tags."""
    found = fold_json(text)
    assert found is not None
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found).split()))


def test_objects_and_lists_open_and_close_and_values_stay_as_they_are_written() -> None:
    shown = fold_json('{"a": [1.50, 1e999, null], "a": {"deep": {"<b>": "<script>"}}, "": 12345678901234567890}')
    assert shown is not None
    assert shown.count("<details open>") == 3
    assert shown.count("<details>") == 1
    assert "<script>" not in shown
    assert "<b>" not in shown
    said = words('{"a": [1.50, 1e999, null, true, "x"], "a": {}}')
    assert said == '2 members a : 5 items 0 : 1.50 1 : 1e999 2 : null 3 : true 4 : "x" a : 0 members'


def test_what_is_no_json_or_nested_too_deeply_is_not_folded() -> None:
    assert fold_json("{'a': 1}") is None
    assert fold_json("") is None
    assert fold_json("[" * 60_000 + "]" * 60_000) is None
    assert "1 item" in words("[" * 60 + "]" * 60), "the deepest levels are counted only"


def test_values_are_limited_and_the_rest_is_counted() -> None:
    most = json_folds.MAX_VALUES
    shown = fold_json(f"[{','.join(['7'] * (most + 10))}]")
    assert shown is not None
    assert shown.count("<li>") == most
    assert "11 more values are not shown." in shown
    assert len(fold_json('"' + "x" * 1_000 + '"') or "") < 600
