"""Capabilities issued over HTTP, used after their holder has lost the right, on a folder and on a bucket."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.files import file_links
from entrepot.git import FLUSH, pkt_line
from entrepot.hub.accounts import accounts, members
from entrepot.hub.callers import Role
from entrepot.hub.community import moderation
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repo_rights, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoType, Sha256
from entrepot.server.app import make_app
from entrepot.settings import Settings
from entrepot.wire.files.bulk_uploads import MEDIA_TYPE, BulkUploadFile, encode_upload
from tests.support.running_apps import running

DATA = os.urandom(1000)
OID = hashlib.sha256(DATA).hexdigest()
MIB = 1 << 20
NUMBERS = itertools.count()
REFUSED = {401, 403, 404}


class Holder:
    """A member of an organisation with a token, and the hub, where others can take the rights away."""

    def __init__(self, hub: HubContext, url: str) -> None:
        self.hub, self.name = hub, f"user{next(NUMBERS)}"
        accounts.create_user(hub, self.name)
        accounts.set_member(hub, "acme", self.name, Role.WRITE)
        secret = accounts.create_token(hub, self.name, role="write").secret
        owner = hub.identify(accounts.create_token(hub, "olga", role="write").secret)
        caller = hub.identify(secret)
        assert owner is not None
        assert caller is not None
        self.owner, self.caller = owner, caller
        made = repositories.create(hub, owner, NewRepo(RepoType.MODEL, f"m{next(NUMBERS)}", namespace="acme"))
        self.ref, self.row_id = made.ref, repo_rights.of(hub, owner, made.ref).row.id
        self.http = httpx2.Client(
            base_url=url, headers={"authorization": f"Bearer {secret}"}, trust_env=False, timeout=240
        )
        self.stranger = httpx2.Client(base_url=url, trust_env=False, timeout=240)

    def upload(self, size: int = len(DATA), oid: str = OID) -> dict[str, Any]:
        body = {"operation": "upload", "objects": [{"oid": oid, "size": size}], "transfers": ["basic", "multipart"]}
        answer = self.http.post(f"/{self.ref.path}.git/info/lfs/objects/batch", json=body)
        found: dict[str, Any] = answer.json()["objects"][0]["actions"]["upload"]
        return found

    def is_linked(self, oid: str = OID) -> bool:
        with self.hub.read() as tx:
            return bool(file_links.usable(tx, self.row_id, [Sha256(oid)]))


def revoke(holder: Holder) -> None:
    with holder.hub.write() as tx:
        token_rows.remove(tx, holder.caller.token.uid)


def demote(holder: Holder) -> None:
    accounts.set_member(holder.hub, "acme", holder.name, Role.READ)


def remove(holder: Holder) -> None:
    members.remove(holder.hub, holder.owner, "acme", holder.name)


def disable(holder: Holder) -> None:
    moderation.disable(holder.hub, holder.ref, "a complaint")


def archive(holder: Holder) -> None:
    repositories.configure(holder.hub, holder.owner, holder.ref, RepoChanges(archived=True))


def delete(holder: Holder) -> None:
    repositories.delete(holder.hub, holder.owner, holder.ref)


Change = Callable[[Holder], None]
each_change = pytest.mark.parametrize("lose", [revoke, demote, remove, disable, archive, delete])


@pytest.fixture(scope="module", params=["folder", "bucket"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[HubContext, str]]:
    """A hub that keeps large files in a folder or a bucket, and its address."""
    folder = tmp_path_factory.mktemp("revocation")
    with pytest.MonkeyPatch.context() as patched:
        store = ""
        if request.param == "bucket":
            server = request.getfixturevalue("s3_server")
            for name, value in server.environ().items():
                patched.setenv(name, value)
            store = f"s3://shared/revocation{os.getpid()}-{next(NUMBERS)}?endpoint={server.url}"
        settings = Settings(data=folder / "data", store=store, multipart_threshold=6 * MIB, part_size=5 * MIB)
        hub = open_hub(settings, fsync=False)
        accounts.create_user(hub, "olga")
        accounts.create_org(hub, "acme", admin="olga")
        try:
            with running(make_app(hub)) as address:
                yield hub, address.url
        finally:
            hub.close()


@pytest.fixture
def holder(served: tuple[HubContext, str]) -> Holder:
    return Holder(*served)


@each_change
def test_an_upload_link(holder: Holder, lose: Change) -> None:
    href = holder.upload()["href"]
    lose(holder)
    assert holder.stranger.put(href, content=DATA).status_code in REFUSED
    assert holder.stranger.post(href, json={"oid": OID}).status_code in REFUSED
    assert not holder.is_linked()


@each_change
def test_an_upload_whose_body_is_under_way(holder: Holder, lose: Change) -> None:
    data = os.urandom(1000)
    oid = hashlib.sha256(data).hexdigest()
    href = holder.upload(oid=oid)["href"]

    def body() -> Iterator[bytes]:
        yield data[:500]
        lose(holder)
        yield data[500:]

    assert holder.stranger.put(href, content=body()).status_code in REFUSED
    assert not holder.is_linked(oid)


@each_change
def test_parts_and_their_completion(holder: Holder, lose: Change) -> None:
    data = os.urandom(7 * MIB)
    oid = hashlib.sha256(data).hexdigest()
    action = holder.upload(len(data), oid)
    links = [action["header"][key] for key in sorted(action["header"]) if key.isdigit()]
    etag = holder.stranger.put(links[0], content=data[: 5 * MIB]).headers["etag"]

    def body() -> Iterator[bytes]:
        yield data[5 * MIB : 6 * MIB]
        lose(holder)
        yield data[6 * MIB :]

    assert holder.stranger.put(links[1], content=body()).status_code in REFUSED
    assert holder.stranger.put(links[1], content=data[5 * MIB :]).status_code in REFUSED
    done = {"oid": oid, "parts": [{"partNumber": 1, "etag": etag}, {"partNumber": 2, "etag": etag}]}
    assert holder.stranger.post(action["href"], json=done).status_code in REFUSED
    assert not holder.is_linked(oid)


@each_change
@pytest.mark.parametrize("kind", ["read", "write"])
def test_tokens_of_the_chunk_store(holder: Holder, lose: Change, kind: str) -> None:
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
    lose(holder)
    after = [holder.stranger.request(how, url, headers=auth).status_code for how, url in calls]
    if kind == "write" or lose in (disable, delete):
        assert after == [401] * 4
    else:  # the repository is public, so the right to read it is everyone's
        assert after == before


@each_change
def test_a_bulk_upload_under_way(holder: Holder, lose: Change) -> None:
    data = os.urandom(1000)
    oid = hashlib.sha256(data).hexdigest()
    whole = encode_upload([BulkUploadFile(oid, len(data))], [data])

    def body() -> Iterator[bytes]:
        yield whole[:500]
        lose(holder)
        yield whole[500:]

    url, headers = f"/api/models/{holder.ref.id}/files/main", {"content-type": MEDIA_TYPE}
    assert holder.http.post(url, content=body(), headers=headers).status_code in REFUSED
    assert holder.http.post(url, content=whole, headers=headers).status_code in REFUSED
    assert not holder.is_linked(oid)


@each_change
def test_a_commit_whose_body_is_under_way(holder: Holder, lose: Change) -> None:
    lines = [("header", {"summary": "late"}), ("file", {"path": "late.txt", "content": "late"})]
    whole = b"\n".join(json.dumps({"key": key, "value": value}).encode() for key, value in lines)
    url, headers = f"/api/models/{holder.ref.id}/commit/main", {"content-type": "application/x-ndjson"}

    def body() -> Iterator[bytes]:
        yield whole[:20]
        lose(holder)
        yield whole[20:]

    assert holder.http.post(url, content=body(), headers=headers).status_code in REFUSED
    assert "late.txt" not in holder.stranger.get(f"/api/models/{holder.ref.id}").text


@each_change
def test_a_push_whose_pack_is_under_way(holder: Holder, lose: Change, tmp_path: pathlib.Path) -> None:
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
        lose(holder)
        yield pack[MIB:]

    answer = holder.http.post(f"/{holder.ref.path}.git/git-receive-pack", content=body())
    # Refused by the report if the push had begun, else before it.
    assert b"ng refs/heads/other" in answer.content or answer.status_code in REFUSED
    listed = holder.stranger.get(f"/api/models/{holder.ref.id}/refs")
    names = [branch["name"] for branch in listed.json()["branches"]] if listed.is_success else []
    assert names == ([] if lose in (disable, delete) else ["main"])
