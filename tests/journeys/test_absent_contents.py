"""Someone who sends content that others keep in private learns nothing of it.

The same steps are done on two hubs: on one, another account stores the same
content in a private repository; on the other, it does not. Every response must be the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import httpx2
import pytest

from entrepot.catalog.repos import repositories as rows
from entrepot.hub.accounts import accounts
from entrepot.hub.files import bulk_uploads, lfs, rechunking
from entrepot.hub.files.bulk_uploads import UploadedFile
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoPath, RepoRef, RepoType, Sha256, XetHash, parse_repo_id
from entrepot.xet import FileBlock, Shard, Term, Terms, Xorb, encode_shard, file_hash, range_hash, read_hash
from tests.journeys import test_hidden_everywhere
from tests.journeys.test_hidden_everywhere import Statements
from tests.server.xet.conftest import opened
from tests.support import hub_work
from tests.support.chunk_store import Store, Upload, upload_of

statements = test_hidden_everywhere.statements

CONTENT = random.Random("held in private").randbytes(290_000)
SHA256 = Sha256(hashlib.sha256(CONTENT).hexdigest())
UPLOAD = upload_of(CONTENT)
FRONT, BACK = upload_of(CONTENT[:100_000]), upload_of(b"other" * 10_000 + CONTENT[100_000:])
SECRET = "alice/secret"


@attrs.frozen
class Hub:
    """A hub on which everyone knows the content, and alice may have stored it."""

    store: Store

    def ref(self, repo: str) -> RepoRef:
        return RepoRef(RepoType.MODEL, parse_repo_id(repo))

    def row_id(self, repo: str) -> int:
        with self.store.hub.read() as tx:
            found = rows.find(tx, self.ref(repo))
        assert found is not None
        return found.id

    def new_repo(self, repo: str, visibility: str) -> None:
        owner, _, name = repo.partition("/")
        caller = self.store.hub.identify(self.store.tokens[owner])
        repositories.create(self.store.hub, caller, NewRepo(RepoType.MODEL, name, visibility=visibility))

    def send_whole(self, repo: str) -> None:
        """Send the content as one xorb."""
        with self.store.client(repo) as client:
            client.post(f"/v1/xorbs/default/{UPLOAD.xorb.hash}", content=UPLOAD.xorb.data).raise_for_status()
            client.post("/v1/shards", content=UPLOAD.shard()).raise_for_status()

    def send_parts(self, repo: str) -> None:
        """Send the same chunks in two xorbs, one of which begins with something else."""
        with self.store.client(repo) as client:
            for part in (FRONT, BACK):
                client.post(f"/v1/xorbs/default/{part.xorb.hash}", content=part.xorb.data).raise_for_status()
            shard = Shard((parts_block(),), (FRONT.listed, BACK.listed))
            client.post("/v1/shards", content=encode_shard(shard)).raise_for_status()

    def send_lfs(self, repo: str) -> None:
        """Send the content through LFS."""
        hub, caller = self.store.hub, self.store.hub.identify(self.store.tokens[repo.partition("/")[0]])
        wanted = RequestedObject(SHA256, len(CONTENT))
        [plan] = lfs.plan_uploads(hub, caller, self.ref(repo), [wanted], takes_parts=False)
        assert isinstance(plan.link, SignedUrl)
        receiving = lfs.receive(hub, SHA256, plan.link.query)
        receiving.write(CONTENT)
        receiving.finish()

    def send_bulk(self, repo: str) -> None:
        """Send the content together with other small files."""
        hub, caller = self.store.hub, self.store.hub.identify(self.store.tokens[repo.partition("/")[0]])
        bulk_uploads.receive_files(hub, caller, self.ref(repo), [UploadedFile(SHA256, CONTENT)])

    def commit(self, repo: str) -> None:
        self.store.commit(repo, "w.bin", SHA256)

    def commit_regular(self, repo: str) -> None:
        """Commit the content as a regular file."""
        caller = self.store.hub.identify(self.store.tokens[repo.partition("/")[0]])
        draft = CommitDraft("add", [AddFile(RepoPath("w.txt"), CONTENT)])
        commits.create(self.store.hub, caller, self.ref(repo), "main", draft)

    def chunk(self, repo: str) -> None:
        hub_work.chunk_files(self.store.hub, self.row_id(repo))

    def ask(self, repo: str, note: Callable[[str, httpx2.Response], None]) -> None:
        """Ask everything that the owner of a repository can ask about the content there."""
        headers = {"authorization": f"Bearer {self.store.tokens[repo.partition('/')[0]]}"}
        with httpx2.Client(base_url=self.store.url, headers=headers, trust_env=False, timeout=240) as client:
            note("tree", client.get(f"/api/models/{repo}/tree/main?recursive=1&expand=1"))
            note("paths", client.post(f"/api/models/{repo}/paths-info/main", data={"paths": ["w.bin"]}))
            note("head", client.head(f"/{repo}/resolve/main/w.bin"))
            content = client.get(f"/{repo}/resolve/main/w.bin", headers={"range": "bytes=7-99"})
            note("get", httpx2.Response(content.status_code, headers=content.headers, request=content.request))
            note("storage", client.get(f"/api/models/{repo}/storage"))
            note("large files", client.get(f"/api/models/{repo}/lfs-files"))
            file = {"path": "w.bin", "sample": "", "size": len(CONTENT), "oid": SHA256}
            note("preupload", client.post(f"/api/models/{repo}/preupload/main", json={"files": [file]}))
            wanted = {"objects": [{"oid": SHA256, "size": len(CONTENT)}], "transfers": ["basic"]}
            for operation in ("upload", "download"):
                url = f"/{repo}.git/info/lfs/objects/batch"
                note(f"batch {operation}", client.post(url, json=wanted | {"operation": operation}))
        with self.store.client(repo) as client:
            for xorb in (UPLOAD.xorb, FRONT.xorb, BACK.xorb):
                note("grant", client.post(f"/v1/xorb-grants/default/{xorb.hash}", json={"length": 1}))
            for chunk in self.chunks():
                found = client.get(f"/v1/chunks/default/{chunk}")
                note("chunk", httpx2.Response(found.status_code, request=found.request))
            for version in ("v1", "v2"):
                note("plan", client.get(f"/{version}/reconstructions/{UPLOAD.file}"))
                note("part", client.get(f"/{version}/reconstructions/{UPLOAD.file}", headers={"range": "bytes=9-99"}))

    def chunks(self) -> Iterator[XetHash]:
        for upload in (UPLOAD, FRONT, BACK):
            hashes = upload.xorb.index.hashes
            yield from (read_hash(hashes[:32]), read_hash(hashes[-32:]))


def parts_block() -> FileBlock:
    """Return the content as the first xorb and a part of the second one."""
    terms = [whole_of(FRONT.xorb, 0), whole_of(BACK.xorb, 1)]
    used = list(zip((FRONT.xorb.index, BACK.xorb.index), terms, strict=True))
    hashes = [index.chunk_hashes(term.start, term.end) for index, term in used]
    lengths = [int(length) for index, term in used for length in index.lengths(term.start, term.end)]
    name = file_hash(b"".join(hashes), lengths)
    return FileBlock(name, Terms.of(terms), b"".join(map(range_hash, hashes)), SHA256)


def whole_of(xorb: Xorb, skip: int) -> Term:
    index = xorb.index
    return Term(xorb.hash, skip, index.count, index.raw_length(skip, index.count))


STORED: dict[str, Callable[[Hub], None]] = {
    "as a whole": lambda hub: (hub.send_whole(SECRET), hub.commit(SECRET), rechunking.verify_claims(hub.store.hub))[1],
    "in parts": lambda hub: (hub.send_parts(SECRET), hub.commit(SECRET), rechunking.verify_claims(hub.store.hub))[1],
    "unverified": lambda hub: (hub.send_parts(SECRET), hub.commit(SECRET))[1],
    "uncommitted": lambda hub: hub.send_parts(SECRET),
    "through LFS": lambda hub: (hub.send_lfs(SECRET), hub.commit(SECRET))[1],
    "through LFS, in chunks": lambda hub: (hub.send_lfs(SECRET), hub.commit(SECRET), hub.chunk(SECRET))[1],
    "in bulk": lambda hub: (hub.send_bulk(SECRET), hub.commit(SECRET))[1],
    "as a regular file": lambda hub: hub.commit_regular(SECRET),
}

SENT = {"whole": Hub.send_whole, "parts": Hub.send_parts, "lfs": Hub.send_lfs, "bulk": Hub.send_bulk}
"""How the content is sent by an account of that name to its own repository."""


def observations(folder: Path, store_secret: Callable[[Hub], None] | None) -> list[str]:
    """Return everything that accounts see before, while and after they send the content."""
    seen: list[str] = []
    with opened(folder, chunk_delay_s=3600) as store:
        hub = Hub(store)
        hub.new_repo(SECRET, "private")
        if store_secret is not None:
            store_secret(hub)
        for name, send in SENT.items():
            accounts.create_user(store.hub, name)
            store.tokens[name] = accounts.create_token(store.hub, name, role="write").secret
            mine = f"{name}/mine"
            hub.new_repo(mine, "private")

            def note(what: str, found: httpx2.Response, name: str = name) -> None:
                kept = {key: found.headers[key] for key in HEADERS if key in found.headers}
                seen.append(scrubbed(f"{name}, {what}: {found.status_code} {kept} {found.text}"))

            hub.ask(mine, note)
            send(hub, mine)
            hub.ask(mine, note)
            hub.commit(mine)
            hub.chunk(SECRET)
            hub.ask(mine, note)
            rechunking.verify_claims(store.hub)
            hub.chunk(mine)
            hub.ask(mine, note)
    return seen


HEADERS = ("x-xet-hash", "link", "etag", "content-length", "x-linked-size", "x-linked-etag", "x-error-code")
_VARIABLE = (
    (re.compile(r"http://[^/\"]+"), "URL"),
    (re.compile(r"\?[^\"> ]*"), "?QUERY"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z"), "TIME"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])"), "UID"),
    (re.compile(r"(xet-read-token|\"id\":|\"commitOid\":)([\"/])[0-9a-f]{40}"), r"\1\2COMMIT"),
)


def scrubbed(text: str) -> str:
    """Replace what differs between any two hubs."""
    for pattern, replacement in _VARIABLE:
        text = pattern.sub(replacement, text)
    return text


@pytest.fixture(scope="module")
def absent(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the accounts see on a hub where no one else has stored the content."""
    return observations(tmp_path_factory.mktemp("absent"), None)


