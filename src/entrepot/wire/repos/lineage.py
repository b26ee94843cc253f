"""JSON of lineage, and its exports as PROV-JSON and as a drawing for Graphviz.

An extension of this hub, described in ``docs/lineage.md``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec


class LineageRepo(msgspec.Struct, frozen=True, kw_only=True):
    """A repository of a graph. ``exists``: whether it is on this hub and the caller may see it."""

    type: str
    id: str
    exists: bool = True

    @property
    def path(self) -> str:
        """The type in the plural and the id."""
        return f"{self.type}s/{self.id}"


class LineageLink(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An edge. ``source`` and ``result`` are paths such as ``datasets/alice/d``; commits have 40 hex digits.

    ``kind``: what the source is for the result; ``origin``: ``card``, ``commit``, ``api`` or ``inferred``;
    ``run``: the run that made the result. ``inferred``: the hub has inferred the edge; the repositories share
    ``shared_bytes``, which are the part ``share`` of the large files of the result. Such edges have no commit.
    """

    source: str
    result: str
    kind: str
    commit: str
    source_commit: str = ""
    origin: str
    run: str = ""
    created_at: str
    inferred: bool = False
    shared_bytes: int = 0
    share: float = 0.0


class LineageResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A graph; its first node is the repository of the request. ``is_complete``: False if it was cut."""

    nodes: Sequence[LineageRepo]
    edges: Sequence[LineageLink]
    is_complete: bool


class NewLineageInput(msgspec.Struct, frozen=True, kw_only=True):
    """A source to record: a path such as ``datasets/alice/d``, and a commit if known."""

    source: str
    kind: str = ""
    commit: str = ""


class NewLineage(msgspec.Struct, frozen=True, kw_only=True):
    """Sources of the commit that ``revision`` names."""

    inputs: Sequence[NewLineageInput]
    revision: str = "main"
    run: str = ""


class AddedLineage(msgspec.Struct, frozen=True, kw_only=True):
    """The number of edges that the request names."""

    added: int


def render_dot(graph: LineageResponse) -> str:
    """Return a graph in the language of Graphviz. Source: graphviz.org, "DOT Language"."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for node in graph.nodes:
        style = "" if node.exists else " [style=dashed]"
        lines.append(f"  {json.dumps(node.path)}{style};")
    for edge in graph.edges:
        label = " ".join(part for part in (edge.kind, edge.source_commit[:8]) if part)
        style = ", style=dashed" if edge.inferred else ""
        lines.append(f"  {json.dumps(edge.source)} -> {json.dumps(edge.result)} [label={json.dumps(label)}{style}];")
    return "\n".join([*lines, "}", ""])


def render_prov(graph: LineageResponse) -> Mapping[str, object]:
    """Return a graph as PROV-JSON. Source: W3C, "The PROV-JSON Serialization", section 3.

    Commits are entities that specialise their repository, so that a statement about a repository and one about
    a commit of it are connected. An inferred edge is no derivation: it is an influence with the attribute
    ``hub:inferred``.
    """
    entities: dict[str, object] = {}
    activities: dict[str, object] = {}
    derivations: dict[str, object] = {}
    specialised: dict[str, str] = {}
    influences: dict[str, object] = {}
    for number, edge in enumerate(graph.edges):
        if edge.inferred:
            influences[f"_:i{number}"] = _influence(edge)
            entities |= {f"hub:{name}": {} for name in (edge.result, edge.source)}
            continue
        result, source = f"hub:{edge.result}@{edge.commit}", f"hub:{edge.source}"
        specialised[result] = f"hub:{edge.result}"
        if edge.source_commit:
            source += f"@{edge.source_commit}"
            specialised[source] = f"hub:{edge.source}"
        entities |= {name: {} for name in (result, source)}
        derivation = {"prov:generatedEntity": result, "prov:usedEntity": source, "prov:type": f"hub:{edge.kind}"}
        if edge.run:
            activities[f"hub:run/{edge.run}"] = {}
            derivation["prov:activity"] = f"hub:run/{edge.run}"
        derivations[f"_:d{number}"] = derivation
    document: dict[str, object] = {
        "prefix": {"hub": "urn:entrepot:"},
        "entity": entities | {name: {} for name in specialised.values()},
        "wasDerivedFrom": derivations,
        "specializationOf": {
            f"_:s{number}": {"prov:specificEntity": commit, "prov:generalEntity": repo}
            for number, (commit, repo) in enumerate(specialised.items())
        },
    }
    document |= {"wasInfluencedBy": influences} if influences else {}
    return document | ({"activity": activities} if activities else {})


def _influence(edge: LineageLink) -> Mapping[str, object]:
    return {
        "prov:influencee": f"hub:{edge.result}",
        "prov:influencer": f"hub:{edge.source}",
        "prov:type": f"hub:{edge.kind}",
        "hub:inferred": True,
        "hub:sharedBytes": edge.shared_bytes,
    }
