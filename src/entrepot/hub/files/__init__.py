"""Use cases that store and serve file contents: preparation of commits, LFS, Xet, bulk uploads, scrubbing."""
