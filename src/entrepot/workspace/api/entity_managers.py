"""Which entities a project knows, which versions they have, and how these are linked."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import attrs

from entrepot.errors import EntityMissing, InvalidArgument, VersionMissing
from entrepot.workspace.api.workspaces import Workspace
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.kinds import parse_kind
from entrepot.workspace.reports.graphs import GraphEdge, GraphNode, VersionGraph, render_dot

COLUMNS = ("from_type", "from_entity", "from_version", "from_tag", "to_type", "to_entity", "to_version", "to_tag")
"""The columns of an exported table of links, and the keys of one link."""


@attrs.frozen(order=True)
class LocalEntity:
    """An entity that has a version; ``entity_type`` is ``datasets``, ``labels`` or ``models``."""

    entity_type: str
    name: str


class LocalEntityManager:
    """Reads the metadata of a project as of the last update; the network is not used.

    Every method may raise ProjectMissing, and InvalidName for an unknown type.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def get_entities(self) -> list[LocalEntity]:
        """Return all entities that have a version or are linked to, ascending."""
        return sorted({LocalEntity(node.kind, node.name) for node in self._graph.nodes})

    def get_entity_versions(self, name: str, entity_type: str) -> list[GraphNode]:
        """Return the versions of an entity, ascending.

        Raises:
            EntityMissing: there is none.
        """
        word = parse_kind(entity_type).word
        found = [node for node in self._graph.nodes if (node.kind, node.name) == (word, name)]
        if not found:
            raise EntityMissing(name, f"see 'ml-git {word} list', and run 'ml-git {word} update'")
        return found

    def get_linked_entities(self, name: str, version: int, entity_type: str) -> list[GraphNode]:
        """Return the versions that a version was made with.

        Raises:
            EntityMissing, VersionMissing: the version does not exist.
        """
        versions = {node.number: node for node in self.get_entity_versions(name, entity_type)}
        if version not in versions:
            numbers = ", ".join(map(str, versions))
            raise VersionMissing(f"{name} {version}", f"the entity has the versions {numbers}")
        return [edge.target for edge in self._graph.edges if edge.source == versions[version]]

    def get_entity_relationships(
        self, name: str, entity_type: str, export_type: str = "json", export_path: str | None = None
    ) -> list[dict[str, str | int]]:
        """Return all links from and to the versions of an entity; with a path, also write a file of the type.

        Raises:
            EntityMissing: the entity does not exist.
            InvalidArgument: the type of the file is neither csv nor json.
        """
        versions = set(self.get_entity_versions(name, entity_type))
        edges = [edge for edge in self._graph.edges if edge.source in versions or edge.target in versions]
        return _exported(edges, name, export_type, export_path)

    def get_project_entities_relationships(
        self, export_type: str = "json", export_path: str | None = None
    ) -> list[dict[str, str | int]]:
        """Return all links of the project; with a path, also write a file of the type.

        Raises:
            InvalidArgument: the type of the file is neither csv nor json.
        """
        return _exported(self._graph.edges, "project", export_type, export_path)

    def export_graph(self, export_path: str = "") -> str:
        """Return the graph in the language of Graphviz; with the path of a folder, also write it as a file."""
        text = render_dot(self._graph)
        if export_path:
            replace_text(Path(export_path) / "ml-git-graph.dot", text)
        return text

    @property
    def _graph(self) -> VersionGraph:
        return self._workspace.graph()


def _exported(
    edges: list[GraphEdge] | tuple[GraphEdge, ...], name: str, export_type: str, export_path: str | None
) -> list[dict[str, str | int]]:
    if export_type not in ("csv", "json"):
        raise InvalidArgument(f"unknown export type {export_type!r}: use csv or json")
    rows = [_row(edge) for edge in edges]
    if export_path is not None:
        text = _as_csv(rows) if export_type == "csv" else json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
        replace_text(Path(export_path) / f"{name}-relationships.{export_type}", text)
    return rows


def _row(edge: GraphEdge) -> dict[str, str | int]:
    ends = (edge.source, edge.target)
    return dict(zip(COLUMNS, (it for end in ends for it in (end.kind, end.name, end.number, end.tag)), strict=True))


def _as_csv(rows: list[dict[str, str | int]]) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()