@pytest.mark.parametrize("stored", STORED)
def test_who_sends_what_others_keep_in_private_sees_no_trace_of_it(
    tmp_path: Path, absent: list[str], stored: str
) -> None:
    seen = observations(tmp_path, STORED[stored])
    assert len(seen) == len(absent)
    assert [pair for pair in zip(seen, absent, strict=True) if pair[0] != pair[1]] == []
    for name in SENT:
        assert any(line.startswith(f"{name}, head") and "x-xet-hash" in line for line in seen)


def by_lfs(hub: Hub, repo: str, upload: Upload) -> list[httpx2.Response]:
    """Send content through LFS; return the responses."""
    headers = {"authorization": f"Bearer {hub.store.tokens[repo.partition('/')[0]]}"}
    wanted = {"oid": hashlib.sha256(upload.content).hexdigest(), "size": len(upload.content)}
    asked = {"operation": "upload", "transfers": ["basic"], "objects": [wanted]}
    with httpx2.Client(base_url=hub.store.url, headers=headers, trust_env=False, timeout=240) as client:
        planned = client.post(f"/{repo}.git/info/lfs/objects/batch", json=asked)
        url = planned.json()["objects"][0]["actions"]["upload"]["href"]
        return [
            planned,
            client.put(url, content=upload.content),
            client.post(f"/{repo}.git/info/lfs/objects/verify", json=wanted),
        ]


