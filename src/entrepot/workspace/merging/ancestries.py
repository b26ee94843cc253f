"""Ancestors of versions: those a version was made from, and the latest one that two versions have in common."""

from __future__ import annotations

import heapq

import attrs

from entrepot.names import Oid
from entrepot.workspace.entities.specs import Spec
from entrepot.workspace.entities.version_tags import VersionTag, find_tag
from entrepot.workspace.metadata.git_objects import read_message, read_parents
from entrepot.workspace.metadata.merge_lines import merged_in
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.projects.changes.additions import known_numbers
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.versions import Version, read_specs, read_version
from entrepot.workspace.state.rows import Head
from entrepot.workspace.stores import VersionRef

_MAX_MESSAGE = 1 << 20


@attrs.frozen
class Ancestry:
    """The ancestry of versions of one entity.

    Args:
        head: what is checked out; it knows what it was made from, even if its number was lost.
    """

    state: KindState
    refs: RefTable
    head: Head

    def find_common(self, ours: Version, theirs: Version) -> Version | None:
        """Return the latest version that both were made from, which may be one of them; None if there is none."""
        marks: dict[Oid, int] = {}
        queue: list[tuple[int, VersionTag, Oid, int]] = []

        def visit(tag: VersionTag, commit: Oid, mark: int) -> None:
            if marks.get(commit, 0) | mark != marks.get(commit, 0):
                marks[commit] = marks.get(commit, 0) | mark
                heapq.heappush(queue, (-tag.number, tag, commit, marks[commit]))

        visit(ours.tag, ours.commit, 1)
        visit(theirs.tag, theirs.commit, 2)
        while queue:
            _, tag, commit, mark = heapq.heappop(queue)
            if marks[commit] == 3:
                return read_version(self.state, tag, commit)
            for base in self._bases(tag, commit):
                ref = self.refs.find(str(base))
                if ref is not None and base.identity == ours.tag.identity:
                    visit(base, ref.commit, mark)
        return None

    def _bases(self, tag: VersionTag, commit: Oid) -> list[VersionTag]:
        """Return the versions from which a version was made: the one before, and those that were merged."""
        git = self.state.metadata.git
        names = merged_in(read_message(git, commit, _MAX_MESSAGE))
        if commit == self.head.commit and self.head.base is not None:
            names.append(self.head.base)
        elif self.state.hub is not None:
            tags = {ref.commit: name for name, ref in self.refs.versions().items()}
            names += [tags[parent] for parent in read_parents(git, commit) if parent in tags]
        else:
            base = self._base_in_store(tag, commit)
            names += [] if base is None else [base]
        return [found for name in names if (found := find_tag(name)) is not None]

    def _base_in_store(self, tag: VersionTag, commit: Oid) -> str | None:
        """Return the previous version; the root record of a published one names it."""
        if str(tag) not in self.refs.tags:
            return self.state.database.base(str(tag))
        spec = read_specs(self.state, [(tag, commit)]).get(tag)
        found = self._record_base(spec, tag, commit) if spec is not None else None
        return found if found is not None else self._number_before(tag)

    def _record_base(self, spec: Spec, tag: VersionTag, commit: Oid) -> str | None:
        with self.state.store(spec.storage) as store:
            found = store.find_record(VersionRef(self.state.kind.word, tag.identity.name, tag.number, commit))
        return found.record.base or "" if found is not None else None

    def _number_before(self, tag: VersionTag) -> str | None:
        """Return the version with the next lower number: those of ML-Git 2.9.9 do not say what they were made from."""
        lower = [number for number in known_numbers(self.refs, tag.identity) if number < tag.number]
        return tag.identity.tag(max(lower)) if lower else None
