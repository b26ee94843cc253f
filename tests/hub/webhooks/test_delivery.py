from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from huggingface_hub import WebhookPayload

from entrepot.catalog.accounts import accounts as account_rows
from entrepot.catalog.webhooks import deliveries
from entrepot.errors import NotAllowed, Refused, ThingNotFound
from entrepot.hub import callers
from entrepot.hub.accounts import accounts
from entrepot.hub.community import discussions, notification_lists
from entrepot.hub.jobs import handlers, maintenance
from entrepot.hub.repos import account_removal, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.webhooks import delivery, outbound_http, requests, webhooks
from entrepot.hub.webhooks.webhooks import WebhookChanges, WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.accounts.administration import Removal
from tests.support import hub_work
from tests.support.worlds import World

HOUR_MS = 3_600_000


@attrs.define
class Receiver:
    """A loopback host with configurable responses that stores received requests."""

    server: http.server.ThreadingHTTPServer
    status: int = 200
    echoes: bool = False
    seen: list[tuple[dict[str, str], dict[str, Any]]] = attrs.Factory(list)
    raw: list[bytes] = attrs.Factory(list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?x=1"

    @property
    def told(self) -> list[str]:
        """Return summaries of accepted deliveries: scope and action, and the new head if there is one."""
        return [f"{body['event']['scope']} {body['event']['action']}" for _, body in self.seen]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.raw.append(body)
            if found.status == 200:
                found.seen.append((dict(self.headers), json.loads(body)))
            self.send_response(found.status)
            self.end_headers()
            echo = f"you sent {json.dumps(dict(self.headers))}".encode() if found.echoes else b"not now"
            self.wfile.write(b"thanks" if found.status == 200 else echo)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(webhook_private_targets=True, base_url="https://hub.example")


@pytest.fixture
def ref(world: World) -> RepoRef:
    made: RepoRef = world.repo("alice/m")
    return made


def watch(
    world: World, receiver: Receiver, *, owner: str = "alice", what: tuple[str, str] = ("user", "alice"), **wish: Any
) -> Any:
    return webhooks.create(world.hub, world.caller(owner), WebhookDraft(receiver.url, [what], **wish))


def run_jobs(world: World) -> None:
    """Run all due jobs."""
    while hub_work.run_next(world.hub, "test") is not None:
        pass


def log(world: World, hook: Any) -> list[tuple[str, int, int | None]]:
    page = webhooks.list_deliveries(world.hub, world.alice, hook.uid)
    return [(item.state, item.attempts, item.status) for item in page.items]


def test_the_event_of_a_commit_names_the_moved_refs(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver, what=("model", "alice/m"), secret="s3cret")
    oid = world.add(ref, "a.txt")
    run_jobs(world)
    [(headers, body)] = receiver.seen
    assert body["event"] == {"action": "update", "scope": "repo.content"}
    assert body["repo"]["name"] == "alice/m"
    assert body["repo"]["headSha"] == oid
    assert body["repo"]["url"] == {
        "web": "https://hub.example/alice/m",
        "api": "https://hub.example/api/models/alice/m",
    }
    assert [(move["ref"], move["newSha"]) for move in body["updatedRefs"]] == [("refs/heads/main", oid)]
    assert body["webhook"] == {"id": hook.uid, "version": 3}
    assert headers["X-Webhook-Secret"] == "s3cret"
    assert headers["X-Webhook-Signature-256"] == requests.sign("s3cret", receiver.raw[0])
    assert log(world, hook) == [("done", 1, 200)]


def test_a_test_event_travels_like_a_real_one(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver, what=("model", "alice/m"), secret="s3cret")
    receiver.status = 503
    webhooks.ping(world.hub, world.alice, hook.uid)
    run_jobs(world)
    assert log(world, hook) == [("pending", 1, 503)]
    with pytest.raises(Refused, match="waits for this webhook already"):
        webhooks.ping(world.hub, world.alice, hook.uid)
    receiver.status = 200
    world.add(ref, "a.txt")
    world.clock.advance(HOUR_MS)
    run_jobs(world)
    [(headers, body), _commit] = sorted(receiver.seen, key=lambda item: "test" not in item[1])
    assert WebhookPayload.model_validate(body).event.action == "update"
    assert (body["test"], body["repo"]["name"], body["event"]["scope"]) == (True, "alice/webhook-test", "repo")
    assert body["repo"]["url"]["web"] == "https://hub.example/alice/webhook-test"
    assert headers["X-Webhook-Signature-256"].startswith("sha256=")
    assert {state for state, _, _ in log(world, hook)} == {"done"}
    [only] = [it for it in webhooks.list_deliveries(world.hub, world.alice, hook.uid).items if it.repo_id == 0]
    webhooks.replay(world.hub, world.alice, hook.uid, only.uid)
    run_jobs(world)
    assert [body["repo"]["name"] for _, body in receiver.seen].count("alice/webhook-test") == 2


def test_only_the_owner_tests_a_webhook_that_is_enabled(world: World, receiver: Receiver) -> None:
    hook = watch(world, receiver)
    with pytest.raises(ThingNotFound):
        webhooks.ping(world.hub, world.bob, hook.uid)
    with pytest.raises(NotAllowed):
        webhooks.ping(world.hub, world.caller("alice", "read"), hook.uid)
    webhooks.switch(world.hub, world.alice, hook.uid, is_disabled=True)
    with pytest.raises(Refused, match="enable it first"):
        webhooks.ping(world.hub, world.alice, hook.uid)
    run_jobs(world)
    assert receiver.seen == []


def test_a_private_target_is_refused_for_test_events_too(make_world: Callable[..., World], receiver: Receiver) -> None:
    world = make_world()
    hook = watch(world, receiver)
    webhooks.ping(world.hub, world.alice, hook.uid)
    run_jobs(world)
    assert receiver.raw == []
    assert log(world, hook) == [("pending", 1, None)]


def test_the_owner_is_told_that_a_delivery_was_given_up_without_the_address(
    make_world: Callable[..., World], receiver: Receiver
) -> None:
    world = make_world(webhook_private_targets=True, webhook_patience_s=3600)
    hook = watch(world, receiver)
    receiver.status = 503
    webhooks.ping(world.hub, world.alice, hook.uid)
    run_jobs(world)
    world.clock.advance(2 * HOUR_MS)
    run_jobs(world)
    [told] = notification_lists.list_page(world.hub, world.alice).items
    assert (told.row.kind, dict(told.row.data)) == ("webhook", {"host": "127.0.0.1", "webhook": hook.uid})
    webhooks.delete(world.hub, world.alice, hook.uid)
    assert notification_lists.list_page(world.hub, world.alice).items == []


def test_a_webhook_without_a_secret_sends_none(world: World, receiver: Receiver, ref: RepoRef) -> None:
    watch(world, receiver)
    world.add(ref, "a.txt")
    run_jobs(world)
    assert not {"X-Webhook-Secret", "X-Webhook-Signature-256"} & set(receiver.seen[0][0])


def test_events_of_a_repository_are_delivered_in_order(world: World, receiver: Receiver) -> None:
    watch(world, receiver)
    ref = world.repo("alice/new")
    world.add(ref, "a.txt")
    repositories.configure(world.hub, world.alice, ref, RepoChanges(gated="auto"))
    repositories.delete(world.hub, world.alice, ref)
    run_jobs(world)
    assert receiver.told == [
        "repo create", "repo.content update", "repo.content update", "repo.config update", "repo delete"
    ]  # fmt: skip


def test_while_the_receiver_is_down_events_wait_in_order(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver)
    receiver.status = 503
    oids = [world.add(ref, f"{number}.txt") for number in range(3)]
    run_jobs(world)
    assert len(receiver.raw) == 1  # the later ones wait behind the first
    for _ in range(4):
        world.clock.advance(HOUR_MS)
        run_jobs(world)
    receiver.status = 200
    world.clock.advance(HOUR_MS)
    run_jobs(world)
    assert [body["updatedRefs"][0]["newSha"] for _, body in receiver.seen] == oids
    assert log(world, hook) == [("done", 1, 200), ("done", 1, 200), ("done", 6, 200)]


def test_a_receiver_that_is_down_only_delays_its_own_events(world: World, receiver: Receiver, ref: RepoRef) -> None:
    webhooks.create(world.hub, world.alice, WebhookDraft("http://127.0.0.1:9/", [("user", "alice")]))
    watch(world, receiver)
    world.add(ref, "a.txt")
    run_jobs(world)
    assert len(receiver.seen) == 1


def test_after_its_patience_the_hub_goes_on_with_the_next(make_world: Callable[..., World], receiver: Receiver) -> None:
    world = make_world(webhook_private_targets=True, webhook_patience_s=3600)
    ref = world.repo("alice/m")
    hook = watch(world, receiver)
    receiver.status = 500
    world.add(ref, "a.txt")
    run_jobs(world)
    world.clock.advance(2 * HOUR_MS)
    second = world.add(ref, "b.txt")
    run_jobs(world)
    receiver.status = 200
    world.clock.advance(HOUR_MS // 2)
    run_jobs(world)
    assert [body["updatedRefs"][0]["newSha"] for _, body in receiver.seen] == [second]
    assert log(world, hook) == [("done", 2, 200), ("failed", 2, 500)]


def test_a_delivery_whose_sender_died_is_sent_again(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver)
    world.add(ref, "a.txt")
    assert delivery._take(world.hub, hook.id, world.row_id(ref)) is not None  # and then the power fails
    run_jobs(world)
    assert receiver.seen == []
    world.clock.advance(delivery.SENDING_MS)
    run_jobs(world)
    assert len(receiver.seen) == 1


def test_a_delivery_under_way_is_not_sent_twice(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver)
    world.add(ref, "a.txt")
    args = (world.hub, hook.id, world.row_id(ref))
    assert delivery._take(*args) is not None
    assert delivery._take(*args) is None


def test_events_do_not_wait_for_the_end_of_an_earlier_delivery(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver)
    world.add(ref, "a.txt")
    taken = delivery._take(world.hub, hook.id, world.row_id(ref))
    assert taken is not None
    run_jobs(world)  # another worker finds that the delivery is being sent
    assert delivery._conclude(world.hub, taken, delivery._send(world.hub, taken))
    world.add(ref, "b.txt")
    run_jobs(world)
    assert len(receiver.seen) == 2


def test_a_disabled_webhook_gets_its_events_when_enabled(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver)
    receiver.status = 503
    world.add(ref, "a.txt")
    run_jobs(world)
    webhooks.switch(world.hub, world.alice, hook.uid, is_disabled=True)
    receiver.status = 200
    world.clock.advance(HOUR_MS)
    run_jobs(world)
    assert receiver.seen == []
    webhooks.switch(world.hub, world.alice, hook.uid, is_disabled=False)
    run_jobs(world)
    assert len(receiver.seen) == 1


def test_events_of_a_private_repository_reach_only_those_who_see_it(world: World, receiver: Receiver) -> None:
    watch(world, receiver, owner="bob")
    ref = world.repo("alice/secret", visibility="private")
    world.add(ref, "a.txt")
    run_jobs(world)
    assert receiver.raw == []
    watch(world, receiver, owner="alice")
    world.add(ref, "b.txt")
    run_jobs(world)
    assert [body["repo"]["private"] for _, body in receiver.seen] == [True]


def test_events_of_a_repository_that_became_private_are_not_sent(
    world: World, receiver: Receiver, ref: RepoRef
) -> None:
    watch(world, receiver, owner="bob")
    world.add(ref, "a.txt")
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    run_jobs(world)
    assert receiver.raw == []


def test_a_name_is_watched_before_something_has_it(world: World, receiver: Receiver) -> None:
    watch(world, receiver, owner="bob", what=("model", "alice/Later"))
    watch(world, receiver, owner="bob", what=("dataset", "alice/later"))
    world.repo("alice/other")
    world.repo("alice/later")
    run_jobs(world)
    assert receiver.told == ["repo create", "repo.content update"]
    assert {body["repo"]["name"] for _, body in receiver.seen} == {"alice/later"}


def test_an_account_is_watched_before_it_exists_and_after_it_was_recreated(world: World, receiver: Receiver) -> None:
    watch(world, receiver, owner="bob", what=("user", "nora"))
    for number in (1, 2):
        account = accounts.create_user(world.hub, "nora")
        with world.hub.read() as tx:
            nora = callers.acting_as(tx, account)
        repositories.create(world.hub, nora, NewRepo(RepoType.MODEL, f"m{number}"))
        run_jobs(world)
        account_removal.delete_user(world.hub, world.root, "nora", Removal(purge=True))
    told = [f"{body['repo']['name']} {body['event']['action']}" for _, body in receiver.seen]
    assert told == [f"nora/m{number} {action}" for number in (1, 2) for action in ("create", "update")]


def test_a_watched_name_survives_deletion_and_follows_a_new_repository(world: World, receiver: Receiver) -> None:
    watch(world, receiver, owner="bob", what=("model", "alice/m"))
    first = world.repo("alice/m")
    repositories.delete(world.hub, world.alice, first)
    run_jobs(world)
    world.clock.advance(1)
    assert "repository" in [item.kind for item in maintenance.gc(world.hub, grace_ms=0)]
    receiver.seen.clear()
    world.repo("alice/m")
    run_jobs(world)
    assert receiver.told == ["repo create", "repo.content update"]


def test_a_renamed_repository_is_followed_until_another_has_its_name(
    world: World, receiver: Receiver, ref: RepoRef
) -> None:
    watch(world, receiver, owner="bob", what=("model", "alice/m"))
    moved = repositories.move(world.hub, world.alice, ref, RepoRef(ref.type, RepoId("alice", "n"))).ref
    world.add(moved, "a.txt")
    run_jobs(world)
    assert [body["repo"]["name"] for _, body in receiver.seen] == ["alice/m", "alice/n"]
    assert receiver.told == ["repo move", "repo.content update"]
    world.repo("alice/m")
    world.add(moved, "b.txt")
    run_jobs(world)
    assert [body["repo"]["name"] for _, body in receiver.seen[2:]] == ["alice/m", "alice/m"]


def test_a_name_that_a_private_repository_takes_is_not_reported_to_strangers(world: World, receiver: Receiver) -> None:
    hook = watch(world, receiver, owner="bob", what=("model", "alice/later"))
    ref = world.repo("alice/later", visibility="private")
    world.add(ref, "a.txt")
    run_jobs(world)
    assert receiver.raw == []
    assert webhooks.list_deliveries(world.hub, world.bob, hook.uid).items == []
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="public"))
    world.add(ref, "b.txt")
    run_jobs(world)
    assert receiver.told == ["repo.config update", "repo.content update"]


