from __future__ import annotations

from typing import Any

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from tests.support.site import Committer, Site

BASE = "/api/settings/webhooks"
BODY = {"url": "https://example.org/hook", "watched": [{"type": "user", "name": "alice"}]}


@pytest.fixture
def made(alice: httpx2.Client) -> dict[str, Any]:
    webhook: dict[str, Any] = alice.post(BASE, json=BODY).json()["webhook"]
    return webhook


def test_todays_client_manages_webhooks(site: Site) -> None:
    api, repo = site.api(), site.new_repo()
    hook = api.create_webhook(
        url="https://example.org/h",
        watched=[{"type": "model", "name": repo}, {"type": "user", "name": "alice"}],
        domains=["repo", "discussion"],
        secret="s3cret",
    )
    assert (hook.url, hook.secret, hook.disabled, hook.domains) == (
        "https://example.org/h", "s3cret", False, ["repo", "discussion"]
    )  # fmt: skip
    assert [(item.type, item.name) for item in hook.watched] == [("model", repo), ("user", "alice")]
    assert api.get_webhook(hook.id) == hook
    assert hook in list(api.list_webhooks())
    assert api.update_webhook(hook.id, domains=["repo"]).domains == ["repo"]
    assert api.disable_webhook(hook.id).disabled
    assert not api.enable_webhook(hook.id).disabled
    api.delete_webhook(hook.id)
    with pytest.raises(HfHubHTTPError, match="404"):
        api.get_webhook(hook.id)


def test_domains_default_to_all(made: dict[str, Any]) -> None:
    assert made["domains"] == ["repo", "discussion"]
    assert made["disabled"] is False


def test_others_see_nothing_of_it(stranger: httpx2.Client, anonymous: httpx2.Client, made: dict[str, Any]) -> None:
    assert stranger.get(f"{BASE}/{made['id']}").status_code == 404
    assert made["id"] not in stranger.get(BASE).text
    assert anonymous.get(BASE).status_code == 401
    assert anonymous.post(BASE, json=BODY).status_code == 401


def test_a_reading_token_changes_nothing(site: Site, made: dict[str, Any]) -> None:
    with site.client(site.reader) as reader:
        assert reader.get(f"{BASE}/{made['id']}").status_code == 200
        assert reader.post(f"{BASE}/{made['id']}/disable").status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"url": "ftp://x", "watched": BODY["watched"]}, BODY | {"domains": ["x"]}, BODY | {"jobSourceId": "1"}]
)
def test_a_wish_that_cannot_be_granted_is_refused(alice: httpx2.Client, body: dict[str, Any]) -> None:
    assert alice.post(BASE, json=body).status_code == 400


def test_deliveries_are_listed_in_pages_and_repeated(alice: httpx2.Client, site: Site, committer: Committer) -> None:
    repo = site.new_repo()
    hook = alice.post(BASE, json=BODY | {"watched": [{"type": "model", "name": repo}]}).json()["webhook"]
    for number in range(3):
        committer.write(repo, {f"{number}.txt": b"x"})
    first = alice.get(f"{BASE}/{hook['id']}/deliveries?limit=2")
    rest = alice.get(first.links["next"]["url"])
    assert (len(first.json()), len(rest.json())) == (2, 1)
    [oldest] = rest.json()
    assert oldest["event"] == {"action": "update", "scope": "repo.content"}
    assert oldest["repo"] == {"type": "model", "name": repo}
    assert oldest["state"] == "pending"
    assert alice.post(f"{BASE}/{hook['id']}/replay/{oldest['id']}").status_code == 200
    assert len(alice.get(f"{BASE}/{hook['id']}/deliveries").json()) == 4
