"""Buckets: files by path, without commits."""
