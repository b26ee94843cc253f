"""The OAuth endpoints: a program is signed in with a browser, and renews its access.

Source: docs/protocols/oauth.md.
"""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from entrepot.server.oauth.device_codes import authorise_device
from entrepot.server.oauth.oauth_errors import with_oauth_errors
from entrepot.server.oauth.tokens import issue_token


def routes() -> list[BaseRoute]:
    """Return the routes of this package."""
    return [
        Route("/oauth/device", with_oauth_errors(authorise_device), methods=["POST"]),
        Route("/oauth/token", with_oauth_errors(issue_token), methods=["POST"]),
    ]
