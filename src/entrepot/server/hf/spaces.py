"""Features of the public hub that this one lacks: running spaces, jobs, papers, leaderboards, manifests, kernels.

Every such request gets the same 404 for every caller, and so reveals nothing
about repositories; a space itself is a repository like any other.

Source: docs/protocols/hf_api.md, sections 1C and 1G.
"""

from __future__ import annotations

from typing import NoReturn

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import NotOffered, RepoTypeNotOffered
from entrepot.names import UNSUPPORTED_TYPES
from entrepot.server.handlers import json_response

_NAME_THE_FILE = (
    "with llama.cpp, name the file too (--hf-repo NAMESPACE/NAME --hf-file FILE.gguf) or use a newer release; "
    "for Ollama, download the file and run 'ollama create'"
)
_ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
_RUNTIME = (
    "runtime",
    "secrets",
    "variables",
    "hardware",
    "sleeptime",
    "pause",
    "restart",
    "dev-mode",
    "storage",
    "volumes",
    "logs/{tail:path}",
    "events",
    "metrics",
)


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    runtime = [f"/api/spaces/{{namespace}}/{{name}}/{word}" for word in _RUNTIME]
    jobs = [f"/api/{word}{tail}" for word in ("jobs", "scheduled-jobs") for tail in ("", "/{tail:path}")]
    papers = ("/api/daily_papers", *(f"/api/papers{tail}" for tail in ("", "/{tail:path}")))
    types = UNSUPPORTED_TYPES.values()
    return [
        Route("/api/spaces/templates", list_nothing),
        Route("/api/spaces/hardware", list_nothing),
        Route("/api/spaces/semantic-search", refuse_searches),
        *(Route(path, refuse_runtime, methods=_ANY_METHOD) for path in runtime),
        *(Route(path, refuse_jobs, methods=_ANY_METHOD) for path in jobs),
        *(Route(path, refuse_papers, methods=_ANY_METHOD) for path in papers),
        *(Route(f"/v2/{repo}/manifests/{{tag}}", refuse_manifests) for repo in ("{namespace}/{name}", "{name}")),
        Route("/api/datasets/{namespace}/{name}/leaderboard", refuse_leaderboards),
        *(Route(f"/api/{plural}", refuse_lists, methods=_ANY_METHOD) for plural in types),
        *(
            Route(f"{api}/{plural}/{{tail:path}}", refuse_repos, methods=_ANY_METHOD)
            for plural in types
            for api in ("/api", "")
        ),
    ]


async def list_nothing(_request: Request) -> Response:
    """Serve an empty list of templates or hardware for spaces."""
    return json_response([])


async def refuse_searches(_request: Request) -> NoReturn:
    """Refuse semantic searches for spaces."""
    raise NotOffered("semantic searches")


async def refuse_runtime(_request: Request) -> NoReturn:
    """Refuse every request about a running space."""
    raise NotOffered("running spaces")


async def refuse_jobs(_request: Request) -> NoReturn:
    """Refuse every request about jobs on rented hardware."""
    raise NotOffered("jobs")


async def refuse_papers(_request: Request) -> NoReturn:
    """Refuse every request about papers and their list of the day."""
    raise NotOffered("papers")


async def refuse_manifests(_request: Request) -> NoReturn:
    """Refuse the manifest of a model, which Ollama and older releases of llama.cpp ask for."""
    raise NotOffered("manifests of models for Ollama and older releases of llama.cpp", _NAME_THE_FILE)


async def refuse_leaderboards(_request: Request) -> NoReturn:
    """Refuse the leaderboard of a dataset."""
    raise NotOffered("leaderboards")


async def refuse_lists(request: Request) -> NoReturn:
    """Refuse to list repositories of a type that this hub does not have."""
    raise NotOffered(_type_of(request))


async def refuse_repos(request: Request) -> NoReturn:
    """Refuse every request about a repository of a type that this hub does not have, or about its files.

    With the code of an absent repository: without one, clients blame the connection.
    """
    raise RepoTypeNotOffered(plural=_type_of(request))


def _type_of(request: Request) -> str:
    path: str = request.scope["path"]
    return next(word for word in path.split("/") if word in UNSUPPORTED_TYPES.values())
