"""Use cases on webhooks: create, change, delete, list and show deliveries, send one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts
from entrepot.catalog.community import notifications as notification_rows
from entrepot.catalog.repos import repositories
from entrepot.catalog.webhooks import deliveries, webhooks
from entrepot.catalog.webhooks.deliveries import Delivery as Delivery
from entrepot.catalog.webhooks.webhooks import WatchedSubject
from entrepot.catalog.webhooks.webhooks import WebhookRow as WebhookRow
from entrepot.errors import InvalidName, LimitExceeded, Malformed, NotAllowed, Refused, ThingNotFound
from entrepot.hub import access, audit, events, notifications, scopes
from entrepot.hub.callers import Caller, MaybeCaller, require_login, require_permission
from entrepot.hub.context import HubContext
from entrepot.hub.webhooks import outbound_http, requests
from entrepot.names import VERSIONED_TYPES, new_uid, parse_account, parse_repo_id

MAX_WEBHOOKS = 100
"""Maximum number of webhooks of one user."""

MAX_WATCHED = 100
_MAX_SECRET = 200
_REPO_KINDS = frozenset(kind.value for kind in VERSIONED_TYPES)

MAX_BODY = 16 << 10
"""How many bytes of the body of a delivery are shown."""

NO_REPO = 0
"""Stands for the row id of a repository in deliveries of test events."""


@attrs.frozen
class WebhookDraft:
    """The settings of a new webhook; ``watched``: pairs of kind and name, which need not exist."""

    url: str
    watched: Sequence[tuple[str, str]]
    domains: Sequence[str] = events.DOMAINS
    secret: str | None = attrs.field(default=None, repr=False)


@attrs.frozen
class DeliveryPage:
    """A page of deliveries, newest first; ``next``: value of ``before`` for the next page, or None."""

    items: Sequence[Delivery]
    next: int | None


@attrs.frozen
class SentDelivery:
    """A delivery with its request.

    Attributes:
        headers: without those that have the secret, or a signature made with it.
        body: the first :data:`MAX_BODY` bytes.
        size: bytes of the whole body.
        has_secret: whether the webhook has a secret now, so that the request has these headers.
    """

    delivery: Delivery
    headers: Mapping[str, str]
    body: str
    size: int
    has_secret: bool


@attrs.frozen
class WebhookChanges:
    """Changes to a webhook; None leaves a value as it is, and so does an empty ``watched``, which clients send then."""

    url: str | None = None
    watched: Sequence[tuple[str, str]] | None = None
    domains: Sequence[str] | None = None
    secret: str | None = attrs.field(default=None, repr=False)


def list_webhooks(hub: HubContext, caller: MaybeCaller) -> Sequence[WebhookRow]:
    """Return the caller's webhooks, oldest first; with their secrets only for tokens that may set these.

    There are at most :data:`MAX_WEBHOOKS`.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or lacks the permission.
    """
    known = _reader(caller)
    with hub.read() as tx:
        return [_as_shown(known, row) for row in webhooks.of_owner(tx, known.account.id)]


def last_results(hub: HubContext, caller: MaybeCaller, rows: Sequence[WebhookRow]) -> Mapping[int, Delivery]:
    """Return the last attempt of each of some webhooks of the caller, by the row id of the webhook, if it had any.

    A delivery that failed and will be repeated counts before later ones.

    Args:
        rows: what :func:`list_webhooks` has returned.

    Raises:
        LoginRequired, NotAllowed: as :func:`list_webhooks`.
    """
    known = _reader(caller)
    with hub.read() as tx:
        return deliveries.last_results(tx, [row.id for row in rows if row.owner_id == known.account.id])


def get(hub: HubContext, caller: MaybeCaller, uid: str) -> WebhookRow:
    """Return one webhook of the caller; see :func:`list_webhooks`.

    Raises:
        LoginRequired, ThingNotFound: the caller is anonymous, or does not own it.
    """
    known = _reader(caller)
    with hub.read() as tx:
        return _as_shown(known, _own(tx, known, uid))


def create(hub: HubContext, caller: MaybeCaller, draft: WebhookDraft) -> WebhookRow:
    """Create a webhook. It receives events of private repositories only while its owner may see them.

    It watches names, whatever has them when something happens. Whether something has them now is
    not looked up, so the response reveals nothing private.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or the token may not write.
        InvalidName, Malformed: the URL, secret, a domain or a watched name cannot be used.
        LimitExceeded: the caller has 100 webhooks already.
    """
    owner = require_permission(caller, scopes.HOOKS_WRITE)
    _check(draft.url, draft.domains, draft.secret)
    watched = _watches(draft.watched)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        if len(webhooks.of_owner(tx, owner.account.id)) >= MAX_WEBHOOKS:
            raise LimitExceeded("the number of webhooks", MAX_WEBHOOKS, "delete one that is not needed")
        row = WebhookRow(
            0,
            new_uid(),
            owner.account.id,
            draft.url,
            draft.secret or None,
            tuple(draft.domains),
            False,
            hub.now_ms(),
            watched,
        )
        made = webhooks.add(tx, row)
        audit.record(hub, tx, owner, "webhook.create", f"webhook {made.uid}")
    return made


def update(hub: HubContext, caller: MaybeCaller, uid: str, changes: WebhookChanges) -> WebhookRow:
    """Change a webhook; its waiting deliveries continue if it was paused.

    Raises:
        as :func:`create`; ThingNotFound: the caller does not own it.
    """
    owner = require_permission(caller, scopes.HOOKS_WRITE)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        row = _own(tx, owner, uid)
        changed = attrs.evolve(
            row,
            url=changes.url if changes.url is not None else row.url,
            domains=tuple(changes.domains) if changes.domains is not None else row.domains,
            secret=(changes.secret or None) if changes.secret is not None else row.secret,
            watched=_watches(changes.watched) if changes.watched else row.watched,
        )
        _check(changed.url, changed.domains, changed.secret)
        webhooks.replace(tx, changed)
        audit.record(hub, tx, owner, "webhook.update", f"webhook {uid}")
        _deliver_waiting(hub, tx, changed)
    hub.job_added.set()
    return changed


def switch(hub: HubContext, caller: MaybeCaller, uid: str, *, is_disabled: bool) -> WebhookRow:
    """Disable or enable a webhook; its waiting deliveries continue when it is enabled.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: as :func:`update`.
    """
    owner = require_permission(caller, scopes.HOOKS_WRITE)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        row = attrs.evolve(_own(tx, owner, uid), is_disabled=is_disabled)
        webhooks.replace(tx, row)
        audit.record(hub, tx, owner, f"webhook.{'disable' if is_disabled else 'enable'}", f"webhook {uid}")
        _deliver_waiting(hub, tx, row)
    hub.job_added.set()
    return row


def _deliver_waiting(hub: HubContext, tx: Write, row: WebhookRow) -> None:
    """Let the waiting deliveries of a webhook that is enabled go on now, because its pause has ended."""
    for repo_id in () if row.is_disabled else deliveries.waiting(tx, row.id):
        events.schedule_delivery(tx, row.id, repo_id, hub.now_ms(), owner_id=row.owner_id)


def delete(hub: HubContext, caller: MaybeCaller, uid: str) -> None:
    """Delete a webhook and its delivery log.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: as :func:`update`.
    """
    owner = require_permission(caller, scopes.HOOKS_WRITE)
    with hub.write(Lock.hub(), Lock.audit(), by=caller) as tx:
        found = _own(tx, owner, uid)
        webhooks.remove(tx, found.id)
        notification_rows.remove_topic(tx, found.owner_id, notifications.webhook_topic(found.id))
        audit.record(hub, tx, owner, "webhook.delete", f"webhook {uid}")


def list_deliveries(
    hub: HubContext, caller: MaybeCaller, uid: str, *, before: int | None = None, limit: int = 50
) -> DeliveryPage:
    """Return a page of the deliveries of the last 30 days.

    Raises:
        LoginRequired, ThingNotFound: as :func:`get`.
    """
    known = _reader(caller)
    with hub.read() as tx:
        found = deliveries.of_webhook(tx, _own(tx, known, uid).id, before=before, limit=limit)
        items = [item for item in found if _may_know(tx, known, item)]
    return DeliveryPage(items, found[-1].id if len(found) == limit else None)


def get_delivery(hub: HubContext, caller: MaybeCaller, uid: str, delivery: str) -> SentDelivery:
    """Return a delivery with its request, as it would be sent now.

    That differs from what was sent only if the name of the hub (``base_url``) has changed since.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or lacks the permission.
        ThingNotFound: the caller does not own the webhook, or it has no such delivery that the caller may see now.
    """
    known = _reader(caller)
    with hub.read() as tx:
        row = _own(tx, known, uid)
        found = _delivery(tx, known, row, delivery)
    body = requests.body_of(hub.settings, row, found)
    headers, has_secret = requests.headers_of(row, found), bool(row.secret)
    return SentDelivery(found, headers, body[:MAX_BODY].decode("ascii"), len(body), has_secret)


def replay(hub: HubContext, caller: MaybeCaller, uid: str, delivery: str) -> WebhookRow:
    """Send the events of a delivery again, after those that are waiting already.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: as :func:`update`, or as :func:`get_delivery`.
    """
    owner = require_permission(caller, scopes.HOOKS_WRITE)
    with hub.write(Lock.hub(), by=caller) as tx:
        row = _own(tx, owner, uid)
        found = _delivery(tx, owner, row, delivery)
        deliveries.repeat(tx, found.id, hub.now_ms())
        events.schedule_delivery(tx, row.id, found.repo_id, hub.now_ms(), owner_id=row.owner_id)
    hub.job_added.set()
    return row


def _reader(caller: MaybeCaller) -> Caller:
    known = require_login(caller)
    if not known.permits(scopes.HOOKS_READ, known.account.id):
        raise NotAllowed(f"This token lacks the permission '{scopes.HOOKS_READ}' for this")
    return known


def ping(hub: HubContext, caller: MaybeCaller, uid: str) -> WebhookRow:
    """Send a test event to a webhook, as all events are sent; the result is in the list of its deliveries.

    The event has the form of a real one, about a repository that does not exist, and says ``"test": true``.

    Raises:
        LoginRequired, NotAllowed, ThingNotFound: as :func:`update`.
        Refused: the webhook is disabled, or a test event waits already.
    """
    owner = require_permission(caller, scopes.HOOKS_WRITE)
    with hub.write(Lock.hub(), by=caller) as tx:
        row = _own(tx, owner, uid)
        if row.is_disabled:
            raise Refused("the webhook is disabled: enable it first")
        if deliveries.first(tx, row.id, NO_REPO) is not None:
            raise Refused("a test event waits for this webhook already: see its deliveries")
        now = hub.now_ms()
        event = deliveries.add_event(tx, NO_REPO, row.owner_id, "repo", _test_payload(owner), now)
        deliveries.add(tx, row.id, event, NO_REPO, now)
        events.schedule_delivery(tx, row.id, NO_REPO, now, owner_id=row.owner_id)
    hub.job_added.set()
    return row


def _test_payload(owner: Caller) -> dict[str, object]:
    name = f"{owner.account.name}/webhook-test"
    repo = {
        "type": "model",
        "name": name,
        "id": "0" * 24,
        "private": False,
        "url": {"web": f"/{name}", "api": f"/api/models/{name}"},
        "owner": {"id": owner.account.uid},
    }
    return {"event": {"action": "update", "scope": "repo"}, "repo": repo, "test": True}


def _as_shown(caller: Caller, row: WebhookRow) -> WebhookRow:
    """Return a webhook without its secret if the token may not set it: the secret lets its holder forge payloads."""
    may_set = (caller.may_write or caller.limits is not None) and caller.permits(scopes.HOOKS_WRITE, caller.account.id)
    return row if may_set else attrs.evolve(row, secret=None)


def _own(tx: Read, caller: Caller, uid: str) -> WebhookRow:
    row = webhooks.find(tx, uid)
    if row is None or row.owner_id != caller.account.id:
        raise ThingNotFound("webhook", uid)
    return row


def _delivery(tx: Read, caller: Caller, webhook: WebhookRow, uid: str) -> Delivery:
    found = deliveries.find(tx, webhook.id, uid)
    if found is None or not _may_know(tx, caller, found):
        raise ThingNotFound("delivery", uid)
    return found


def _may_know(tx: Read, caller: Caller, delivery: Delivery) -> bool:
    row = repositories.by_id(tx, delivery.repo_id)
    if row is not None:
        return access.may_see(tx, caller, row)
    return not delivery.payload["repo"]["private"] or _sees_private(tx, caller, delivery)


def _sees_private(tx: Read, caller: Caller, delivery: Delivery) -> bool:
    """Return whether a role at the place of a deleted repository shows what was private there."""
    place = accounts.by_ids(tx, [delivery.namespace_id]).get(delivery.namespace_id)
    return place is not None and caller.role_in(place.owner_id) is not None


def _check(url: str, domains: Sequence[str], secret: str | None) -> None:
    outbound_http.parse_target(url)
    unknown = [word for word in domains if word not in events.DOMAINS]
    if unknown or not domains:
        raise Malformed("setting 'domains'", f"expected some of {', '.join(events.DOMAINS)}")
    if secret and (len(secret) > _MAX_SECRET or not secret.isascii() or not secret.isprintable()):
        raise InvalidName("secret", "…", "expected at most 200 printable ASCII characters")


def _watches(wanted: Sequence[tuple[str, str]]) -> tuple[WatchedSubject, ...]:
    if not wanted or len(wanted) > MAX_WATCHED:
        raise Malformed("setting 'watched'", f"name 1 to {MAX_WATCHED} users, organisations or repositories")
    found: dict[tuple[str, str], WatchedSubject] = {}
    for kind, name in wanted:
        watch = _watch(kind, name)
        found.setdefault(watch.key, watch)
    return tuple(found.values())


def _watch(kind: str, name: str) -> WatchedSubject:
    if kind in _REPO_KINDS:
        return WatchedSubject(kind, str(parse_repo_id(name)))
    if kind not in ("user", "org"):
        raise Malformed("setting 'watched'", f"{kind!r} is not a kind; expected user, org, model, dataset or space")
    return WatchedSubject(kind, parse_account(name))
