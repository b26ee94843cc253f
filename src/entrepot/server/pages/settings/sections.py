"""The frame of settings pages: a list of sections on the left, one section beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.server.pages.frames import WebPage


@attrs.frozen
class Section:
    """A section in the list: its address below the hub's, its label, and whether it is shown."""

    path: str
    label: str
    is_current: bool


ACCOUNT = (
    ("profile", "Profile"),
    ("account", "Account"),
    ("password", "Password"),
    ("security", "Security"),
    ("tokens", "Tokens"),
    ("sessions", "Sessions"),
    ("notifications", "Notifications"),
    ("webhooks", "Webhooks"),
)
"""Sections of the settings of an account."""

_APIS = {
    "profile": "/api/whoami-v2",
    "account": "/api/whoami-v2",
    "security": "/api/settings/security",
    "sessions": "/api/settings/sessions",
    "tokens": "/api/settings/tokens",
}
"""Paths of the API that answer what sections show; other sections name theirs themselves, or have none."""


def sections(base: str, known: Sequence[tuple[str, str]], current: str) -> list[Section]:
    """Return the list of sections below an address, with the one that is shown."""
    return [Section(f"{base}/{key}", label, key == current) for key, label in known]


def own_page(current: str, values: Mapping[str, object]) -> WebPage:
    """Return a page of the settings of an account; its JSON needs a token, so browsers get no link to it."""
    title = dict(ACCOUNT)[current]
    links = sections("/settings", ACCOUNT, current)
    around = {
        "side_links": links,
        "sections_of": "Settings",
        "is_personal": True,
        "api": _APIS.get(current, ""),
        **values,
    }
    return WebPage(f"settings_{current}.html", title, around)
