"""Queries on the job queue."""
