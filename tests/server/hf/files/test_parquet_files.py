from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import httpx2
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError

from entrepot.catalog.repos import repositories
from entrepot.hub.conversions import conversions
from entrepot.hub.jobs import maintenance
from entrepot.names import RepoId, RepoRef, RepoType
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


def test_other_formats_have_none_outside_datasets(site: Site) -> None:
    repo = site.new_repo()
    site.api().upload_file(path_or_fileobj=b"a\n1\n", path_in_repo="a.csv", repo_id=repo)
    root = f"{site.url}/api/models/{repo}/parquet"
    assert httpx2.get(root).json() == {}
    assert httpx2.get(f"{root}/default").json() == {}


CARD = b"""---
configs:
- {config_name: one, data_files: [{split: train, path: a.csv}, {split: extra, path: b.csv}]}
- {config_name: two, data_files: c.jsonl}
- {config_name: bad, data_files: bad.csv}
---
"""


def convert(site: Site, repo: str) -> None:
    with site.hub.read() as tx:
        row = repositories.find(tx, RepoRef(RepoType.DATASET, RepoId(*repo.split("/"))))
    assert row is not None
    list(conversions.convert_steps(site.hub, row.id))


@pytest.fixture
def converted(site: Site) -> str:
    repo = site.new_repo(RepoType.DATASET, visibility="private")
    files = {"README.md": CARD, "a.csv": b"n,t\n1,x\n2,y\n", "b.csv": b"n,t\n3,z\n", "c.jsonl": b'{"m": {"k": 1}}\n'}
    operations = [CommitOperationAdd(name, data) for name, data in {**files, "bad.csv": b"a\n1,2\n"}.items()]
    site.api().create_commit(repo, operations, commit_message="data", repo_type="dataset")
    convert(site, repo)
    return repo


def test_converted_files_are_found_by_stock_clients(site: Site, converted: str, tmp_path: Path) -> None:
    api = site.api()
    [ref] = api.list_repo_refs(converted, repo_type="dataset").converts
    assert (ref.name, ref.ref) == ("parquet", "refs/convert/parquet")
    assert api.list_repo_tree(converted, revision=ref.ref, repo_type="dataset", recursive=True)
    for revision in (ref.ref, "~parquet", ref.target_commit):
        path = api.hf_hub_download(
            converted, "one/train/0000.parquet", repo_type="dataset", revision=revision, cache_dir=tmp_path / "cache"
        )
        assert pq.read_table(path).to_pylist() == [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}]
    with pytest.raises(HfHubHTTPError, match="made by the hub"):
        api.upload_file(
            path_or_fileobj=b"x", path_in_repo="x", repo_id=converted, repo_type="dataset", revision=ref.ref
        )


def test_datasets_loads_the_converted_files(site: Site, converted: str, tmp_path: Path) -> None:
    script = (
        "import datasets, json, sys\n"
        "loaded = datasets.load_dataset(sys.argv[1], 'one', revision='refs/convert/parquet')\n"
        "features = {name: split.features.to_dict() for name, split in loaded.items()}\n"
        "print(json.dumps([features, {name: split.to_list() for name, split in loaded.items()}]))\n"
    )
    environ = {**os.environ, "HF_ENDPOINT": site.url, "HF_TOKEN": site.alice, "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", script, converted], capture_output=True, timeout=240, env=environ, check=True
    )
    features, rows = json.loads(done.stdout.splitlines()[-1])
    assert list(features) == ["train", "extra"]
    assert features["train"] == {"n": {"dtype": "int64", "_type": "Value"}, "t": {"dtype": "string", "_type": "Value"}}
    assert rows == {"train": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}], "extra": [{"n": 3, "t": "z"}]}


