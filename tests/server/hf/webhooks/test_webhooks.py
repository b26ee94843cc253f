from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from entrepot.hub.accounts import accounts
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoId, RepoRef, RepoType
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


def test_a_reading_token_does_not_get_the_secret(site: Site, alice: httpx2.Client) -> None:
    """With the secret, deliveries could be forged."""
    hook = alice.post(BASE, json=BODY | {"secret": "s3cret-words"}).json()["webhook"]
    with site.client(site.reader) as reader:
        for path in (BASE, f"{BASE}/{hook['id']}"):
            assert hook["id"] in reader.get(path).text
            assert "s3cret-words" not in reader.get(path).text
            assert "s3cret-words" in alice.get(path).text


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_private_name_is_watched_like_an_absent_one(site: Site, stranger: httpx2.Client, kind: str) -> None:
    private, absent = site.new_repo(RepoType(kind), visibility="private"), "alice/nothing-has-this-name"
    seen = []
    for name in (private, absent):
        made = stranger.post(BASE, json={"url": "https://example.org/h", "watched": [{"type": kind, "name": name}]})
        shown = stranger.get(f"{BASE}/{made.json()['webhook']['id']}").json()
        listed = [hook for hook in stranger.get(BASE).json() if hook["id"] == shown["webhook"]["id"]]
        found = (made.status_code, made.json(), shown, listed)
        seen.append(str(found).replace(name, "NAME").replace(shown["webhook"]["id"], "ID"))
    assert seen[0] == seen[1]


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


def test_a_delivery_is_served_with_its_request_and_without_the_secret(site: Site, alice: httpx2.Client) -> None:
    hook = alice.post(BASE, json=BODY | {"secret": "s3cret-words"}).json()["webhook"]
    alice.post(f"{BASE}/{hook['id']}/ping")
    [listed] = alice.get(f"{BASE}/{hook['id']}/deliveries").json()
    with site.client(site.reader) as reader:
        answer = reader.get(f"{BASE}/{hook['id']}/deliveries/{listed['id']}")
        assert reader.get(f"{BASE}/{hook['id']}/deliveries/{'0' * 24}").status_code == 404
    found = answer.json()
    assert found.items() >= listed.items()
    assert (json.loads(found["body"])["test"], found["bodySize"]) == (True, len(found["body"]))
    assert found["headers"]["X-Webhook-Delivery"] == listed["id"]
    assert "s3cret-words" not in answer.text


def test_a_test_event_is_listed_among_the_deliveries(alice: httpx2.Client) -> None:
    hook = alice.post(BASE, json=BODY).json()["webhook"]
    assert alice.post(f"{BASE}/{hook['id']}/ping").json()["webhook"]["id"] == hook["id"]
    [item] = alice.get(f"{BASE}/{hook['id']}/deliveries").json()
    assert item["repo"]["name"].endswith("/webhook-test")
    assert alice.post(f"{BASE}/{'0' * 24}/ping").status_code == 404


def test_watching_a_name_does_not_tell_whether_something_private_has_it(site: Site, stranger: httpx2.Client) -> None:
    """The responses are the same bytes while the name is free, private, renamed away, public and deleted."""
    owner = site.hub.identify(site.alice)
    ref, elsewhere = (RepoRef(RepoType.MODEL, RepoId("alice", name)) for name in ("unborn", "moved-away"))
    answers = [_watch_and_look(stranger, "model", str(ref.id))]
    repositories.create(site.hub, owner, NewRepo(ref.type, ref.id.name, visibility="private"))
    answers.append(_watch_and_look(stranger, "model", str(ref.id)))
    assert stranger.get("/api/models/alice/unborn").status_code == 404
    repositories.move(site.hub, owner, ref, elsewhere)
    answers.append(_watch_and_look(stranger, "model", str(ref.id)))
    repositories.move(site.hub, owner, elsewhere, ref)
    repositories.configure(site.hub, owner, ref, RepoChanges(visibility="public"))
    answers.append(_watch_and_look(stranger, "model", str(ref.id)))
    repositories.delete(site.hub, owner, ref)
    answers.append(_watch_and_look(stranger, "model", str(ref.id)))
    assert answers == [answers[0]] * 5
    assert answers[0][0][0] == 200


def test_watching_an_account_does_not_tell_whether_it_exists(site: Site, stranger: httpx2.Client) -> None:
    before = [_watch_and_look(stranger, kind, "late-comer") for kind in ("user", "org")]
    accounts.create_user(site.hub, "late-comer")
    assert [_watch_and_look(stranger, kind, "late-comer") for kind in ("user", "org")] == before


def _watch_and_look(client: httpx2.Client, kind: str, name: str) -> list[tuple[int, bytes, list[tuple[str, str]]]]:
    """Create, change, read, list and delete a webhook; return the responses without what is new in every one."""
    body = {"url": "https://example.org/hook", "watched": [{"type": kind, "name": name}]}
    made = client.post(BASE, json=body)
    uid = made.json()["webhook"]["id"]
    responses = [
        made,
        client.post(f"{BASE}/{uid}", json=body),
        client.get(f"{BASE}/{uid}"),
        client.get(BASE),
        client.get(f"{BASE}/{uid}/deliveries"),
        client.delete(f"{BASE}/{uid}"),
    ]
    return [
        (
            answer.status_code,
            answer.content.replace(uid.encode(), b"ID"),
            sorted((name, value) for name, value in answer.headers.items() if name not in ("date", "x-request-id")),
        )
        for answer in responses
    ]
