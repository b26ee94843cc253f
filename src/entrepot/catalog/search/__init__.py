"""Queries of lists and the full-text index."""
