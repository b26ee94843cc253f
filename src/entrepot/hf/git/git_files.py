"""Files of a clone: stage them, and track large or binary ones with git-lfs."""

from __future__ import annotations

import logging

from entrepot.client.git.lfs_tracking import is_binary, is_large, track_where
from entrepot.client.git.worktrees import WorkTree
from entrepot.client.uploads.secret_files import warn_of_secrets

logger = logging.getLogger("entrepot.git")


class TrackedFiles:
    """File methods of ``Repository``."""

    tree: WorkTree

    def git_add(self, pattern: str = ".", auto_lfs_track: bool = False) -> None:
        """Stage files.

        Args:
            pattern: a git pathspec.
            auto_lfs_track: track large and binary files with git-lfs first.
        """
        if auto_lfs_track:
            tracked = [*self.auto_track_large_files(pattern), *self.auto_track_binary_files(pattern)]
            if tracked:
                logger.info("git-lfs now tracks %d more files", len(tracked))
            if (self.tree.folder / ".gitattributes").exists():
                self.tree.add(".gitattributes")
        warn_of_secrets(self.tree.changed(pattern))
        self.tree.add(pattern)

    def auto_track_large_files(self, pattern: str = ".") -> list[str]:
        """Track changed files of 10 MiB or more with git-lfs and return their paths."""
        return track_where(self.tree, is_large, pattern)

    def auto_track_binary_files(self, pattern: str = ".") -> list[str]:
        """Track changed binary files with git-lfs and return their paths."""
        return track_where(self.tree, is_binary, pattern)

    def lfs_track(self, patterns: str | list[str], filename: bool = False) -> None:
        """Track files with git-lfs.

        Args:
            patterns: one or several patterns of ``.gitattributes``.
            filename: the patterns are literal paths; special characters are escaped.
        """
        self.tree.track([patterns] if isinstance(patterns, str) else patterns, are_names=filename)

    def lfs_untrack(self, patterns: str | list[str]) -> None:
        """Stop tracking files with git-lfs; git stores them again."""
        self.tree.untrack([patterns] if isinstance(patterns, str) else patterns)

    def lfs_enable_largefiles(self) -> None:
        """Make git-lfs upload files of several gigabytes in parts."""
        self.tree.enable_large_files()

    def lfs_prune(self, recent: bool = False) -> None:
        """Delete local copies of large files that the remote has and no checkout needs.

        Args:
            recent: also delete copies of recent commits.
        """
        self.tree.prune(is_recent=recent)
