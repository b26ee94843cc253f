"""Whether a page offers passkeys, which depends on the address under which the visitor sees the hub."""

from __future__ import annotations

import attrs
from starlette.requests import Request

from entrepot.errors import NotOffered
from entrepot.hub.accounts.passkey_proofs import PasskeySite, find_site
from entrepot.server.pages.frames import SCRIPT_POLICY, WebPage, endpoint_of


def site_of(request: Request) -> PasskeySite | None:
    """Return the site that passkeys belong to; None if there can be none under this address, or on this hub."""
    return find_site(endpoint_of(request))


def require_site(request: Request) -> PasskeySite:
    """Return the site that passkeys belong to.

    Raises:
        NotOffered: as :func:`site_of`.
    """
    found = site_of(request)
    if found is None:
        raise NotOffered("passkeys")
    return found


def with_script(page: WebPage) -> WebPage:
    """Return a page whose policy allows the script that asks the authenticator."""
    return attrs.evolve(page, policy=SCRIPT_POLICY)