def test_who_may_see_is_judged_where_the_repository_is_now(world: World, receiver: Receiver) -> None:
    watch(world, receiver, owner="wendy", what=("org", "acme"))
    ref = world.repo("acme/m", by=world.wendy, visibility="private")
    repositories.move(world.hub, world.root, ref, RepoRef(ref.type, RepoId("root", "m")))
    run_jobs(world)
    assert receiver.raw == []


def test_a_suspended_owner_is_sent_nothing(world: World, receiver: Receiver, ref: RepoRef) -> None:
    watch(world, receiver, owner="bob", what=("model", "alice/m"))
    world.add(ref, "a.txt")
    with world.hub.write() as tx:
        account_rows.update(tx, world.bob.account.id, suspended_ms=1)
    run_jobs(world)
    assert receiver.raw == []


def test_events_of_other_domains_are_not_sent(world: World, receiver: Receiver, ref: RepoRef) -> None:
    watch(world, receiver, domains=["discussion"])
    world.add(ref, "a.txt")
    run_jobs(world)
    assert receiver.raw == []


def test_loopback_is_out_of_reach_unless_a_setting_allows_it(
    make_world: Callable[..., World], receiver: Receiver
) -> None:
    world = make_world()
    ref = world.repo("alice/m")
    hook = watch(world, receiver)
    world.add(ref, "a.txt")
    run_jobs(world)
    assert receiver.raw == []
    [item] = webhooks.list_deliveries(world.hub, world.alice, hook.uid).items
    assert "webhook_private_targets" in (item.answer or "")


