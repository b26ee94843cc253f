"""Two real servers with folders of their own on one PostgreSQL database and one bucket, and a bucket that fails."""

from __future__ import annotations

import hashlib
import itertools
import os
import pathlib
import random
import subprocess
from collections.abc import Iterator

import attrs
import httpx2
import pytest
from huggingface_hub import HfApi, snapshot_download

from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.hub.jobs import maintenance
from entrepot.settings import SETTINGS, Settings
from entrepot.testing.hubs import RunningHub
from tests.support.balancers import Balancer
from tests.support.postgres import PostgresServer
from tests.support.relay import Relay, RelayedResponse
from tests.support.s3_server import S3Server

pytestmark = pytest.mark.timeout(400)
NUMBERS = itertools.count()
REPO = "alice/model"
LARGE = random.Random("large").randbytes(24 << 20)


@attrs.frozen
class Cluster:
    """Servers behind a load balancer, the proxy between them and the bucket, and a token that may write."""

    servers: list[RunningHub]
    settings: list[Settings]
    balancer: Balancer
    relay: Relay
    token: str

    def api(self, server: RunningHub | None = None) -> HfApi:
        return HfApi(endpoint=self.balancer.url if server is None else server.url, token=self.token)


@pytest.fixture
def cluster(
    tmp_path: pathlib.Path, s3_server: S3Server, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    relay, url = Relay(s3_server.url), postgres.create_with_tables()
    store = f"s3://shared/cluster{os.getpid()}x{next(NUMBERS)}?endpoint={relay.url}"
    servers: list[RunningHub] = []
    settings: list[Settings] = []
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            found = Settings(
                data=tmp_path / name / "data",
                port=0,
                database=url,
                database_connections=12,
                store=store,
                multipart_threshold=10 << 20,
                part_size=5 << 20,
            )
            names = ("database", "database_connections", "store", "multipart_threshold", "part_size")
            environ = {row.variable: str(getattr(found, row.name)) for row in SETTINGS if row.name in names}
            if not servers:
                hub = open_hub(found)
                accounts.create_user(hub, "alice")
                token = accounts.create_token(hub, "alice", role="write").secret
                hub.close()
            servers.append(RunningHub(tmp_path / name, found, environ))
            settings.append(found)
            servers[-1].start()
        balancer = Balancer([server.url for server in servers])
        yield Cluster(servers, settings, balancer, relay, token)
        balancer.close()
    finally:
        for server in servers:
            server.kill()
        relay.close()
        postgres.drop(url)


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
def test_what_one_server_receives_the_other_serves(
    cluster: Cluster, tmp_path: pathlib.Path, xet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", not xet)
    one, two = cluster.servers
    cluster.api().create_repo(REPO)
    cluster.api(one).upload_file(path_or_fileobj=LARGE, path_in_repo="model.bin", repo_id=REPO)
    cluster.api().upload_file(path_or_fileobj=b"# Card", path_in_repo="README.md", repo_id=REPO)
    found = snapshot_download(REPO, endpoint=two.url, token=cluster.token, cache_dir=tmp_path / "cache")
    assert (pathlib.Path(found) / "model.bin").read_bytes() == LARGE
    for server in cluster.servers:
        with httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {cluster.token}"}) as client:
            part = client.get(f"/{REPO}/resolve/main/model.bin", headers={"range": "bytes=9000000-9000099"})
        assert part.content == LARGE[9_000_000:9_000_100]
    assert not list((tmp_path / "one/data").glob("blobs/*"))
    hub = open_hub(cluster.settings[1])
    try:
        assert [finding for finding in maintenance.fsck(hub) if finding.is_damage] == []
        assert list(maintenance.sweep_leftovers(hub, 0)) == []
    finally:
        hub.close()


def test_git_pushes_to_one_server_and_clones_from_the_other(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    one, two = cluster.servers
    cluster.api().create_repo(REPO)
    text = LARGE[: 1 << 20].hex()[:900_000]  # git keeps it, the hub stores it as a blob

    def git(*words: str, cwd: pathlib.Path = tmp_path) -> None:
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0", "NO_PROXY": "*"}
        done = subprocess.run(["git", *words], cwd=cwd, env=environ, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr

    def url(server: RunningHub) -> str:
        return f"http://alice:{cluster.token}@{server.url.removeprefix('http://')}/{REPO}"

    git("clone", "-q", url(one), "first")
    (tmp_path / "first/notes.txt").write_text(text)
    git("-c", "user.name=A", "-c", "user.email=a@b.c", "add", "notes.txt", cwd=tmp_path / "first")
    git("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "Add", cwd=tmp_path / "first")
    git("push", "-q", cwd=tmp_path / "first")
    git("clone", "-q", url(two), "second")
    assert (tmp_path / "second/notes.txt").read_text() == text


def test_an_outage_of_the_bucket_is_a_503_that_loses_nothing(cluster: Cluster) -> None:
    api = cluster.api()
    api.create_repo(REPO)
    api.upload_file(path_or_fileobj=LARGE[:1_000_000], path_in_repo="before.bin", repo_id=REPO)
    head = api.model_info(REPO).sha
    cluster.relay.rule = lambda _asked, _go_on: RelayedResponse(503)
    headers = {"authorization": f"Bearer {cluster.token}"}
    with httpx2.Client(base_url=cluster.servers[0].url, headers=headers, timeout=240) as client:
        refused = client.get(f"/{REPO}/resolve/main/before.bin")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        ready = client.get("/readyz")  # the other server has no bucket either: nobody would be left
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        for answer in (refused, ready):
            assert "AWS" not in answer.text
            assert "Signature" not in answer.text
        assert client.get(f"/api/models/{REPO}").status_code == 200  # what needs no large file goes on
        data = LARGE[:2_000_000]
        item = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}
        asked = {"operation": "upload", "transfers": ["basic"], "objects": [item]}
        [answer] = client.post(f"/{REPO}.git/info/lfs/objects/batch", json=asked).json()["objects"]
        refused = client.put(answer["actions"]["upload"]["href"], content=data)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        cluster.relay.rule = lambda asked, go_on: go_on(asked)
        assert client.put(answer["actions"]["upload"]["href"], content=data).status_code == 200
    assert api.model_info(REPO).sha == head
    api.upload_file(path_or_fileobj=LARGE, path_in_repo="after.bin", repo_id=REPO)
    with httpx2.Client(base_url=cluster.servers[0].url, headers=headers, timeout=240) as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        assert client.get(f"/{REPO}/resolve/main/before.bin").content == LARGE[:1_000_000]
        assert client.get(f"/{REPO}/resolve/main/after.bin").content == LARGE
    for server in cluster.servers:
        assert " status=500" not in server.log()
        assert "writersecret" not in server.log()
