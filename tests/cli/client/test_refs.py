from __future__ import annotations

from collections.abc import Callable
from typing import Any

from entrepot import HubApi

Run = Callable[..., Any]


def names(outcome: Any) -> list[str]:
    return [row["name"] for row in outcome.json]


def test_branches_come_and_go(at_hub: Run, made: str) -> None:
    assert at_hub("repo", "branch", "create", made, "dev").code == 0
    assert at_hub("repo", "branch", "create", made, "dev").code == 1
    assert at_hub("repo", "branch", "create", made, "dev", "--exist-ok").code == 0
    assert names(at_hub("repo", "branch", "list", made, "--json")) == ["dev", "main"]
    head = HubApi().model_info(made).sha
    assert at_hub("repo", "branch", "list", made).out.splitlines() == [f"{head[:10]}  dev", f"{head[:10]}  main"]
    assert at_hub("repo", "branch", "delete", made, "dev").code == 2
    assert at_hub("repo", "branch", "delete", made, "dev", "--yes").code == 0
    assert names(at_hub("repo", "branch", "list", made, "--json")) == ["main"]


def test_tags_come_and_go(at_hub: Run, made: str) -> None:
    assert at_hub("repo", "tag", "create", made, "v1", "--revision", "main", "-m", "First").code == 0
    assert at_hub("repo", "tag", "create", made, "v1").code == 1
    assert names(at_hub("repo", "tag", "list", made, "--json")) == ["v1"]
    assert at_hub("repo", "tag", "delete", made, "v1", "--yes", "--json").json == {"repo": made, "tag": "v1"}
    assert at_hub("repo", "tag", "list", made).out == ""
    assert at_hub("repo", "tag", "delete", made, "v1", "--yes").code == 1
