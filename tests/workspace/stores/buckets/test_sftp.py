"""Buckets on an SSH host: keys of hosts and users, broken connections, and whole versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import paramiko
import pytest

from entrepot.errors import BucketMissing, InvalidArgument, LimitExceeded, StorageRefused, StorageUnreachable
from entrepot.workspace.stores import StorageConfig, open_store
from entrepot.workspace.stores.buckets.sftp import SftpBucket
from tests.support.chunk_stores import Desk, noise
from tests.support.sftp_server import SshHost, running_ssh_host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[SshHost]:
    (tmp_path / "host").mkdir()
    with running_ssh_host(tmp_path / "host") as running:
        yield running


def opened(config: StorageConfig, home: Path) -> SftpBucket:
    return SftpBucket(config, {}, home, 0)


def test_a_version_is_published_and_fetched(host: SshHost, tmp_path: Path) -> None:
    files = {"a": noise(300_000, 1), "b": b""}
    desk = Desk.create(tmp_path)
    desk.store = open_store(host.config(), tmp_path / "indexes", environ={}, home=tmp_path, threads=2)
    with desk.store:
        version = desk.publish(files)
        desk.fetch(version)
    assert desk.fetched(version) == files
    assert len([path for path in (host.folder / "bucket/ws1").rglob("*") if path.is_file()]) == 5
    assert list((host.folder / "bucket/incoming").iterdir()) == []


def test_an_unknown_host_is_refused_with_the_cure(host: SshHost, tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match=r"unknown.*known_hosts.*--host-key"):
        opened(attrs.evolve(host.config(), host_key=None), tmp_path).stat("a")


def test_a_host_in_known_hosts_is_trusted(host: SshHost, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    line = f"[127.0.0.1]:{host.port} {host.host_key.get_name()} {host.host_key.get_base64()}\n"
    (tmp_path / ".ssh" / "known_hosts").write_text(line)
    bucket = opened(attrs.evolve(host.config(), host_key=None), tmp_path)
    assert bucket.stat("a") is None
    bucket.close()


def test_a_host_with_another_key_is_refused(host: SshHost, tmp_path: Path) -> None:
    other = paramiko.ECDSAKey.generate()
    config = attrs.evolve(host.config(), host_key=f"{other.get_name()} {other.get_base64()}")
    with pytest.raises(StorageRefused, match="not the known one"):
        opened(config, tmp_path).stat("a")


def test_a_user_without_the_right_key_is_refused(host: SshHost, tmp_path: Path) -> None:
    paramiko.ECDSAKey.generate().write_private_key_file(str(tmp_path / "wrong"))
    with pytest.raises(StorageRefused, match="user 'mia'"):
        opened(attrs.evolve(host.config(), private_key=str(tmp_path / "wrong")), tmp_path).stat("a")


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_a_private_key_that_cannot_be_read_is_named(host: SshHost, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "broken").write_bytes(content)
    with pytest.raises(StorageRefused, match=r"private key .*broken"):
        opened(attrs.evolve(host.config(), private_key=str(tmp_path / "broken")), tmp_path).stat("a")


def test_a_folder_that_does_not_exist_is_named(host: SshHost, tmp_path: Path) -> None:
    bucket = opened(host.config("/absent"), tmp_path)
    with pytest.raises(BucketMissing, match="sftph:///absent"):
        bucket.put_new("a", b"1")
    with pytest.raises(BucketMissing):
        list(bucket.list(""))
    bucket.close()


def test_a_host_that_is_down_is_named(tmp_path: Path) -> None:
    config = StorageConfig("sftph", "/x", endpoint_url="127.0.0.1", port=1, username="mia")
    with pytest.raises(StorageUnreachable, match="sftph"):
        opened(config, tmp_path).stat("a")


def test_missing_endpoints_and_malformed_host_keys_are_refused(tmp_path: Path, host: SshHost) -> None:
    with pytest.raises(InvalidArgument, match="endpoint-url"):
        opened(StorageConfig("sftph", "/x"), tmp_path)
    with pytest.raises(InvalidArgument, match="host key"):
        opened(attrs.evolve(host.config(), host_key="nonsense"), tmp_path).stat("a")


def test_a_broken_connection_is_opened_again(host: SshHost, tmp_path: Path) -> None:
    bucket = SftpBucket(host.config(), {}, tmp_path, 1)
    bucket.put_new("a", b"1")
    for client in bucket._clients:
        client.close()
    found = bucket.stat("a")
    assert found is not None
    assert found.size == 1
    bucket.close()


def test_an_object_that_is_longer_than_the_host_says_is_refused(
    host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = opened(host.config(), tmp_path)
    assert bucket.put_new("a/b", bytes(200_000))
    look = paramiko.SFTPFile.stat

    def lie(file: paramiko.SFTPFile) -> paramiko.SFTPAttributes:
        found = look(file)
        found.st_size = 10
        return found

    monkeypatch.setattr(paramiko.SFTPFile, "stat", lie)
    with pytest.raises(LimitExceeded, match="a/b"):
        bucket.get("a/b", 100)
    found = bucket.get("a/b", 200_000)
    assert found is not None
    assert len(found.data) == 200_000
    bucket.close()


def test_folders_without_an_end_are_given_up(host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = opened(host.config(), tmp_path)
    assert bucket.put_new("a/b", b"x")
    list_folder = paramiko.SFTPClient.listdir_attr

    def nest(sftp: paramiko.SFTPClient, path: str = ".") -> list[paramiko.SFTPAttributes]:
        return [one for one in list_folder(sftp, path.partition("/a")[0]) if one.filename == "a"]

    monkeypatch.setattr(paramiko.SFTPClient, "listdir_attr", nest)
    with pytest.raises(LimitExceeded, match="the depth of the folder a/a"):
        list(bucket.list(""))
    bucket.close()
