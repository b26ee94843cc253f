"""The one error table: which error travels as which status and ``X-Error-Code``.

Both wings use it: the server to send an error, the client to raise the same
class again. Rows are read from the top: a row stands for its class and every
class below it that has no row of its own.

Source: docs/protocols/hf_api.md, section 0.2.
"""

from __future__ import annotations

import attrs

from entrepot import errors
from entrepot.errors import EntrepotError


@attrs.frozen
class ErrorStatus:
    """How one error looks on the wire: HTTP status and ``X-Error-Code`` (None: the header is absent)."""

    status: int
    code: str | None = None


@attrs.frozen
class Row:
    """One line of the table: ``anonymous`` rows hold when nobody was logged in."""

    error: type[EntrepotError]
    answer: ErrorStatus
    anonymous: bool = False


TABLE: tuple[Row, ...] = (
    # The codes that clients turn into classes of their own.
    Row(errors.RepoNotFound, ErrorStatus(404, "RepoNotFound")),
    Row(errors.RepoNotFound, ErrorStatus(401, "RepoNotFound"), anonymous=True),
    Row(errors.RevisionNotFound, ErrorStatus(404, "RevisionNotFound")),
    Row(errors.EntryNotFound, ErrorStatus(404, "EntryNotFound")),
    Row(errors.GatedRepo, ErrorStatus(403, "GatedRepo")),
    Row(errors.GatedRepo, ErrorStatus(401, "GatedRepo"), anonymous=True),
    # Leaves whose status is not that of their family.
    Row(errors.RepoMoved, ErrorStatus(307)),
    Row(errors.InvalidPath, ErrorStatus(422)),
    Row(errors.RangeNotSatisfiable, ErrorStatus(416)),
    Row(errors.BranchMoved, ErrorStatus(412)),
    Row(errors.StoreFull, ErrorStatus(507)),
    Row(errors.ClientGone, ErrorStatus(499)),
    Row(errors.BodyTooSlow, ErrorStatus(408)),
    # Families.
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
    if row.error in EntrepotError.__subclasses__()  # a family wins over its leaves
}


def answer_of(error: EntrepotError) -> ErrorStatus:
    """The status and code an error travels as."""
    anonymous = bool(getattr(error, "anonymous", False))
    for ancestor in type(error).__mro__:
        for key in ((ancestor, anonymous), (ancestor, False)):
            if key in _BY_CLASS:
                return _BY_CLASS[key]
    raise AssertionError("the root of the error tree has a row")


def status_of(error: EntrepotError) -> int:
    """The HTTP status an error travels as."""
    return answer_of(error).status


def class_of(status: int, code: str | None) -> type[EntrepotError]:
    """The most specific class that travels as this status and code.

    The code decides when it is known; otherwise the status, which names a leaf
    only where the leaf has a status of its own, and a family elsewhere. An
    unknown 4xx is :class:`Invalid`, an unknown 5xx is :class:`Unavailable`.
    """
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return errors.Invalid if status < 500 else errors.Unavailable
