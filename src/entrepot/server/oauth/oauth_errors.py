"""Errors of the OAuth endpoints, in the form that OAuth prescribes.

Source: docs/protocols/oauth.md, section 2; RFC 6749, section 5.2.
"""

from __future__ import annotations

from starlette.responses import Response

from entrepot.errors import EntrepotError, Forbidden, OAuthRefused, Unavailable
from entrepot.server.error_responses import ErrorResponse, Handler, with_errors
from entrepot.server.handlers import json_response
from entrepot.wire.accounts.oauth import OAuthFailure

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
"""Headers of every response that has, or could have, a token."""


def with_oauth_errors(handler: Handler[Response]) -> Handler[Response]:
    """Wrap a handler to render its errors as OAuth clients expect them."""
    return with_errors(handler, _explain)


def _explain(error: EntrepotError, base: ErrorResponse) -> Response:
    more = {name.decode(): value.decode("latin-1") for name, value in base.headers if name == b"retry-after"}
    return json_response(OAuthFailure(_word(error), str(error)), base.status, {**NO_STORE, **more})


def _word(error: EntrepotError) -> str:
    """Return the word for programs."""
    if isinstance(error, OAuthRefused):
        return error.code
    if isinstance(error, Unavailable):
        return "temporarily_unavailable"
    return "access_denied" if isinstance(error, Forbidden) else "invalid_request"
