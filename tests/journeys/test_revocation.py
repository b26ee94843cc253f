"""Capabilities issued over HTTP, used after the token that requested them was revoked."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from entrepot.git import FLUSH, pkt_line
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.server.app import make_app
from entrepot.server.hosting import running
from entrepot.settings import Settings

DATA = os.urandom(1000)
OID = hashlib.sha256(DATA).hexdigest()
MIB = 1 << 20


class Holder:
    """A user with a token, and the hub that can revoke it."""

    def __init__(self, hub: HubContext, url: str) -> None:
        self.hub = hub
        self.url = url
        self.secret = accounts.create_token(hub, "alice", role="write").secret
        self.caller = hub.identify(self.secret)
        assert self.caller is not None
        name = f"m{os.urandom(3).hex()}"
        self.ref = repositories.create(hub, self.caller, NewRepo(RepoType.MODEL, name, namespace="alice")).ref
        self.http = httpx2.Client(
            base_url=url, headers={"authorization": f"Bearer {self.secret}"}, trust_env=False, timeout=30
        )
        self.stranger = httpx2.Client(base_url=url, trust_env=False, timeout=30)

    def revoke(self) -> None:
        assert self.caller is not None
        tokens.revoke(self.hub, self.caller, self.caller.token.uid)

    def upload(self, size: int = len(DATA), oid: str = OID) -> dict[str, Any]:
        body = {"operation": "upload", "objects": [{"oid": oid, "size": size}], "transfers": ["basic", "multipart"]}
        answer = self.http.post(f"/{self.ref.path}.git/info/lfs/objects/batch", json=body)
        found: dict[str, Any] = answer.json()["objects"][0]["actions"]["upload"]
        return found


@pytest.fixture
def holder(tmp_path: pathlib.Path) -> Iterator[Holder]:
    hub = open_hub(Settings(data=tmp_path / "data", multipart_threshold=6 * MIB, part_size=5 * MIB), fsync=False)
    accounts.create_user(hub, "alice")
    try:
        with running(make_app(hub)) as address:
            yield Holder(hub, address.url)
    finally:
        hub.close()


def test_an_upload_link(holder: Holder) -> None:
    href = holder.upload()["href"]
    holder.revoke()
    assert holder.stranger.put(href, content=DATA).status_code == 403
    assert holder.stranger.post(href, json={"oid": OID}).status_code == 403


def test_an_upload_whose_body_is_under_way(holder: Holder) -> None:
    href = holder.upload()["href"]

    def body() -> Iterator[bytes]:
        yield DATA[:500]
        holder.revoke()
        yield DATA[500:]

    assert holder.stranger.put(href, content=body()).status_code == 403


def test_parts_and_their_completion(holder: Holder) -> None:
    data = os.urandom(7 * MIB)
    oid = hashlib.sha256(data).hexdigest()
    action = holder.upload(len(data), oid)
    links = [action["header"][key] for key in sorted(action["header"]) if key.isdigit()]
    etag = holder.stranger.put(links[0], content=data[: 5 * MIB]).headers["etag"]
    holder.revoke()
    assert holder.stranger.put(links[1], content=data[5 * MIB :]).status_code == 403
    done = {"oid": oid, "parts": [{"partNumber": 1, "etag": etag}, {"partNumber": 2, "etag": etag}]}
    assert holder.stranger.post(action["href"], json=done).status_code == 403


def test_tokens_of_the_chunk_store(holder: Holder) -> None:
    for kind in ("read", "write"):
        issued = holder.http.get(f"/api/models/{holder.ref.id}/xet-{kind}-token/main").json()
        auth = {"authorization": f"Bearer {issued['accessToken']}"}
        calls = [
            ("GET", f"{issued['casUrl']}/v1/chunks/default-merkledb/{'0' * 64}"),
            ("GET", f"{issued['casUrl']}/v1/reconstructions/{'0' * 64}"),
            ("POST", f"{issued['casUrl']}/v1/xorbs/default/{'0' * 64}"),
            ("POST", f"{issued['casUrl']}/v1/shards"),
        ]
        before = [holder.stranger.request(how, url, headers=auth).status_code for how, url in calls]
        assert 401 not in before
        if kind == "write":
            holder.revoke()
            assert [holder.stranger.request(how, url, headers=auth).status_code for how, url in calls] == [401] * 4


def test_a_push_whose_pack_is_under_way(holder: Holder, tmp_path: pathlib.Path) -> None:
    def git(*arguments: str, given: bytes = b"") -> bytes:
        names = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environ = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **names}
        return subprocess.run(["git", *arguments], cwd=tmp_path, env=environ, input=given, capture_output=True).stdout

    git("init", "-q", "-b", "other")
    (tmp_path / "big").write_bytes(os.urandom(3 * MIB))
    git("add", "big")
    git("commit", "-q", "-m", "m")
    head = git("rev-parse", "HEAD").strip()
    pack = git("pack-objects", "--revs", "--stdout", "-q", given=head + b"\n")
    lead = pkt_line(b"0" * 40 + b" " + head + b" refs/heads/other\0report-status") + FLUSH

    def body() -> Iterator[bytes]:
        yield lead + pack[:MIB]
        holder.revoke()
        yield pack[MIB:]

    answer = holder.http.post(f"/{holder.ref.path}.git/git-receive-pack", content=body())
    # Refused by the report if the push had begun, else before it.
    assert b"ng refs/heads/other" in answer.content or answer.status_code == 401
    refs = holder.stranger.get(f"/api/models/{holder.ref.id}/refs").json()
    assert [branch["name"] for branch in refs["branches"]] == ["main"]
