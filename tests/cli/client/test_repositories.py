from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot import HubApi
from entrepot.errors import RepoArchived

Run = Callable[..., Any]


def test_a_repository_is_made_moved_and_deleted(at_hub: Run, fresh_name: str) -> None:
    done = at_hub("repo", "create", fresh_name, "--private", "--json")
    assert done.json["id"] == fresh_name
    assert HubApi().model_info(fresh_name).private
    assert at_hub("repo", "create", fresh_name).code == 1
    assert at_hub("repo", "create", fresh_name, "--exist-ok").code == 0
    assert at_hub("repo", "move", fresh_name, f"{fresh_name}-2").code == 0
    assert "--yes" in at_hub("repo", "delete", f"{fresh_name}-2").err
    assert at_hub("repo", "delete", f"{fresh_name}-2", "--yes").code == 0
    assert at_hub("repo", "delete", f"{fresh_name}-2", "--yes").code == 1
    assert at_hub("repo", "delete", f"{fresh_name}-2", "--yes", "--missing-ok").code == 0


def test_repositories_are_found(at_hub: Run, made: str) -> None:
    name = made.partition("/")[2]
    rows = at_hub("repo", "list", "--search", name, "--author", "tester", "--json").json
    assert [row["id"] for row in rows] == [made]
    table = at_hub("repo", "list", "--search", name).out.splitlines()
    assert table[0].split() == ["ID", "PRIVATE", "DOWNLOADS", "LIKES", "UPDATED"]
    assert table[1].startswith(made)
    assert at_hub("repo", "list", "--type", "dataset", "--search", name, "--json").json == []


def test_info_shows_what_is_known(at_hub: Run, made: str) -> None:
    row = at_hub("repo", "info", made, "--json").json
    assert (row["id"], row["private"], row["sha"]) == (made, False, HubApi().model_info(made).sha)
    assert f"id:             {made}" in at_hub("repo", "info", made).out
    assert at_hub("repo", "info", made, "--revision", "absent").code == 1


def test_files_are_listed_as_deep_as_wanted(at_hub: Run, made: str) -> None:
    assert set(at_hub("repo", "files", made).out.split()) == {".gitattributes", "a.txt", "sub/b.txt"}
    assert set(at_hub("repo", "files", made, "--flat").out.split()) == {".gitattributes", "a.txt", "sub/"}
    assert at_hub("repo", "files", made, "sub").out.split() == ["sub/b.txt"]
    assert "4 B  a.txt" in at_hub("repo", "files", made, "--long").out
    [row] = [row for row in at_hub("repo", "files", made, "--json").json if row["path"] == "a.txt"]
    assert (row["type"], row["size"], row["sha256"]) == ("file", 4, None)


def test_a_repository_is_archived_listed_as_such_and_unarchived(at_hub: Run, made: str) -> None:
    assert at_hub("repo", "archive", made).out.strip() == f"{made} is archived"
    assert at_hub("repo", "info", made, "--json").json["archived"] is True
    assert [row["id"] for row in at_hub("repo", "list", "--archived", "--json").json] == [made]
    assert made not in [row["id"] for row in at_hub("repo", "list", "--not-archived", "--json").json]
    with pytest.raises(RepoArchived, match="is archived: it can be read"):
        HubApi().create_branch(made, branch="more")
    assert at_hub("repo", "unarchive", made, "--json").json == {"id": made, "type": "model", "archived": False}
    assert at_hub("repo", "info", made, "--json").json["archived"] is False
    HubApi().create_branch(made, branch="more")


def test_the_log_is_newest_first(at_hub: Run, made: str) -> None:
    rows = at_hub("repo", "log", made, "--json").json
    assert [row["title"] for row in rows] == ["Upload folder with entrepot", "initial commit"]
    assert rows[0]["commit"] == HubApi().model_info(made).sha
    assert len(at_hub("repo", "log", made, "-n", "1").out.splitlines()) == 1


def test_a_difference_is_shown_as_text(at_hub: Run, made: str) -> None:
    first = at_hub("repo", "log", made, "--json").json[1]["commit"]
    assert "+one\n" in at_hub("repo", "diff", made, f"{first}..main").out
    assert at_hub("repo", "diff", made, "main..main").out.strip() == ""
    assert at_hub("repo", "diff", made, "main").code == 2


def test_a_repository_is_public_private_or_follows_its_folder(at_hub: Run, fresh_name: str) -> None:
    owner, _, name = fresh_name.partition("/")
    inside = f"{owner}.box/{name}"
    assert at_hub("repo", "create", inside, "--public").code == 0
    done = at_hub("repo", "visibility", inside, "folder", "--json")
    assert done.json == {"id": inside, "type": "model", "private": True, "follows": True}
    assert "is public" in at_hub("repo", "visibility", inside, "public").out
    assert not HubApi().model_info(inside).private
    assert at_hub("repo", "create", fresh_name).code == 0
    refused = at_hub("repo", "visibility", fresh_name, "folder")
    assert (refused.code, "in no folder" in refused.err) == (1, True)
    assert at_hub("repo", "visibility", fresh_name, "hidden").code == 2
