from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.hub.sso import publishers
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.server.app import make_app
from entrepot.server.pages.settings import repo_publishers
from entrepot.settings import Settings
from tests.server.pages.conftest import PASSWORD, browse
from tests.server.pages.settings.conftest import Send, sender
from tests.support.running_apps import running
from tests.support.served_hub import ServedHub

ISSUER = "https://ci.example"
PAGE = "/alice/m/settings/publishers"


def test_a_hub_without_issuers_says_how_to_name_some(signed_in: httpx2.Client) -> None:
    page = signed_in.get("/alice/tern/settings/publishers")
    assert "oidc_issuers" in page.text
    assert "Add a publisher" not in page.text


def test_an_issuer_that_is_not_trusted_is_refused(send: Send) -> None:
    form = {"name": "ci", "issuer": ISSUER, "claims": "sub = x"}
    refused = send("/alice/tern/settings/publishers", form)
    assert refused.status_code == 409
    assert "base_url" in refused.text


@pytest.fixture
def trusting(tmp_path: Path) -> Iterator[tuple[HubContext, httpx2.Client]]:
    """A hub that trusts an issuer, with a browser in which alice has signed in."""
    settings = Settings(data=tmp_path / "data", base_url="http://hub.example", oidc_issuers=(f"{ISSUER}=/keys",))
    hub = open_hub(settings, fsync=False)
    accounts.create_user(hub, "alice")
    accounts.reset_password(hub, "alice", PASSWORD)
    secret = accounts.create_token(hub, "alice", role="write").secret
    repositories.create(hub, hub.identify(secret), NewRepo(RepoType.MODEL, "m", "alice"))
    with running(make_app(hub)) as address, browse(ServedHub(hub, address.url, secret, "", "")) as client:
        client.post("/login", data={"name": "alice", "password": PASSWORD})
        yield hub, client
    hub.close()


def test_a_publisher_is_added_and_removed(trusting: tuple[HubContext, httpx2.Client]) -> None:
    hub, client = trusting
    send = sender(client)
    form = {"name": "training", "issuer": ISSUER, "claims": "repository = acme/<b>\r\n ref=refs/heads/* \r\n"}
    done = send(PAGE, form)
    assert "Created." in done.text
    assert "acme/&lt;b&gt;" in done.text
    assert "reads and publishes" in done.text
    caller = hub.identify(accounts.create_token(hub, "alice", role="write").secret)
    ref = RepoRef(RepoType.MODEL, parse_repo_id("alice/m"))
    [made] = publishers.of_repo(hub, caller, ref)
    assert dict(made.row.claims) == {"repository": "acme/<b>", "ref": "refs/heads/*"}
    assert (made.row.role, made.owner) == ("write", "alice")
    reader = send(PAGE, {"name": "r", "issuer": ISSUER, "claims": "sub = x", "read": "yes"})
    assert "reads as alice" in reader.text
    removed = send(f"{PAGE}/remove", {"publisher": made.row.uid})
    assert "Removed." in removed.text
    assert [found.row.name for found in publishers.of_repo(hub, caller, ref)] == ["r"]


@pytest.mark.parametrize("claims", ["", "sub", "sub = x\nsub = y", "sub = *", "ref = refs/heads/main"])
def test_a_mistake_is_said_and_what_was_typed_stays(trusting: tuple[HubContext, httpx2.Client], claims: str) -> None:
    refused = sender(trusting[1])(PAGE, {"name": "my job", "issuer": ISSUER, "claims": claims})
    assert refused.status_code == 400
    assert 'value="my job"' in refused.text


def test_lines_are_claims() -> None:
    assert repo_publishers._parse_claims(" a = b=c \n\n d=e") == {"a": "b=c", "d": "e"}
