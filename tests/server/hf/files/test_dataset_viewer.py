from __future__ import annotations

import socket
from typing import Any

import httpx2
import pytest
from datasets import Features, Value, config
from datasets.utils._dataset_viewer import DatasetViewerError, get_exported_dataset_infos

from entrepot.names import RepoType
from tests.support.parquet_files import parquet_of
from tests.support.site import Site

CARD = b"---\nconfigs:\n- config_name: main\n  data_files:\n  - {split: train, path: a.parquet}\n---\n"


def dataset(site: Site, files: dict[str, bytes], **options: Any) -> tuple[str, str]:
    """Create a dataset with these files; return its id and its commit."""
    repo, api = site.new_repo(RepoType.DATASET, **options), site.api()
    oid = ""
    for path, data in files.items():
        oid = api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo, repo_type="dataset").oid
    return repo, oid


def get(site: Site, route: str, token: str | None = None, **query: Any) -> httpx2.Response:
    with site.client(token) as client:
        return client.get(f"/-/viewer/{route}", params=query)


def test_the_routes_answer_in_the_shapes_of_the_public_service(site: Site) -> None:
    data = parquet_of({"a": list(range(250)), "b": [f"t{at}" for at in range(250)]})
    repo, oid = dataset(site, {"a.parquet": data, "README.md": CARD})
    place = {"dataset": repo, "config": "main", "split": "train"}
    abilities = get(site, "is-valid", dataset=repo).json()
    assert abilities == dict.fromkeys(("viewer", "preview", "search", "filter", "statistics"), True)
    splits = get(site, "splits", dataset=repo)
    assert splits.json() == {"splits": [place], "pending": [], "failed": []}
    assert splits.headers["x-revision"] == oid
    rows = get(site, "rows", **place, offset=240).json()
    assert [item["row_idx"] for item in rows["rows"]] == list(range(240, 250))
    assert rows["rows"][0] == {"row_idx": 240, "row": {"a": 240, "b": "t240"}, "truncated_cells": []}
    assert rows["features"][0] == {"feature_idx": 0, "name": "a", "type": {"dtype": "int64", "_type": "Value"}}
    assert (rows["num_rows_total"], rows["num_rows_per_page"], rows["partial"]) == (250, 100, False)
    first = get(site, "first-rows", **place).json()
    assert (len(first["rows"]), first["truncated"], first["config"]) == (100, False, "main")
    size = get(site, "size", dataset=repo).json()["size"]
    assert (size["dataset"]["num_rows"], size["splits"][0]["num_columns"]) == (250, 2)
    assert get(site, "size", dataset=repo, config="main").json()["size"]["config"]["num_bytes_parquet_files"] == len(
        data
    )
    info = get(site, "info", dataset=repo).json()["dataset_info"]["main"]
    assert info["splits"]["train"]["num_examples"] == 250
    assert list(info["features"]) == ["a", "b"]
    [file] = get(site, "parquet", dataset=repo).json()["parquet_files"]
    assert (file["filename"], file["size"]) == ("a.parquet", len(data))
    with site.client(None) as client:
        assert client.get(file["url"]).content == data


def test_rows_are_those_of_a_revision_and_of_any_type(site: Site) -> None:
    repo, first = dataset(site, {"a.csv": b"n\n1\n"})
    place = {"dataset": repo, "config": "default", "split": "train"}
    site.api().upload_file(path_or_fileobj=b"n\n2\n", path_in_repo="a.csv", repo_id=repo, repo_type="dataset")
    assert get(site, "rows", **place).json()["rows"][0]["row"] == {"n": 2}
    assert get(site, "rows", **place, revision=first).json()["rows"][0]["row"] == {"n": 1}
    assert get(site, "parquet", dataset=repo, revision=first).json()["parquet_files"] == []
    model = site.new_repo()
    site.api().upload_file(path_or_fileobj=b"n\n3\n", path_in_repo="a.csv", repo_id=model)
    assert get(site, "rows", **{**place, "dataset": model}, type="model").json()["rows"][0]["row"] == {"n": 3}


