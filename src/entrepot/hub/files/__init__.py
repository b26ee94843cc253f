"""Use cases that bring file contents in and out: staging, LFS, Xet, bulk uploads, scrubbing."""
