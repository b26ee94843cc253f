"""Local clones and git-lfs."""
