from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub.lfs import lfs_upload, post_lfs_batch_info

from entrepot.catalog.accounts import tokens as token_rows
from entrepot.hub.accounts import accounts
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.times import parse_time
from tests.support.served_hub import ServedHub

JSON = "application/vnd.git-lfs+json"
SMALL, BIG = b"small" * 1000, os.urandom(13 << 20)
AGENT = "from huggingface_hub.cli.lfs import lfs_multipart_upload; lfs_multipart_upload()"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def named(data: bytes) -> dict[str, Any]:
    return {"oid": sha256(data), "size": len(data)}


def batch(
    client: Any, ref: RepoRef, *objects: dict[str, Any], operation: str = "upload", branch: str = "", **more: Any
) -> Any:
    body = {"operation": operation, "objects": list(objects), **more} | ({"ref": {"name": branch}} if branch else {})
    return client.post(f"/{ref.path}.git/info/lfs/objects/batch", json=body, headers={"accept": JSON})


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_missing_file_is_answered_with_links_on_our_own_origin(world: ServedHub, kind: str) -> None:
    ref = world.repo(f"links-{kind}", kind)
    answer = batch(world.client(world.alice), ref, named(SMALL))
    assert answer.headers["content-type"] == JSON
    body = answer.json()
    [item] = body["objects"]
    upload = item["actions"]["upload"]
    assert (body["transfer"], body["hash_algo"], item["authenticated"]) == ("basic", "sha256", True)
    assert upload["href"].startswith(f"{world.url}/_lfs/objects/{sha256(SMALL)}?")
    assert upload["header"] == {}
    assert upload["expires_at"].endswith("Z")
    expected = world.hub.now_ms() + world.hub.settings.url_lifetime_s * 1000
    assert abs(parse_time(upload["expires_at"]) - expected) < 60_000


def test_no_client_is_asked_to_verify_what_was_proven_while_it_arrived(world: ServedHub) -> None:
    ref = world.repo("unverified")
    whole, parts = (
        batch(world.client(world.alice), ref, named(BIG), transfers=transfers).json()["objects"][0]["actions"]
        for transfers in (["basic"], ["multipart"])
    )
    assert list(whole) == list(parts) == ["upload"]
    assert world.client().put(whole["upload"]["href"], content=BIG[:-1] + b"?").status_code == 400
    assert world.client().put(whole["upload"]["href"], content=BIG).status_code == 200


def test_links_follow_the_host_of_the_request(world: ServedHub) -> None:
    ref = world.repo("hosts")
    client = world.client(world.alice, **{"x-forwarded-proto": "https", "x-forwarded-host": "hub.example"})
    [item] = batch(client, ref, named(SMALL)).json()["objects"]
    assert item["actions"]["upload"]["href"].startswith("https://hub.example/_lfs/")


def test_a_stored_file_needs_nothing(world: ServedHub) -> None:
    ref = world.repo("known")
    world.store(ref, SMALL)
    answer = batch(world.client(world.alice), ref, named(SMALL)).json()
    assert answer["objects"] == [named(SMALL) | {"authenticated": True}]


def test_a_file_of_a_stranger_has_to_be_sent(world: ServedHub) -> None:
    data = b"only alice has this"
    world.store(world.repo("hers", visibility="private"), data)
    bob = world.hub.identify(world.bob)
    his = repositories.create(world.hub, bob, NewRepo(RepoType.MODEL, "his")).ref
    [item] = batch(world.client(world.bob), his, named(data)).json()["objects"]
    assert "upload" in item["actions"]


def test_a_bad_object_does_not_spoil_the_others(world: ServedHub) -> None:
    ref = world.repo("bad-objects")
    bad = [
        {"oid": "xyz", "size": 1},
        {"oid": sha256(SMALL).upper(), "size": 1},
        {"oid": sha256(b"-"), "size": -1},
        {"oid": sha256(b"+"), "size": 1 << 62},
        {"oid": sha256(b"+"), "size": 1 << 80},
    ]
    too_big = {"oid": sha256(b"limit"), "size": 65 << 20}
    objects = batch(world.client(world.alice), ref, *bad, named(SMALL), too_big, named(SMALL)).json()["objects"]
    assert [{"oid": item["oid"], "size": item["size"]} for item in objects] == [
        *bad, named(SMALL), too_big, named(SMALL),
    ]  # fmt: skip
    assert [item.get("error", {}).get("code") for item in objects] == [422] * 5 + [None, 413, None]
    assert all(item["error"]["message"] for item in objects[:5])
    assert "upload" in objects[5]["actions"]
    assert "upload" in objects[7]["actions"]


