"""A remote made of a git repository, for the metadata, and buckets, for the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.errors import Refused
from entrepot.names import RepoPath
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.metadata.publishing import publish
from entrepot.workspace.metadata.ref_tables import TagRef
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.sources import workspace_contents
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.stores import CheckLevel, CheckReport, FetchCounts, PushCounts, VersionDraft


@attrs.frozen
class BucketRemote:
    """The remote of a kind whose metadata is in git; each spec names the storage of its data."""

    state: KindState

    def describe(self, entity: Entity, spec: Spec, documents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the documents as they are."""
        return dict(documents)

    def message(self, spec: Spec, message: str | None) -> str | None:
        """Return the message as it is."""
        return message

    def plan_push(self, version: Version) -> PushCounts:
        """Return the plan of a push; raises as :meth:`push`."""
        from entrepot.workspace.stores import plan_push

        with self.state.store(version.spec.storage) as store:
            return plan_push(store, self.state.outbox, self._draft(version))

    def push(self, entity: Entity, version: Version, ref: TagRef, fail_limit: int | None) -> PushCounts:
        """Publish a local version: data first, then branch and tag in one atomic push.

        Raises:
            VersionTaken, Refused, ChunkMissing, StorageRefused, BucketMissing, StorageUnreachable, GitFailed:
                nothing was published.
        """
        from entrepot.workspace.stores import push_version

        state = self.state
        self._check_old_contents(version)
        with state.store(version.spec.storage) as store:
            counts = push_version(
                store,
                state.outbox,
                self._draft(version),
                progress=state.project.around.progress,
                sources=workspace_contents(entity),
                fail_limit=fail_limit,
            )
        publication = publish(state.metadata, str(version.tag), ref, version.folder)
        if not publication.is_atomic:
            text = "the remote does not support atomic pushes; the branch was published before the tag"
            state.project.around.notify("warning", text)
        return counts

    def fetch(self, version: Version, paths: Sequence[RepoPath], fail_limit: int | None) -> FetchCounts:
        """Fetch contents of a version into drafts.

        Raises:
            ChunkMissing, ContentDamaged, RecordMissing, StorageRefused, StorageUnreachable: they cannot be fetched.
        """
        from entrepot.workspace.stores import fetch_files

        state = self.state
        is_local = str(version.tag) not in state.metadata.refs().tags
        state.drafts.mkdir(parents=True, exist_ok=True)
        with state.store(version.spec.storage) as store:
            return fetch_files(
                store,
                None if is_local else version.ref(),
                version.manifest,
                paths,
                state.drafts,
                progress=state.project.around.progress,
                outbox=state.outbox,
                fail_limit=fail_limit,
            )

    def check(self, entity: Entity, version: Version, level: CheckLevel) -> CheckReport:
        """Check the data of a version in the store, and send missing objects again if they are available here.

        Raises:
            StorageRefused, BucketMissing, StorageUnreachable: the store cannot be read.
        """
        from entrepot.workspace.stores import check_version

        state = self.state
        with state.store(version.spec.storage) as store:
            return check_version(
                store,
                self._draft(version),
                level=level,
                progress=state.project.around.progress,
                outbox=state.outbox,
                sources=workspace_contents(entity),
            )

    def _draft(self, version: Version) -> VersionDraft:
        return version.draft(self.state, self.state.database.base(str(version.tag)))

    def _check_old_contents(self, version: Version) -> None:
        """Check that contents of the old format are published: their objects are in the bucket only then.

        Raises:
            Refused: the old program had committed this version and never pushed it.
        """
        state = self.state
        missing = {entry.cid for entry in version.manifest.files.values() if entry.cid}
        for name, ref in state.metadata.refs().tags.items():
            tag = find_tag(name) if missing else None
            if tag is not None and tag.identity == version.tag.identity:
                published = read_version(state, tag, ref.commit)
                missing -= {entry.cid for entry in published.manifest.files.values()}
        if missing:
            word, name = state.kind.word, version.spec.name
            cure = f"run 'ml-git {word} reset {name} --reference=head~1', then add and commit again"
            raise Refused(f"{version.tag} was committed by ML-Git 2.9.9, which did not send its data; {cure}")
