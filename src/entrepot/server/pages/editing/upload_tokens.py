"""Tokens for the script that uploads: for one repository and one hour, issued to the session of a browser.

The script keeps its token in memory only, and the API takes it as any other. An upload that was interrupted goes on
with another token, which may refer to what the first has sent. They end when their user signs out, ends sessions or
gets another password: a page that stays open uploads no more.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from entrepot.hub import scopes
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos.pulls import pull_refs
from entrepot.hub.scopes import RequestedScope
from entrepot.names import RepoRef
from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state, call_hub, json_response
from entrepot.server.pages.forms import read_form

NAME = "Upload in the browser"
"""The name of these tokens in the list of their owner."""

LIFETIME_MS = 3_600_000

_MAX_FORM = 4 << 10


async def send_token(request: Request, ref: RepoRef, revision: str) -> Response:
    """Issue a token to the script of the page.

    Raises:
        NotAllowed: the form belongs to another session.
        as :func:`issue_token`.
    """
    form = await read_form(request, _MAX_FORM)
    browser_sessions.check_form_token(request, app_state(request).hub, form.text("csrf"))
    secret = await call_hub(request, issue_token, ref, revision)
    return json_response({"accessToken": secret}, headers={"cache-control": "no-store"})


def issue_token(hub: HubContext, caller: MaybeCaller, ref: RepoRef, revision: str) -> str:
    """Return the secret of a new token that may upload to one repository; expired ones are deleted.

    Raises:
        LoginRequired, NotAllowed, GatedRepo, RepoNotFound, RepoMoved, RepoDisabled: the caller may not change files.
        RevisionNotFound, Refused: the branch does not exist, or the pull request is closed.
        LimitExceeded: the account has too many tokens.
    """
    target, now = pull_refs.find_target(hub, caller, ref, revision), hub.now_ms()
    for known in tokens.list_own(hub, caller):
        if known.token.name == NAME and known.token.expires_ms is not None and known.token.expires_ms <= now:
            tokens.revoke(hub, caller, known.token.uid)
    permissions = [scopes.READ, scopes.COMMIT, scopes.DISCUSS]
    place = RequestedScope(target.row.type.value, str(target.row.ref.id), permissions)
    draft = TokenDraft(FINE_GRAINED, NAME, now + LIFETIME_MS, places=[place], is_resumable=True)
    return tokens.create(hub, caller, draft)[0].secret
