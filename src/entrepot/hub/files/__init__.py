"""Use cases that store and serve file contents: staging, LFS, Xet, bulk uploads, scrubbing."""