def test_a_delivery_is_shown_as_it_was_sent(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver, secret="s3cret")
    world.add(ref, "a.txt")
    run_jobs(world)
    [item] = webhooks.list_deliveries(world.hub, world.alice, hook.uid).items
    sent = webhooks.get_delivery(world.hub, world.alice, hook.uid, item.uid)
    [(headers, _)] = receiver.seen
    assert sent.body.encode() == receiver.raw[0]
    assert sent.size == len(receiver.raw[0])
    assert sent.headers.items() <= headers.items()
    assert headers.keys() - sent.headers.keys() >= set(requests.PROOFS)
    assert (sent.delivery.answer, sent.has_secret) == ("thanks", True)


def test_the_body_of_a_delivery_is_shown_up_to_a_limit(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver, domains=["discussion"])
    discussions.create(world.hub, world.alice, ref, "Long", "é" * webhooks.MAX_BODY)
    run_jobs(world)
    longest = max(receiver.raw, key=len)
    found = webhooks.list_deliveries(world.hub, world.alice, hook.uid).items
    shown = [webhooks.get_delivery(world.hub, world.alice, hook.uid, item.uid) for item in found]
    [cut] = [sent for sent in shown if sent.size == len(longest)]
    assert cut.size > webhooks.MAX_BODY
    assert cut.body.encode() == longest[: webhooks.MAX_BODY]


