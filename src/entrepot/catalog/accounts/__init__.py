"""Rows of accounts, memberships, tokens, quotas and usage."""
