"""Transactions: changes are collected and become one commit for each revision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fsspec.transaction import Transaction

from entrepot.client.operations import Operation
from entrepot.fs.paths import FsPath


class PendingChange(Protocol):
    """A change to be made when the transaction ends."""

    fs_path: FsPath

    def operations(self) -> Sequence[Operation]:
        """Return the operations to commit."""

    def discard(self) -> None:
        """Release temporary files, after the commit or without one."""


class PreparedChange:
    """A change whose operations are known in advance."""

    def __init__(self, fs_path: FsPath, *operations: Operation) -> None:
        self.fs_path = fs_path
        self._operations = operations

    def operations(self) -> Sequence[Operation]:
        """Return the operations to commit."""
        return self._operations

    def discard(self) -> None:
        """Do nothing: there are no temporary files."""


class HubTransaction(Transaction):
    """The transaction of ``with fs.transaction:``.

    Guarantees: all changes to one revision become one commit, or none. If
    several revisions are changed, their commits are created one after the other,
    in the order in which each was first changed.
    """

    fs: Any

    def complete(self, commit: bool = True) -> None:
        """Create the commits, or discard all changes.

        Raises:
            any error of ``client.uploads.publishing.publish``; the changes are then discarded.
        """
        system = self.fs
        steps: list[PendingChange] = list(self.files)
        self.files.clear()
        try:
            if commit and system is not None:
                for group in grouped(steps):
                    system.publish(group[0].fs_path, [done for step in group for done in step.operations()])
        finally:
            for step in steps:
                step.discard()
            if system is not None:
                system._intrans, system._transaction = False, None
            self.fs = None


def grouped(steps: Sequence[PendingChange]) -> list[list[PendingChange]]:
    """Group changes by revision; groups are ordered by their first change, and changes in a group keep their order."""
    groups: list[list[PendingChange]] = []
    for step in steps:
        group = next((group for group in groups if group[0].fs_path.is_with(step.fs_path)), None)
        if group is None:
            groups.append([step])
        else:
            group.append(step)
    return groups
