"""Cookies that keep a sealed value while the visitor is at an issuer or uses an authenticator."""

from __future__ import annotations

from starlette.requests import Request

from entrepot.server import browser_sessions
from entrepot.server.handlers import app_state


def kept_cookie(request: Request, name: str, value: str | None, life_s: int) -> str:
    """Return the ``Set-Cookie`` value that keeps a text for some time; None deletes the cookie."""
    is_secure = browser_sessions.is_https(request.scope, app_state(request).hub)
    life = life_s if value is not None else 0
    parts = [f"{_full(name, is_secure)}={value or ''}", "Path=/", f"Max-Age={life}", "HttpOnly", "SameSite=Lax"]
    return "; ".join([*parts, *(["Secure"] if is_secure else [])])


def kept_value(request: Request, name: str) -> str:
    """Return the text that a cookie has kept; empty if the cookie is absent."""
    is_secure = browser_sessions.is_https(request.scope, app_state(request).hub)
    return browser_sessions.find_cookie(request.scope, _full(name, is_secure))


def _full(name: str, is_secure: bool) -> str:
    return f"__Host-{name}" if is_secure else name
