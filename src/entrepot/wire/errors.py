"""The error table: the HTTP status and ``X-Error-Code`` of each error class.

The server uses it to send an error, the client to raise the same class again.
A row covers its class and every subclass without a row of its own.

Source: docs/protocols/hf_api.md, section 0.2.
"""

from __future__ import annotations

import attrs

from entrepot import errors
from entrepot.errors import EntrepotError

NO_ROUTE = "nothing is served at this path"
"""How the message begins for a path that no route matches; the client tells it from a thing that was not found."""


@attrs.frozen
class ErrorStatus:
    """The representation of an error in HTTP: the status and ``X-Error-Code`` (None: the header is absent)."""

    status: int
    code: str | None = None


@attrs.frozen
class Row:
    """One row of the table; ``anonymous`` rows apply to requests without authentication."""

    error: type[EntrepotError]
    answer: ErrorStatus
    anonymous: bool = False


TABLE: tuple[Row, ...] = (
    # The codes that clients map to dedicated classes.
    Row(errors.RepoNotFound, ErrorStatus(404, "RepoNotFound")),
    Row(errors.RepoNotFound, ErrorStatus(401, "RepoNotFound"), anonymous=True),
    Row(errors.RevisionNotFound, ErrorStatus(404, "RevisionNotFound")),
    Row(errors.EntryNotFound, ErrorStatus(404, "EntryNotFound")),
    Row(errors.GatedRepo, ErrorStatus(403, "GatedRepo")),
    Row(errors.GatedRepo, ErrorStatus(401, "GatedRepo"), anonymous=True),
    # Subclasses whose status differs from that of their base class.
    Row(errors.RepoMoved, ErrorStatus(307)),
    Row(errors.InvalidPath, ErrorStatus(422)),
    Row(errors.RangeNotSatisfiable, ErrorStatus(416)),
    Row(errors.BranchMoved, ErrorStatus(412)),
    Row(errors.CommitCanceled, ErrorStatus(409, "CommitCanceled")),
    Row(errors.AmbiguousRevision, ErrorStatus(409, "AmbiguousRevision")),
    # So that clients need not read the message.
    Row(errors.AlreadyExists, ErrorStatus(409, "AlreadyExists")),
    Row(errors.AccountNotFound, ErrorStatus(404, "AccountNotFound")),
    Row(errors.RepoArchived, ErrorStatus(403, "RepoArchived")),
    Row(errors.GrantNotFound, ErrorStatus(404, "GrantNotFound")),
    # Of the dataset viewer.
    Row(errors.InvalidParameter, ErrorStatus(422, "InvalidParameter")),
    Row(errors.UnsupportedDataset, ErrorStatus(422, "NotSupportedError")),
    Row(errors.QueryRefused, ErrorStatus(422, "QueryRefused")),
    Row(errors.ExtraNotInstalled, ErrorStatus(501, "ExtraNotInstalled")),
    Row(errors.SplitNotFound, ErrorStatus(404, "ResponseNotFound")),
    Row(errors.StoreFull, ErrorStatus(507)),
    Row(errors.ClientGone, ErrorStatus(499)),
    Row(errors.BodyTooSlow, ErrorStatus(408)),
    # Base classes.
    Row(errors.Invalid, ErrorStatus(400)),
    Row(errors.Unauthenticated, ErrorStatus(401)),
    Row(errors.Forbidden, ErrorStatus(403)),
    Row(errors.NotFound, ErrorStatus(404)),
    Row(errors.Conflict, ErrorStatus(409)),
    Row(errors.TooLarge, ErrorStatus(413)),
    Row(errors.Unavailable, ErrorStatus(503)),
    Row(errors.Damaged, ErrorStatus(500)),
    Row(EntrepotError, ErrorStatus(500)),
)

_BY_CLASS = {(row.error, row.anonymous): row.answer for row in TABLE}
_BY_CODE = {row.answer.code: row.error for row in TABLE if row.answer.code}
_BY_STATUS = {row.answer.status: row.error for row in reversed(TABLE) if not row.answer.code} | {
    row.answer.status: row.error
    for row in TABLE
    if row.error in EntrepotError.__subclasses__()  # a base class takes precedence over its subclasses
}


def answer_of(error: EntrepotError) -> ErrorStatus:
    """Return the status and code with which an error is sent."""
    anonymous = bool(getattr(error, "anonymous", False))
    for ancestor in type(error).__mro__:
        for key in ((ancestor, anonymous), (ancestor, False)):
            if key in _BY_CLASS:
                return _BY_CLASS[key]
    raise AssertionError("the root of the error tree has a row")


def lasting_status(error: EntrepotError) -> int | None:
    """Return the status of a server's failure that lasts until someone acts, for clients that repeat every 5xx.

    None: repeating the request may help, or the error has a 4xx.

    Source: docs/protocols/xet.md, section 7.9.
    """
    if isinstance(error, errors.StoreFull):
        return 413
    return 409 if isinstance(error, errors.Damaged) else None


def class_of(status: int, code: str | None) -> type[EntrepotError]:
    """Return the most specific error class for this status and code.

    A known code determines the class; otherwise the status does. A status selects
    a subclass only if no base class has the same status. An unknown 4xx is
    :class:`Invalid`, an unknown 5xx is :class:`Unavailable`.
    """
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return errors.Invalid if status < 500 else errors.Unavailable