def by_chunks(hub: Hub, repo: str, upload: Upload) -> list[httpx2.Response]:
    """Send content as chunks; return the responses."""
    with hub.store.client(repo) as client:
        return [
            client.post(f"/v1/xorb-grants/default/{upload.xorb.hash}", json={"length": 1}),
            client.post("/v1/shards", content=upload.shard()),
            client.post(f"/v1/xorbs/default/{upload.xorb.hash}", content=upload.xorb.data),
            client.post("/v1/shards", content=upload.shard()),
        ]


def in_bulk(hub: Hub, repo: str, upload: Upload) -> list[httpx2.Response]:
    """Send content as one of several small files; return the response."""
    headers = {"authorization": f"Bearer {hub.store.tokens[repo.partition('/')[0]]}"}
    headers["content-type"] = "application/vnd.entrepot.files"
    listed = [{"sha256": hashlib.sha256(upload.content).hexdigest(), "size": len(upload.content)}]
    body = json.dumps({"files": listed}).encode() + b"\n" + upload.content
    with httpx2.Client(base_url=hub.store.url, headers=headers, trust_env=False, timeout=240) as client:
        return [client.post(f"/api/models/{repo}/files/main", content=body)]


def in_commit(hub: Hub, repo: str, upload: Upload) -> list[httpx2.Response]:
    """Commit content as a regular file; return the response."""
    headers = {"authorization": f"Bearer {hub.store.tokens[repo.partition('/')[0]]}"}
    headers["content-type"] = "application/x-ndjson"
    name = hashlib.sha256(upload.content).hexdigest()
    file = {"path": name, "encoding": "base64", "content": base64.b64encode(upload.content).decode()}
    lines = [{"key": "header", "value": {"summary": "add"}}, {"key": "file", "value": file}]
    with httpx2.Client(base_url=hub.store.url, headers=headers, trust_env=False, timeout=240) as client:
        return [client.post(f"/api/models/{repo}/commit/main", content="\n".join(map(json.dumps, lines)))]


