from __future__ import annotations

import itertools
from typing import Any

import pytest

from entrepot.hub.community import discussions
from entrepot.hub.jobs import handlers
from tests.support import hub_work
from tests.support.served_hub import ServedHub

_NUMBERS = itertools.count(1)


def work(world: ServedHub) -> None:
    """Run all jobs that are due."""
    while hub_work.run_next(world.hub, handlers.new_owner()) is not None:
        pass


@pytest.fixture
def asked(world: ServedHub) -> str:
    """The name of a model of alice in which bob has asked a question."""
    name = f"asked-{next(_NUMBERS)}"
    ref = world.repo(name)
    with world.client(world.bob) as bob:
        body = {"title": "A question", "description": "@alice, why?"}
        assert bob.post(f"/api/{ref.type.plural}/{ref.id}/discussions", json=body).status_code == 200
    work(world)
    return name


def listed(world: ServedHub, name: str, **query: str) -> list[dict[str, Any]]:
    with world.client(world.alice) as alice:
        found = alice.get("/api/notifications", params=query).json()["notifications"]
    return [item for item in found if item["repo"] and item["repo"]["name"] == f"alice/{name}"]


def test_a_notification_is_listed_read_and_unread_again(world: ServedHub, asked: str) -> None:
    [item] = listed(world, asked)
    assert item["text"] == "bob mentioned you"
    assert (item["kind"], item["reason"], item["actor"], item["read"]) == ("discussion", "mention", "bob", False)
    assert item["discussion"] == {"num": 1, "title": "A question", "status": "open", "isPullRequest": False}
    assert item["path"].startswith(f"/alice/{asked}/discussions/1#")
    with world.client(world.alice) as alice:
        unread = alice.get("/api/notifications").json()["unread"]
        assert alice.post("/api/notifications/read", json={"ids": [item["id"]]}).json() == {"changed": 1}
        assert alice.get("/api/notifications").json()["unread"] == unread - 1
        assert listed(world, asked) == []
        assert listed(world, asked, readStatus="all")[0]["read"]
        again = {"ids": [item["id"]], "read": False}
        assert alice.post("/api/notifications/read", json=again).json() == {"changed": 1}
        assert alice.post("/api/notifications/read", json={"all": True}).json()["changed"] >= 1
        assert alice.get("/api/notifications").json() == {"notifications": [], "unread": 0}


def test_pages_are_linked(world: ServedHub, asked: str) -> None:
    discussions.create(world.hub, world.caller(), world.repo(f"{asked}-2"), "Mine", "x")
    with world.client(world.bob) as bob:
        for num in range(2):
            assert bob.post(f"/api/models/alice/{asked}/discussions", json={"title": f"No {num}", "description": "x"})
    work(world)
    with world.client(world.alice) as alice:
        first = alice.get("/api/notifications", params={"limit": "2"})
        rest = alice.get(first.links["next"]["url"])
    seen = [item["id"] for item in (*first.json()["notifications"], *rest.json()["notifications"])]
    assert len(first.json()["notifications"]) == 2
    assert len(seen) == len(set(seen)) >= 3


def test_a_repository_is_watched_and_a_discussion_muted(world: ServedHub, asked: str) -> None:
    at = f"/api/models/alice/{asked}"
    with world.client(world.bob) as bob:
        assert bob.get(f"{at}/subscription").json() == {"level": "participating", "chosen": False}
        assert bob.put(f"{at}/subscription", json={"level": "all"}).json() == {"level": "all", "chosen": True}
        assert bob.get(f"{at}/subscription").json() == {"level": "all", "chosen": True}
        assert bob.put(f"{at}/subscription", json={"level": "loud"}).status_code == 400
        assert bob.get(f"{at}/discussions/1/subscription").json() == {"muted": False}
        assert bob.put(f"{at}/discussions/1/subscription", json={"muted": True}).json() == {"muted": True}
        assert bob.get(f"{at}/discussions/1/subscription").json() == {"muted": True}
        assert bob.put(f"{at}/discussions/9/subscription", json={"muted": True}).status_code == 404


@pytest.mark.parametrize("body", [{}, {"all": True, "ids": []}, {"ids": "x"}, {"ids": ["x"] * 501}])
def test_unclear_marks_are_refused(world: ServedHub, body: dict[str, object]) -> None:
    with world.client(world.alice) as alice:
        assert alice.post("/api/notifications/read", json=body).status_code in (400, 413)


def test_queries_are_checked(world: ServedHub) -> None:
    with world.client(world.alice) as alice:
        for query in ({"readStatus": "x"}, {"limit": "x"}, {"cursor": "x"}):
            assert alice.get("/api/notifications", params=query).status_code == 400, query
