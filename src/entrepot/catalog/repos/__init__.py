"""Queries on repositories, refs, commits, locks and aliases."""
