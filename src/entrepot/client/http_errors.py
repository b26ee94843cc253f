"""The errors that failed requests to a hub raise.

An error response of a hub becomes an instance of both :class:`HubFailure` and
the class of ``entrepot.errors`` for its status and code (``wire/errors.py``);
either ``except`` clause catches it. No message holds a token or the query of a
URL, which holds the secret of a signed link.
"""

from __future__ import annotations

import email.utils
import re
import time
import types
import urllib.parse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from entrepot import errors
from entrepot.client.calls import Call, Response, without_query
from entrepot.errors import EntrepotError, HubTimeout, HubUnreachable, TlsFailed, shown
from entrepot.errors.redactions import redact
from entrepot.wire.errors import NO_ROUTE, class_of

if TYPE_CHECKING:
    import httpx2

_SKEW_S = 60
_LOGIN = "log in with 'entrepot login', or set ENTREPOT_TOKEN"
_REPO = re.compile(r"(?:(?:model|dataset|space) \S+/\S+(?: or )?)+$")
_MAX_TEXT = 1000
_SECRET = re.compile(r"\b(?:hf|ep)_[A-Za-z0-9_-]{8,}")
_DISABLED = errors.RepoDisabled().message
_INVALID_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - a sentence of the protocol, not a password


@attrs.frozen
class ErrorResponse:
    """The response behind an error, with the attribute names of HTTP libraries; ``url`` is without its query."""

    status_code: int
    headers: Mapping[str, str]
    url: str
    content: bytes = attrs.field(repr=False)

    @property
    def text(self) -> str:
        """The body decoded as UTF-8; invalid bytes are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - JSON may hold any type
        """Decode the body as JSON.

        Raises:
            ValueError: the body is not valid JSON.
        """
        return msgspec.json.decode(self.content)


class HubFailure(EntrepotError):
    """An error response of a hub; ``message`` is the hub's sentence, with a remedy if one is known.

    ``url`` is without its query; ``request_id`` identifies the request for the
    operator of the hub; ``document`` is the JSON object of the body, empty if
    the body is not one.
    """

    status: int = 0
    code: str | None = None
    said: str = ""
    url: str = ""
    request_id: str | None = None
    document: Mapping[str, Any]
    response: ErrorResponse

    @property
    def message(self) -> str:
        """One sentence for people: what the hub refused and, if known, the remedy."""
        return self.said

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self.status

    @property
    def server_message(self) -> str:
        """The message of the hub, without the additions of this module."""
        return redact(str(self.document.get("error") or self.said))

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle finds the class of ``entrepot.errors`` by its name, but not the class derived from it below.
        return _restored, (_kind_of(self), self.args, self.__dict__)


_Arguments = Callable[[Response, str], tuple[object, ...]]


def _none(_answer: Response, _subject: str) -> tuple[object, ...]:
    return ()


_ARGUMENTS: dict[type[EntrepotError], _Arguments] = {
    errors.RepoNotFound: lambda answer, subject: (answer.status == 401,),
    errors.RevisionNotFound: lambda answer, subject: (subject,),
    errors.EntryNotFound: lambda answer, subject: (subject, answer.headers.get("x-repo-commit")),
    errors.GatedRepo: lambda answer, subject: (subject, "repository", answer.status == 401),
    errors.RepoDisabled: _none,
    errors.RepoMoved: lambda answer, subject: (subject, answer.headers.get("location", "")),
    errors.InvalidPath: lambda answer, subject: (subject, ""),
    errors.RangeNotSatisfiable: lambda answer, subject: (_total(answer),),
    errors.BranchMoved: lambda answer, subject: (subject,),
    errors.CommitCanceled: lambda answer, subject: ((),),
    errors.AmbiguousRevision: lambda answer, subject: (subject, ()),
    errors.AlreadyExists: lambda answer, subject: (said_in(answer, _document(answer)) or subject,),
    errors.AccountNotFound: lambda answer, subject: (subject,),
    errors.RepoArchived: lambda answer, subject: (said_in(answer, _document(answer)) or subject,),
    errors.GrantNotFound: lambda answer, subject: (subject, ""),
    errors.StoreFull: lambda answer, subject: ("",),
    errors.InvalidParameter: lambda answer, subject: (subject, ""),
    errors.UnsupportedDataset: lambda answer, subject: (subject, ""),
    errors.QueryRefused: lambda answer, subject: ("",),
    errors.ExtraNotInstalled: lambda answer, subject: ("preview",),
    errors.SplitNotFound: lambda answer, subject: ("split", subject, ()),
    errors.InvalidCredentials: _none,
    errors.Invalid: _none,
    errors.Unauthenticated: _none,
    errors.Forbidden: _none,
    errors.NotFound: _none,
    errors.Conflict: _none,
    errors.TooLarge: _none,
    errors.Unavailable: _none,
    errors.Damaged: _none,
}
"""The error classes that responses map to, each with a function that returns its arguments."""


def _also_failure(kind: type[EntrepotError]) -> Callable[..., HubFailure]:
    # The class has the name of its base class in ``entrepot.errors``, because tracebacks show it.
    content = {"__module__": __name__, "__doc__": kind.__doc__}
    return types.new_class(kind.__name__, (HubFailure, kind), exec_body=lambda space: space.update(content))


_FAILURES = {kind: _also_failure(kind) for kind in _ARGUMENTS}


def _kind_of(error: HubFailure) -> type[EntrepotError]:
    return next(kind for kind in type(error).__mro__ if kind in _FAILURES)


def _restored(kind: type[EntrepotError], arguments: tuple[object, ...], attributes: dict[str, Any]) -> HubFailure:
    error = _FAILURES[kind](*arguments)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def failure_of(answer: Response, call: Call[Any], endpoint: str, *, has_token: bool) -> HubFailure:
    """Return the error for a response with a status of 300 or above.

    Args:
        has_token: whether the request had a token, which changes the remedy.
    """
    document = _document(answer)
    code = answer.headers.get("x-error-code")
    text = said_in(answer, document)
    kind = class_of(answer.status, code)
    if answer.status == 401 and _INVALID_TOKEN in text:
        kind = errors.InvalidCredentials
    elif answer.status == 403 and text == _DISABLED:
        kind = errors.RepoDisabled
    elif kind not in _FAILURES:
        kind = errors.Unavailable
    error = _FAILURES[kind](*_ARGUMENTS[kind](answer, call.subject))
    error.status, error.code, error.document = answer.status, code, document
    error.url = without_query(answer.url)
    error.response = ErrorResponse(answer.status, answer.headers, error.url, answer.body)
    error.request_id = answer.headers.get("x-request-id")
    error.said = redact(_message(error, answer, text, call, endpoint, has_token=has_token))
    if _is_signed(answer, call, endpoint):
        error.said += _clock_hint(answer)
    return error


def unreachable(error: httpx2.TransportError | httpx2.InvalidURL, endpoint: str, timeout_s: float) -> EntrepotError:
    """Return the error for a failed connection."""
    import ssl

    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return HubTimeout(endpoint, max(1, round(timeout_s)))
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return TlsFailed(
                endpoint, getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or str(cause)
            )
        cause = cause.__cause__ or cause.__context__
    return HubUnreachable(endpoint, str(error) or type(error).__name__)


def said_in(answer: Response, document: Mapping[str, Any]) -> str:
    """Return the message of an error response, from its body or else its headers; ``""`` if it has none."""
    found = document.get("error_description") or document.get("error") or document.get("message")
    if not found and isinstance(document.get("errors"), list):
        found = [item.get("message", "") if isinstance(item, dict) else item for item in document["errors"]]
    if isinstance(found, list):
        found = "; ".join(str(item) for item in found)
    if not found and answer.headers.get("content-type", "").startswith("text/plain"):
        found = answer.body[:_MAX_TEXT].decode("utf-8", "replace")
    text = str(found or answer.headers.get("x-error-message", ""))
    return _SECRET.sub("***", " ".join(text.split()))[:_MAX_TEXT]


def _message(error: HubFailure, answer: Response, text: str, call: Call[Any], endpoint: str, *, has_token: bool) -> str:
    """Return what an error says to the user: what failed, and what to do about it; ``text`` is what the hub said."""
    subject = shown(call.subject, quote=False) or f"{call.method} {error.url}"
    match _kind_of(error):
        case errors.RepoMoved:
            place = without_query(answer.headers.get("location", "another place"))
            return f"{subject} has moved to {place}: use its new name"
        case errors.InvalidCredentials:
            return (
                f"the token is not valid at {endpoint} (unknown, expired or revoked): "
                "log in again with 'entrepot login', or check ENTREPOT_TOKEN or HF_TOKEN, which precede the login"
            )
        case errors.RepoDisabled:
            return f"an administrator of {endpoint} has disabled {subject}: ask them why, or to enable it again"
        case errors.RepoNotFound:
            login = "use a token that may see it" if has_token else _LOGIN
            repo = _REPO.search(subject)
            return (
                f"{repo[0] if repo else subject} was not found on {endpoint}: check the name and the type (repo_type); "
                f"if it is private, {login}"
            )
        case errors.Unauthenticated:
            return f"{subject} needs a login at {endpoint}: {text if has_token and text else _LOGIN}"
        case errors.EntryNotFound | errors.RevisionNotFound if text:
            return f"{subject}: {text}"
        case errors.NotFound if text in ("", "Not Found") or text.startswith(NO_ROUTE):
            path = urllib.parse.urlsplit(error.url).path
            return f"{endpoint} does not offer {call.method} {path}: check that it is a hub, and its version"
        case errors.Forbidden if _is_signed(answer, call, endpoint):
            return text or f"the link to {subject} was refused"
        case errors.Forbidden:
            cure = "" if ":" in text or ";" in text else "; use a token that has this right, or ask an owner for it"
            return f"{text or f'the token may not do this to {subject}'}{cure}"
        case errors.Unavailable | errors.Damaged:
            number = f" (request {error.request_id})" if error.request_id else ""
            reason = text or "it does not say why"
            return f"the hub at {endpoint} failed with {error.status}: {reason}{number}; try again later"
    return text or f"the hub at {endpoint} refused {subject} with status {error.status}"


def _is_signed(answer: Response, call: Call[Any], endpoint: str) -> bool:
    """Return whether the URL held the authorisation: no token was sent, or a redirect led to another origin."""
    home, asked = urllib.parse.urlsplit(endpoint), urllib.parse.urlsplit(answer.url)
    return not call.is_authorized or (asked.scheme, asked.netloc) != (home.scheme, home.netloc)


def _clock_hint(answer: Response) -> str:
    """Return a hint if a refused signed link may have expired only because this computer's clock is wrong."""
    date = answer.headers.get("date")
    if answer.status not in (401, 403) or not date:
        return ""
    try:
        skew = time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        return ""
    if abs(skew) <= _SKEW_S:
        return ""
    direction = "ahead of" if skew > 0 else "behind"
    return f"; this computer's clock is {abs(skew):.0f} s {direction} the hub's: set it right and try again"


def _document(answer: Response) -> dict[str, Any]:
    if answer.body.lstrip()[:1] != b"{":
        return {}
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


def _total(answer: Response) -> int:
    total = answer.headers.get("content-range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else 0
