"""Rows of git objects."""