@pytest.mark.parametrize("secret", ["s3cret", 'with "quotes" and \\'])
def test_a_receiver_that_repeats_its_request_puts_no_secret_into_the_log(
    world: World, receiver: Receiver, ref: RepoRef, secret: str
) -> None:
    hook = watch(world, receiver, secret=secret)
    receiver.status, receiver.echoes = 500, True
    world.add(ref, "a.txt")
    run_jobs(world)
    [item] = webhooks.list_deliveries(world.hub, world.alice, hook.uid).items
    for name in requests.PROOFS:
        assert f'"{name}": "…"' in (item.answer or "")


def test_a_delivery_is_shown_to_who_may_see_the_repository_now(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver, owner="bob", what=("model", "alice/m"))
    world.add(ref, "a.txt")
    [item] = webhooks.list_deliveries(world.hub, world.bob, hook.uid).items
    assert webhooks.get_delivery(world.hub, world.bob, hook.uid, item.uid).delivery.uid == item.uid
    with pytest.raises(ThingNotFound):
        webhooks.get_delivery(world.hub, world.alice, hook.uid, item.uid)  # a webhook of another user
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    for use in (webhooks.get_delivery, webhooks.replay):
        for uid in (item.uid, "0" * 24):
            with pytest.raises(ThingNotFound, match=uid):
                use(world.hub, world.bob, hook.uid, uid)


