"""Deliver events to webhooks: at least once each, in order for each webhook and repository.

A failed delivery is retried after growing pauses, and later events of the same
repository wait behind it, so a receiver that was unreachable gets all of them in
order once it is back. After the setting ``webhook_patience_s`` the delivery is
abandoned and the next one is tried.

After three consecutive failures of a webhook, or of its host for one owner of
webhooks, the server pauses all deliveries to that webhook, or of that owner to
the host, for growing intervals. After a pause, a single delivery probes the
receiver: if it succeeds, the others follow. A host that answers some may be
silent to the addresses that one owner chose, so this pauses nobody else's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import JobArgs
from entrepot.catalog.lists import BATCH
from entrepot.catalog.repos import repositories
from entrepot.catalog.webhooks import deliveries, webhooks
from entrepot.catalog.webhooks.deliveries import Delivery
from entrepot.catalog.webhooks.webhooks import WebhookRow
from entrepot.hub import events, notifications, public_addresses
from entrepot.hub.callers import is_active
from entrepot.hub.context import HubContext
from entrepot.hub.webhooks import outbound_http, requests
from entrepot.hub.webhooks.outbound_http import PostResult, PostTarget
from entrepot.names import RepoType

SENDING_MS = 20_000
"""How long a delivery may take before its sender counts as dead."""

_DAY_MS = 86_400_000

KEPT_MS = 30 * _DAY_MS
"""How long the log of deliveries is kept."""

_IN_ONE_TURN = 50
_SLICE_S = 5.0
_FIRST_PAUSE_MS = 5_000
_LONGEST_PAUSE_MS = 3_600_000
_LONGEST_HOST_PAUSE_MS = 600_000
_FAILURES_TO_PAUSE = 3
_BUSY_HOST_MS = 2_000


@attrs.frozen
class _Taken:
    """A delivery that is being sent, its target, and the keys under which failures are counted."""

    webhook: WebhookRow
    delivery: Delivery
    target: PostTarget

    @property
    def webhook_key(self) -> str:
        """Key for counting failures of the webhook."""
        return f"webhook:{self.webhook.id}"

    @property
    def host_key(self) -> str:
        """Key for counting failures of the host for the owner of the webhook."""
        return _host_key(self.webhook, self.target)


def deliver(hub: HubContext, args: JobArgs) -> None:
    """Deliver a webhook's waiting events about a repository, until none is left or a delivery fails.

    Also ends after a few seconds and enqueues the rest, so that other webhooks are served.
    """
    webhook_id, repo_id = args["webhook"], args["repo"]
    ends = time.monotonic() + _SLICE_S
    for number in range(_IN_ONE_TURN):
        taken = _take(hub, webhook_id, repo_id)
        if taken is None:
            return
        try:
            posted = _send(hub, taken)
        finally:
            hub.sending.release(_host_of(taken.target))
        if not _conclude(hub, taken, posted):
            return
        if time.monotonic() > ends or number == _IN_ONE_TURN - 1:
            with hub.write(Lock.nothing()) as tx:
                events.schedule_delivery(tx, webhook_id, repo_id, hub.now_ms(), owner_id=taken.webhook.owner_id)
            return


def forget_old(hub: HubContext, _args: JobArgs) -> Iterator[None]:
    """Delete old entries of the delivery log, some hundred in each step, and schedule the next run for tomorrow."""
    before_ms, gone = hub.now_ms() - KEPT_MS, BATCH
    while gone == BATCH:
        with hub.write(Lock.hub()) as tx:
            gone = deliveries.forget(tx, before_ms, BATCH)
        yield
    last: int | None = 0
    while last is not None:
        with hub.write(Lock.hub()) as tx:
            last = deliveries.forget_events(tx, before_ms, last, BATCH)
        yield
    with hub.write(Lock.hub()) as tx:
        deliveries.forget_pauses(tx, hub.now_ms() - _DAY_MS)
    plan_forgetting(hub)


def plan_forgetting(hub: HubContext) -> None:
    """Schedule the clean-up of the delivery log for tomorrow."""
    with hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "forget-deliveries", {}, hub.now_ms(), dedup_key="forget-deliveries", delay_ms=_DAY_MS)


def _take(hub: HubContext, webhook_id: int, repo_id: int) -> _Taken | None:
    """Return the next delivery, marked as being sent, with a slot of its host; None if there is none now."""
    now, slot = hub.now_ms(), ""
    try:
        with hub.read() as reading:
            found = webhooks.by_id(reading, webhook_id)
        if found is None:
            return None
        with hub.write(*_locks(found, repo_id)) as tx:
            webhook, delivery = webhooks.by_id(tx, webhook_id), deliveries.first(tx, webhook_id, repo_id)
            if webhook is None or delivery is None or webhook.is_disabled:
                return None
            taken = _Taken(webhook, delivery, outbound_http.parse_target(webhook.url))
            until = max(delivery.next_ms, _paused_until(tx, taken))
            if until <= now:
                if not _is_visible(tx, taken):
                    said = "the webhook's owner no longer sees this"
                    deliveries.conclude(tx, delivery.id, "failed", None, said, now)
                    until = now
                elif hub.sending.take(_host_of(taken.target)):
                    slot = _host_of(taken.target)
                    _begin_probe(tx, taken, now)
                    deliveries.take(tx, delivery.id, now + SENDING_MS)
                    return taken
                else:
                    until = now + _BUSY_HOST_MS
            # It is not due yet, or another worker is sending it: check again then.
            events.schedule_delivery(tx, webhook_id, repo_id, now, owner_id=webhook.owner_id, delay_ms=until - now)
            return None
    except BaseException:
        if slot:
            hub.sending.release(slot)
        raise


def _locks(webhook: WebhookRow, repo_id: int) -> tuple[Lock, ...]:
    """Return the locks of a webhook's deliveries about a repository, and of what is known of their receiver."""
    host_key = _host_key(webhook, outbound_http.parse_target(webhook.url))
    return (Lock.job(f"deliver:{webhook.id}:{repo_id}"), Lock.job(f"webhook:{webhook.id}"), Lock.job(host_key))


