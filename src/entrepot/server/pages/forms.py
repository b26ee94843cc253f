"""Forms of pages: read after the check of their origin, and shown again with the error if they fail.

A form runs one use case. On success the browser goes to a page; on a mistake it gets
the page of the form again, with everything that was typed and a sentence that says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from entrepot.errors import (
    ConfirmationNeeded,
    Damaged,
    EntrepotError,
    LoginRequired,
    Malformed,
    NotAllowed,
    RepoMoved,
)
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.server import browser_sessions
from entrepot.server.bodies import read_pairs
from entrepot.server.error_responses import error_response
from entrepot.server.handlers import app_state, call_hub, call_hub_slow
from entrepot.server.pages.frames import HEADERS, WebPage, note_unread, page_response
from entrepot.server.public_urls import path_prefix

MAX_FORM = 1 << 20
"""Maximum size of a form in bytes, as browsers encode it."""

_MAX_FIELDS = 2_000

_SECRETS = frozenset(("password", "present", "wanted", "again", "code", "proof", "setup", "secret", "credential"))
"""Fields with passwords and the like: a form that has one of them is never shown again with what was typed."""


@attrs.frozen
class Form:
    """The fields of a form. ``problem``: why it is shown again, empty for a fresh one; ``cure``: what to open first."""

    fields: Mapping[str, Sequence[str]] = attrs.field(factory=dict, repr=False)
    problem: str = ""
    cure: str = ""

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a field, with LF as line ends; the default if the field was not sent."""
        values = self.fields.get(name)
        return values[-1].replace("\r\n", "\n") if values else default

    def all(self, name: str) -> Sequence[str]:
        """Return all values of a field."""
        return self.fields.get(name, ())

    def lines(self, name: str) -> list[str]:
        """Return the lines of a field, without blank ones and the space around them."""
        return [line.strip() for line in self.text(name).split("\n") if line.strip()]

    def has(self, name: str) -> bool:
        """Return whether a field was sent, as ticked boxes and pressed buttons are."""
        return name in self.fields

    def yes_or_no(self, name: str) -> bool:
        """Return whether a button sent ``yes``.

        Raises:
            Malformed: the field is neither ``yes`` nor ``no``.
        """
        wanted = self.text(name)
        if wanted not in ("yes", "no"):
            raise Malformed("form", f"expected {name}: yes or no")
        return wanted == "yes"

    def ticked(self, name: str, value: str, *, default: bool = False) -> bool:
        """Return whether a box is ticked; the default for a form that was not sent yet."""
        return value in self.all(name) if self.fields else default


FRESH = Form()
"""A form that was not sent yet."""


@attrs.define
class OutdatedForm(NotAllowed):
    """A form of a session that has ended, or of another one; ``form``: what was typed, without passwords."""

    form: Form


FormAction = Callable[[HubContext, MaybeCaller, Form], str | WebPage]
"""Runs the use case of a form in a thread; returns the path to go to, or a page to show."""

FormPage = Callable[[HubContext, MaybeCaller, Form], WebPage]
"""Returns the page of a form, to show it again."""


async def answer_form(
    request: Request, act: FormAction, again: FormPage, *, limit: int = MAX_FORM, is_slow: bool = False
) -> Response:
    """Run a form: check its origin, call its use case, then redirect or show the form again.

    Raises:
        NotAllowed: it was not sent by a page of this hub, or belongs to another session.
        Whatever both the use case and the page raise: the thing is hidden from the visitor.
    """
    form = await checked_form(request, limit)
    return await run_form(request, form, act, again, is_slow=is_slow)


async def checked_form(request: Request, limit: int = MAX_FORM) -> Form:
    """Return the fields of a form after the check of its origin.

    Raises:
        NotAllowed: it was not sent by a page of this hub.
        OutdatedForm: it belongs to another session.
        Malformed, LimitExceeded: as :func:`read_form`.
    """
    hub = app_state(request).hub
    browser_sessions.check_origin(request, hub)
    form = await read_form(request, limit)
    try:
        browser_sessions.check_form_token(request, hub, form.text("csrf"))
    except NotAllowed as error:
        raise _outdated(form, error.reason) from None
    return form


