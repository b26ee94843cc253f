from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from entrepot import HubApi

Run = Callable[..., Any]


def test_the_cache_is_listed_and_cleared(at_hub: Run, made: str) -> None:
    assert at_hub("cache", "scan").code == 1  # the empty cache is reported
    at_hub("download", made)
    [repo] = at_hub("cache", "scan", "--json").json["repos"]
    assert (repo["name"], repo["files"], len(repo["revisions"])) == (f"model/{made}", 3, 1)
    assert made in at_hub("cache", "scan").out
    assert repo["revisions"][0]["commit"] in at_hub("cache", "scan", "--verbose").out
    assert at_hub("cache", "delete", f"model/{made}").code == 2
    assert at_hub("cache", "delete", made, "--yes", "--json").json["deleted"] == [made]
    assert at_hub("cache", "scan", "--json").json["repos"] == []


def test_a_revision_is_deleted_by_its_id(at_hub: Run, made: str) -> None:
    at_hub("download", made)
    commit = HubApi().model_info(made).sha
    assert commit is not None
    assert at_hub("cache", "delete", commit, "--yes").code == 0
    assert at_hub("cache", "delete", commit, "--yes").code == 1


def test_a_damaged_file_is_found(at_hub: Run, made: str) -> None:
    folder = Path(at_hub("download", made).out.strip())
    assert at_hub("cache", "verify", made).code == 0
    (folder / "a.txt").resolve().write_text("bad\n")
    damaged = at_hub("cache", "verify", made, "--json")
    assert (damaged.code, [row["path"] for row in damaged.json["different"]]) == (1, ["a.txt"])
    assert "different: a.txt" in at_hub("cache", "verify", made).out


def test_a_folder_is_compared_too(at_hub: Run, made: str) -> None:
    at_hub("download", made, "--local-dir", "out")
    assert at_hub("cache", "verify", made, "--local-dir", "out").code == 0
    Path("out/sub/b.txt").write_text("other")
    assert at_hub("cache", "verify", made, "--local-dir", "out").code == 1
