"""The interface of a remote, as use cases need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from entrepot.names import RepoPath
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.metadata.ref_tables import TagRef
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.versions import Version
from entrepot.workspace.stores import CheckLevel, CheckReport, FetchCounts, PushCounts


class VersionRemote(Protocol):
    """The remote of a kind: where its versions are published and its contents are stored."""

    def describe(self, entity: Entity, spec: Spec, documents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the documents of a new version as the remote needs them; the workspace gets them too."""
        ...

    def message(self, spec: Spec, message: str | None) -> str | None:
        """Return the message of a new version as the remote needs it."""
        ...

    def plan_push(self, version: Version) -> PushCounts:
        """Return the plan of a push; nothing is written."""
        ...

    def push(self, entity: Entity, version: Version, ref: TagRef, fail_limit: int | None) -> PushCounts:
        """Publish a local version: contents first, then branch and tag in one step."""
        ...

    def fetch(self, version: Version, paths: Sequence[RepoPath], fail_limit: int | None) -> FetchCounts:
        """Fetch contents of a version into drafts, each verified."""
        ...

    def check(self, entity: Entity, version: Version, level: CheckLevel) -> CheckReport:
        """Check the data of a version at the remote, and send missing contents again if they are available here."""
        ...
