"""Changes gathered and made together: one commit for each revision that they touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fsspec.transaction import Transaction

from entrepot.client.operations import Operation
from entrepot.fs.paths import FsPath


class PendingChange(Protocol):
    """A change that waits to be made."""

    place: FsPath

    def operations(self) -> Sequence[Operation]:
        """What has to be done."""

    def discard(self) -> None:
        """Let go of what it holds, whether it was made or not."""


class PreparedChange:
    """A change of which everything is known already."""

    def __init__(self, place: FsPath, *operations: Operation) -> None:
        self.place = place
        self._operations = operations

    def operations(self) -> Sequence[Operation]:
        """What has to be done."""
        return self._operations

    def discard(self) -> None:
        """Nothing is held."""


class HubTransaction(Transaction):
    """What ``with fs.transaction:`` stands for.

    Guarantees: all changes to one revision become one commit, or none. When
    several revisions are changed, their commits are made one after the other,
    in the order in which each was first touched.
    """

    fs: Any

    def complete(self, commit: bool = True) -> None:
        """Make the commits, or forget all changes.

        Raises:
            Whatever ``client.uploads.publishing.publish`` raises; the changes are forgotten then.
        """
        system = self.fs
        steps: list[PendingChange] = list(self.files)
        self.files.clear()
        try:
            if commit and system is not None:
                for group in grouped(steps):
                    system.publish(group[0].place, [done for step in group for done in step.operations()])
        finally:
            for step in steps:
                step.discard()
            if system is not None:
                system._intrans, system._transaction = False, None
            self.fs = None


def grouped(steps: Sequence[PendingChange]) -> list[list[PendingChange]]:
    """The steps by the revision they change, each group in order, groups by their first step."""
    groups: list[list[PendingChange]] = []
    for step in steps:
        group = next((group for group in groups if group[0].place.is_with(step.place)), None)
        if group is None:
            groups.append([step])
        else:
            group.append(step)
    return groups
