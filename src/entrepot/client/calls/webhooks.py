"""Calls about the caller's webhooks. Source: docs/protocols/hf_api.md, section 1B.5."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.client.calls import JSON, Call, Response, nothing, segment, sparse_body, without_nulls
from entrepot.wire.webhooks import WatchedSubject, WebhookInfo, WebhookRequest, WebhookResponse

_ROOT = "/api/settings/webhooks"
_ONE = without_nulls(WebhookResponse)


def listing() -> Call[list[WebhookInfo]]:
    """Build the call that lists all webhooks of the caller."""
    return Call("GET", _ROOT, without_nulls(list[WebhookInfo]), subject="webhooks")


def get(uid: str) -> Call[WebhookInfo]:
    """Build the call that returns one webhook."""
    return Call("GET", _path(uid), _read, subject=_subject(uid))


def create(
    url: str, watched: Iterable[WatchedSubject], *, domains: Iterable[str] | None = None, secret: str | None = None
) -> Call[WebhookInfo]:
    """Build the call that creates a webhook; ``domains`` are ``repo`` and ``discussion`` (None: the hub decides)."""
    return Call(
        "POST",
        _ROOT,
        _read,
        body=_body(url, watched, domains, secret),
        media_type=JSON,
        subject="webhook",
    )


def change(
    uid: str,
    *,
    url: str | None = None,
    watched: Iterable[WatchedSubject] | None = None,
    domains: Iterable[str] | None = None,
    secret: str | None = None,
) -> Call[WebhookInfo]:
    """Build the call that changes a webhook; None leaves a field unchanged."""
    return Call(
        "POST",
        _path(uid),
        _read,
        body=_body(url, watched, domains, secret),
        media_type=JSON,
        subject=_subject(uid),
        is_repeatable=True,
    )


def enable(uid: str) -> Call[WebhookInfo]:
    """Build the call that enables a webhook."""
    return Call("POST", _path(uid, "enable"), _read, subject=_subject(uid), is_repeatable=True)


def disable(uid: str) -> Call[WebhookInfo]:
    """Build the call that disables a webhook."""
    return Call("POST", _path(uid, "disable"), _read, subject=_subject(uid), is_repeatable=True)


def delete(uid: str) -> Call[None]:
    """Build the call that deletes a webhook."""
    return Call("DELETE", _path(uid), nothing, subject=_subject(uid))


def _path(uid: str, *rest: str) -> str:
    return "/".join((_ROOT, segment(uid), *rest))


def _subject(uid: str) -> str:
    return f"webhook {uid}"


def _body(
    url: str | None, watched: Iterable[WatchedSubject] | None, domains: Iterable[str] | None, secret: str | None
) -> bytes:
    return sparse_body(
        WebhookRequest(
            url=url,
            watched=None if watched is None else list(watched),
            domains=None if domains is None else list(domains),
            secret=secret,
        )
    )


def _read(answer: Response) -> WebhookInfo:
    return _ONE(answer).webhook
