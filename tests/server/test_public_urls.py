from __future__ import annotations

import pathlib
import socket
from typing import Any

import httpx2
import pytest

from entrepot.errors import Malformed
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.server.app import make_app
from entrepot.server.public_urls import (
    base_url,
    is_known_host,
    is_own_address,
    machine_names,
    path_prefix,
    strip_prefix,
)
from entrepot.settings import Settings
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

HERE = pathlib.Path()


def settings_of(**more: Any) -> Settings:
    return Settings(data=HERE, **more)


def scope_of(*headers: tuple[str, str], client: str = "10.0.0.9", bound: str = "127.0.0.1") -> Any:
    return {
        "scheme": "http",
        "client": (client, 1),
        "server": (bound, 8080),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9", "localhost.", "127.0.0.1:8080", "127.8.8.8", "[::1]:80", socket.gethostname()],
)
def test_the_own_names_of_the_machine_are_known(host: str) -> None:
    assert base_url(scope_of(("host", host)), settings_of()) == f"http://{host}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "198.51.100.7",
        "[2001:db8::7]",
        "0.0.0.0",
        "2130706433",
        "127.1",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "localhost/evil",
        "localhost:80:80",
        "localhost:99999",
        "localhost:",
        "localhost\\evil.example",
        "localhost evil.example",
        "localhost\xe9",
        "[::1",
        "::1",
        "[::1%25eth0]",
    ],
)
def test_a_host_that_is_not_known_is_refused(host: str) -> None:
    with pytest.raises(Malformed) as caught:
        base_url(scope_of(("host", host)), settings_of())
    assert "evil" not in str(caught.value)


def test_two_hosts_are_refused() -> None:
    with pytest.raises(Malformed):
        base_url(scope_of(("host", "localhost"), ("host", "localhost")), settings_of())


def test_a_request_without_a_host_gets_the_bound_address() -> None:
    assert base_url(scope_of(), settings_of()) == "http://127.0.0.1:8080"
    assert base_url(scope_of(("host", ""), bound="0.0.0.0"), settings_of()) == "http://127.0.0.1:8080"
    assert base_url(scope_of(bound="::"), settings_of()) == "http://[::1]:8080"


