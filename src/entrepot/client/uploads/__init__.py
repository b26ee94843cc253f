"""Uploads: planning, chunks, LFS, commits, schedules."""
