"""Folders that several tests begin with: made once, and laid out anew in the same place for each test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

Made = TypeVar("Made")


@attrs.frozen
class PreparedFolders:
    """Folders by the function that fills them.

    A folder is always at the same path, because what is in it may name that path: the configuration of a project, the
    remotes of a clone. Only one test at a time uses it, and what the test before left there is deleted.
    """

    root: Path
    _made: dict[Callable[[Path], Any], Any] = attrs.field(factory=dict)

    def lay_out(self, fill: Callable[[Path], Made]) -> Made:
        """Return what a function returned when it filled the folder, which is as it was then.

        Times, modes and hard links are kept; inodes are new ones, as after a backup was restored. The function gets
        the path of a new folder, and what it returns holds nothing that is open.
        """
        place = self.root / f"{fill.__module__}.{fill.__qualname__}"
        kept = place.with_name(f"{place.name}.kept")
        shutil.rmtree(place, ignore_errors=True)
        if fill not in self._made:
            place.mkdir()
            found = fill(place)
            _copy(place, kept)
            self._made[fill] = found
        else:
            _copy(kept, place)
        made: Made = self._made[fill]
        return made


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)