LOADS = """
import datasets, json, sys
from datasets import ClassLabel
loaded = datasets.load_dataset(sys.argv[1], revision=sys.argv[2])
assert all(isinstance(split.features["label"], ClassLabel) for split in loaded.values())
told = {name: [it.features.to_dict(), list(it["label"]), it.num_rows] for name, it in loaded.items()}
print(json.dumps(told))
"""


def test_types_of_tables_are_preliminary_before_the_conversion(site: Site) -> None:
    repo = site.new_repo(RepoType.DATASET)
    site.api().upload_file(path_or_fileobj=b"a\n1\n", path_in_repo="a.csv", repo_id=repo, repo_type="dataset")
    asked = {"dataset": repo, "config": "default", "split": "train"}

    def marks() -> list[object]:
        with site.client(None) as client:
            answers = [client.get(f"/-/viewer/{name}", params=asked).json() for name in ("rows", "first-rows", "info")]
        return [answer.get("preliminary") for answer in answers]

    assert marks() == [True] * 3
    convert(site, repo)
    assert marks() == [None] * 3


def test_a_folder_of_pictures_is_converted_to_what_datasets_loads(site: Site, tmp_path: Path) -> None:
    repo, png = site.new_repo(RepoType.DATASET, visibility="private"), b"\x89PNG\r\n\x1a\n" + bytes(100)
    names = ["train/cat/1.png", "train/dog/2.png", "test/dog/3.png"]
    operations = [CommitOperationAdd(name, png + name.encode()) for name in names]
    site.api().create_commit(repo, operations, commit_message="data", repo_type="dataset")
    with site.client(site.alice) as client:
        asked = {"dataset": repo, "config": "default", "split": "train"}
        assert client.get("/-/viewer/is-valid", params={"dataset": repo}).json()["viewer"]
        first = client.get("/-/viewer/first-rows", params=asked).json()
        source = first["rows"][0]["row"]["image"]["src"]
        assert "/resolve/" in source
        assert client.get(source).content == png + b"train/cat/1.png"
        with site.client(None) as other:
            assert other.get(source).status_code == 401
        convert(site, repo)
        rows = client.get("/-/viewer/rows", params=asked).json()
        assert rows["features"] == first["features"]
        source = rows["rows"][1]["row"]["image"]["src"]
        assert "/-/viewer/assets?" in source
        assert client.get(source).content == png + b"train/dog/2.png"
        with site.client(None) as other:
            assert other.get(source).status_code == 401
        assert client.get("/-/viewer/size", params={"dataset": repo}).json()["size"]["dataset"]["num_rows"] == 3
        assert client.get("/-/viewer/info", params={"dataset": repo}).json()["dataset_info"]["default"]["features"]
        files = client.get("/-/viewer/parquet", params={"dataset": repo}).json()
        assert [(file["split"], file["filename"]) for file in files["parquet_files"]] == [
            ("test", "0000.parquet"),
            ("train", "0000.parquet"),
        ]
    environ = {**os.environ, "HF_ENDPOINT": site.url, "HF_TOKEN": site.alice, "HF_HOME": str(tmp_path / "home")}
    found = [_loaded(repo, "refs/convert/parquet", environ)]
    if importlib.util.find_spec("PIL") is not None:  # `datasets` reads no folders of pictures without it
        found.append(_loaded(repo, "main", environ))
    labels = {"names": ["cat", "dog"], "_type": "ClassLabel"}
    features = {"image": {"_type": "Image"}, "label": labels}
    for loaded in found:
        assert loaded == {"train": [features, [0, 1], 2], "test": [features, [1], 1]}