def _outdated(form: Form, reason: str) -> OutdatedForm:
    kept = {} if _SECRETS & form.fields.keys() else {key: form.fields[key] for key in form.fields if key != "csrf"}
    return OutdatedForm(reason, Form(kept))


async def run_form(
    request: Request, form: Form, act: FormAction, again: FormPage, *, is_slow: bool = False
) -> Response:
    """Call the use case of a form that was checked and read, as :func:`answer_form`.

    Raises:
        OutdatedForm: its session has ended; visitors without one have no form to send.
    """

    def run(hub: HubContext, caller: MaybeCaller) -> str | WebPage:
        if caller is None:
            raise _outdated(form, "The session of this form has ended; sign in and send it again")
        try:
            return _counted(request, hub, caller, act(hub, caller, form))
        except (RepoMoved, Damaged, LoginRequired):
            raise
        except EntrepotError as error:
            cure = confirmation_path(request) if isinstance(error, ConfirmationNeeded) else ""
            page = again(hub, caller, attrs.evolve(form, problem=sentence(error), cure=cure))
            return _counted(request, hub, caller, attrs.evolve(page, status=_status(request, error)))

    done = await (call_hub_slow if is_slow else call_hub)(request, run)
    if isinstance(done, WebPage):
        return page_response(request, done, {"cache-control": "no-store"})
    return go_to(request, done)


def _counted(request: Request, hub: HubContext, caller: MaybeCaller, done: str | WebPage) -> str | WebPage:
    if isinstance(done, WebPage):
        note_unread(request, hub, caller)
    return done


def way_back(form: Form, root: str, otherwise: str) -> str:
    """Return the path of the page of this hub from which a form was sent, as its field ``back`` says.

    Args:
        otherwise: the path if the field names none, or the first page.
    """
    found = safe_target(form.text("back"), root).removeprefix(root)
    return otherwise if found in ("", "/") else found


def safe_target(target: str, root: str) -> str:
    """Return a path on this hub as it is; for everything else, that of its first page."""
    is_own = (
        re.fullmatch(r"/(?:[!-\[\]-~]*)", target) is not None  # printable ASCII without a backslash
        and not target.startswith("//")
        and (not root or target == root or target.startswith(f"{root}/"))
    )
    return target if is_own else f"{root}/"


def go_to(request: Request, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the redirect to a page of this hub, which the browser requests with GET."""
    root = path_prefix(app_state(request).hub.settings)
    return RedirectResponse(root + path, 303, {**HEADERS, "cache-control": "no-store", **(headers or {})})


async def read_form(request: Request, limit: int = MAX_FORM) -> Form:
    """Return the fields of a form.

    Raises:
        Malformed: the body is not a form.
        LimitExceeded: it has more bytes than the limit.
    """
    found: dict[str, list[str]] = {}
    for name, value in await read_pairs(request, limit, _MAX_FIELDS):
        found.setdefault(name, []).append(value)
    return Form(found)


def confirmation_path(request: Request) -> str:
    """Return the path of the page on which visitors confirm that it is them; it leads back to where they are."""
    root = path_prefix(app_state(request).hub.settings)
    if request.method == "POST":  # a browser is on the page of the form, not on the address that it sends it to
        came_from = urlsplit(request.headers.get("referer", ""))
        here = f"{came_from.path}{f'?{came_from.query}' if came_from.query else ''}"
    else:
        here = root + request.scope["path"]
    return f"{root}/settings/confirm?{urlencode({'next': here[:1_000]})}"


def wait_text(wait_s: int) -> str:
    """Return the sentence for visitors who have to wait before their next attempt."""
    return f"Too many attempts. Wait {wait_s:,} seconds."


def sentence(error: EntrepotError) -> str:
    """Return the message of an error as :func:`as_sentence`; of a wrong confirmation or form, the reason only."""
    if isinstance(error, Malformed) and error.what in ("confirmation", "form"):
        return as_sentence(error.reason)
    return as_sentence(error.message)


def as_sentence(text: str) -> str:
    """Return a text with a full stop, and capitalised unless it starts with a path or an address."""
    if not set("./_@") & set(text.partition(" ")[0].rstrip(".:")):
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "?", "!")) else ".")


def _status(request: Request, error: EntrepotError) -> int:
    return error_response(error, raw_path=request.scope["path"], query=request.scope["query_string"]).status