def test_a_proxy_is_believed_only_when_named_and_only_about_known_hosts() -> None:
    forwarded = (("host", "localhost"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https"))
    assert base_url(scope_of(*forwarded, client="127.0.0.1"), settings_of()) == "http://localhost"
    trusting = settings_of(trusted_proxies=("127.0.0.1",), allowed_hosts=("hub.example",))
    with pytest.raises(Malformed):
        base_url(scope_of(*forwarded, client="127.0.0.1"), trusting)
    good = (("x-forwarded-host", "hub.example"), ("x-forwarded-proto", "https"))
    assert base_url(scope_of(*good, client="127.0.0.1"), trusting) == "https://hub.example"
    with pytest.raises(Malformed):
        base_url(scope_of(good[0], ("x-forwarded-proto", "javascript"), client="127.0.0.1"), trusting)


@pytest.mark.parametrize(
    ("entry", "host", "port", "known"),
    [
        ("*", "evil.example", "1", True),
        ("hub.example", "HUB.example", "1", True),
        ("hub.example:443", "hub.example", "443", True),
        ("hub.example:443", "hub.example", "", False),
        ("*.example", "hub.example", "", True),
        ("*.example", "example", "", False),
        ("*.example", "notexample", "", False),
        ("hub.example", "x.hub.example", "", False),
        ("[2001:db8::7]", "[2001:db8::7]", "", True),
        ("2001:db8::7", "[2001:db8::7]", "", True),
    ],
)
def test_the_setting_adds_hosts(entry: str, host: str, port: str, known: bool) -> None:
    assert is_known_host(host, port, "127.0.0.1", settings_of(allowed_hosts=(entry,))) is known


def test_a_hub_on_every_interface_has_every_address_of_the_machine() -> None:
    assert is_own_address("127.0.0.1")
    assert not is_own_address("198.51.100.7")
    assert not is_own_address("224.0.0.1")
    assert not is_known_host("198.51.100.7", "", "0.0.0.0", settings_of(host="0.0.0.0"))
    assert is_known_host("0.0.0.0", "", "0.0.0.0", settings_of(host="0.0.0.0"))
    assert is_known_host("192.0.2.5", "", "192.0.2.5", settings_of())


def test_the_machine_knows_its_names() -> None:
    assert socket.gethostname().lower() in machine_names()


@pytest.mark.parametrize(
    ("path", "stripped"),
    [
        ("/hub/api/models", "/api/models"),
        ("/hub", "/"),
        ("/hub/", "/"),
        ("/hubert/x", "/hubert/x"),
        ("/healthz", "/healthz"),
        ("/hub/hub/x", "/hub/x"),
    ],
)
def test_the_prefix_is_taken_off_once(path: str, stripped: str) -> None:
    assert strip_prefix(path, "/hub") == stripped
    assert strip_prefix(path, "") == path


@pytest.mark.parametrize("path", ["//api/models", "///api/models", "/hub//api/models", "//hub///api/models"])
def test_an_endpoint_may_end_with_a_slash(path: str) -> None:
    assert strip_prefix(path, "/hub") == "/api/models"
    assert strip_prefix("//api//models", "") == "/api//models"


def test_the_prefix_is_the_path_of_the_base_url() -> None:
    assert path_prefix(settings_of(base_url="https://x.example/a/hub")) == "/a/hub"
    assert path_prefix(settings_of(base_url="https://x.example")) == ""
    assert path_prefix(settings_of()) == ""


def test_every_url_of_a_hub_behind_a_prefix_leads_back_to_it(tmp_path: pathlib.Path) -> None:
    """Follow the URLs in responses, as clients do: pages, upload links, redirects of renamed repositories."""
    from entrepot.server.addresses import reserved

    with reserved("127.0.0.1", 0) as free:
        port = free.port
    base = f"http://127.0.0.1:{port}/hub"
    hub = open_hub(Settings(data=tmp_path / "data", base_url=base), fsync=False)
    accounts.create_user(hub, "alice")
    token = accounts.create_token(hub, "alice", role="write").secret
    headers = {"authorization": f"Bearer {token}"}
    with running(make_app(hub), port=port), httpx2.Client(headers=headers, trust_env=False) as client:
        for name in ("one", "two"):
            made = client.post(f"{base}/api/repos/create", json={"name": name, "type": "model"}).raise_for_status()
            assert made.json()["url"] == f"{base}/alice/{name}"
        page = client.get(f"{base}/api/models", params={"limit": 1})
        assert page.links["next"]["url"].startswith(f"{base}/api/models?")
        assert len(client.get(page.links["next"]["url"]).json()) == 1
        batch = client.post(
            f"{base}/alice/one.git/info/lfs/objects/batch",
            json={"operation": "upload", "transfers": ["basic"], "objects": [{"oid": "a" * 64, "size": 20_000}]},
        ).raise_for_status()
        for action in batch.json()["objects"][0]["actions"].values():
            assert action["href"].startswith(f"{base}/")
        xet = client.get(f"{base}/api/models/alice/one/xet-write-token/main").raise_for_status().json()
        assert xet["casUrl"].startswith(f"{base}/xet")
        refs = client.get(f"{base}/alice/one.git/info/refs", params={"service": "git-upload-pack"})
        assert refs.status_code == 200
        moved = {"fromRepo": "alice/one", "toRepo": "alice/three", "type": "model"}
        client.post(f"{base}/api/repos/move", json=moved).raise_for_status()
        redirect = client.get(f"{base}/api/models/alice/one")
        assert redirect.status_code == 307
        assert redirect.headers["location"] == "/hub/api/models/alice/three"
        assert client.get(f"{base}/healthz").status_code == 200
        assert client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    hub.close()


def test_a_forged_host_reaches_no_url(world: ServedHub) -> None:
    ref = world.repo("forged")
    client = world.client(world.alice, host="evil.example")
    answers = [
        client.post(
            f"/{ref.path}.git/info/lfs/objects/batch",
            json={"operation": "upload", "objects": [{"oid": "b" * 64, "size": 9}]},
        ),
        client.get(f"/api/models/{ref.id}/xet-read-token/main"),
        client.get("/api/models", params={"limit": 1, "author": "alice"}),
        client.post("/api/repos/create", json={"name": "forged-2"}),
    ]
    for answer in answers:
        assert "evil.example" not in answer.text + str(answer.headers)
        assert answer.status_code == 400 or "link" not in answer.headers