@pytest.mark.parametrize("route", ["is-valid", "splits", "first-rows", "rows", "parquet", "size", "info"])
def test_a_private_dataset_answers_like_an_absent_one(site: Site, route: str) -> None:
    repo, _ = dataset(site, {"a.csv": b"n\n1\n"}, visibility="private")
    for token in (None, site.bob):
        for query in ({"config": "default", "split": "train"}, {"config": "x", "split": "y"}, {}):
            hidden, absent = (get(site, route, token, dataset=name, **query) for name in (repo, "alice/absent"))
            assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
    assert get(site, route, site.alice, dataset=repo, config="default", split="train").status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "code", "text"),
    [
        ({}, 422, "InvalidParameter", "Parameter 'config' is required"),
        ({"config": "default"}, 422, "InvalidParameter", "Parameter 'split' is required"),
        ({"length": "101"}, 422, "InvalidParameter", "Parameter 'length' must not be greater than 100"),
        ({"offset": "x"}, 422, "InvalidParameter", "Parameter 'offset' must be integer"),
        ({"offset": "-1"}, 422, "InvalidParameter", "Parameter 'offset' must be positive"),
        ({"type": "x"}, 422, "InvalidParameter", "Parameter 'type' must be one of model, dataset, space"),
        ({"config": "x", "split": "train"}, 404, "ResponseNotFound", "configuration 'x'"),
        ({"split": "x"}, 404, "ResponseNotFound", "split 'x'"),
        ({"revision": "x"}, 404, "RevisionNotFound", "x"),
    ],
)
def test_errors_have_the_codes_of_the_public_service(
    site: Site, query: dict[str, str], status: int, code: str, text: str
) -> None:
    repo, _ = dataset(site, {"a.csv": b"n\n1\n"})
    place = {} if set(query) <= {"config"} else {"config": "default", "split": "train"}
    answer = get(site, "rows", dataset=repo, **{**place, **query})
    assert (answer.status_code, answer.headers["x-error-code"]) == (status, code)
    assert text in answer.json()["error"]
    assert get(site, "splits").status_code == 422


def test_a_dataset_without_tables_is_reported(site: Site) -> None:
    repo, _ = dataset(site, {"a.pdf": b"%PDF"})
    assert get(site, "is-valid", dataset=repo).json()["viewer"] is False
    assert get(site, "splits", dataset=repo).json()["splits"][0]["split"] == "train"
    answer = get(site, "rows", dataset=repo, config="default", split="train")
    assert (answer.status_code, answer.headers["x-error-code"]) == (422, "NotSupportedError")
    repo, _ = dataset(site, {"README.md": b"# nothing"})
    assert get(site, "is-valid", dataset=repo).json()["viewer"] is False
    assert get(site, "splits", dataset=repo).status_code == 422


def test_the_library_datasets_gets_features_from_its_host(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    port, resolve = httpx2.URL(site.url).port, socket.getaddrinfo

    def find(host: Any, *args: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == "datasets-server.hub.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    monkeypatch.setattr(config, "HF_ENDPOINT", f"http://hub.test:{port}")
    repo, oid = dataset(site, {"a.parquet": parquet_of({"a": [1, 2], "b": ["x", "y"]}), "README.md": CARD})
    found = get_exported_dataset_infos(repo, oid, None)
    assert Features.from_dict(found["main"]["features"]) == Features({"a": Value("int64"), "b": Value("string")})
    text, head = dataset(site, {"a.csv": b"n\n1\n"})
    with pytest.raises(DatasetViewerError):
        get_exported_dataset_infos(text, head, None)


def test_the_host_of_the_hub_has_no_such_address(site: Site) -> None:
    with site.client(None) as client:
        assert client.get("/info", params={"dataset": "x/y"}).status_code == 404
