"""Calls about lineage, an extension of the hub. Source: docs/lineage.md."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import JSON, Call, Response, json_as, json_body, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.repos.lineage import AddedLineage, LineageResponse, NewLineage, NewLineageInput


def show(
    ref: RepoRef, *, revision: str | None = None, direction: str = "both", depth: int = 3
) -> Call[LineageResponse]:
    """Build the call that returns the graph around a repository.

    Args:
        direction: ``up`` to its sources, ``down`` to its uses, or ``both``.
        depth: steps from the repository, 1 to 20.
    """
    query = pairs(revision=revision, direction=direction, depth=depth)
    return Call("GET", repo_api(ref, "lineage"), json_as(LineageResponse), query=query, subject=str(ref))


def export(
    ref: RepoRef, form: str, *, revision: str | None = None, direction: str = "both", depth: int = 3
) -> Call[str]:
    """Build the call that returns the graph as text: ``dot`` for Graphviz, ``prov`` for PROV-JSON."""
    query = pairs(revision=revision, direction=direction, depth=depth, format=form)
    return Call("GET", repo_api(ref, "lineage"), _text, query=query, subject=str(ref))


def add(
    ref: RepoRef, inputs: Sequence[NewLineageInput], *, revision: str = "main", run: str = ""
) -> Call[AddedLineage]:
    """Build the call that records what a commit was made from."""
    body = json_body(NewLineage(inputs=inputs, revision=revision, run=run))
    return Call(
        "POST",
        repo_api(ref, "lineage"),
        json_as(AddedLineage),
        body=body,
        media_type=JSON,
        subject=str(ref),
        is_repeatable=True,
    )


def _text(response: Response) -> str:
    return response.body.decode("utf-8", "replace")
