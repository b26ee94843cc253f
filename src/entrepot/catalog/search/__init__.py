"""Queries for lists, and the full-text index."""
