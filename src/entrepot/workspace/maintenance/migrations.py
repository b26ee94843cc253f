"""Migration of published versions of the old format: contents become chunks, tags and commits stay."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from entrepot.errors import EntrepotError, Invalid, LimitExceeded
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.versions import one_identity, read_version
from entrepot.workspace.stores import PushCounts, migrate_version


@attrs.frozen
class MigratedVersion:
    """A version that readers now read from chunks."""

    tag: str
    counts: PushCounts


def migrate_entity(
    state: KindState,
    name: str,
    *,
    has_all_versions: bool = False,
    report: Callable[[MigratedVersion], None] | None = None,
) -> tuple[MigratedVersion, ...]:
    """Migrate the latest published version of an entity, or all of them; versions without old contents are skipped.

    Args:
        report: called with every version that is migrated, even if a later one fails.

    Raises:
        EntityMissing, EntityAmbiguous: the name stands for no entity, or for several.
        ChunkMissing, ContentDamaged: an old object is missing or wrong; earlier versions are migrated.
        Malformed, InvalidPath: a version cannot be read; all others are migrated.
    """
    recover(state)
    done: list[MigratedVersion] = []
    failed: EntrepotError | None = None
    with state.locked():
        refs = state.initialised_metadata().refs()
        _, tags = one_identity(refs, name, state.kind.word)
        published = [tag for tag in tags if str(tag) in refs.tags]
        for tag in published if has_all_versions else published[-1:]:
            try:
                version = read_version(state, tag, refs.tags[str(tag)].commit)
            except (Invalid, LimitExceeded) as error:
                state.project.around.notify("warning", f"Repository: {tag} is left out: {error}")
                failed = failed or error
                continue
            if not any(entry.cid for entry in version.manifest.files.values()):
                continue
            draft = version.draft(state, state.database.base(str(tag)))
            with state.store(version.spec.storage) as store:
                counts = migrate_version(store, draft, progress=state.project.around.progress)
            done.append(MigratedVersion(str(tag), counts))
            if report is not None:
                report(done[-1])
    if failed is not None:
        raise failed
    return tuple(done)