@pytest.mark.parametrize("size", [900, 60_000, 300_000])
@pytest.mark.parametrize("send", [by_lfs, by_chunks, in_bulk, in_commit])
@pytest.mark.parametrize("stored", [by_lfs, by_chunks])
def test_guessed_content_is_taken_with_the_same_work_whether_or_not_somebody_has_it(
    tmp_path: Path,
    statements: Statements,
    stored: Callable[..., list[httpx2.Response]],
    send: Callable[..., list[httpx2.Response]],
    size: int,
) -> None:
    draw = random.Random(size)
    guessed, missing, first = (upload_of(draw.randbytes(size)) for _ in range(3))
    with opened(tmp_path, chunk_delay_s=3600) as store:
        hub = Hub(store)
        hub.new_repo(SECRET, "private")
        hub.new_repo("bob/mine", "private")
        stored(hub, SECRET, guessed)
        store.commit(SECRET, "w.bin", guessed.block.sha256)
        rechunking.verify_claims(store.hub)
        send(hub, "bob/mine", first)  # so that nothing is looked up for the first time
        seen = []
        for upload in (guessed, missing):
            store.hub.known_callers.find(None, "")  # forgets all callers
            statements.ran = []
            told = [answer.status_code for answer in send(hub, "bob/mine", upload)]
            assert told[-1] == 200
            seen.append(json.dumps([told, statements.ran], indent=1).splitlines())
    assert seen[0] == seen[1]


_MADE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z|\b\d{10,}\b|[0-9a-f]{24,}|[0-9a-f-]{36}|xet_[\w-]+|(?<=sig=)[\w-]+")
"""Times, ids, tokens and signatures."""


def by_name(hub: Hub, repo: str, upload: Upload, token: str | None) -> list[httpx2.Response]:
    """Name content that was not sent wherever its names are taken; return the responses."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    oid, size = hashlib.sha256(upload.content).hexdigest(), len(upload.content)
    wanted = {"oid": oid, "size": size}
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
    large = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", **wanted}}
    regular = {"key": "file", "value": {"path": "w.bin", "content": pointer, "encoding": "utf-8"}}
    header = {"key": "header", "value": {"summary": "add"}}
    found = []
    with httpx2.Client(base_url=hub.store.url, headers=headers, trust_env=False, timeout=240) as client:
        for operation in ("upload", "download"):
            for transfers in (["basic"], ["multipart"], ["xet"]):
                asked = {"operation": operation, "transfers": transfers, "objects": [wanted]}
                found.append(client.post(f"/{repo}.git/info/lfs/objects/batch", json=asked))
        found.append(client.post(f"/{repo}.git/info/lfs/objects/verify", json=wanted))
        file = {"path": "w.bin", "sample": "", "size": size, "oid": oid}
        found.append(client.post(f"/api/models/{repo}/preupload/main", json={"files": [file]}))
        for line in (large, regular):
            body = "\n".join(map(json.dumps, (header, line)))
            found.append(
                client.post(
                    f"/api/models/{repo}/commit/main", content=body, headers={"content-type": "application/x-ndjson"}
                )
            )
    return found


@pytest.mark.parametrize("stored", [by_lfs, by_chunks, in_bulk, in_commit])
@pytest.mark.parametrize("who", ["bob", "a token of bob for one repository", "a reader of alice", "anonymous"])
def test_naming_content_that_others_keep_in_private_is_like_naming_what_nobody_has(
    tmp_path: Path, statements: Statements, stored: Callable[..., list[httpx2.Response]], who: str
) -> None:
    draw = random.Random(who)
    guessed, missing, first = (upload_of(draw.randbytes(300_000)) for _ in range(3))
    with opened(tmp_path, chunk_delay_s=3600) as store:
        hub = Hub(store)
        hub.new_repo(SECRET, "private")
        hub.new_repo("alice/open", "public")
        hub.new_repo("bob/mine", "private")
        stored(hub, SECRET, guessed)
        if stored is not in_commit:
            store.commit(SECRET, "w.bin", guessed.block.sha256)
        rechunking.verify_claims(store.hub)
        repo = "bob/mine" if "bob" in who else "alice/open"
        tokens = {"bob": store.tokens["bob"], "a reader of alice": store.tokens["bob"], "anonymous": None}
        token = tokens[who] if who in tokens else store.fine_grained("bob", repo)
        by_name(hub, repo, first, token)
        seen = []
        for upload in (guessed, missing):
            store.hub.known_callers.find(None, "")  # forgets all callers
            statements.ran = []
            told = [f"{it.status_code} {it.text}" for it in by_name(hub, repo, upload, token)]
            oid = hashlib.sha256(upload.content).hexdigest()
            lines = json.dumps([told, statements.ran], indent=1).replace(oid, "OID").splitlines()
            seen.append([_MADE.sub("MADE", line) for line in lines])
    assert seen[0] == seen[1]
