"""Routes of git's smart HTTP protocol: clone, fetch and push.

Source: git, Documentation/gitprotocol-http.adoc.
"""

from __future__ import annotations

from starlette.routing import Route

from entrepot.names import VERSIONED_TYPES
from entrepot.server.git import advertisements, fetches, pushes
from entrepot.server.git.git_errors import with_text_errors


def routes() -> list[Route]:
    """Return the git routes of all repository types; names may end in ``.git``."""
    found = []
    for kind in VERSIONED_TYPES:
        place = f"/{kind.prefix}{{namespace}}/{{name}}"
        found += [
            Route(f"{place}/info/refs", with_text_errors(advertisements.advertise, kind), methods=["GET"]),
            Route(f"{place}/git-upload-pack", with_text_errors(fetches.fetch, kind), methods=["POST"]),
            Route(f"{place}/git-receive-pack", with_text_errors(pushes.receive, kind), methods=["POST"]),
        ]
    return found
