"""Which bucket, data folder and database belong together."""

from __future__ import annotations

import itertools
import pathlib

import pytest

from entrepot.blobs import file_key, put
from entrepot.errors import DataFolderError, StoreUnusable
from entrepot.hub.blob_stores import HubBucket, find_bucket, holds_hub
from entrepot.hub.context import open_hub
from entrepot.hub.data_folders import Marker, is_new
from entrepot.hub.jobs import maintenance
from entrepot.names import Sha256
from entrepot.settings import Settings
from tests.support.postgres import PostgresServer
from tests.support.s3_server import READER, S3Server

NUMBERS = itertools.count()
SHA256 = Sha256("ab" * 32)


@pytest.fixture
def store(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new prefix; the environment has its credentials."""
    use(monkeypatch, s3_server.environ())
    return f"s3://shared/hub{next(NUMBERS)}?endpoint={s3_server.url}"


def use(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def opened(data: pathlib.Path, store: str, database: str = "") -> str:
    """Open and close a hub; return its id."""
    hub = open_hub(Settings(data=data, store=store, database=database), fsync=False)
    hub.close()
    return hub.store_id


def bucket_of(store: str) -> HubBucket:
    found = find_bucket(Settings(data=pathlib.Path("unused"), store=store))
    assert found is not None
    return found


def test_a_hub_keeps_its_bytes_in_the_bucket_and_nothing_in_the_folder(tmp_path: pathlib.Path, store: str) -> None:
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    settings = Settings(data=data, store=store, scratch=str(scratch))
    hub = open_hub(settings, fsync=False)
    put(hub.store.blobs, file_key(SHA256), b"large")
    maintenance.check_ready(hub)
    hub.close()
    assert not (data / "blobs").exists()
    assert (scratch / "spool").is_dir()
    assert [stat.key for stat in bucket_of(store).bucket.list("blobs/")] == [f"blobs/{file_key(SHA256)}"]
    assert bucket_of(store).read() == Marker(hub.store_id, "sqlite")
    assert opened(data, store) == hub.store_id


def test_the_large_files_of_a_hub_stay_where_they_are(tmp_path: pathlib.Path, store: str) -> None:
    opened(tmp_path / "local", "")
    with pytest.raises(DataFolderError, match="in the folder, not in a bucket; unset the setting 'store'"):
        opened(tmp_path / "local", store)
    assert bucket_of(store).read() is None
    opened(tmp_path / "remote", store)
    with pytest.raises(DataFolderError, match="in a bucket; name it with the setting 'store'"):
        opened(tmp_path / "remote", "")


def test_an_sqlite_database_in_another_folder_does_not_get_the_bucket(tmp_path: pathlib.Path, store: str) -> None:
    opened(tmp_path / "one", store)
    with pytest.raises(StoreUnusable, match="whose database is in another data folder"):
        opened(tmp_path / "two", store)
    assert list((tmp_path / "two").iterdir()) == []


def test_a_folder_does_not_get_the_bucket_of_another_hub(
    tmp_path: pathlib.Path, store: str, s3_server: S3Server
) -> None:
    other = f"s3://shared/other{next(NUMBERS)}?endpoint={s3_server.url}"
    mine, theirs = opened(tmp_path / "one", store), opened(tmp_path / "two", other)
    with pytest.raises(StoreUnusable, match=rf"belongs to another hub \(its id is {theirs}\)"):
        opened(tmp_path / "one", other)
    with pytest.raises(StoreUnusable, match="it holds no hub"):
        opened(tmp_path / "one", f"s3://shared/none{next(NUMBERS)}?endpoint={s3_server.url}")
    assert opened(tmp_path / "one", store) == mine


def test_servers_with_folders_of_their_own_share_a_database_and_a_bucket(
    tmp_path: pathlib.Path, store: str, postgres: PostgresServer
) -> None:
    url, other = postgres.create_with_tables(), postgres.create_with_tables()
    try:
        settings = Settings(data=tmp_path / "one", store=store, database=url)
        assert not holds_hub(settings)
        first = opened(tmp_path / "one", store, url)
        assert holds_hub(settings)
        assert opened(tmp_path / "two", store, url) == first
        with pytest.raises(StoreUnusable, match="and the database to none"):
            opened(tmp_path / "three", store, other)
        assert is_new(tmp_path / "three")
        with pytest.raises(StoreUnusable, match="whose database is of another kind"):
            opened(tmp_path / "three", store)
        assert opened(tmp_path / "three", store, url) == first
    finally:
        postgres.drop(url)
        postgres.drop(other)


def test_an_opening_that_was_interrupted_is_completed(tmp_path: pathlib.Path, store: str) -> None:
    found = bucket_of(store)
    (tmp_path / "data").mkdir()
    markers = found.prepare(tmp_path / "data", "first")
    assert markers == (Marker("first", None, "s3"), Marker("first", None))
    assert opened(tmp_path / "data", store) == "first"
    assert found.read() == Marker("first", "sqlite")


def test_a_prefix_with_other_objects_is_not_taken(tmp_path: pathlib.Path, store: str) -> None:
    found = bucket_of(store)
    found.bucket.put("thesis.tex", b"x")
    with pytest.raises(StoreUnusable, match=r"it is not empty \(thesis.tex …\) and holds no hub"):
        opened(tmp_path / "data", store)
    found.bucket.put("format.json", b"no json")
    with pytest.raises(StoreUnusable, match="damaged"):
        opened(tmp_path / "data", store)


def test_wrong_credentials_and_buckets_are_refused_in_words_without_secrets(
    tmp_path: pathlib.Path, store: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreUnusable, match="the bucket of s3://absent does not exist"):
        opened(tmp_path / "data", f"s3://absent?endpoint={s3_server.url}")
    with pytest.raises(StoreUnusable, match="cannot use the store s3://shared"):
        opened(tmp_path / "data", "s3://shared?endpoint=http://127.0.0.1:9")
    for keys, secret in (((READER[0], "wr0ngsecret"), "wr0ngsecret"), (READER, READER[1])):
        use(monkeypatch, s3_server.environ(keys))
        with pytest.raises(StoreUnusable, match="refused the credentials") as caught:
            opened(tmp_path / "data", f"s3://private?endpoint={s3_server.url}")
        assert secret not in str(caught.value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreUnusable, match="there are no keys in the environment"):
        opened(tmp_path / "data", store)
    assert is_new(tmp_path / "data")
