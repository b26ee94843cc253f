from __future__ import annotations

import httpx2
import pytest

from tests.support.site import Committer, Site

pytest.importorskip("pyarrow")


@pytest.fixture
def repo(site: Site, committer: Committer) -> str:
    repo: str = site.new_repo()
    committer.write(repo, {"a.csv": b"id,x\n1,a\n2,b\n", "t.txt": b"1"}, summary="first")
    committer.write(repo, {"a.csv": b"id,x,y\n1,a,0\n2,c,0\n3,d,0\n", "n.txt": b"22"}, summary="second")
    return repo


def test_files_that_differ_are_listed(anonymous: httpx2.Client, repo: str) -> None:
    head = anonymous.get(f"/api/models/{repo}").json()["sha"]
    found = anonymous.get(f"/api/models/{repo}/diff/{head}^...main").json()
    assert found["new"] == head
    assert found["isComplete"]
    assert found["files"] == [
        {"path": "a.csv", "kind": "changed", "content": "csv", "oldSize": 13, "newSize": 25, "newBytes": None},
        {"path": "n.txt", "kind": "added", "content": None, "oldSize": None, "newSize": 2, "newBytes": None},
    ]


def test_a_table_is_compared_by_rows(anonymous: httpx2.Client, repo: str) -> None:
    head = anonymous.get(f"/api/models/{repo}").json()["sha"]
    params = {"file": "a.csv", "key": "id"}
    found = anonymous.get(f"/api/models/{repo}/diff/{head}^..{head}", params=params).json()
    table = found["table"]
    assert found["model"] is None
    assert (table["key"], table["added"], table["removed"], table["changed"]) == (["id"], 1, 0, 1)
    assert table["changedColumns"] == {"x": 1}
    assert [column["name"] for column in table["columns"]] == ["y"]
    assert {row["kind"] for row in table["rows"]} == {"added", "changed"}
    assert found["bytesRead"] > 0


def test_comparisons_that_cannot_be_made_say_why(anonymous: httpx2.Client, repo: str) -> None:
    base = f"/api/models/{repo}/diff"
    assert anonymous.get(f"{base}/main").status_code == 400
    assert anonymous.get(f"{base}/main..absent").status_code == 404
    assert anonymous.get(f"{base}/main..main", params={"file": "absent.csv"}).status_code == 404
    head = anonymous.get(f"/api/models/{repo}").json()["sha"]
    wrong = anonymous.get(f"{base}/{head}^..main", params={"file": "a.csv", "key": "y"})
    assert wrong.status_code in (400, 422)
    assert "which is not a column of both tables" in wrong.text
