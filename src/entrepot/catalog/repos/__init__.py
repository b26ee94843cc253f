"""Rows of repositories, refs, commits, locks and aliases."""
