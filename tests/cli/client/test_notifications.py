from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2

from entrepot.testing.hubs import RunningHub

Run = Callable[..., Any]


def test_without_news_there_is_nothing_to_list_or_mark(at_hub: Run) -> None:
    at_hub("notifications", "read", "--all")
    assert at_hub("notifications", "list", "--json").json == []
    assert "nothing is new" in at_hub("notifications", "list").err
    assert at_hub("notifications", "read", "x", "--json").json == {"changed": 0}
    for wrong in ((), ("x", "--all")):
        misused = at_hub("notifications", "read", *wrong)
        assert misused.code == 2
        assert "name the IDs of notifications, or use --all" in misused.err


def test_with_all_the_list_says_what_is_new_and_one_is_counted_in_the_singular(
    at_hub: Run, entrepot_hub: RunningHub
) -> None:
    at_hub("notifications", "read", "--all")
    org, inviter = entrepot_hub.org("cli-inviting", admin="cli-inviter"), entrepot_hub.user("cli-inviter")
    httpx2.post(
        f"{entrepot_hub.url}/api/organizations/{org}/invitations",
        headers={"authorization": f"Bearer {inviter.token}"},
        json={"user": "tester"},
    ).raise_for_status()
    (item,) = at_hub("notifications", "list", "--json").json
    assert "STATE" not in at_hub("notifications", "list").out
    assert " new " in at_hub("notifications", "list", "--all").out
    assert at_hub("notifications", "read", item["id"]).out == "marked 1 notification as read\n"
    assert " new " not in at_hub("notifications", "list", "--all").out


def test_a_repository_is_watched_and_the_choice_is_listed(at_hub: Run, entrepot_hub: RunningHub) -> None:
    at_hub("repo", "create", "tester/subscribed")
    done = at_hub("notifications", "subscribe", "tester/subscribed", "none", "--json")
    assert done.json == {"repo": "tester/subscribed", "type": "model", "discussion": None, "level": "none"}
    (item,) = at_hub("notifications", "subscriptions", "--json").json
    assert (item["repo"]["name"], item["level"], item["discussion"]) == ("tester/subscribed", "none", None)
    assert "tester/subscribed" in at_hub("notifications", "subscriptions").out
    assert at_hub("notifications", "subscribe", "tester/subscribed", "all").out.endswith(": all\n")
    assert at_hub("notifications", "subscriptions", "--json").json == []
    wrong = at_hub("notifications", "subscribe", "tester/subscribed", "participating", "--discussion", "1")
    assert (wrong.code, "LEVEL must be none (mute) or all (unmute)" in wrong.err) == (2, True)
