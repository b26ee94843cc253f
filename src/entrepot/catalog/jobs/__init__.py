"""Rows of the job queue."""
