"""Ids without a namespace: on every route, unknown ones get the response of unknown full ids."""

import http.client
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.hub import aliases
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import VERSIONED_TYPES, RepoId, RepoRef, RepoType, parse_path
from entrepot.server import pages
from entrepot.server.app import build_handlers, make_app
from entrepot.server.pages.routing import PageRoute
from entrepot.server.short_ids import short_routes
from entrepot.settings import Settings
from tests.support.app_routes import routes_of
from tests.support.plain_http import Answer, PlainClient
from tests.support.running_apps import running

_CHANGING = frozenset({"connection", "date", "x-request-id"})
"""Headers that differ between equal requests; the connection closes if the body arrives late, as on a busy machine."""
_COMMIT = b'{"key": "header", "value": {"summary": "s"}}\n{"key": "file", "value": {"path": "a", "content": "eA=="}}'
_BATCH = b'{"operation": "download", "objects": [{"oid": "%s", "size": 1}]}' % (b"a" * 64)
_UPLOAD = _BATCH.replace(b"download", b"upload")
_BODIES = (b"", b"{}", b'{"paths": ["a"]}')
"""Bodies for every route that changes something; a route of commits or of large files gets what is valid there too."""
_VALID = {"/commit/": (_COMMIT,), "/objects/batch": (_BATCH, _UPLOAD)}
_VALUES = {"place": "main/config.json", "tail": "main", "num": "1", "event": "e" * 24, "lock": "1"}


@attrs.frozen
class Site:
    hub: HubContext
    url: str
    alice: str
    bob: str

    def client(self, token: str | None) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=240)

    def plain(self, token: str | None) -> PlainClient:
        """Return a client for hundreds of requests."""
        return PlainClient(self.url, {"Authorization": f"Bearer {token}"} if token else {})

    def make(self, name: str, *, visibility: str = "public", kind: RepoType = RepoType.MODEL) -> RepoRef:
        """Create a repository of alice's organisation with one file."""
        caller = self.hub.identify(self.alice)
        repositories.create(self.hub, caller, NewRepo(kind, name, namespace="library", visibility=visibility))
        ref = RepoRef(kind, RepoId("library", name))
        draft = CommitDraft("m", [AddFile(parse_path("config.json"), b"{}")])
        commits.create(self.hub, caller, ref, "main", draft)
        return ref


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    hub = open_hub(Settings(data=tmp_path_factory.mktemp("hub"), port=0, default_namespace="library"), fsync=False)
    try:
        for user in ("alice", "bob"):
            accounts.create_user(hub, user)
        accounts.create_org(hub, "library", admin="alice")
        tokens = [accounts.create_token(hub, user, role="write").secret for user in ("alice", "bob")]
        with running(make_app(hub)) as address:
            yield Site(hub, f"http://{address.ip}:{address.port}", *tokens)
    finally:
        hub.close()


def repo_paths() -> list[tuple[str, str]]:
    """Return method and path of every route of a repository that ids without a namespace have too.

    Some pages have none, because what follows could be the name of a repository: ``/acme/settings``. Own
    routes that name the type of the repository in the path have none either.
    """
    pages_of = {route.path for route in pages.routes()}
    found = [
        (method, route.path)
        for route in build_handlers(_NoHub())  # type: ignore[arg-type] # only the number of workers is read
        if isinstance(route, Route)
        and "{namespace}/{name}" in route.path
        and "/buckets/" not in route.path  # a bucket has no id without a namespace
        and "{type}" not in route.path
        and (not isinstance(route, PageRoute) or route.path.replace("{namespace}/{name}", "{name}", 1) in pages_of)
        and route.path != "/{namespace}/{name}"  # without a namespace, this is the page of an account
        for method in sorted(route.methods or ())
    ]
    assert len(found) > 150
    return found


class _NoHub:
    settings = Settings(data=Path())


def answers(client: PlainClient, method: str, path: str, repo: str) -> list[Any]:
    """Return the responses to each body, with the repository's id removed."""
    filled = path.replace("{namespace}/{name}", repo)
    filled = re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: _VALUES.get(match[1], "x"), filled)
    queries = ("?service=git-upload-pack", "?service=git-receive-pack", "") if filled.endswith("/info/refs") else ("",)
    bodies = [b""] if method in ("GET", "HEAD") else list(bodies_for(path))
    return [_answer(client.request(method, filled + query, content=body), repo) for query in queries for body in bodies]


def bodies_for(path: str) -> Iterator[bytes]:
    yield from _BODIES
    for part, valid in _VALID.items():
        if part in path:
            yield from valid


def _answer(answer: Answer, repo: str) -> tuple[int, dict[str, str], str]:
    headers = {name: value.replace(repo, "ID") for name, value in answer.headers.items() if name not in _CHANGING}
    return answer.status_code, headers, answer.text.replace(repo, "ID")


