"""Limits that all servers of a hub count together."""
