"""Webhooks of the caller. Source: docs/protocols/hf_api.md, section 1B.5."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from entrepot.client.calls import JSON, Call, Response, json_body, nothing, segment, without_nulls


class Watched(msgspec.Struct, frozen=True):
    """What a webhook watches; ``type`` is user, org, model, dataset or space."""

    type: str
    name: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook; None: the hub does not say it."""

    id: str
    watched: list[Watched]
    domains: list[str]
    disabled: bool = False
    url: str | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.id!r}, url={self.url!r})"


class _One(msgspec.Struct, frozen=True):
    webhook: Webhook


_ROOT = "/api/settings/webhooks"
_ONE = without_nulls(_One)


def listing() -> Call[list[Webhook]]:
    """All webhooks of the caller."""
    return Call("GET", _ROOT, without_nulls(list[Webhook]), subject="webhooks")


def get(uid: str) -> Call[Webhook]:
    """One webhook."""
    return Call("GET", _path(uid), _read, subject=_subject(uid))


def create(
    url: str, watched: Iterable[Watched], *, domains: Iterable[str] | None = None, secret: str | None = None
) -> Call[Webhook]:
    """Have news posted to a URL; ``domains`` are ``repo`` and ``discussion``, None leaves them to the hub."""
    return Call(
        "POST",
        _ROOT,
        _read,
        body=_body(url=url, watched=list(watched), domains=_listed(domains), secret=secret),
        media_type=JSON,
        subject="webhook",
    )


def change(
    uid: str,
    *,
    url: str | None = None,
    watched: Iterable[Watched] | None = None,
    domains: Iterable[str] | None = None,
    secret: str | None = None,
) -> Call[Webhook]:
    """Change a webhook; None leaves what it is about."""
    return Call(
        "POST",
        _path(uid),
        _read,
        body=_body(url=url, watched=_listed(watched), domains=_listed(domains), secret=secret),
        media_type=JSON,
        subject=_subject(uid),
        is_repeatable=True,
    )


def enable(uid: str) -> Call[Webhook]:
    """Let a webhook hear again."""
    return Call("POST", _path(uid, "enable"), _read, subject=_subject(uid), is_repeatable=True)


def disable(uid: str) -> Call[Webhook]:
    """Let a webhook rest."""
    return Call("POST", _path(uid, "disable"), _read, subject=_subject(uid), is_repeatable=True)


def delete(uid: str) -> Call[None]:
    """Remove a webhook."""
    return Call("DELETE", _path(uid), nothing, subject=_subject(uid))


def _path(uid: str, *rest: str) -> str:
    return "/".join((_ROOT, segment(uid), *rest))


def _subject(uid: str) -> str:
    return f"webhook {uid}"


def _body(**values: object) -> bytes:
    return json_body({key: value for key, value in values.items() if value is not None})


def _listed(values: Iterable[object] | None) -> list[object] | None:
    return list(values) if values is not None else None


def _read(answer: Response) -> Webhook:
    return _ONE(answer).webhook