def test_a_stored_file_of_another_size_is_refused(world: ServedHub) -> None:
    ref = world.repo("sizes")
    world.store(ref, SMALL)
    [item] = batch(world.client(world.alice), ref, named(SMALL) | {"size": 1}).json()["objects"]
    assert item["error"]["code"] == 422


def test_another_hash_is_a_conflict(world: ServedHub) -> None:
    ref = world.repo("hashes")
    client = world.client(world.alice)
    assert batch(client, ref, named(SMALL), hash_algo="sha_256").status_code == 200
    answer = batch(client, ref, named(SMALL), hash_algo="sha512")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == JSON
    assert answer.json()["message"] == answer.json()["error"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"operation":"x","objects":[]}', b'{"operation":"upload","objects":[{"oid":1}]}']
)
def test_a_body_of_another_shape_is_refused(world: ServedHub, body: bytes) -> None:
    ref = world.repo(f"shapes-{sha256(body)[:8]}")
    answer = world.client(world.alice).post(f"/{ref.path}.git/info/lfs/objects/batch", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_too_many_objects_are_refused(world: ServedHub) -> None:
    ref = world.repo("many")
    for objects in ([named(b"%d" % n) for n in range(1001)], [{"oid": "no id", "size": 0}] * 1001):
        answer = batch(world.client(world.alice), ref, *objects)
        assert answer.status_code == 413


def test_downloads_are_answered_for_stored_files_only(world: ServedHub) -> None:
    ref = world.repo("down")
    world.store(ref, SMALL)
    objects = batch(world.client(world.alice), ref, named(SMALL), named(b"absent"), operation="download").json()[
        "objects"
    ]
    link = objects[0]["actions"]["download"]["href"]
    assert world.client().get(link).content == SMALL
    assert objects[1]["error"]["code"] == 404


def test_no_one_learns_of_a_private_repository(world: ServedHub) -> None:
    ref = world.repo("hidden", visibility="private")
    anonymous = batch(world.client(), ref, named(SMALL), operation="download")
    stranger = batch(world.client(world.bob), ref, named(SMALL), operation="download")
    absent = batch(world.client(world.bob), RepoRef(ref.type, RepoId("alice", "absent")), named(SMALL))
    assert anonymous.status_code == 401
    assert anonymous.headers["x-error-code"] == "RepoNotFound"
    assert anonymous.headers["www-authenticate"] == 'Basic realm="entrepot", charset="UTF-8"'
    assert (stranger.status_code, stranger.json()) == (404, absent.json())
    assert "www-authenticate" not in stranger.headers


def test_an_upload_asks_for_credentials_and_takes_basic_ones(world: ServedHub) -> None:
    ref = world.repo("basic")
    client = world.client()
    asked = batch(client, ref, named(SMALL))
    secret = base64.b64encode(f"anybody:{world.alice}".encode()).decode()
    given = batch(world.client(authorization=f"Basic {secret}"), ref, named(SMALL))
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Basic ")
    assert given.status_code == 200
    assert list(given.json()["objects"][0]["actions"]) == ["upload"]


def test_a_token_that_may_only_read_uploads_nothing(world: ServedHub) -> None:
    ref = world.repo("read-only")
    reading, stranger = world.client(world.alice_reads), world.client(world.bob)
    assert batch(reading, ref, named(SMALL)).status_code == 403
    assert "read" in batch(reading, ref, named(SMALL)).json()["message"]
    assert batch(stranger, ref, named(SMALL), branch="main").status_code == 403
    assert batch(stranger, ref, named(SMALL), branch="refs/pr/1").status_code == 404
    assert batch(reading, ref, named(SMALL), operation="download").status_code == 200


@pytest.mark.parametrize("ending", ["revoked", "expired", "unknown"])
def test_a_dead_token_is_named_as_such(world: ServedHub, ending: str) -> None:
    ref = world.repo(f"dead-{ending}")
    made = accounts.create_token(world.hub, "alice", role="write", name=ending)
    secret = made.secret
    if ending == "expired":
        with world.hub.write() as tx:
            token_rows.update(tx, made.token.uid, expires_ms=world.hub.now_ms() - 1)
    if ending == "revoked":
        accounts.revoke_token(world.hub, "alice", ending)
    answer = batch(world.client(secret + ("x" if ending == "unknown" else "")), ref, named(SMALL))
    assert answer.status_code == 401
    assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"
    assert "x-error-code" not in answer.headers


def test_a_moved_repository_redirects_its_batches(world: ServedHub) -> None:
    ref = world.repo("old-name")
    repositories.move(world.hub, world.caller(), ref, RepoRef(ref.type, RepoId("alice", "new-name")))
    answer = batch(world.client(world.alice), ref, named(SMALL))
    assert answer.status_code == 307
    assert answer.headers["location"] == "/alice/new-name.git/info/lfs/objects/batch"


def test_verify_tells_whether_a_file_has_arrived(world: ServedHub) -> None:
    ref = world.repo("verify")
    world.store(ref, SMALL)
    client = world.client(world.alice)
    url = f"/{ref.path}.git/info/lfs/objects/verify"
    codes = [
        client.post(url, json=body).status_code
        for body in (named(SMALL), named(b"absent"), named(SMALL) | {"size": 3}, {"oid": "x", "size": 1})
    ]
    assert codes == [200, 404, 400, 400]
    assert world.client().post(url, json=named(SMALL)).status_code == 401


def test_a_client_that_knows_no_parts_gets_none(world: ServedHub) -> None:
    ref = world.repo("no-parts")
    answer = batch(world.client(world.alice), ref, named(BIG), transfers=["basic", "ssh"]).json()
    assert answer["transfer"] == "basic"
    assert answer["objects"][0]["actions"]["upload"]["header"] == {}


def test_parts_are_numbered_so_that_text_order_is_their_order(world: ServedHub) -> None:
    ref = world.repo("parts")
    answer = batch(world.client(world.alice), ref, named(BIG), transfers=["basic", "multipart"]).json()
    upload = answer["objects"][0]["actions"]["upload"]
    assert answer["transfer"] == "multipart"
    assert list(upload["header"]) == ["chunk_size", "00001", "00002", "00003"]
    assert upload["header"]["chunk_size"] == str(5 << 20)
    assert all(isinstance(value, str) for value in upload["header"].values())


def test_small_files_alone_stay_in_one_piece(world: ServedHub) -> None:
    ref = world.repo("small-alone")
    answer = batch(world.client(world.alice), ref, named(SMALL), transfers=["basic", "multipart"]).json()
    assert answer["transfer"] == "basic"
    assert answer["objects"][0]["actions"]["upload"]["header"] == {}


def test_an_empty_file_beside_a_big_one_has_no_parts(world: ServedHub) -> None:
    ref = world.repo("empty-beside")
    answer = batch(world.client(world.alice), ref, named(BIG), named(b""), transfers=["multipart"]).json()
    assert "chunk_size" not in answer["objects"][1]["actions"]["upload"]["header"]


def test_todays_python_client_uploads_small_and_big_files_of_one_batch(world: ServedHub) -> None:
    ref = world.repo("python-client")
    additions = [CommitOperationAdd(path, data) for path, data in (("a.bin", SMALL + b"py"), ("b.bin", BIG + b"py"))]
    actions, errors, transfer = post_lfs_batch_info(
        [addition.upload_info for addition in additions],
        token=world.alice,
        repo_type="model",
        repo_id=str(ref.id),
        endpoint=world.url,
    )
    for addition, action in zip(additions, actions, strict=True):
        lfs_upload(addition, action, token=world.alice, endpoint=world.url)
    left = batch(world.client(world.alice), ref, named(SMALL + b"py"), named(BIG + b"py")).json()["objects"]
    assert (errors, transfer) == ([], "multipart")
    assert all("actions" not in item for item in left)


def test_the_multipart_agent_of_git_lfs_uploads_small_and_big_files_of_one_batch(
    world: ServedHub, tmp_path: pathlib.Path
) -> None:
    ref = world.repo("git-lfs-agent")
    files = {sha256(data): data for data in (SMALL + b"git", BIG + b"git")}
    answer = batch(world.client(world.alice), ref, *map(named, files.values()), transfers=["basic", "multipart"]).json()
    messages: list[dict[str, Any]] = [{"event": "init", "operation": "upload"}]
    for item in answer["objects"]:
        (tmp_path / item["oid"]).write_bytes(files[item["oid"]])
        action = item["actions"]["upload"]
        # git-lfs is a Go program: it passes on a map with its keys sorted as text.
        action = action | {"header": dict(sorted(action["header"].items()))}
        messages.append({"event": "upload", "oid": item["oid"], "path": str(tmp_path / item["oid"]), "action": action})
    messages.append({"event": "terminate"})

    result = subprocess.run(
        [sys.executable, "-c", AGENT],
        input="".join(f"{json.dumps(message)}\n" for message in messages),
        capture_output=True,
        text=True,
        env=os.environ | {"NO_PROXY": "*", "HF_HUB_DISABLE_TELEMETRY": "1"},
    )

    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stderr
    assert [line["oid"] for line in said if line.get("event") == "complete"] == list(files)
    left = batch(world.client(world.alice), ref, *map(named, files.values())).json()["objects"]
    assert all("actions" not in item for item in left)


def test_a_link_holds_no_secret_of_the_caller(world: ServedHub) -> None:
    ref = world.repo("secrets")
    [item] = batch(world.client(world.alice), ref, named(SMALL)).json()["objects"]
    query = parse_qs(urlsplit(item["actions"]["upload"]["href"]).query)
    assert world.alice not in str(query)
    assert set(query) == {"repo", "user", "token", "rev", "oid", "size", "exp", "sig"}


def test_a_client_that_knows_xet_is_sent_to_the_chunk_store(world: ServedHub) -> None:
    ref = world.repo("xet", "dataset")
    known = b"this one is here already"
    world.store(ref, known)
    client = world.client(world.alice)
    answer = batch(client, ref, named(SMALL + b"xet"), named(BIG + b"xet"), named(known), {"oid": "no", "size": 1},
                   transfers=["basic", "multipart", "xet"], branch="refs/heads/a b/c").json()  # fmt: skip
    assert answer["transfer"] == "xet"
    small, big, here, bad = answer["objects"]
    assert ("actions" not in here, bad["error"]["code"]) == (True, 422)
    assert small["actions"] == big["actions"]
    upload = small["actions"]["upload"]
    assert set(small["actions"]) == {"upload"}
    assert upload["href"] == f"{world.url}/api/datasets/{ref.id}/xet-write-token/a%20b%2Fc"
    given = client.get(upload["href"]).json()
    assert set(upload["header"]) == {
        "X-Xet-Cas-Url", "X-Xet-Access-Token", "X-Xet-Token-Expiration", "X-Xet-Session-Id",
    }  # fmt: skip
    assert upload["header"]["X-Xet-Cas-Url"] == given["casUrl"]
    assert abs(int(upload["header"]["X-Xet-Token-Expiration"]) - given["exp"]) < 60
    assert parse_time(upload["expires_at"]) == int(upload["header"]["X-Xet-Token-Expiration"]) * 1000
    pass_ = world.client(upload["header"]["X-Xet-Access-Token"])
    assert pass_.post(f"{given['casUrl']}/v1/xorb-grants/default/{'1' * 64}").status_code == 404


def test_downloads_never_go_through_xet(world: ServedHub) -> None:
    ref = world.repo("xet-down")
    world.store(ref, SMALL)
    answer = batch(world.client(world.alice), ref, named(SMALL), operation="download", transfers=["xet"]).json()
    assert (answer["transfer"], set(answer["objects"][0]["actions"])) == ("basic", {"download"})


def test_who_may_not_write_gets_no_pass(world: ServedHub) -> None:
    ref = world.repo("xet-rights")
    for token, status in ((world.alice_reads, 403), (world.bob, 403), (None, 401)):
        assert batch(world.client(token), ref, named(SMALL), transfers=["xet"], branch="main").status_code == status


def test_readers_upload_for_a_pull_request_to_come(world: ServedHub) -> None:
    ref = world.repo("xet-proposals")
    bob = world.client(world.bob)
    [item] = batch(bob, ref, named(SMALL), transfers=["xet"]).json()["objects"]
    assert item["actions"]["upload"]["href"].endswith("/xet-write-token/main?create_pr=1")
    assert bob.get(item["actions"]["upload"]["href"]).status_code == 200
    [item] = batch(bob, ref, named(SMALL)).json()["objects"]
    assert bob.put(item["actions"]["upload"]["href"], content=SMALL).status_code == 200
    assert bob.post(f"/{ref.path}.git/info/lfs/objects/verify", json=named(SMALL)).status_code == 200
