from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    ThingNotFound,
)
from entrepot.hub import audit
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookChanges, WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.worlds import World

URL = "https://example.org/hook"


def wish(*watched: tuple[str, str], **words: Any) -> WebhookDraft:
    return WebhookDraft(words.pop("url", URL), watched or [("user", "alice")], **words)


def test_a_webhook_is_listed_for_its_owner_only(world: World) -> None:
    made = webhooks.create(world.hub, world.alice, wish(secret="x"))
    assert webhooks.list_webhooks(world.hub, world.alice) == [made]
    assert webhooks.get(world.hub, world.alice, made.uid).secret == "x"
    assert webhooks.list_webhooks(world.hub, world.bob) == []
    for forbidden in (webhooks.get, webhooks.delete):
        with pytest.raises(ThingNotFound):
            forbidden(world.hub, world.bob, made.uid)


def test_changes_leave_the_rest_as_it_is(world: World) -> None:
    ref = world.repo("alice/m")
    made = webhooks.create(world.hub, world.alice, wish(secret="x", domains=["repo"]))
    changed = webhooks.update(world.hub, world.alice, made.uid, WebhookChanges(watched=[("model", str(ref.id))]))
    assert [(watch.kind, watch.name) for watch in changed.watched] == [("model", "alice/m")]
    assert (changed.url, changed.secret, changed.domains) == (URL, "x", ("repo",))
    assert webhooks.get(world.hub, world.alice, made.uid) == changed
    assert webhooks.update(world.hub, world.alice, made.uid, WebhookChanges(secret="")).secret is None


def test_a_removed_webhook_is_gone(world: World) -> None:
    made = webhooks.create(world.hub, world.alice, wish())
    webhooks.delete(world.hub, world.alice, made.uid)
    assert webhooks.list_webhooks(world.hub, world.alice) == []


def test_who_may_only_read_makes_none(world: World) -> None:
    with pytest.raises(LoginRequired):
        webhooks.create(world.hub, None, wish())
    with pytest.raises(NotAllowed):
        webhooks.create(world.hub, world.caller("alice", "read"), wish())


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "https://", "nonsense", "http://u:p@x/", "http://x:0/", "http://x/\n", "http://x:99999/", "http://é/"],
)
def test_a_url_that_cannot_be_posted_to_is_refused(world: World, url: str) -> None:
    with pytest.raises(InvalidName, match="URL"):
        webhooks.create(world.hub, world.alice, wish(url=url))


def test_unknown_words_are_refused(world: World) -> None:
    with pytest.raises(Malformed, match="domains"):
        webhooks.create(world.hub, world.alice, wish(domains=["weather"]))
    with pytest.raises(Malformed, match="paper"):
        webhooks.create(world.hub, world.alice, wish(("paper", "x")))
    with pytest.raises(Malformed, match="watched"):
        webhooks.create(world.hub, world.alice, WebhookDraft(URL, []))
    for kind, name in (("org", "a.b"), ("user", "alice/m"), ("model", "alice"), ("space", "a--b/c")):
        with pytest.raises(InvalidName):
            webhooks.create(world.hub, world.alice, wish((kind, name)))
    with pytest.raises(InvalidName, match="secret"):
        webhooks.create(world.hub, world.alice, wish(secret="é"))


def test_names_are_watched_whether_something_has_them_or_not(world: World) -> None:
    names = [("model", "alice/secret"), ("model", "alice/Absent"), ("org", "nobody"), ("user", "alice"), ("org", "bob")]
    world.repo("alice/secret", visibility="private")
    made = webhooks.create(world.hub, world.bob, wish(*names))
    assert [(watch.kind, watch.name) for watch in made.watched] == names
    assert webhooks.get(world.hub, world.bob, made.uid) == made
    assert webhooks.list_webhooks(world.hub, world.bob) == [made]


def test_a_name_is_watched_once_in_its_first_spelling(world: World) -> None:
    made = webhooks.create(world.hub, world.alice, wish(("user", "Bob"), ("user", "bob"), ("org", "bob")))
    assert [(watch.kind, watch.name) for watch in made.watched] == [("user", "Bob"), ("org", "bob")]


def test_watched_items_are_listed_alike_after_each_change_of_the_repository(world: World) -> None:
    ref = world.repo("alice/m")
    made = webhooks.create(world.hub, world.bob, wish(("model", "alice/m")))
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert webhooks.list_webhooks(world.hub, world.bob) == [made]
    moved = repositories.move(world.hub, world.alice, ref, RepoRef(RepoType.MODEL, RepoId("alice", "hidden"))).ref
    assert webhooks.list_webhooks(world.hub, world.bob) == [made]
    repositories.delete(world.hub, world.alice, moved)
    assert webhooks.get(world.hub, world.bob, made.uid) == made


def test_deliveries_of_what_went_private_are_not_shown(world: World) -> None:
    ref = world.repo("alice/m")
    made = webhooks.create(world.hub, world.bob, wish(("model", "alice/m")))
    world.add(ref, "a.txt")
    assert len(webhooks.list_deliveries(world.hub, world.bob, made.uid).items) == 1
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert webhooks.list_deliveries(world.hub, world.bob, made.uid).items == []


def test_deliveries_come_in_pages(world: World) -> None:
    ref = world.repo("alice/m")
    made = webhooks.create(world.hub, world.alice, wish())
    for number in range(3):
        world.add(ref, f"{number}.txt")
    first = webhooks.list_deliveries(world.hub, world.alice, made.uid, limit=2)
    rest = webhooks.list_deliveries(world.hub, world.alice, made.uid, limit=2, before=first.next)
    assert (len(first.items), len(rest.items), rest.next) == (2, 1, None)


def test_a_delivery_can_be_repeated(world: World) -> None:
    ref = world.repo("alice/m")
    made = webhooks.create(world.hub, world.alice, wish())
    world.add(ref, "a.txt")
    [only] = webhooks.list_deliveries(world.hub, world.alice, made.uid).items
    webhooks.replay(world.hub, world.alice, made.uid, only.uid)
    again, before = webhooks.list_deliveries(world.hub, world.alice, made.uid).items
    assert (again.payload, before.uid) == (only.payload, only.uid)
    with pytest.raises(ThingNotFound):
        webhooks.replay(world.hub, world.alice, made.uid, "0" * 24)


def test_a_user_has_at_most_a_hundred_webhooks(world: World) -> None:
    for _ in range(webhooks.MAX_WEBHOOKS):
        webhooks.create(world.hub, world.alice, wish())
    with pytest.raises(LimitExceeded):
        webhooks.create(world.hub, world.alice, wish())


def test_changes_are_in_the_audit_log_without_the_secret(world: World) -> None:
    made = webhooks.create(world.hub, world.alice, wish(secret="t0psecret"))
    webhooks.switch(world.hub, world.alice, made.uid, is_disabled=True)
    webhooks.delete(world.hub, world.alice, made.uid)
    rows = audit.search(world.hub, AuditFilter(subject=f"webhook {made.uid}"))
    assert [row.action for row in rows] == ["webhook.delete", "webhook.disable", "webhook.create"]
    assert "t0psecret" not in str(rows)