def test_the_log_is_kept_for_a_month(world: World, receiver: Receiver, ref: RepoRef) -> None:
    hook = watch(world, receiver)
    world.add(ref, "a.txt")
    run_jobs(world)
    list(delivery.forget_old(world.hub, {}))
    assert len(log(world, hook)) == 1
    world.clock.advance(delivery.KEPT_MS + 1)
    list(delivery.forget_old(world.hub, {}))
    assert log(world, hook) == []


@pytest.fixture
def silent() -> Iterator[str]:
    """A URL of a loopback port on which nothing listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}/"


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts and ports of sent requests."""
    seen: list[str] = []
    post = outbound_http.post

    def note(target: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(f"{target.host}:{target.port}")
        return post(target, *arguments, **options)

    monkeypatch.setattr(outbound_http, "post", note)
    return seen


def test_a_host_that_does_not_respond_pauses_all_webhooks_of_an_owner_to_it(
    world: World, silent: str, receiver: Receiver, ref: RepoRef, posts: list[str]
) -> None:
    for number in range(40):
        webhooks.create(world.hub, world.alice, WebhookDraft(f"{silent}{number}", [("user", "alice")]))
    watch(world, receiver)
    world.add(ref, "a.txt")
    run_jobs(world)
    assert len(posts) == 1 + delivery._FAILURES_TO_PAUSE
    assert len(receiver.seen) == 1
    world.clock.advance(delivery._pause_after(3, HOUR_MS))
    run_jobs(world)
    assert len(posts) == 2 + delivery._FAILURES_TO_PAUSE  # one probe, the others wait for it


def test_addresses_to_which_a_host_is_silent_pause_nothing_of_other_owners(
    world: World, receiver: Receiver, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = outbound_http.post

    def post(target: outbound_http.PostTarget, *args: Any, **options: Any) -> outbound_http.PostResult:
        if "silent" in target.path:
            return outbound_http.PostResult(None, "no answer")
        return send(target, *args, **options)

    monkeypatch.setattr(outbound_http, "post", post)
    for number in range(delivery._FAILURES_TO_PAUSE + 1):
        draft = WebhookDraft(f"{receiver.url}&silent={number}", [("user", "alice")])
        webhooks.create(world.hub, world.bob, draft)
    world.add(ref, "a.txt")
    run_jobs(world)
    watch(world, receiver)
    world.add(ref, "b.txt")
    run_jobs(world)
    assert len(receiver.seen) == 1


def test_a_host_that_is_back_gets_everything_after_the_probe(
    world: World, receiver: Receiver, ref: RepoRef, posts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        webhooks.create(world.hub, world.alice, WebhookDraft(f"{receiver.url}&n={number}", [("user", "alice")]))
    world.add(ref, "a.txt")
    away = outbound_http.post
    monkeypatch.setattr(outbound_http, "post", lambda *_a, **_o: outbound_http.PostResult(None, "no answer"))
    run_jobs(world)
    monkeypatch.setattr(outbound_http, "post", away)
    for _ in range(3):
        world.clock.advance(HOUR_MS)
        run_jobs(world)
    assert len(receiver.seen) == 10
    with world.hub.read() as tx:
        key = f"host:{world.alice.account.id}:127.0.0.1:{receiver.server.server_port}"
        assert deliveries.pauses(tx, [key]) == {}


def test_a_webhook_that_is_refused_pauses_for_all_repositories(world: World, receiver: Receiver) -> None:
    refs = [world.repo(f"alice/m{number}") for number in range(8)]
    hook = watch(world, receiver)
    receiver.status = 500
    for ref in refs:
        world.add(ref, "a.txt")
    run_jobs(world)
    assert len(receiver.raw) == delivery._FAILURES_TO_PAUSE
    receiver.status = 200
    webhooks.switch(world.hub, world.alice, hook.uid, is_disabled=False)
    for _ in range(2):
        world.clock.advance(HOUR_MS)
        run_jobs(world)
    assert len(receiver.seen) == len(refs)


@pytest.mark.parametrize("how", ["enabled", "changed"])
def test_a_webhook_that_is_enabled_or_changed_goes_on_immediately(world: World, receiver: Receiver, how: str) -> None:
    refs = [world.repo(f"alice/m{number}") for number in range(5)]
    hook = watch(world, receiver)
    receiver.status = 500
    for ref in refs:
        world.add(ref, "a.txt")
    run_jobs(world)
    receiver.status = 200
    if how == "enabled":
        webhooks.switch(world.hub, world.alice, hook.uid, is_disabled=False)
    else:
        webhooks.update(world.hub, world.alice, hook.uid, WebhookChanges(secret="s3cret"))
    run_jobs(world)
    # Those that were refused wait for their own next attempt.
    assert len(receiver.seen) == len(refs) - delivery._FAILURES_TO_PAUSE


def test_one_host_takes_no_more_than_its_slots(world: World, receiver: Receiver, ref: RepoRef) -> None:
    watch(world, receiver)
    world.add(ref, "a.txt")
    host = f"127.0.0.1:{receiver.server.server_port}"
    assert world.hub.sending.take(host)
    assert world.hub.sending.take(host)
    run_jobs(world)
    assert receiver.raw == []
    world.hub.sending.release(host)
    world.clock.advance(delivery._BUSY_HOST_MS)
    run_jobs(world)
    assert len(receiver.seen) == 1
    assert world.hub.sending.take(host)  # the slot was released


def test_deliveries_belong_to_the_owner_of_the_webhook(world: World, receiver: Receiver, ref: RepoRef) -> None:
    watch(world, receiver, owner="bob")
    world.add(ref, "a.txt")
    [job] = [job for job in handlers.list_jobs(world.hub) if job.kind == "deliver"]
    assert (job.lane, job.namespace_id) == ("outbound", world.caller("bob").account.id)


def test_a_slow_delivery_does_not_block_others(
    world: World, receiver: Receiver, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_SLICE_S", -1.0)
    hook = watch(world, receiver)
    for number in range(3):
        world.add(ref, f"{number}.txt")
    delivery.deliver(world.hub, {"webhook": hook.id, "repo": world.row_id(ref)})
    assert len(receiver.seen) == 1
    run_jobs(world)
    assert len(receiver.seen) == 3


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({"host": "0.0.0.0", "port": 5000}, "http://127.0.0.1:5000"),
        ({"host": "::", "port": 5000}, "http://[::1]:5000"),
        ({"host": "hub.local", "port": 5000, "tls_cert": "c", "tls_key": "k"}, "https://hub.local:5000"),
        ({"host": "0.0.0.0", "base_url": "https://hub.example"}, "https://hub.example"),
    ],
)  # fmt: skip
def test_urls_of_a_payload_name_a_host_that_can_be_reached(
    make_world: Any, receiver: Receiver, settings: dict[str, Any], origin: str
) -> None:
    world = make_world(webhook_private_targets=True, **settings)
    ref = world.repo("alice/m")
    watch(world, receiver)
    world.add(ref, "a.txt")
    run_jobs(world)
    assert {body["repo"]["url"]["web"] for _, body in receiver.seen} == {f"{origin}/alice/m"}
