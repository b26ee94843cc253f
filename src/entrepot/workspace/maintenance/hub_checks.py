"""Checks of versions on a hub: whether it has their contents, and what can be sent again."""

from __future__ import annotations

from entrepot.errors import ChunkMissing, DownloadDamaged
from entrepot.workspace.hubs.contents import find_missing, send_contents
from entrepot.workspace.hubs.repositories import HubMetadata
from entrepot.workspace.manifests import Manifest
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.hub_versions import fetch_from_hub, local_contents
from entrepot.workspace.projects.versions import Version
from entrepot.workspace.stores import CheckLevel, CheckReport, Problem, draft_path


def check_on_hub(entity: Entity, repository: HubMetadata, version: Version, level: CheckLevel) -> CheckReport:
    """Ask the hub for the contents of a version, and send again what it lacks and is known here.

    Args:
        level: above presence, all contents are read and verified; the hub itself verifies what it stores.

    Raises:
        HubFailure, HubUnreachable, HubTimeout: the hub could not be asked.
    """
    state = entity.state
    repo = repository.address.repo(repository.word, version.spec.name)
    missing = find_missing(repository.hub, repo, version.manifest)
    left: list[Problem] = []
    for path, entry in missing.items():
        try:
            contents = local_contents(entity)
            send_contents(repository.hub, repo, Manifest({path: entry}), contents, state.project.around.progress)
        except ChunkMissing:
            left.append(Problem(str(path), "the hub does not have its content, and it is not here either"))
    distinct = {entry.sha256: (path, entry) for path, entry in version.manifest.files.items()}
    lost = {problem.where for problem in left}
    for path, entry in distinct.values() if level > CheckLevel.PRESENCE else ():
        if path in lost:
            continue
        draft = draft_path(state.drafts, entry)
        draft.unlink(missing_ok=True)
        try:
            fetch_from_hub(state, repository, version, [path])
        except DownloadDamaged as error:
            left.append(Problem(str(path), str(error)))
        draft.unlink(missing_ok=True)
    return CheckReport(len(distinct), 0, len(missing) - len(lost), 0, tuple(left))
