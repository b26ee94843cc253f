"""Metadata of versions in git repositories."""
