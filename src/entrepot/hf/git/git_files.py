"""The files of a clone: staged, and handed to git-lfs where they are large or binary."""

from __future__ import annotations

import logging

from entrepot.client.git.lfs_tracking import is_binary, is_large, track_where
from entrepot.client.git.worktrees import WorkTree
from entrepot.client.uploads.secret_files import warn_of_secrets

logger = logging.getLogger("entrepot.git")


class TrackedFiles:
    """What ``Repository`` does with files; it needs a working tree."""

    tree: WorkTree

    def git_add(self, pattern: str = ".", auto_lfs_track: bool = False) -> None:
        """Stage what matches; ``auto_lfs_track``: let git-lfs keep what is large or binary."""
        if auto_lfs_track:
            tracked = [*self.auto_track_large_files(pattern), *self.auto_track_binary_files(pattern)]
            if tracked:
                logger.info("git-lfs keeps %d more files from now on", len(tracked))
            if (self.tree.folder / ".gitattributes").exists():
                self.tree.add(".gitattributes")
        warn_of_secrets(self.tree.changed(pattern))
        self.tree.add(pattern)

    def auto_track_large_files(self, pattern: str = ".") -> list[str]:
        """Let git-lfs keep changed files of 10 MiB or more; their paths."""
        return track_where(self.tree, is_large, pattern)

    def auto_track_binary_files(self, pattern: str = ".") -> list[str]:
        """Let git-lfs keep changed files that are no text; their paths."""
        return track_where(self.tree, is_binary, pattern)

    def lfs_track(self, patterns: str | list[str], filename: bool = False) -> None:
        """Let git-lfs keep what matches; ``filename``: they are paths, whatever characters they contain."""
        self.tree.track([patterns] if isinstance(patterns, str) else patterns, are_names=filename)

    def lfs_untrack(self, patterns: str | list[str]) -> None:
        """Let git keep again what matches."""
        self.tree.untrack([patterns] if isinstance(patterns, str) else patterns)

    def lfs_enable_largefiles(self) -> None:
        """Let git-lfs send files in parts, as hubs want it for files of several gigabytes."""
        self.tree.enable_large_files()

    def lfs_prune(self, recent: bool = False) -> None:
        """Delete copies of large files that the remote has and nothing here needs; ``recent``: recent ones too."""
        self.tree.prune(is_recent=recent)
