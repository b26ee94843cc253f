from __future__ import annotations

from typing import Any

from entrepot.names import RepoType
from tests.support.site import Site


def test_search_filter_and_statistics_answer_in_the_public_shapes(site: Site) -> None:
    repo = site.new_repo(RepoType.DATASET)
    site.api().upload_file(
        path_or_fileobj=b"n,t\n1,one apple\n2,two pears\n", path_in_repo="a.csv", repo_id=repo, repo_type="dataset"
    )
    place: dict[str, Any] = {"dataset": repo, "config": "default", "split": "train"}
    with site.client(None) as client:
        found = client.get("/-/viewer/search", params={**place, "query": "pears"}).json()
        assert found["rows"] == [{"row_idx": 1, "row": {"n": 2, "t": "two pears"}, "truncated_cells": []}]
        assert (found["num_rows_total"], found["partial"]) == (1, False)
        found = client.get("/-/viewer/filter", params={**place, "where": '"n" < 9', "orderby": '"n" desc'}).json()
        assert [row["row_idx"] for row in found["rows"]] == [1, 0]
        found = client.get("/-/viewer/statistics", params=place).json()
        assert found["num_examples"] == 2
        assert [column["column_type"] for column in found["statistics"]] == ["int", "string_label"]
        assert client.get("/-/viewer/search", params=place).status_code == 422


def test_a_private_dataset_answers_like_an_absent_one(site: Site) -> None:
    repo = site.new_repo(RepoType.DATASET, visibility="private")
    site.api().upload_file(path_or_fileobj=b"n\n1\n", path_in_repo="a.csv", repo_id=repo, repo_type="dataset")
    place = {"config": "default", "split": "train", "query": "1"}
    with site.client(site.bob) as client:
        for route in ("search", "filter", "statistics"):
            hidden, absent = (
                client.get(f"/-/viewer/{route}", params={**place, "dataset": name}) for name in (repo, "alice/absent")
            )
            assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content) == (404, absent.content)
