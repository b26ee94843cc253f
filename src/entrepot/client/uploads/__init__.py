"""Uploads: plans, chunks, LFS, commits and schedules."""
