"""Doors that speak git's smart HTTP: clone, fetch and push.

Source: git, Documentation/gitprotocol-http.adoc.
"""

from __future__ import annotations

from starlette.routing import Route

from entrepot.names import RepoType
from entrepot.server.git import advertisements, fetches, pushes
from entrepot.server.git.git_errors import spoken


def routes() -> list[Route]:
    """The git routes of all repository types; names may end in ``.git``."""
    found = []
    for kind in RepoType:
        place = f"/{kind.prefix}{{namespace}}/{{name}}"
        found += [
            Route(f"{place}/info/refs", spoken(advertisements.advertise, kind), methods=["GET"]),
            Route(f"{place}/git-upload-pack", spoken(fetches.fetch, kind), methods=["POST"]),
            Route(f"{place}/git-receive-pack", spoken(pushes.receive, kind), methods=["POST"]),
        ]
    return found
