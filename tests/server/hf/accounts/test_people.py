"""Every JSON structure that shows an account has the URL of its picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2

from entrepot.hub.accounts import accounts
from tests.support.site import Site


def pictured(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the name and the picture of every account inside a JSON value."""
    if isinstance(value, dict):
        if "avatarUrl" in value:
            yield value.get("user") or value["name"], value["avatarUrl"]
        for inner in value.values():
            yield from pictured(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pictured(inner)


def test_an_account_has_its_picture_wherever_it_is_shown(
    site: Site, alice: httpx2.Client, anonymous: httpx2.Client
) -> None:
    repo = site.new_repo()
    accounts.create_org(site.hub, "pictured", admin="alice")
    api = f"/api/models/{repo}"
    assert alice.post("/api/users/bob/follow").is_success
    assert alice.post(f"{api}/like").is_success
    assert alice.put(f"{api}/settings", json={"gated": "manual"}).is_success
    with site.client(accounts.create_token(site.hub, "bob", role="write").secret) as bob:
        assert bob.post(f"/{repo}/ask-access", json={}).status_code < 400
    made = alice.post(f"{api}/discussions", json={"title": "a title", "description": "d", "pullRequest": False}).json()
    thread = f"{api}/discussions/{made['num']}"
    comment = alice.post(f"{thread}/comment", json={"comment": "c"}).json()
    collection = alice.post("/api/collections", json={"title": "t", "namespace": "alice", "private": False}).json()
    shown = {
        "comment": comment,
        "collection": collection,
        "discussion": alice.get(thread).json(),
        "discussions": alice.get(f"{api}/discussions").json(),
        "collections": alice.get("/api/collections?owner=alice").json(),
        "likers": alice.get(f"{api}/likers").json(),
        "followers": anonymous.get("/api/users/bob/followers").json(),
        "members": anonymous.get("/api/organizations/pictured/members").json(),
        "quick search": [alice.get(f"/api/quicksearch?q={name}").json() for name in ("alice", "pictured")],
        "requests": alice.get(f"{api}/user-access-request/pending").json(),
    }
    for place, value in shown.items():
        found = list(pictured(value))
        assert found, place
        assert found == [(name, f"{site.url}/-/avatars/{name}.svg") for name, _ in found], place