def _loaded(repo: str, revision: str, environ: dict[str, str]) -> object:
    command = [sys.executable, "-c", LOADS, repo, revision]
    done = subprocess.run(command, capture_output=True, timeout=240, env=environ, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_viewer_lists_what_was_converted_and_what_could_not_be(site: Site, converted: str) -> None:
    with site.client(site.alice) as client:
        found = client.get("/-/viewer/parquet", params={"dataset": converted}).json()
        places = [(file["config"], file["split"], file["filename"]) for file in found["parquet_files"]]
        assert places == [
            ("one", "extra", "0000.parquet"),
            ("one", "train", "0000.parquet"),
            ("two", "train", "0000.parquet"),
        ]
        assert "/resolve/refs%2Fconvert%2Fparquet/one/extra/0000.parquet" in found["parquet_files"][0]["url"]
        content = client.get(found["parquet_files"][1]["url"], follow_redirects=True).content
        assert len(content) == found["parquet_files"][1]["size"]
        [failed] = found["failed"]
        assert (failed["config"], found["pending"]) == ("bad", [])
        assert failed["error"] == {"error": "bad.csv: row 2 has 2 fields, and the header names 1"}
        one = client.get("/-/viewer/parquet", params={"dataset": converted, "config": "one"}).json()
        assert one["features"] == {
            "n": {"dtype": "int64", "_type": "Value"},
            "t": {"dtype": "string", "_type": "Value"},
        }
        urls = client.get(f"/api/datasets/{converted}/parquet").json()
        assert client.get(urls["one"]["train"][0], follow_redirects=True).content == content
    assert list(urls) == ["one", "two"]
    for token in (site.bob, None):
        with site.client(token) as client:
            absent = client.get("/api/datasets/alice/absent/parquet")
            hidden = client.get(f"/api/datasets/{converted}/parquet")
            assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text)


def test_a_push_to_the_ref_is_refused(site: Site, converted: str, tmp_path: Path) -> None:
    address = site.url.replace("://", f"://alice:{site.alice}@") + f"/datasets/{converted}"
    environ = {**os.environ, "GIT_LFS_SKIP_SMUDGE": "1", "GIT_TERMINAL_PROMPT": "0"}

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=240, env=environ, check=False
        )

    assert git("clone", "-q", address, "copy").returncode == 0
    assert git("-C", "copy", "fetch", "-q", "origin", "refs/convert/parquet").returncode == 0
    refused = git("-C", "copy", "push", "origin", "HEAD:refs/convert/parquet", "--force")
    assert refused.returncode != 0
    assert "made by the hub" in refused.stderr


def test_a_download_of_a_converted_file_outlives_its_replacement_and_the_sweep_or_is_cut(site: Site) -> None:
    repo, api = site.new_repo(RepoType.DATASET), site.api()
    dice = random.Random(5)
    lines = "".join(json.dumps({"t": dice.randbytes(20_000).hex()}) + "\n" for _ in range(400))
    api.upload_file(path_or_fileobj=lines.encode(), path_in_repo="a.jsonl", repo_id=repo, repo_type="dataset")
    convert(site, repo)
    with site.client(site.alice) as client:
        url = client.get(f"/api/datasets/{repo}/parquet").json()["default"]["train"][0]
        before = client.get(url, follow_redirects=True)
        old = str(before.url).replace("refs%2Fconvert%2Fparquet", before.headers["x-repo-commit"])
        assert len(before.content) > 4_000_000
        with client.stream("GET", old) as slow:
            pieces = slow.iter_bytes(65_536)
            received = next(pieces)
            api.upload_file(path_or_fileobj=b'{"t":1}\n', path_in_repo="a.jsonl", repo_id=repo, repo_type="dataset")
            convert(site, repo)
            swept = list(maintenance.gc(site.hub, grace_ms=-60_000, bumps_epoch=True))
            with contextlib.suppress(httpx2.RemoteProtocolError):
                for piece in pieces:
                    received += piece
        assert received == before.content[: len(received)]
        assert any(item.kind == "file" for item in swept), swept
        assert client.get(old).status_code == 404
        after = client.get(url, follow_redirects=True).content
    assert pq.read_table(io.BytesIO(after)).to_pylist() == [{"t": 1}]
    assert [item for item in maintenance.fsck(site.hub, checks_content=True) if item.is_damage] == []