def _is_visible(tx: Read, taken: _Taken) -> bool:
    """Return whether the owner of the webhook sees the repository of the delivery, where it is now."""
    delivery, owner_id = taken.delivery, taken.webhook.owner_id
    row = repositories.by_id(tx, delivery.repo_id)
    is_private = row.is_private if row is not None else bool(delivery.payload["repo"]["private"])
    if not is_private:
        return is_active(tx, owner_id)
    namespace_id = row.namespace_id if row is not None else delivery.namespace_id
    return webhooks.is_insider(tx, owner_id, namespace_id, RepoType(delivery.payload["repo"]["type"]))


def _send(hub: HubContext, taken: _Taken) -> PostResult:
    body = requests.body_of(hub.settings, taken.webhook, taken.delivery)
    headers, proofs = requests.headers_of(taken.webhook, taken.delivery), requests.proofs_of(taken.webhook, body)
    return outbound_http.post(
        taken.target,
        body,
        {**headers, **proofs},
        reaches_private=hub.settings.webhook_private_targets,
        hidden=requests.spellings(proofs),
    )


def _conclude(hub: HubContext, taken: _Taken, posted: PostResult) -> bool:
    """Store the result of a delivery; return whether the next one may follow immediately."""
    delivery, now = taken.delivery, hub.now_ms()
    attempts = delivery.attempts + 1
    answer = posted.answer
    with hub.write(*_locks(taken.webhook, delivery.repo_id)) as tx:
        if posted.is_welcome:
            deliveries.end_pauses(tx, [taken.webhook_key, taken.host_key])
            deliveries.conclude(tx, delivery.id, "done", posted.status, answer, now)
            return True
        is_given_up = now - delivery.created_ms >= hub.settings.webhook_patience_s * 1000
        _count_failure(tx, taken.webhook_key, now, _LONGEST_PAUSE_MS, pauses=not is_given_up)
        if posted.status is None:
            _count_failure(tx, taken.host_key, now, _LONGEST_HOST_PAUSE_MS, pauses=not is_given_up)
        else:
            deliveries.end_pauses(tx, [taken.host_key])
        if is_given_up:
            deliveries.conclude(tx, delivery.id, "failed", posted.status, answer, now)
            _notify_owner(hub, tx, taken)
            return True
        pause = _pause_after(attempts, _LONGEST_PAUSE_MS)
        deliveries.conclude(tx, delivery.id, "pending", posted.status, answer, now + pause)
        events.schedule_delivery(
            tx, delivery.webhook_id, delivery.repo_id, now, owner_id=taken.webhook.owner_id, delay_ms=pause
        )
    return False


def _notify_owner(hub: HubContext, tx: Write, taken: _Taken) -> None:
    """Tell the owner of a webhook that a delivery was given up; its address may be a secret, its host is not."""
    webhook = taken.webhook
    kind, topic = notifications.WEBHOOK, notifications.webhook_topic(webhook.id)
    data = {"host": taken.target.host, "webhook": webhook.uid}
    notifications.notify(hub, tx, [webhook.owner_id], kind, topic, data=data)


def _pause_after(failures: int, longest_ms: int) -> int:
    growth: int = 3 ** min(failures - 1, 10)
    return min(_FIRST_PAUSE_MS * growth, longest_ms)


def _paused_until(tx: Read, taken: _Taken) -> int:
    """Return when the receiver may be tried again; 0 if it is not paused."""
    found = deliveries.pauses(tx, [taken.webhook_key, taken.host_key])
    return max((until for _failures, until in found.values()), default=0)


def _begin_probe(tx: Write, taken: _Taken, now_ms: int) -> None:
    """After a pause, let this delivery probe the receiver, and make the others wait for it."""
    for key, (failures, _until) in deliveries.pauses(tx, [taken.webhook_key, taken.host_key]).items():
        if failures >= _FAILURES_TO_PAUSE:
            deliveries.put_pause(tx, key, failures, now_ms + SENDING_MS)


def _count_failure(tx: Write, key: str, now_ms: int, longest_ms: int, *, pauses: bool) -> None:
    failures = deliveries.pauses(tx, [key]).get(key, (0, 0))[0] + 1
    is_paused = pauses and failures >= _FAILURES_TO_PAUSE
    deliveries.put_pause(tx, key, failures, now_ms + _pause_after(failures, longest_ms) if is_paused else now_ms)


def _host_key(webhook: WebhookRow, target: PostTarget) -> str:
    return f"host:{webhook.owner_id}:{_host_of(target)}"


def _host_of(target: PostTarget) -> str:
    return f"{public_addresses.canonical_host(target.host)}:{target.port}"
