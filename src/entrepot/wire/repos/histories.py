"""JSON of commit histories. Source: docs/protocols/hf_api.md, sections 1A.4 and 1A.5."""

from __future__ import annotations

import msgspec


class LogAuthor(msgspec.Struct, frozen=True, kw_only=True):
    """The author of a commit; ``avatar`` is the URL of a picture, empty if there is none."""

    user: str
    avatar: str = ""


class FormattedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The message of a commit as HTML."""

    title: str
    message: str


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One commit; ``title`` is the first line of its message, ``message`` the rest.

    ``parents``, an extension of this hub, is present with ``expand[]=parents``.
    """

    id: str
    title: str
    message: str
    authors: list[LogAuthor]
    date: str
    formatted: FormattedMessage | None = None
    parents: list[str] | None = None


class SquashRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message of the commit that replaces a history."""

    message: str | None = None


class SquashResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The commit that replaced a history."""

    commit_id: str
