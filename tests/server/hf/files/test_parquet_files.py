from __future__ import annotations

import httpx2
import pytest

from entrepot.names import RepoType
from tests.support.parquet_files import parquet_of
from tests.support.site import Site


def test_parquet_files_are_found_by_number(site: Site) -> None:
    repo, api, data = site.new_repo(RepoType.DATASET), site.api(), parquet_of({"a": [1, 2]})
    for number in range(2):
        path = f"data/train-0000{number}-of-00002.parquet"
        api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo, repo_type="dataset")
    root = f"{site.url}/api/datasets/{repo}/parquet"
    urls = [f"{root}/default/train/{number}.parquet" for number in range(2)]
    with site.client(None) as client:
        assert client.get(root).json() == {"default": {"train": urls}}
        assert client.get(f"{root}/default").json() == {"train": urls}
        assert client.get(f"{root}/default/train").json() == urls
        assert client.get(urls[1], follow_redirects=True).content == data
        assert client.head(urls[0], follow_redirects=True).headers["content-length"] == str(len(data))
        part = client.get(urls[0], headers={"Range": "bytes=0-3"}, follow_redirects=True)
        assert (part.status_code, part.content) == (206, b"PAR1")


@pytest.mark.parametrize("tail", ["/x", "/default/test", "/default/train/7.parquet", "/default/train/a/b"])
def test_absent_parquet_files_are_reported(site: Site, tail: str) -> None:
    repo = site.new_repo(RepoType.DATASET)
    data = parquet_of({"a": [1]})
    site.api().upload_file(path_or_fileobj=data, path_in_repo="a.parquet", repo_id=repo, repo_type="dataset")
    answer = httpx2.get(f"{site.url}/api/datasets/{repo}/parquet{tail}")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "ResponseNotFound")


def test_other_formats_have_none(site: Site) -> None:
    repo = site.new_repo(RepoType.DATASET)
    site.api().upload_file(path_or_fileobj=b"a\n1\n", path_in_repo="a.csv", repo_id=repo, repo_type="dataset")
    root = f"{site.url}/api/datasets/{repo}/parquet"
    assert httpx2.get(root).json() == {}
    assert httpx2.get(f"{root}/default").json() == {}
