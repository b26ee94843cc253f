"""Mutability: what may happen to the files of an entity that have been committed."""

from __future__ import annotations

import enum

from entrepot.errors import InvalidName


class Mutability(enum.StrEnum):
    """How the committed files of an entity may change."""

    STRICT = "strict"
    FLEXIBLE = "flexible"
    MUTABLE = "mutable"

    @property
    def locks_files(self) -> bool:
        """Whether committed files are read-only in the workspace."""
        return self is not Mutability.MUTABLE

    def file_mode(self, *, is_executable: bool) -> int:
        """Return the permissions of a tracked file."""
        mode = 0o444 if self.locks_files else 0o644
        return mode | 0o111 if is_executable else mode


def parse_mutability(text: object) -> Mutability:
    """Return the mutability that a spec names.

    Raises:
        InvalidName: it is not one of the three words.
    """
    try:
        return Mutability(str(text))
    except ValueError:
        raise InvalidName("mutability", str(text), "use strict, flexible or mutable") from None
