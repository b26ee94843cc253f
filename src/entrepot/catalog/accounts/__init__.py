"""Queries on accounts, memberships, tokens, quotas and usage."""
