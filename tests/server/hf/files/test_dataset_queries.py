from __future__ import annotations

import pytest

from entrepot.names import RepoType
from tests.support.site import Site


def test_two_revisions_are_joined(site: Site) -> None:
    repo, api = site.new_repo(RepoType.DATASET), site.api()
    commits = [
        api.upload_file(path_or_fileobj=data, path_in_repo="d.csv", repo_id=repo, repo_type="dataset").oid
        for data in (b"id,v\n1,a\n2,b\n", b"id,v\n1,a\n2,x\n")
    ]
    sql = "select n.id, o.v old, n.v new from train n join before.train o using (id) where n.v <> o.v"
    with site.client(None) as client:
        body = {"dataset": repo, "sql": sql, "with": {"before": {"revision": commits[0]}}}
        found = client.post("/-/viewer/sql", json=body)
        assert found.json() == {
            "features": [
                {"feature_idx": 0, "name": "id", "type": {"dtype": "int64", "_type": "Value"}},
                {"feature_idx": 1, "name": "old", "type": {"dtype": "string", "_type": "Value"}},
                {"feature_idx": 2, "name": "new", "type": {"dtype": "string", "_type": "Value"}},
            ],
            "rows": [{"id": 2, "old": "b", "new": "x"}],
            "partial": False,
            "revisions": {"": commits[1], "before": commits[0]},
        }
        refused = client.post("/-/viewer/sql", json={"dataset": repo, "sql": "copy train to '/tmp/x'"})
        assert (refused.status_code, refused.headers["x-error-code"]) == (422, "QueryRefused")


def test_a_private_dataset_answers_like_an_absent_one(site: Site) -> None:
    repo, public = site.new_repo(RepoType.DATASET, visibility="private"), site.new_repo(RepoType.DATASET)
    for path, name in (("a.csv", repo), ("a.csv", public)):
        site.api().upload_file(path_or_fileobj=b"a\n1\n", path_in_repo=path, repo_id=name, repo_type="dataset")
    with site.client(site.bob) as client:
        answers = [
            client.post("/-/viewer/sql", json=body)
            for name in (repo, "alice/absent")
            for body in (
                {"dataset": name, "sql": "select 1"},
                {"dataset": public, "sql": "select 1", "with": {"h": {"dataset": name}}},
            )
        ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dataset": "a/b", "type": "x"},
        {"dataset": "a/b", "with": {"temp": {}}},
        {"dataset": "a/b", "with": {"a b": {}}},
    ],
)
def test_wrong_bodies_are_refused(site: Site, body: dict[str, object]) -> None:
    with site.client(None) as client:
        name = {"dataset": "a/b"} if body else {}
        assert client.post("/-/viewer/sql", json={**name, **body}).status_code == 422