@pytest.mark.parametrize(
    ("token", "short", "full"),  # ids of one length
    [
        ("owner", "gpt2", "no/x"),
        ("stranger", "bert-base-uncased", "nowhere/not-there"),
        ("nobody", "gpt2", "no/x"),
        ("broken", "bert-base-uncased", "nowhere/not-there"),
    ],
)
def test_an_unknown_short_id_is_answered_like_an_unknown_full_id_on_every_route(
    site: Site, token: str, short: str, full: str
) -> None:
    secret = {"owner": site.alice, "stranger": site.bob, "nobody": None, "broken": "hf_wrongwrongwrong"}[token]
    different, repo_not_found = [], 0
    with site.plain(secret) as client:
        for method, path in repo_paths():
            wanted = answers(client, method, path, full)
            found = answers(client, method, path, short)
            different += [(method, path, *pair) for pair in zip(wanted, found, strict=True) if pair[0] != pair[1]]
            repo_not_found += sum("RepoNotFound" in headers.get("x-error-code", "") for _, headers, _ in wanted)
    assert not different, "\n".join(
        f"{line[:2]} {line[2][0]} {line[2][2]!r} != {line[3][0]} {line[3][2]!r}" for line in different
    )
    assert repo_not_found > 150 or token == "broken"


def test_a_method_that_no_route_has_is_refused_for_short_ids_too(site: Site) -> None:
    with site.client(site.alice) as client:
        for method, path in (("PUT", "/refs"), ("DELETE", "/tree/main"), ("PATCH", "/settings"), ("DELETE", "")):
            statuses = {client.request(method, f"/api/models/{repo}{path}").status_code for repo in ("a/gpt2", "gpt2")}
            assert statuses == {405}


def test_every_route_of_a_repository_has_one_for_short_ids() -> None:
    paths = {route.path for route in routes_of(_NoHub()) if isinstance(route, Route)}  # type: ignore[arg-type]
    missing = {path for _, path in repo_paths()} - {
        path for path in paths if path.replace("{name}", "{namespace}/{name}", 1) in paths
    }
    assert {path for path in missing if path.replace("{namespace}/{name}", "{name}", 1) not in paths} == set()


def test_a_new_route_gets_its_short_one() -> None:
    async def tell(request: Request) -> Response:
        return PlainTextResponse(repr(sorted(request.path_params.items())))

    routes: list[BaseRoute] = [
        Route("/api/models/{namespace}/{name}/dreams", tell, methods=["POST"]),
        Route("/api/models/{namespace}/{name}/tree/{tail:path}", tell),
        Route("/api/collections/{namespace}/{slug}", tell),
    ]
    found = short_routes(routes)
    assert [route.path for route in found.before if isinstance(route, Route)] == ["/api/models/{name}/tree/{tail:path}"]
    assert [route.path for route in found.after if isinstance(route, Route)] == ["/api/models/{name}/dreams"]


