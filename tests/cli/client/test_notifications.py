from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_without_news_there_is_nothing_to_list_or_mark(at_hub: Run) -> None:
    at_hub("notifications", "read", "--all")
    assert at_hub("notifications", "list", "--json").json == []
    assert "nothing is new" in at_hub("notifications", "list").err
    assert at_hub("notifications", "read", "x", "--json").json == {"changed": 0}
    for wrong in ((), ("x", "--all")):
        misused = at_hub("notifications", "read", *wrong)
        assert misused.code == 2
        assert "name the IDs of notifications, or use --all" in misused.err
