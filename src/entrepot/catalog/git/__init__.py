"""Queries on git objects."""