@pytest.mark.parametrize("kind", list(VERSIONED_TYPES))
def test_reading_routes_redirect_an_alias_relative_and_with_the_query(site: Site, kind: RepoType) -> None:
    ref = site.make("seen", kind=kind)
    aliases.put(site.hub, f"seen-{kind.value}", ref)
    short, full, kinds = f"seen-{kind.value}", "library/seen", kind.plural
    with site.client(None) as client:
        for path in (
            "",
            "/refs",
            "/tree/main?recursive=true",
            "/commits/main",
            "/revision/main",
            "/likers",
            "/discussions",
        ):
            answer = client.get(f"/api/{kinds}/{short}{path}", follow_redirects=False)
            assert (answer.status_code, answer.headers.get("location")) == (307, f"/api/{kinds}/{full}{path}"), path
            assert client.get(f"/api/{kinds}/{short}{path}", follow_redirects=True).status_code == 200
        for path in ("/lfs-files", "/user-access-request/pending", "/storage", "/trusted-publishers"):
            answer = client.get(f"/api/{kinds}/{short}{path}", follow_redirects=False)
            assert (answer.status_code, answer.headers.get("location")) == (307, f"/api/{kinds}/{full}{path}"), path
        for path in ("/resolve/main/config.json", "/raw/main/config.json", "/info/refs?service=git-upload-pack"):
            answer = client.get(f"/{kind.prefix}{short}{path}", follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (307, f"/{kind.prefix}{full}{path}")
            assert client.head(f"/{kind.prefix}{short}{path}", follow_redirects=False).status_code == 307
        answer = client.post(f"/api/{kinds}/{short}/paths-info/main", json={"paths": ["config.json"]})
        assert (answer.status_code, answer.headers["location"]) == (307, f"/api/{kinds}/{full}/paths-info/main")
        batch = client.post(f"/{kind.prefix}{short}.git/info/lfs/objects/batch", content=_BATCH)
        assert (batch.status_code, batch.headers["location"]) == (
            307,
            f"/{kind.prefix}{full}.git/info/lfs/objects/batch",
        )


def test_changes_never_follow_an_alias(site: Site) -> None:
    aliases.put(site.hub, "readonly", site.make("target-of-changes"))
    reading = re.compile(r"/paths-info/|/contents/|/git-upload-pack|/objects/batch|/auth-check$")
    writing_reads = ("/auth-check/write", "/xet-write-token/main", "/info/refs?service=git-receive-pack")
    with site.client(site.alice) as client, site.plain(site.alice) as plain:
        for method, path in repo_paths():
            if not path.startswith(("/api/models/", "/{namespace}")) or (
                method in ("GET", "HEAD") or reading.search(path)
            ):
                continue
            assert answers(plain, method, path, "readonly") == answers(plain, method, path, "absent/x"), path
        for path in writing_reads:
            prefix = "" if "info/refs" in path else "/api/models"
            answer = client.get(f"{prefix}/readonly{path}", follow_redirects=False)
            assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")
        upload = client.post("/readonly.git/info/lfs/objects/batch", content=_BATCH.replace(b"download", b"upload"))
        assert upload.status_code == 404


def test_an_alias_of_a_private_repository_is_answered_to_others_as_if_it_did_not_exist(site: Site) -> None:
    site.make("hidden", visibility="private")  # found by the default namespace
    aliases.put(site.hub, "secret", site.make("hidden-too", visibility="private"))
    for secret in (site.bob, None):
        with site.plain(secret) as client:
            for method, path in repo_paths():
                wanted = answers(client, method, path, "nobody")
                for short in ("hidden", "secret"):  # of one length
                    assert answers(client, method, path, short) == wanted, (method, path, short)
    with site.client(site.alice) as client:
        for short, full in (("hidden", "hidden"), ("secret", "hidden-too")):
            answer = client.get(f"/api/models/{short}", follow_redirects=False)
            assert answer.headers["location"] == f"/api/models/library/{full}"


def test_a_body_that_does_not_arrive_tells_nothing_about_an_alias(site: Site) -> None:
    aliases.put(site.hub, "unseen", site.make("unseen-target", visibility="private"))
    path = "/{}.git/git-upload-pack"  # refused before the body is asked for
    absent, hidden = (_without_its_body(site, path.format(name), name) for name in ("nobody", "unseen"))
    assert absent == hidden
    assert absent[1]["connection"] == "close"


def _without_its_body(site: Site, path: str, name: str) -> tuple[str, dict[str, str], str]:
    """Return status line, headers and body of the response to a request whose announced body is never sent."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=240) as peer:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n"
        peer.sendall(f"{head}Authorization: Bearer {site.bob}\r\n\r\n".encode())
        response = http.client.HTTPResponse(peer)
        response.begin()
        headers = {key.lower(): value.replace(name, "ID") for key, value in response.getheaders()}
        body = response.read().decode().replace(name, "ID")
    for changing in ("date", "x-request-id"):
        headers.pop(changing, None)
    return f"{response.status} {response.reason}", headers, body


def test_the_default_namespace_serves_names_that_are_no_alias(site: Site) -> None:
    site.make("plain")
    site.make("other")
    aliases.put(site.hub, "other", site.make("aliased"))
    with site.client(None) as client:
        assert client.get("/api/models/plain").headers["location"] == "/api/models/library/plain"
        assert client.get("/api/models/OTHER").headers["location"] == "/api/models/library/aliased"


def test_a_stock_client_reads_an_alias_and_cannot_change_it(site: Site, tmp_path: Path) -> None:
    aliases.put(site.hub, "stock", site.make("stock-target"))
    api = HfApi(endpoint=site.url, token=site.alice)
    path = hf_hub_download("stock", "config.json", endpoint=site.url, token=site.bob, cache_dir=tmp_path)
    assert Path(path).read_bytes() == b"{}"
    folder = snapshot_download("stock", endpoint=site.url, token=site.bob, cache_dir=tmp_path)
    assert (Path(folder) / "config.json").exists()
    assert api.model_info("stock").id == "library/stock-target"
    assert api.file_exists("stock", "config.json")
    assert not api.file_exists("stock", "absent.json")
    assert [info.path for info in api.get_paths_info("stock", ["config.json"])] == ["config.json"]
    assert api.list_repo_refs("stock").branches
    with pytest.raises(RepositoryNotFoundError):
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="stock")
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("gpt2", "config.json", endpoint=site.url, token=site.bob, cache_dir=tmp_path)
    assert not api.repo_exists("gpt2")


def test_git_clones_an_alias_and_cannot_push_to_it(site: Site) -> None:
    aliases.put(site.hub, "cloned", site.make("clone-target"))
    url = site.url.replace("://", f"://alice:{site.alice}@")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "credential.helper="]
    for address in (f"{url}/cloned", f"{url}/cloned.git"):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([*git, "clone", "-q", address, folder], check=True, capture_output=True)
            assert (Path(folder) / "config.json").read_bytes() == b"{}"
            subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], cwd=folder, check=True)
            pushed = subprocess.run([*git, "push", "origin", "main"], cwd=folder, capture_output=True, text=True)
            assert pushed.returncode != 0
            assert "not found" in pushed.stderr.lower()
