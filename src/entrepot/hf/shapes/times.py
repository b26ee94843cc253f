"""Points in time as users get them."""

from __future__ import annotations

import datetime

from entrepot.errors import AnswerUnusable


def moment(text: str) -> datetime.datetime:
    """A time of the API as a datetime with its zone.

    Raises:
        AnswerUnusable: the hub sent something else.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise AnswerUnusable("the hub", f"{text!r} is no time") from error
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def moment_or_none(text: str | None) -> datetime.datetime | None:
    """The same where a time may be absent."""
    return moment(text) if text else None
